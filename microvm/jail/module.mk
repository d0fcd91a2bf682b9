# SPDX-License-Identifier: Apache-2.0
src-microvm/jail := $(sort $(wildcard microvm/jail/*.c))
