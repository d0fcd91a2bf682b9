/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "libcontainer/container.h"
#include "libcontainer/vm_mounts.h"

#define ANNOTATION "run.hull.isolation"
#define LISTENER "linux.seccomp.listenerPath"
#define AFFINITY "process.execCPUAffinity"
#define APPARMOR "process.apparmorProfile"
#define SELINUX "process.selinuxLabel"
#define ANNOTATION_FIELD "annotations[\"" ANNOTATION "\"]"

int vm_chosen(const struct hull_create_options *opt, const struct spec *spec,
	      struct err *err)
{
	const char *word = spec_annotation(spec, ANNOTATION);
	bool bundle = spec->vm.set;

	if (word && strcmp(word, "process") && strcmp(word, "vm"))
		return err_at(err, -EINVAL, ANNOTATION_FIELD,
			      "expected \"process\" or \"vm\", got \"%s\"",
			      word);
	if (word && !strcmp(word, "vm"))
		bundle = true;
	if (bundle && opt->isolation == HULL_ISOLATION_PROCESS &&
	    !SABOTAGED("vm_annotation"))
		return err_at(err, -EINVAL,
			      spec->vm.set ? "vm" : ANNOTATION_FIELD,
			      "the bundle asks for a microVM, which isolation "
			      "'process' would take back");
	if (bundle || opt->isolation == HULL_ISOLATION_VM)
		return 1;
	if (opt->kernel)
		return err_set(err, -EINVAL,
			       "a kernel is only for isolation 'vm'");
	return 0;
}

/* ---- what a VM cannot do */

struct ns_rule {
	enum spec_ns_type type;
	bool needed;
	bool may_join;
	const char *why;
};

static const struct ns_rule ns_rules[] = {
	{ SPEC_NS_PID, true, false,
	  "processes of a VM's guest share no pid namespace with others" },
	{ SPEC_NS_MOUNT, true, false,
	  "a VM needs a new mount namespace: what is in it is its disk" },
	{ SPEC_NS_IPC, true, false,
	  "a VM's guest shares no memory and no queues with other kernels" },
	{ SPEC_NS_UTS, true, false, "a VM's guest has a host name of its own" },
	{ SPEC_NS_NETWORK, true, true,
	  "a VM needs a network namespace: its interfaces become the guest's" },
	{ SPEC_NS_USER, false, false,
	  "a VM's guest cannot know the mappings of a namespace that is there" },
	{ SPEC_NS_TIME, false, false, "a VM's guest has clocks of its own" },
};

static bool is_own_netns(const char *path)
{
	struct stat a, b;

	return !stat(path, &a) && !stat("/proc/self/ns/net", &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void check_namespaces(const struct spec *spec, struct err *all)
{
	const struct spec_namespace *list = spec->linux_.namespaces;
	char field[64];

	for (size_t i = 0; i < ARRAY_SIZE(ns_rules); i++) {
		const struct ns_rule *rule = &ns_rules[i];
		const struct spec_namespace *ns =
			spec_namespace(spec, rule->type);

		if (!ns && rule->needed)
			err_add(all, -ENOTSUP, "linux.namespaces",
				"linux.namespaces: no \"%s\": %s",
				spec_ns_names[rule->type], rule->why);
		if (!ns || !ns->path)
			continue;
		snprintf(field, sizeof(field), "linux.namespaces[%zu].path",
			 (size_t)(ns - list));
		if (!rule->may_join)
			err_add(all, -ENOTSUP, field, "%s: %s", field,
				rule->why);
		else if (is_own_netns(ns->path))
			err_add(all, -ENOTSUP, field,
				"%s: this is hull's own network: a VM would "
				"take its interfaces away",
				field);
	}
}

/* runtime-spec config-linux.md, "Default Devices": the guest has these */
static const struct {
	const char *path;
	int64_t major, minor;
} guest_devices[] = {
	{ "/dev/null", 1, 3 },    { "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },    { "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
	{ "/dev/console", 5, 1 }, { "/dev/ptmx", 5, 2 },
};

static bool guest_has(const struct spec_device *d)
{
	if (d->type == 'p')
		return true; /* a FIFO needs no driver */
	for (size_t i = 0; i < ARRAY_SIZE(guest_devices); i++) {
		if (d->type == 'c' && d->major == guest_devices[i].major &&
		    d->minor == guest_devices[i].minor &&
		    !strcmp(d->path, guest_devices[i].path))
			return true;
	}
	return false;
}

static void check_devices(const struct spec *spec, struct err *all)
{
	char field[48];

	for (size_t i = 0; i < spec->linux_.device_count; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];

		if (guest_has(d))
			continue;
		snprintf(field, sizeof(field), "linux.devices[%zu]", i);
		err_add(all, -ENOTSUP, field,
			"%s: '%s': a VM's guest has no device of the host",
			field, d->path);
	}
}

/* What lies in a filesystem of the guest's kernel cannot come from the host. */
static void check_mounts(const struct spec *spec, struct err *all)
{
	char field[48];

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		const struct spec_mount *above;

		if (vm_mount_is_guests(m) || vm_mount_has_option(m, "remount"))
			continue;
		above = vm_mount_above(spec, i);
		if (!above || vm_mount_is_memory(above))
			continue;
		snprintf(field, sizeof(field), "mounts[%zu].destination", i);
		err_add(all, -ENOTSUP, field,
			"%s: '%s' lies in '%s', which a VM's guest mounts "
			"itself",
			field, m->destination, above->destination);
	}
}

static bool differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

int vm_check_process(const struct spec *spec, const struct spec_process *p,
		     struct err *all)
{
	static const char label[] = "confines the monitor of a VM, and is the "
				    "same for all that runs in its guest";

	if (p->cpu_affinity_initial || p->cpu_affinity_final)
		err_add(all, -ENOTSUP, AFFINITY,
			AFFINITY ": a VM's guest has CPUs of its own");
	if (differs(p->apparmor_profile, spec->process.apparmor_profile))
		err_add(all, -ENOTSUP, APPARMOR, APPARMOR ": %s", label);
	if (differs(p->selinux_label, spec->process.selinux_label))
		err_add(all, -ENOTSUP, SELINUX, SELINUX ": %s", label);
	return all->code;
}

int vm_check(const struct spec *spec, struct err *err)
{
	struct err all = { 0 };

	check_namespaces(spec, &all);
	check_devices(spec, &all);
	check_mounts(spec, &all);
	if (spec->linux_.seccomp.listener_path)
		err_add(&all, -ENOTSUP, LISTENER,
			LISTENER ": system calls of a VM's guest cannot be "
				 "decided on the host");
	vm_check_process(spec, &spec->process, &all);
	if (all.code && err)
		*err = all;
	return all.code;
}

int vm_prepare(struct vm *vm, struct arena *arena,
	       const struct hull_create_options *opt, const struct spec *full,
	       const char *root_path, struct err *err)
{
	int ret;

	vm_init(vm, full);
	vm->no_new_keyring = opt->no_new_keyring;
	ret = vm_resolve(vm, arena, root_path, err);
	if (!ret)
		ret = vm_check(vm->full, err);
	if (!ret)
		ret = vm_open_files(vm, opt, err);
	if (!ret)
		ret = vm_inherit_limits(arena, &vm->inherited, err);
	return ret ? ret : vm_view(vm, arena, err);
}
