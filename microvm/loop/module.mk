# SPDX-License-Identifier: Apache-2.0
src-microvm/loop := $(sort $(wildcard microvm/loop/*.c))
