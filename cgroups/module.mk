# SPDX-License-Identifier: Apache-2.0
src-cgroups := $(sort $(wildcard cgroups/*.c))
lib-cgroups := -lcgroup -lm
