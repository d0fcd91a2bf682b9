# SPDX-License-Identifier: Apache-2.0
src-libcontainer := $(sort $(wildcard libcontainer/*.c))
