# SPDX-License-Identifier: Apache-2.0
src-microvm/proto := $(sort $(wildcard microvm/proto/*.c))
