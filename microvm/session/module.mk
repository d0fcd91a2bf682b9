# SPDX-License-Identifier: Apache-2.0
src-microvm/session := $(sort $(wildcard microvm/session/*.c))
