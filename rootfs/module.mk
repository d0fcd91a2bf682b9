# SPDX-License-Identifier: Apache-2.0
src-rootfs := $(sort $(wildcard rootfs/*.c))
