# SPDX-License-Identifier: Apache-2.0
# hull-net: the part of hull that needs libmnl, which has no static archive.
src-cmd/hull-net := $(sort $(wildcard cmd/hull-net/*.c))
obj-cmd/hull-net := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull-net))

$(BUILD)/hull-net: $(obj-cmd/hull-net) $(BUILD)/lib/base.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -pie -Wl,-z,relro,-z,now \
		-Wl,--gc-sections -o $@ $^ -lmnl

# the unit test of ns_net_stats() runs it
$(BUILD)/unit/namespaces/test_nl: | $(BUILD)/hull-net

# everything but main(), for the unit tests
floor-net = cmd/hull-net base/json base
lib-cmd/hull-net := -lmnl
$(BUILD)/lib/cmd-hull-net.a: $(filter-out %/main.o,$(obj-cmd/hull-net))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
