# SPDX-License-Identifier: Apache-2.0
# Tests. unit: oci-tests/unit/<folder>/test_*.c, each linked with its folder's
# archive and the floors below it only, so that an upward call does not link.

deps-test := libcmocka-dev clang clang-format strace bubblewrap runc hyperfine \
	procps iproute2 jq python3 mandoc libclang-rt-14-dev

floor-base := base
floor-base-json := base/json base
floor-spec := spec base/json base
floor-namespaces := namespaces $(floor-spec)
floor-cgroups := cgroups $(floor-spec)
floor-rootfs := rootfs $(floor-spec)
floor-process := libcontainer/process $(floor-spec)
floor-libcontainer := libcontainer libcontainer/process rootfs cgroups \
	namespaces $(floor-spec)

unit-src := $(sort $(wildcard oci-tests/unit/*/test_*.c))
unit-bin := $(patsubst oci-tests/unit/%.c,$(BUILD)/unit/%,$(unit-src))
unit-floor = $(floor-$(firstword $(subst /, ,$(patsubst $(BUILD)/unit/%,%,$@))))

$(BUILD)/unit/%: $(BUILD)/obj/oci-tests/unit/%.o $(LIB_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(SAN),-fsanitize=address$(comma)undefined) \
		-pie -o $@ $< -Wl,--start-group \
		$(foreach m,$(unit-floor),$(call archive,$(m))) \
		$(foreach m,$(unit-floor),$(lib-$(m))) -Wl,--end-group -lcmocka
comma := ,

.PHONY: unit check-unit
unit: $(unit-bin)
check-unit: $(unit-bin) ## unit tests (cmocka, no root needed)
	$(Q)oci-tests/support/run-unit $(unit-bin)
