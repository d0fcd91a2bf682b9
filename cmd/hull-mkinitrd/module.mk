# SPDX-License-Identifier: Apache-2.0
# hull-mkinitrd runs while building: never with a sanitizer.
$(BUILD)/hull-mkinitrd: $(sort $(wildcard cmd/hull-mkinitrd/*.c)) \
		cmd/hull-mkinitrd/mkinitrd.h
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 $(WARN) \
		-DHULL_LIBDIR='"$(PREFIX)/lib/hull"' -o $@ $(filter %.c,$^)

all: $(BUILD)/hull-mkinitrd
