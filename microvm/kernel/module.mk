# SPDX-License-Identifier: Apache-2.0
# The guest kernel is the same whatever compiles hull, and stands in build/.
deps-kernel := gcc libc6-dev make flex bison bc binutils libelf-dev xz-utils

.PHONY: guest-kernel check-kernel bench-vm
guest-kernel: ## build the guests' kernel, build/vmlinux (first time: 10 minutes)
	$(Q)microvm/kernel/build build/vmlinux

check-kernel: guest-kernel $(BUILD)/tests/guestinit ## boot the guests' kernel and look what it can do
	$(Q)TESTS=$(abspath $(BUILD)/tests) oci-tests/support/check-kernel

bench-vm: ## exits, time and memory of a VM beside QEMU's, in the test host
bench-vm: guest-kernel initrd $(BUILD)/hull-vmm \
		$(addprefix $(BUILD)/tests/,guestinit vmboot vmmrun)
	$(Q)BUILD=$(BUILD) oci-tests/bench/vm
