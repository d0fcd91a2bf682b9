# SPDX-License-Identifier: Apache-2.0
# hull: one Makefile; each folder adds its part in module.mk. `make help`.

VERSION := 0.1.0
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
AR      ?= ar
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
SABOTAGE ?=
V       ?=

# Objects of another compiler, or of a build that is for tests only, stand beside
# the usual ones, so that switching back and forth rebuilds nothing.
ifdef SAN
BUILD   ?= build/san
else ifdef SABOTAGE
BUILD   ?= build/sabotage
else ifneq ($(CC),gcc)
BUILD   ?= build/$(notdir $(CC))
else
BUILD   ?= build
endif

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual -Wwrite-strings \
	-Wundef -Wimplicit-fallthrough -Wno-missing-field-initializers
HARDEN := -fPIE -fstack-protector-strong -fvisibility=hidden \
	-ffunction-sections -fdata-sections
ifdef SAN
HARDEN += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
else
HARDEN += -D_FORTIFY_SOURCE=2
endif
CFLAGS  ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD)/gen $(if $(SABOTAGE),-DHULL_SABOTAGE)
ALL_CFLAGS = -std=gnu11 $(WARN) $(HARDEN) $(CFLAGS) $(CFLAGS-$(@D))

# A static program starts in half the time of a dynamic one, and the container
# side of hull runs no loader that an image could have replaced.
ifdef SAN
LINK    := -pie -fsanitize=address,undefined
else
LINK    := -static-pie
# libcgroup's parser of rule files, which hull never calls and the linker drops,
# looks users up by name: not a thing to warn about at each build
LINK    += $(shell $(CC) -Wl,--no-warnings -Wl,--version >/dev/null 2>&1 && \
	echo -Wl,--no-warnings)
# newer linkers leave their note of what they do not warn about
QUIETLY := >$(BUILD)/link.$$$$ 2>&1; rc=$$?; \
	grep -v 'does not take linker garbage collection' <$(BUILD)/link.$$$$ >&2; \
	rm $(BUILD)/link.$$$$; exit $$rc
# the program starts in cmd/hull/entry.c, except where main() has to do that part
ifeq ($(shell uname -m)$(SABOTAGE),x86_64)
ENTRY   := -Wl,-e,program_entry
endif
endif
LINK    += -Wl,-z,relro,-z,now -Wl,--gc-sections

# ---- Debian packages; folders add theirs
deps-build := gcc make libc6-dev pkg-config libseccomp-dev libcap-dev \
	libyajl-dev libcgroup-dev libmnl-dev libsystemd-dev busybox-static

# ---- folders, lowest floor first; each names its sources and libraries
MODULES := base base/json spec microvm/proto namespaces cgroups rootfs \
	libcontainer/process libcontainer
VMMODULES := microvm/proto microvm/mem microvm/loop microvm/virtio microvm/fs \
	microvm/x86_64 microvm/kvm microvm/session microvm/jail
include $(patsubst %,%/module.mk,$(sort $(MODULES) $(VMMODULES)))
include cmd/hull/module.mk
include cmd/hull-net/module.mk
include cmd/hull-systemd/module.mk
include microvm/kernel/module.mk

archive = $(BUILD)/lib/$(subst /,-,$(1)).a
define module_rules
obj-$(1) := $$(patsubst %.c,$(BUILD)/obj/%.o,$$(src-$(1)))
$$(call archive,$(1)): $$(obj-$(1))
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach m,$(sort $(MODULES) $(VMMODULES)),$(eval $(call module_rules,$(m))))
include cmd/hull-vmm/module.mk

.PHONY: all
all: $(BUILD)/hull $(BUILD)/hull-vm $(BUILD)/hull-net $(BUILD)/hull-systemd $(BUILD)/hull-agent $(if $(SAN),,$(BUILD)/initrd.cpio) ## build everything (default goal)
.DEFAULT_GOAL := all

LIB_ARCHIVES := $(foreach m,$(MODULES),$(call archive,$(m)))
LIBS := $(foreach m,$(MODULES),$(lib-$(m)))
include cmd/hull-agent/module.mk
include cmd/hull-mkinitrd/module.mk

