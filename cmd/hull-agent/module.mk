# SPDX-License-Identifier: Apache-2.0
# hull-agent: PID 1 of the guest, and the initrd that carries it.
src-cmd/hull-agent := $(sort $(wildcard cmd/hull-agent/*.c))
obj-cmd-hull-agent := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull-agent))
agent-archives := $(LIB_ARCHIVES) $(call archive,microvm/proto)

$(BUILD)/hull-agent: $(obj-cmd-hull-agent) $(agent-archives)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(obj-cmd-hull-agent) \
		-Wl,--start-group $(agent-archives) $(LIBS) -Wl,--end-group $(QUIETLY)

.PHONY: initrd
initrd: $(BUILD)/initrd.cpio ## build the guest's initrd: hull-agent as /init
$(BUILD)/initrd.cpio: $(BUILD)/hull-agent $(BUILD)/hull-mkinitrd
	@echo "  CPIO  $@"
	$(Q)strip -o $@.init $<
	$(Q)$(BUILD)/hull-mkinitrd --init $@.init $@
	$(Q)rm -f $@.init

# everything but main(), for the unit tests
floor-agent = cmd/hull-agent $(floor-libcontainer) microvm/proto
$(BUILD)/lib/cmd-hull-agent.a: $(filter-out %/main.o,$(obj-cmd-hull-agent))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
