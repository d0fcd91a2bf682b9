# SPDX-License-Identifier: Apache-2.0
src-microvm/fs := $(sort $(wildcard microvm/fs/*.c))
