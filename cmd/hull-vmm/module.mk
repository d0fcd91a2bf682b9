# SPDX-License-Identifier: Apache-2.0
# hull-vmm: the VMM. Knows base/ and microvm/, nothing of OCI.
VMM_ARCHIVES := $(foreach m,$(VMMODULES) base,$(call archive,$(m)))

# a guest without a container, for measurements
$(BUILD)/tests/vmboot: $(BUILD)/obj/oci-tests/vm/vmboot.o $(VMM_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< \
		-Wl,--start-group $(VMM_ARCHIVES) -Wl,--end-group
