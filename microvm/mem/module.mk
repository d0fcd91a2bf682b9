# SPDX-License-Identifier: Apache-2.0
src-microvm/mem := $(sort $(wildcard microvm/mem/*.c))
