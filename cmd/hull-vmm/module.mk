# SPDX-License-Identifier: Apache-2.0
# hull-vmm: the VMM. Knows base/ and microvm/, nothing of OCI.
src-cmd/hull-vmm := $(sort $(wildcard cmd/hull-vmm/*.c))
obj-cmd/hull-vmm := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull-vmm))
VMM_ARCHIVES := $(foreach m,$(VMMODULES) base,$(call archive,$(m)))

# It needs no library but libc, and a static program of musl's is an eighth of
# one of glibc's. MUSL= (empty) builds it with glibc; so do the builds for tests
# and other compilers, whose specs musl-gcc does not have.
MUSL ?= $(if $(SAN)$(SABOTAGE)$(filter-out gcc,$(CC)),,musl-gcc)
deps-build += musl-tools linux-libc-dev

ifneq ($(MUSL),)
musl-triplet := $(shell uname -m)-linux
musl-lib := /usr/lib/$(musl-triplet)-musl
# of base/ what it uses: the rest wants more of libc
musl-base := err fd io log num report sock str sys
musl-src := $(src-cmd/hull-vmm) $(musl-base:%=base/%.c) \
	$(foreach m,$(VMMODULES),$(src-$(m)))
musl-obj := $(musl-src:%.c=$(BUILD)/musl/%.o)
musl-inc := $(BUILD)/musl/include

# the kernel's headers without those of glibc beside them
$(musl-inc)/.made: cmd/hull-vmm/module.mk
	$(Q)mkdir -p $(@D)
	$(Q)for d in linux asm-generic video; do \
		ln -sfn /usr/include/$$d $(@D)/$$d || exit 1; done
	$(Q)ln -sfn /usr/include/$(musl-triplet)-gnu/asm $(@D)/asm
	$(Q)touch $@

$(BUILD)/musl/%.o: %.c $(musl-inc)/.made
	@echo "  MUSL  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL) $(CPPFLAGS) -isystem $(musl-inc) \
		-DHULL_VERSION='"$(VERSION)"' \
		-DHULL_LIBEXEC='"$(PREFIX)/libexec/hull"' $(ALL_CFLAGS) \
		-MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/musl -name '*.d' 2>/dev/null)

# musl-gcc knows no -static-pie: what gcc would make of it, by name
musl-start := $(addprefix $(musl-lib)/,rcrt1.o crti.o) \
	$(shell $(CC) -print-file-name=crtbeginS.o 2>&1)
musl-end := $(shell $(CC) -print-file-name=crtendS.o 2>&1) $(musl-lib)/crtn.o
musl-link = $(MUSL) $(ALL_CFLAGS) -static -nostartfiles \
	-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now \
	-Wl,--gc-sections $(LDFLAGS) -o $@ $(musl-start) $(filter %.o,$^) $(musl-end)
$(BUILD)/hull-vmm: $(musl-obj)
	@echo "  LINK  $@"
	$(Q)$(musl-link)

# the tests of the file server and of the filters run what ships, too
$(BUILD)/tests/fusemount $(BUILD)/tests/jailheap: $(BUILD)/tests/%: \
		$(BUILD)/musl/oci-tests/support/%.o \
		$(filter-out $(BUILD)/musl/cmd/%,$(musl-obj))
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(musl-link)
$(BUILD)/tests/attackvmm: $(BUILD)/musl/oci-tests/support/attackvmm.o $(musl-obj)
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(musl-link)
else
$(BUILD)/tests/attackvmm: $(BUILD)/obj/oci-tests/support/attackvmm.o \
		$(obj-cmd/hull-vmm) $(VMM_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< \
		$(obj-cmd/hull-vmm) -Wl,--start-group $(VMM_ARCHIVES) -Wl,--end-group

$(BUILD)/hull-vmm: $(obj-cmd/hull-vmm) $(VMM_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(obj-cmd/hull-vmm) \
		-Wl,--start-group $(VMM_ARCHIVES) -Wl,--end-group
endif

all: $(BUILD)/hull-vmm

# the same program, taken over
$(BUILD)/tests/attackvmm: private LDFLAGS += -Wl,--wrap=jail_process \
	-Wl,--wrap=jail_thread -Wl,--wrap=jail_keep_fds

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
