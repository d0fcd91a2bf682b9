# SPDX-License-Identifier: Apache-2.0
src-microvm/kvm := $(sort $(wildcard microvm/kvm/*.c))
