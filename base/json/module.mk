# SPDX-License-Identifier: Apache-2.0
src-base/json := $(sort $(wildcard base/json/*.c))
lib-base/json := $(if $(SAN),-lyajl,-lyajl_s)
