# SPDX-License-Identifier: Apache-2.0
src-cmd/hull := $(sort $(wildcard cmd/hull/*.c))
