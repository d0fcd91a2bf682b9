# SPDX-License-Identifier: Apache-2.0
src-spec := $(sort $(wildcard spec/*.c))
