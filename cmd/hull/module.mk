# SPDX-License-Identifier: Apache-2.0
src-cmd/hull := $(sort $(wildcard cmd/hull/*.c))

# runs before libc does: see there
ifeq ($(SAN)$(SABOTAGE),)
$(BUILD)/obj/cmd/hull/entry.o: CFLAGS += -fno-stack-protector -fno-builtin \
	-U_FORTIFY_SOURCE -DHULL_EARLY_ENTRY
endif

# --version names the commit; asked again when there is a new one
$(BUILD)/obj/cmd/hull/version.o: $(wildcard .git/logs/HEAD)
$(BUILD)/obj/cmd/hull/version.o: CPPFLAGS += \
	-DHULL_COMMIT='"$(shell git rev-parse --short=12 HEAD 2>/dev/null)"'

# everything but main(), for the unit tests
floor-cmd = cmd/hull $(floor-libcontainer)
$(BUILD)/lib/cmd-hull.a: $(patsubst %.c,$(BUILD)/obj/%.o,\
		$(filter-out %/main.c,$(src-cmd/hull)))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
$(patsubst oci-tests/unit/%.c,$(BUILD)/unit/%,\
	$(wildcard oci-tests/unit/cmd/test_*.c)): $(BUILD)/lib/cmd-hull.a

.PHONY: completions
completions: $(BUILD)/gen/hull.bash $(BUILD)/gen/_hull $(BUILD)/gen/hull.fish ## make the completion scripts
$(BUILD)/gen/hull.bash: shell := bash
$(BUILD)/gen/_hull: shell := zsh
$(BUILD)/gen/hull.fish: shell := fish
$(BUILD)/gen/hull.bash $(BUILD)/gen/_hull $(BUILD)/gen/hull.fish: $(BUILD)/hull
	$(Q)mkdir -p $(@D) && $< completion $(shell) >$@
