# SPDX-License-Identifier: Apache-2.0
# hull-vmm: the VMM. Knows base/ and microvm/, nothing of OCI.
src-cmd/hull-vmm := $(sort $(wildcard cmd/hull-vmm/*.c))
obj-cmd/hull-vmm := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull-vmm))
VMM_ARCHIVES := $(foreach m,$(VMMODULES) base,$(call archive,$(m)))

$(BUILD)/hull-vmm: $(obj-cmd/hull-vmm) $(VMM_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(obj-cmd/hull-vmm) \
		-Wl,--start-group $(VMM_ARCHIVES) -Wl,--end-group

all: $(BUILD)/hull-vmm

# guests without a container or without hull, for tests and measurements
$(BUILD)/tests/vmboot $(BUILD)/tests/vmmrun: $(BUILD)/tests/%: \
		$(BUILD)/obj/oci-tests/vm/%.o $(VMM_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< \
		-Wl,--start-group $(VMM_ARCHIVES) -Wl,--end-group

# everything but main(), for the unit tests
floor-vmm = cmd/hull-vmm $(VMMODULES) base
$(BUILD)/lib/cmd-hull-vmm.a: $(filter-out %/main.o,$(obj-cmd/hull-vmm))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
