# SPDX-License-Identifier: Apache-2.0
src-libcontainer/process := $(sort $(wildcard libcontainer/process/*.c))
lib-libcontainer/process := -lseccomp -lcap
