/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sock.h"
#include "base/str.h"
#include "base/sys.h"
#include "libcontainer/init.h"
#include "microvm/vmm.h"

#define FIRST_FD 3
#define NOBODY 65534
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

void vm_init(struct vm *vm, const struct spec *full)
{
	*vm = (struct vm){
		.full = full,
		.kvm_fd = -1,
		.kernel_fd = -1,
		.initrd_fd = -1,
		.image_fd = -1,
		.vmm_fd = -1,
		.listen_fd = -1,
		.exit_fd = -1,
		.proc_fd = -1,
		.config_fd = -1,
	};
}

void vm_release(struct vm *vm)
{
	auto_close_fd(&vm->kvm_fd);
	auto_close_fd(&vm->kernel_fd);
	auto_close_fd(&vm->initrd_fd);
	auto_close_fd(&vm->image_fd);
	auto_close_fd(&vm->vmm_fd);
	auto_close_fd(&vm->listen_fd);
	auto_close_fd(&vm->exit_fd);
	auto_close_fd(&vm->proc_fd);
	auto_close_fd(&vm->config_fd);
	seccomp_prog_release(&vm->filter);
}

int vm_memfd(const void *head, size_t head_len, const void *tail,
	     size_t tail_len)
{
	auto_fd int fd =
		memfd_create("hull-vm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return -errno;
	ret = io_write_full(fd, head, head_len);
	if (!ret)
		ret = io_write_full(fd, tail, tail_len);
	if (ret)
		return ret;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

/*
 * Who is nobody in the container: no process of it has this id, unless its
 * image has a file of nobody's to run as such.
 */
static uint32_t unprivileged(const struct spec_id_map *maps, size_t count)
{
	uint32_t best = 0, size = 0;

	if (!count)
		return NOBODY;
	for (size_t i = 0; i < count; i++) {
		const struct spec_id_map *m = &maps[i];

		if (NOBODY >= m->container_id &&
		    NOBODY - m->container_id < m->size)
			return NOBODY;
		if (m->size > size) {
			size = m->size;
			best = m->container_id + m->size - 1;
		}
	}
	return best;
}

/*
 * What hull-vmm inherits, in the order of its numbers: the first is FIRST_FD,
 * what is -1 has none.
 */
enum {
	FD_CONFIG,
	FD_KVM,
	FD_KERNEL,
	FD_INITRD,
	FD_IMAGE,
	FD_PROC,
	FD_LISTEN,
	FD_GATE,
	FD_EXIT,
	FD_LOG,
	FD_COUNT
};

struct numbers {
	int32_t of[FD_COUNT];
};

static struct numbers number_fds(const struct vm *vm)
{
	bool there[FD_COUNT] = {
		[FD_CONFIG] = true,
		[FD_KVM] = true,
		[FD_KERNEL] = true,
		[FD_INITRD] = vm->initrd_fd >= 0,
		[FD_IMAGE] = vm->image_fd >= 0,
		[FD_PROC] = true,
		[FD_LISTEN] = true,
		[FD_GATE] = true,
		[FD_EXIT] = true,
		[FD_LOG] = log_is_file(),
	};
	struct numbers n;
	int32_t next = FIRST_FD;

	for (size_t i = 0; i < FD_COUNT; i++)
		n.of[i] = there[i] ? next++ : -1;
	return n;
}

static int join_params(const struct spec_vm *spec, char *out, size_t size,
		       struct err *err)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < spec->kernel_param_count; i++) {
		int n = snprintf(out + len, size - len, "%s%s", i ? " " : "",
				 spec->kernel_params[i]);

		if (n < 0 || (size_t)n >= size - len)
			return err_at(err, -E2BIG, "vm.kernel.parameters",
				      "longer than %zu bytes", size - 1);
		len += (size_t)n;
	}
	return 0;
}

/* See "seccompFilter" in microvm/proto/proto.h. */
static void add_filter(const struct seccomp_prog *filter, struct strbuf *out)
{
	const char *insn = filter->insns;

	strbuf_add(out, ",\"seccompFilter\":\"");
	for (size_t i = 0; i < filter->count; i++) {
		uint64_t word;

		memcpy(&word, insn + i * sizeof(word), sizeof(word));
		strbuf_addf(out, "%016llx", (unsigned long long)word);
	}
	strbuf_add(out, "\"");
}

/* START's members, but for those that are known at the start only. */
static int make_payload(const struct vm *vm, const char *id, const char *config,
			size_t len, struct strbuf *out)
{
	struct utsname uts;
	int ret;

	strbuf_add(out, "\"config\":");
	ret = vm_add_config(vm, config, len, out);
	if (ret)
		return ret;
	strbuf_add(out, ",\"id\":");
	strbuf_add_json_string(out, id);
	strbuf_add(out, ",\"rlimits\":");
	vm_limits_json(&vm->inherited, out);
	if (vm->filter.count)
		add_filter(&vm->filter, out);
	if (vm->no_new_keyring)
		strbuf_add(out, ",\"newKeyring\":false");
	/* a new UTS namespace has the name of the one it was made in */
	if (!vm->full->hostname && !uname(&uts)) {
		strbuf_add(out, ",\"hostname\":");
		strbuf_add_json_string(out, uts.nodename);
	}
	return strbuf_ok(out) ? 0 : -ENOMEM;
}