obj-cmd-hull := $(patsubst %.c,$(BUILD)/obj/%.o,$(src-cmd/hull))
$(BUILD)/hull: $(obj-cmd-hull) $(LIB_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LINK) $(ENTRY) $(LDFLAGS) -o $@ $(obj-cmd-hull) \
		-Wl,--start-group $(LIB_ARCHIVES) $(LIBS) -Wl,--end-group $(QUIETLY)

$(BUILD)/hull-vm: $(BUILD)/hull
	$(Q)ln -sf hull $@

$(BUILD)/obj/%.o: %.c
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DHULL_VERSION='"$(VERSION)"' \
		-DHULL_LIBEXEC='"$(PREFIX)/libexec/hull"' $(ALL_CFLAGS) \
		-MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

include oci-tests/module.mk
include man/module.mk

# ---- what a newcomer types
.PHONY: deps deps-kernel demo install clean help
DEPS := $(sort $(deps-build) $(deps-test) \
	$(shell sed 's/\#.*//' oci-tests/host/deps 2>/dev/null))
deps: ## install the Debian packages that building and testing need (root)
deps-kernel: ## install what building the guests' kernel needs (root)
deps deps-kernel:
	$(Q)miss=; for p in $(if $(filter deps,$@),$(DEPS),$(deps-kernel)); do \
		dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | \
			grep -qx installed || miss="$$miss $$p"; done; \
	if [ -n "$$miss" ]; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends $$miss; fi

demo: ## install what is needed, build, make a bundle, run it (root)
	$(Q)$(MAKE) deps DEPS="$(deps-build)"
	$(Q)$(MAKE) all
	$(Q)oci-tests/support/demo $(BUILD)/hull

install: all $(BUILD)/libcontainer.a $(man-pages) completions ## install under DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/hull $(DESTDIR)$(PREFIX)/bin/hull
	ln -sf hull $(DESTDIR)$(PREFIX)/bin/hull-vm
	install -D -m 755 $(BUILD)/hull-mkinitrd $(DESTDIR)$(PREFIX)/bin/hull-mkinitrd
	install -D -m 755 $(BUILD)/hull-net $(DESTDIR)$(PREFIX)/libexec/hull/hull-net
	install -D -m 755 $(BUILD)/hull-vmm $(DESTDIR)$(PREFIX)/libexec/hull/hull-vmm
	[ ! -f $(BUILD)/vmlinux ] || install -D -m 644 $(BUILD)/vmlinux \
		$(DESTDIR)$(PREFIX)/lib/hull/vmlinux
	install -D -m 644 $(BUILD)/initrd.cpio $(DESTDIR)$(PREFIX)/lib/hull/initrd.cpio
	install -D -m 755 $(BUILD)/hull-systemd \
		$(DESTDIR)$(PREFIX)/libexec/hull/hull-systemd
	install -D -m 644 libcontainer/container.h \
		$(DESTDIR)$(PREFIX)/include/hull/container.h
	install -D -m 644 $(BUILD)/libcontainer.a \
		$(DESTDIR)$(PREFIX)/lib/libhull-container.a
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' \
		libcontainer/hull-container.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/hull-container.pc
	for p in $(man-pages); do install -D -m 644 $$p \
		$(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done
	install -D -m 644 $(BUILD)/gen/hull.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/hull
	install -D -m 644 $(BUILD)/gen/_hull \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_hull
	install -D -m 644 $(BUILD)/gen/hull.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/hull.fish

# the library as others link it: every floor in one archive
$(BUILD)/libcontainer.a: $(LIB_ARCHIVES)
	$(Q)rm -f $@ && $(AR) rcs $@ $(foreach m,$(MODULES),$(obj-$(m)))

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
		sort | awk -F '\t' '{printf "  make %-16s %s\n", $$1, $$2}'
	@echo "  SAN=1 builds with ASan and UBSan, CC=clang with clang, V=1 shows commands"
