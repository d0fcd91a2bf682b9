# SPDX-License-Identifier: Apache-2.0
# The guest kernel is the same whatever compiles hull, and stands in build/.
deps-kernel := gcc libc6-dev make flex bison bc binutils libelf-dev xz-utils

.PHONY: guest-kernel check-kernel bench-vm
guest-kernel: ## build the guests' kernel, build/vmlinux (first time: 10 minutes)
	$(Q)microvm/kernel/build build/vmlinux

check-kernel: guest-kernel $(BUILD)/tests/guestinit ## boot the guests' kernel and look what it can do
	$(Q)TESTS=$(abspath $(BUILD)/tests) oci-tests/support/check-kernel

bench-vm: ## a VM beside QEMU's: exits, time, memory; files, disk, network (PARTS="boot fs": these)
bench-vm: PARTS ?= boot fs disk net
bench-vm: guest-kernel initrd $(BUILD)/hull-vmm \
		$(addprefix $(BUILD)/tests/,guestinit iobench vmboot vmmrun)
	$(Q)$(if $(filter boot,$(PARTS)),BUILD=$(BUILD) oci-tests/bench/vm)
	$(Q)$(if $(filter-out boot,$(PARTS)),BUILD=$(BUILD) oci-tests/bench/vm-io $(filter-out boot,$(PARTS)))