static int make_config(struct vm *vm, const char *id, const char *config,
		       size_t len, struct err *err)
{
	auto_strbuf struct strbuf payload = STRBUF_INIT;
	const struct spec_linux *l = &vm->full->linux_;
	const struct numbers n = number_fds(vm);
	struct vm_config c = {
		.magic = VM_CONFIG_MAGIC,
		.version = VM_CONFIG_VERSION,
		.size = sizeof(c),
		.flags = vm->process.terminal ? VM_TTY : 0,
		.memory_bytes = vm->memory_bytes,
		.vcpus = vm->vcpus,
		.kvm_fd = n.of[FD_KVM],
		.kernel_fd = n.of[FD_KERNEL],
		.initrd_fd = n.of[FD_INITRD],
		.proc_fd = n.of[FD_PROC],
		.listen_fd = n.of[FD_LISTEN],
		.gate_fd = n.of[FD_GATE],
		.exit_fd = n.of[FD_EXIT],
		.log_fd = n.of[FD_LOG],
		.image_fd = n.of[FD_IMAGE],
		.image_readonly = 1,
		.uid = unprivileged(l->uid_maps, l->uid_map_count),
		.gid = unprivileged(l->gid_maps, l->gid_map_count),
		.net_slots = VM_MAX_NETS,
		.log_level = (uint32_t)log_level_get(),
	};
	int ret;

	if (log_level_get() == LOG_LEVEL_DEBUG)
		c.flags |= VM_DEBUG;
	ret = join_params(&vm->full->vm, c.cmdline, sizeof(c.cmdline), err);
	if (ret)
		return ret;
	ret = make_payload(vm, id, config, len, &payload);
	c.payload_len = (uint32_t)payload.len;
	if (!ret)
		ret = vm->config_fd =
			vm_memfd(&c, sizeof(c), payload.s, payload.len);
	return ret < 0 ? err_code(err, ret,
				  "cannot write the configuration of the "
				  "microVM")
		       : 0;
}

int vm_ready(struct vm *vm, int dir_fd, const char *id, const char *config,
	     size_t len, struct err *err)
{
	vm->listen_fd = sock_listen_at(dir_fd, VM_SOCKET);
	if (vm->listen_fd < 0)
		return err_code(err, vm->listen_fd, "cannot make '%s'",
				VM_SOCKET);
	vm->exit_fd = openat(
		dir_fd, VM_EXIT_FILE,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (vm->exit_fd < 0)
		return err_sys(err, "cannot make '%s'", VM_EXIT_FILE);
	return make_config(vm, id, config, len, err);
}

int vm_keep_fds(struct vm *vm, int *gate_fd, int *sync_fd, struct err *err)
{
	int log = log_is_file() ? log_fd() : -1;
	int *const keep[] = {
		[FD_CONFIG] = &vm->config_fd, [FD_KVM] = &vm->kvm_fd,
		[FD_KERNEL] = &vm->kernel_fd, [FD_INITRD] = &vm->initrd_fd,
		[FD_IMAGE] = &vm->image_fd,   [FD_PROC] = &vm->proc_fd,
		[FD_LISTEN] = &vm->listen_fd, [FD_GATE] = gate_fd,
		[FD_EXIT] = &vm->exit_fd,     [FD_LOG] = &log,
		[FD_COUNT] = sync_fd,         [FD_COUNT + 1] = &vm->vmm_fd,
	};

	return child_keep_fds(FIRST_FD, keep, ARRAY_SIZE(keep), err);
}

int vm_exec(const struct vm *vm, int gate_fd, struct err *err)
{
	const int inherit[] = {
		vm->config_fd, vm->kvm_fd,
		vm->kernel_fd, vm->initrd_fd,
		vm->image_fd,  vm->proc_fd,
		vm->listen_fd, gate_fd,
		vm->exit_fd,   number_fds(vm).of[FD_LOG],
	};

	return vm_execute(vm->vmm_fd, "run", vm->config_fd, inherit,
			  ARRAY_SIZE(inherit), err);
}

int vm_execute(int vmm_fd, const char *command, int config_fd,
	       const int *inherit, size_t count, struct err *err)
{
	char name[] = "hull-vmm", verb[16], number[16];
	char *const argv[] = { name, verb, number, NULL };
	char *const envp[] = { NULL };
	sigset_t all;

	snprintf(verb, sizeof(verb), "%s", command);
	snprintf(number, sizeof(number), "%d", config_fd);
	for (size_t i = 0; i < count; i++) {
		if (inherit[i] >= 0 && fcntl(inherit[i], F_SETFD, 0) < 0)
			return err_sys(err, "cannot hand descriptor %d over",
				       inherit[i]);
	}
	/* kept for hull-vmm: the kernel drops what the first process of a pid
	 * namespace neither handles nor blocks */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	sys_execveat(vmm_fd, "", argv, envp, AT_EMPTY_PATH);
	return err_sys(err, "cannot execute hull-vmm");
}
