# SPDX-License-Identifier: Apache-2.0
# Tests. unit: oci-tests/unit/<folder>/test_*.c, each linked with its folder's
# archive and the floors below it only, so that an upward call does not link.

deps-test := libcmocka-dev patchelf time clang clang-format strace bubblewrap runc hyperfine \
	procps uidmap iproute2 jq python3 mandoc libclang-rt-dev

floor-base := base
floor-base-json := base/json base
floor-spec := spec base/json base
floor-namespaces := namespaces $(floor-spec)
floor-cgroups := cgroups $(floor-spec)
floor-rootfs := rootfs $(floor-spec)
floor-process := libcontainer/process $(floor-spec)
floor-libcontainer := libcontainer libcontainer/process rootfs cgroups \
	namespaces microvm/proto $(floor-spec)

floor-microvm := $(VMMODULES) base

unit-src := $(sort $(wildcard oci-tests/unit/*/test_*.c))
unit-bin := $(patsubst oci-tests/unit/%.c,$(BUILD)/unit/%,$(unit-src))
unit-floor = $(floor-$(firstword $(subst /, ,$(patsubst $(BUILD)/unit/%,%,$@))))

# only the archives of its own floors: a folder that does not compile blocks
# nobody below it
.SECONDEXPANSION:
$(BUILD)/unit/%: $(BUILD)/obj/oci-tests/unit/%.o \
		$$(foreach m,$$(unit-floor),$$(call archive,$$(m)))
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

# ---- programs that the host tests use
tests-src := $(sort $(wildcard oci-tests/support/*.c))
tests-bin := $(patsubst oci-tests/support/%.c,$(BUILD)/tests/%,$(tests-src))

$(BUILD)/tests/fakevmm: $(call archive,microvm/proto) $(call archive,base)
$(BUILD)/tests/%: oci-tests/support/%.c
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 -Wall -Wextra -Werror \
		$(if $(SAN),$(if $(filter %.a,$^),-fsanitize=address$(comma)undefined,-static),-static) \
		-o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lutil

# these run the microVM's own file server, and speak its protocol
$(if $(MUSL),,$(BUILD)/tests/fusemount $(BUILD)/tests/jailheap) $(BUILD)/tests/agentctl: $(BUILD)/tests/%: \
		$(BUILD)/obj/oci-tests/support/%.o \
		$(foreach m,$(floor-microvm),$(call archive,$(m)))
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $< -Wl,--start-group \
		$(foreach m,$(floor-microvm),$(call archive,$(m)) $(lib-$(m))) \
		-Wl,--end-group

# ---- fuzz targets: oci-tests/fuzz/fuzz_NAME.c, with seeds in seeds/NAME/.
# `make fuzz` builds them, and what they link, with clang and libFuzzer;
# `make check-fuzz-seeds` with the usual objects and a main that reads files.
FUZZ_SECONDS ?= 60
FUZZ_ONLY ?=
fuzz-modules := $(sort $(VMMODULES) $(MODULES))
fuzz-names := $(patsubst oci-tests/fuzz/fuzz_%.c,%, \
	$(sort $(wildcard oci-tests/fuzz/fuzz_*.c)))
fuzz-flags := -fsanitize=address,undefined -fno-sanitize-recover=all
fuzz-lib := $(BUILD)/fuzz/modules.a
fuzz-bin := $(fuzz-names:%=$(BUILD)/fuzz/%)
replay-bin := $(fuzz-names:%=$(BUILD)/replay/%)

$(BUILD)/fuzz/obj/%.o: %.c
	@echo "  FUZZ  $<"
	$(Q)mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) -DHULL_VERSION='"$(VERSION)"' -std=gnu11 $(WARN) \
		-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link \
		$(fuzz-flags) -MMD -MP -c -o $@ $<

$(fuzz-lib): $(foreach m,$(fuzz-modules),$(src-$(m):%.c=$(BUILD)/fuzz/obj/%.o))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(fuzz-bin): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/oci-tests/fuzz/fuzz_%.o $(fuzz-lib)
	@echo "  LINK  $@"
	$(Q)clang -fsanitize=fuzzer $(fuzz-flags) -o $@ $< $(fuzz-lib) \
		$(foreach m,$(fuzz-modules),$(lib-$(m)))

$(replay-bin): $(BUILD)/replay/%: $(BUILD)/obj/oci-tests/fuzz/fuzz_%.o \
		$(BUILD)/obj/oci-tests/fuzz/replay.o \
		$(foreach m,$(fuzz-modules),$(call archive,$(m)))
	@echo "  LINK  $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(SAN),-fsanitize=address$(comma)undefined) \
		-pie -o $@ $< $(BUILD)/obj/oci-tests/fuzz/replay.o \
		-Wl,--start-group \
		$(foreach m,$(fuzz-modules),$(call archive,$(m))) \
		$(foreach m,$(fuzz-modules),$(lib-$(m))) -Wl,--end-group

-include $(shell find $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)

.PHONY: fuzz check-fuzz-seeds
fuzz: $(if $(FUZZ_ONLY),$(FUZZ_ONLY:%=$(BUILD)/fuzz/%),$(fuzz-bin)) ## fuzz each target for FUZZ_SECONDS (FUZZ_ONLY=NAME: one)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) BUILD=$(BUILD) \
		oci-tests/support/fuzz $(notdir $^)

check-fuzz-seeds: $(replay-bin) ## what fuzzing found, once more
	$(Q)oci-tests/support/replay-seeds $(replay-bin)

# ---- the rings of `make check`; each leaves a line in $(BUILD)/results
.PHONY: check check-host check-testhost check-vm lint bench
func-env = HULL=$(abspath $(BUILD)/hull) TESTS=$(abspath $(BUILD)/tests) \
	AGENT=$(abspath $(BUILD)/hull-agent) \
	ASAN_OPTIONS=detect_leaks=0:disable_coredump=0 $(if $(SAN),SLOW=1)

check-host: all $(tests-bin) ## host tests on this machine (root)
	$(Q)$(func-env) FUNC_RETRY=1 oci-tests/support/run-func

check-testhost: all $(tests-bin) ## the same in the test host: systemd, cgroup v2
	$(Q)BUILD=$(BUILD) oci-tests/support/check-testhost

check-vm: all $(tests-bin) guest-kernel ## a few of them with microVMs, in the test host
	$(Q)BUILD=$(BUILD) oci-tests/support/check-vm

# each security check is taken out in turn: which tests notice?
.PHONY: sabotage advisories sabotage-build
sabotage-unit := $(sort $(shell grep -ohE 'unit/[a-z0-9/_-]+' \
	oci-tests/sabotage.map oci-tests/advisories.list))
sabotage-build: $(BUILD)/hull $(BUILD)/hull-net $(tests-bin) \
		$(addprefix $(BUILD)/,$(sabotage-unit))
sabotage: ## do the tests notice when a security check is missing? (root; long)
	$(Q)$(MAKE) SABOTAGE=1 BUILD=build/sabotage sabotage-build
	$(Q)HULL=$(abspath build/sabotage/hull) TESTS=$(abspath build/sabotage/tests) \
		oci-tests/support/sabotage $(SABOTAGE_ONLY)
# and does each advisory's own test fail without what stands against it?
advisories: ## try each row of oci-tests/advisories.list (ROWS="P01 V03": these) (root; long)
	$(Q)$(MAKE) SABOTAGE=1 BUILD=build/sabotage sabotage-build
	$(Q)HULL=$(abspath build/sabotage/hull) TESTS=$(abspath build/sabotage/tests) \
		oci-tests/support/sabotage --rows $(ROWS)

# `make check` takes a part of these, evenly spread
.PHONY: check-sweeps
check-sweeps: all $(tests-bin) ## every system call of the commands: killed there, failed with each errno (root; long)
	$(Q)$(func-env) CASE_LIMIT=3000 SWEEP=1000000 FAULT_STEP=1 oci-tests/support/run-func \
		oci-tests/func/killsweep.sh oci-tests/func/faults.sh

# not a part of `make check`: it takes a quarter of an hour
.PHONY: check-engines
check-engines: all $(BUILD)/tests/probe ## hull under Docker, containerd, Kubernetes' pods, Podman, Buildah, systemd, in the test host
	$(Q)BUILD=$(BUILD) oci-tests/engines/run $(ENGINES)

lint: ## format, floors, sizes, headers, rows of lists
	$(Q)pass=0 bad=0 skip=0; for l in format floors sizes headers rows; do \
		oci-tests/lint/$$l; case $$? in \
		0) pass=$$((pass + 1)) ;; 77) skip=$$((skip + 1)) ;; \
		*) bad=$$((bad + 1)) ;; esac; done; \
	echo "lint: $$pass passed, $$bad failed, $$skip skipped"; [ $$bad = 0 ]

check: ## install what is needed, run every test (root)
	$(Q)$(MAKE) deps
	$(Q)$(MAKE) deps-kernel
	$(Q)$(MAKE) all unit tests-programs
	$(Q)BUILD=$(BUILD) MAKE="$(MAKE)" oci-tests/support/check $(if $(SAN),san)

.PHONY: tests-programs
tests-programs: $(tests-bin)

bench: all $(tests-bin) ## compare with crun, runc and bubblewrap (root)
	$(Q)HULL=$(abspath $(BUILD)/hull) oci-tests/bench/run
