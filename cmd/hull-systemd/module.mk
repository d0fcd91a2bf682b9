# SPDX-License-Identifier: Apache-2.0
# hull-systemd: the part of hull that needs libsystemd, a shared library.
src-cmd/hull-systemd := $(sort $(wildcard cmd/hull-systemd/*.c))
obj-cmd/hull-systemd := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull-systemd))

$(BUILD)/hull-systemd: $(obj-cmd/hull-systemd)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -pie -Wl,-z,relro,-z,now \
		-Wl,--gc-sections -o $@ $^ -lsystemd
