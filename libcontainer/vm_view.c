/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/guest.h"
#include "libcontainer/vm_mounts.h"

#define MIB ((uint64_t)1 << 20)
#define MEMORY_DEFAULT (1024 * MIB)
#define MEMORY_MIN (64 * MIB)
#define MEMORY_STEP (2 * MIB)
#define MEMORY_MAX (UINT64_C(1) << 40) /* of hull-vmm: microvm/mem/mem.h */
#define GUEST_BASE (48 * MIB)          /* its kernel, initrd and agent */
#define VMM_BASE (48 * MIB)            /* two small programs, and exec's */
#define HOST_PIDS 512                  /* threads of the monitor, and exec's */
#define VCPUS_DEFAULT 1
#define VCPUS_MAX 32

#define BIT(cap_) (UINT64_C(1) << (cap_))
/*
 * The server of the root filesystem acts for any user of the guest. All others
 * of the monitor's processes drop everything.
 */
#define MONITOR_CAPS                                                         \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | \
	 BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETGID) |               \
	 BIT(CAP_SETUID) | BIT(CAP_MKNOD) | BIT(CAP_SETFCAP) |               \
	 BIT(CAP_SETPCAP))

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* ---- how large */

static uint32_t cpus_of_list(const char *list)
{
	uint32_t count = 0;
	char *end;

	for (const char *s = list; s && *s; s = *end ? end + 1 : end) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == s || last < first)
			break;
		count += (uint32_t)(last - first + 1);
	}
	return count;
}

static uint32_t pick_vcpus(const struct spec *spec)
{
	const struct spec_cpu *cpu = &spec->linux_.resources.cpu;
	uint64_t period =
		cpu->period.set && cpu->period.v ? cpu->period.v : 100000;
	uint64_t n = VCPUS_DEFAULT;

	if (spec->vm.vcpus.set && spec->vm.vcpus.v)
		return (uint32_t)spec->vm.vcpus.v;
	if (cpu->quota.set && cpu->quota.v > 0)
		n = ((uint64_t)cpu->quota.v + period - 1) / period;
	else if (cpu->cpus && *cpu->cpus)
		n = cpus_of_list(cpu->cpus);
	return n < 1 ? 1 : n > VCPUS_MAX ? VCPUS_MAX : (uint32_t)n;
}

static uint64_t host_bytes(void)
{
	struct sysinfo info;
	uint64_t n = MEMORY_MAX;

	if (!sysinfo(&info) && info.totalram)
		n = (uint64_t)info.totalram * info.mem_unit / MEMORY_STEP *
		    MEMORY_STEP;
	return n < MEMORY_MAX ? n : MEMORY_MAX;
}

