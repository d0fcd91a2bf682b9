# SPDX-License-Identifier: Apache-2.0
src-base := $(sort $(wildcard base/*.c))
