/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "microvm/kvm/arch.h"
#include "microvm/proto/proto.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
#define RUN_FLAGS (VM_TTY | VM_ROOT_READONLY | VM_DEBUG)

/* What both structs begin with; then the payload follows. */
struct head {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
};

/* @payload_at: offset of the payload's length in the struct. */
static int read_sealed(int fd, void *to, size_t size, size_t payload_at,
		       char **payload, struct err *err)
{
	struct head head;
	struct stat st;
	uint32_t len;
	int seals = fcntl(fd, F_GET_SEALS);
	auto_free char *data = NULL;

	if (SABOTAGED("vmm_sealed"))
		seals = SEALS;
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
		return err_set(err, -EINVAL,
			       "descriptor %d is not a sealed memfd", fd);
	if ((uint64_t)st.st_size < size ||
	    pread(fd, to, size, 0) != (ssize_t)size)
		return err_set(err, -EINVAL, "configuration is too short");
	memcpy(&head, to, sizeof(head));
	if (head.magic != VM_CONFIG_MAGIC ||
	    head.version != VM_CONFIG_VERSION || head.size != size)
		return err_set(err, -EINVAL,
			       "configuration is not of version %d",
			       VM_CONFIG_VERSION);
	memcpy(&len, (char *)to + payload_at, sizeof(len));
	if (len > PROTO_MAX_START || (uint64_t)st.st_size - size != len)
		return err_set(err, -EINVAL,
			       "configuration's payload is not of %u bytes",
			       len);
	data = malloc((size_t)len + 1);
	if (!data)
		return err_code(err, -ENOMEM, "cannot read the configuration");
	if (pread(fd, data, len, (off_t)size) != (ssize_t)len)
		return err_sys(err, "cannot read the configuration");
	data[len] = '\0';
	*payload = take_ptr(&data);
	return 0;
}

static int check_fd(int fd, const char *name, bool optional, struct err *err)
{
	if (fd == -1 && optional)
		return 0;
	if (fd <= STDERR_FILENO || fcntl(fd, F_GETFD) < 0)
		return err_set(err, -EINVAL, "%s is not open", name);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(err, "cannot use %s", name);
	return 0;
}

static int check_values(const struct vm_config *c, struct err *err)
{
	if (c->flags & ~RUN_FLAGS)
		return err_set(err, -EINVAL, "unknown flags 0x%x", c->flags);
	if (!c->vcpus || c->vcpus > ARCH_MAX_VCPUS)
		return err_set(err, -EINVAL, "%u vCPUs: 1 to %d can be had",
			       c->vcpus, ARCH_MAX_VCPUS);
	if (c->net_slots > VM_MAX_NETS)
		return err_set(err, -EINVAL,
			       "%u interfaces: at most %d can be had",
			       c->net_slots, VM_MAX_NETS);
	if (!memchr(c->cmdline, '\0', sizeof(c->cmdline)))
		return err_set(err, -EINVAL, "kernel command line has no end");
	return 0;
}

int config_read(int fd, struct vm_config *c, char **payload, struct err *err)
{
	const struct {
		const char *name;
		const int *fd;
		bool optional;
	} fds[] = {
		{ "kvm_fd", &c->kvm_fd, false },
		{ "kernel_fd", &c->kernel_fd, false },
		{ "initrd_fd", &c->initrd_fd, true },
		{ "proc_fd", &c->proc_fd, false },
		{ "listen_fd", &c->listen_fd, false },
		{ "gate_fd", &c->gate_fd, false },
		{ "exit_fd", &c->exit_fd, false },
		{ "log_fd", &c->log_fd, true },
		{ "image_fd", &c->image_fd, true },
	};
	int rc = read_sealed(fd, c, sizeof(*c),
			     offsetof(struct vm_config, payload_len), payload,
			     err);

	if (!rc)
		rc = check_values(c, err);
	for (size_t i = 0; i < ARRAY_SIZE(fds) && !rc; i++)
		rc = check_fd(*fds[i].fd, fds[i].name, fds[i].optional, err);
	return rc;
}

int attach_read(int fd, struct vm_attach *a, char **payload, struct err *err)
{
	int rc = read_sealed(fd, a, sizeof(*a),
			     offsetof(struct vm_attach, payload_len), payload,
			     err);

	if (!rc && (a->flags & ~VM_TTY))
		rc = err_set(err, -EINVAL, "unknown flags 0x%x", a->flags);
	if (!rc)
		rc = check_fd(a->ctl_fd, "ctl_fd", false, err);
	for (int i = 0; i < 3 && !rc; i++)
		rc = check_fd(a->stream_fd[i], "stream_fd",
			      i > 0 && (a->flags & VM_TTY), err);
	if (!rc)
		rc = check_fd(a->report_fd, "report_fd", false, err);
	return rc;
}