/* A limit is what the workload may use: the guest's kernel comes on top. */
static uint64_t pick_memory(const struct spec *spec)
{
	const struct opt_i64 *limit = &spec->linux_.resources.memory.limit;
	uint64_t n = MEMORY_DEFAULT;

	if (spec->vm.memory_bytes.set && spec->vm.memory_bytes.v)
		n = spec->vm.memory_bytes.v;
	else if (limit->set && limit->v > 0 && limit->v < INT64_MAX / 2)
		n = (uint64_t)limit->v + GUEST_BASE + (uint64_t)limit->v / 32;
	/* a limit may be as large as one likes; a machine's size costs memory,
	 * and there is no use in more than the host has */
	if (!spec->vm.memory_bytes.v && n > host_bytes())
		n = host_bytes();
	if (n < MEMORY_MIN)
		n = MEMORY_MIN;
	return (n + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
}

void vm_size(struct vm *vm)
{
	vm->vcpus = pick_vcpus(vm->full);
	vm->memory_bytes = pick_memory(vm->full);
}

uint64_t vm_overhead(uint64_t memory_bytes, uint32_t vcpus)
{
	/* page tables of the host: 8 bytes a page, and as much for KVM's */
	return VMM_BASE + vcpus * MIB + memory_bytes / 256;
}

/* ---- limits */

int vm_resources(struct arena *arena, const struct spec_resources *full,
		 struct spec_resources *host, struct err *err)
{
	struct spec_unified *unified;
	static const struct spec_device_rule none = {
		.type = 'a',
		.major = -1,
		.minor = -1,
		.read = true,
		.write = true,
		.mknod = true,
	};

	*host = *full;
	unified = arena_array(arena, full->unified_count + 1, sizeof(*unified));
	if (!unified)
		return no_memory(err);
	host->unified = unified;
	host->unified_count = 0;
	for (size_t i = 0; i < full->unified_count; i++)
		if (!guest_keeps_file(full->unified[i].file))
			unified[host->unified_count++] = full->unified[i];
	host->memory = (struct spec_memory){ 0 };
	host->pids_limit = (struct opt_i64){ 0 };
	host->devices_set = true;
	host->devices = &none;
	host->device_count = 1;
	return 0;
}

static int first_resources(struct vm *vm, struct arena *arena, struct err *err)
{
	const struct spec_memory *asked = &vm->full->linux_.resources.memory;
	struct spec_resources *host = &vm->host.linux_.resources;
	int64_t limit = (int64_t)(vm->memory_bytes +
				  vm_overhead(vm->memory_bytes, vm->vcpus));
	int ret;

	ret = vm_resources(arena, &vm->full->linux_.resources, host, err);
	if (ret)
		return ret;
	if (vm->full->linux_.resources.pids_limit.set)
		host->pids_limit = (struct opt_i64){ true, HOST_PIDS };
	host->memory = *asked;
	if (!asked->limit.set || asked->limit.v <= 0)
		return 0;
	host->memory.limit.v = limit;
	if (asked->swap.set && asked->swap.v >= asked->limit.v)
		host->memory.swap.v = limit + (asked->swap.v - asked->limit.v);
	return 0;
}

/* ---- mounts */

/* A tmpfs stays on the host too where something of the host's lies in it: the
 * places for that are not to be made in the image. */
static bool holds_hosts(const struct spec *spec, size_t i)
{
	const struct spec_mount *m = &spec->mounts[i];

	if (!vm_mount_is_memory(m))
		return false;
	for (size_t k = i + 1; k < spec->mount_count; k++) {
		const struct spec_mount *later = &spec->mounts[k];

		if (!vm_mount_is_guests(later) &&
		    !vm_mount_has_option(later, "remount") &&
		    vm_path_is_below(later->destination, m->destination))
			return true;
	}
	return false;
}

static enum rootfs_left left_of(const struct spec *spec, size_t i)
{
	const struct spec_mount *m = &spec->mounts[i];
	const struct spec_mount *above = vm_mount_above(spec, i);

	if (vm_mount_has_option(m, "remount"))
		return above ? ROOTFS_NONE : ROOTFS_MADE;
	if (!vm_mount_is_guests(m))
		return ROOTFS_MADE;
	if (holds_hosts(spec, i))
		return ROOTFS_BOTH;
	return above ? ROOTFS_NONE : ROOTFS_POINT;
}

static int view_mounts(struct vm *vm, struct arena *arena, struct err *err)
{
	const struct spec *full = vm->full;
	const char *cwd = vm->cwd ? vm->cwd : full->process.cwd;

	vm->left = arena_array(arena, full->mount_count + 1, sizeof(*vm->left));
	if (!vm->left)
		return no_memory(err);
	for (size_t i = 0; i < full->mount_count; i++) {
		vm->left[i] = left_of(full, i);
		if (cwd && vm_mount_is_guests(&full->mounts[i]) &&
		    vm_path_is_below(cwd, full->mounts[i].destination))
			vm->host.process.cwd = NULL; /* made in there */
	}
	return 0;
}

/* ---- the rest */

static int view_namespaces(struct vm *vm, struct arena *arena, struct err *err)
{
	const struct spec_linux *full = &vm->full->linux_;
	struct spec_namespace *list;
	size_t n = 0;

	list = arena_array(arena, full->namespace_count + 1, sizeof(*list));
	if (!list)
		return no_memory(err);
	for (size_t i = 0; i < full->namespace_count; i++)
		if (full->namespaces[i].type != SPEC_NS_TIME)
			list[n++] = full->namespaces[i];
	vm->host.linux_.namespaces = list;
	vm->host.linux_.namespace_count = n;
	vm->host.linux_.monotonic = (struct spec_time_offset){ 0 };
	vm->host.linux_.boottime = (struct spec_time_offset){ 0 };
	return 0;
}

static void view_linux(struct spec_linux *l)
{
	static const char *const none[] = { NULL };

	l->device_count = 0;
	l->sysctl_count = 0;
	l->seccomp = (struct spec_seccomp){ .archs = none };
	l->masked_paths = none;
	l->masked_count = 0;
	l->readonly_paths = none;
	l->readonly_count = 0;
	l->personality = (struct spec_personality){ 0 };
}

int vm_process(const struct spec *full, struct arena *arena,
	       struct spec_process *out, struct err *err)
{
	static const char *const args[] = { "hull-vmm", NULL };
	static const char *const none[] = { NULL };
	const struct spec_process *p = &full->process;
	uint64_t caps = MONITOR_CAPS;
	struct rlimit files;
	struct spec_rlimit *limits;

	limits = arena_array(arena, 2, sizeof(*limits));
	if (!limits)
		return no_memory(err);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot read RLIMIT_NOFILE");
	/* each file that the guest knows is a descriptor; and no image of its
	 * memory goes to a disk */
	limits[0] = (struct spec_rlimit){ RLIMIT_NOFILE, "RLIMIT_NOFILE",
					  files.rlim_max, files.rlim_max };
	limits[1] = (struct spec_rlimit){ RLIMIT_CORE, "RLIMIT_CORE", 0, 0 };
	/* what no process of the container may make on a volume, no guest's
	 * kernel in wrong hands makes there */
	if (!(p->caps.bounding & BIT(CAP_MKNOD)))
		caps &= ~BIT(CAP_MKNOD);
	*out = (struct spec_process){
		.terminal = p->terminal,
		.console_size_set = p->console_size_set,
		.console_height = p->console_height,
		.console_width = p->console_width,
		.args = args,
		.arg_count = 1,
		.env = none,
		.cwd = "/",
		.caps = { .set = true,
			  .effective = caps,
			  .bounding = caps,
			  .permitted = caps },
		.rlimits = limits,
		.rlimit_count = 2,
		.no_new_privs = true,
		.apparmor_profile = p->apparmor_profile,
		.selinux_label = p->selinux_label,
		.oom_score_adj_set = p->oom_score_adj_set,
		.oom_score_adj = p->oom_score_adj,
	};
	return 0;
}

int vm_view(struct vm *vm, struct arena *arena, struct err *err)
{
	int ret;

	vm->host = *vm->full;
	vm_size(vm);
	view_linux(&vm->host.linux_);
	/* those run in the container, where the guest is */
	vm->host.hooks.count[SPEC_HOOK_START_CONTAINER] = 0;
	ret = first_resources(vm, arena, err);
	if (!ret)
		ret = view_namespaces(vm, arena, err);
	if (!ret)
		ret = view_mounts(vm, arena, err);
	if (!ret)
		ret = vm_process(vm->full, arena, &vm->process, err);
	return ret;
}
