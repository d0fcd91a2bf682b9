# SPDX-License-Identifier: Apache-2.0
src-microvm/x86_64 := $(sort $(wildcard microvm/x86_64/*.c))
