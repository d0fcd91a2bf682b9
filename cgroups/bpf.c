/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "base/sys.h"
#include "cgroups/devices.h"

/* The kernel allows 64 programs per cgroup and attach type. */
#define PROGS_MAX 64

/*
 * Linux 6.17 to 7.1 write members into BPF_PROG_QUERY's answer that the
 * caller's headers may not know, whatever size the caller gave. So the
 * attribute is larger than any kernel's, zeroed (which the kernel demands of
 * bytes it does not know), and its full size is passed.
 */
union bpf_room {
	union bpf_attr attr;
	unsigned char room[512];
};

static int call(int cmd, union bpf_room *a)
{
	int rc = sys_bpf(cmd, a, sizeof(*a));

	return rc < 0 ? -errno : rc;
}

static void room_init(union bpf_room *a)
{
	memset(a, 0, sizeof(*a));
}

static int try_load(const struct bpf_insn *insns, size_t count)
{
	union bpf_room a;

	room_init(&a);
	a.attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.attr.insns = (uintptr_t)insns;
	a.attr.insn_cnt = (uint32_t)count;
	a.attr.license = (uintptr_t) "Apache-2.0";
	memcpy(a.attr.prog_name, CG_BPF_NAME, sizeof(CG_BPF_NAME));
	return call(BPF_PROG_LOAD, &a);
}

int cg_bpf_load(const struct bpf_insn *insns, size_t count)
{
	struct rlimit old, unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = try_load(insns, count);

	/* before Linux 5.11 programs count against RLIMIT_MEMLOCK */
	if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &old) < 0 ||
	    setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
		return fd;
	fd = try_load(insns, count);
	(void)setrlimit(RLIMIT_MEMLOCK, &old);
	return fd;
}

static int attach(int cg_fd, int prog_fd, int old_fd)
{
	union bpf_room a;

	room_init(&a);
	a.attr.target_fd = (uint32_t)cg_fd;
	a.attr.attach_bpf_fd = (uint32_t)prog_fd;
	a.attr.attach_type = BPF_CGROUP_DEVICE;
	a.attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old_fd >= 0) {
		a.attr.attach_flags |= BPF_F_REPLACE;
		a.attr.replace_bpf_fd = (uint32_t)old_fd;
	}
	return call(BPF_PROG_ATTACH, &a);
}

static int detach(int cg_fd, int prog_fd)
{
	union bpf_room a;

	room_init(&a);
	a.attr.target_fd = (uint32_t)cg_fd;
	a.attr.attach_bpf_fd = (uint32_t)prog_fd;
	a.attr.attach_type = BPF_CGROUP_DEVICE;
	return call(BPF_PROG_DETACH, &a);
}

static int query(int cg_fd, uint32_t ids[PROGS_MAX])
{
	union bpf_room a;
	int rc;

	room_init(&a);
	a.attr.query.target_fd = (uint32_t)cg_fd;
	a.attr.query.attach_type = BPF_CGROUP_DEVICE;
	a.attr.query.prog_ids = (uintptr_t)ids;
	a.attr.query.prog_cnt = PROGS_MAX;
	rc = call(BPF_PROG_QUERY, &a);
	if (rc < 0)
		return rc;
	return a.attr.query.prog_cnt > PROGS_MAX ? PROGS_MAX
						 : (int)a.attr.query.prog_cnt;
}

/* Return: descriptor when it is a program of hull's, -ENOENT when it is not
 * (or an LSM hides it), or -errno. */
static int open_ours(uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	auto_fd int fd = -1;
	union bpf_room a;
	int rc;

	room_init(&a);
	a.attr.prog_id = id;
	fd = call(BPF_PROG_GET_FD_BY_ID, &a);
	if (fd < 0)
		return -ENOENT;
	room_init(&a);
	a.attr.info.bpf_fd = (uint32_t)fd;
	a.attr.info.info_len = sizeof(info);
	a.attr.info.info = (uintptr_t)&info;
	rc = call(BPF_OBJ_GET_INFO_BY_FD, &a);
	if (rc < 0)
		return rc;
	if (strncmp(info.name, CG_BPF_NAME, sizeof(info.name)))
		return -ENOENT;
	return take_fd(&fd);
}

/* Descriptors of hull's programs on a cgroup; their number or -errno. */
static int find_ours(int cg_fd, int fds[PROGS_MAX])
{
	uint32_t ids[PROGS_MAX] = { 0 };
	int count = query(cg_fd, ids), n = 0;

	for (int i = 0; i < count; i++) {
		int fd = open_ours(ids[i]);

		if (fd >= 0)
			fds[n++] = fd;
	}
	return count < 0 ? count : n;
}

static void close_all(int *fds, int count)
{
	for (int i = 0; i < count; i++)
		auto_close_fd(&fds[i]);
}

int cg_bpf_ours(int cg_fd)
{
	int fds[PROGS_MAX];
	int count = find_ours(cg_fd, fds);

	close_all(fds, count);
	return count;
}

/* Attach first, then detach: in between both must agree, which is safe. */
static int swap_in(int cg_fd, int prog_fd, const int *old, int count)
{
	int rc = -EINVAL;

	if (count == 1) /* in one step since Linux 5.6 */
		rc = attach(cg_fd, prog_fd, old[0]);
	if (!rc)
		return 0;
	rc = attach(cg_fd, prog_fd, -1);
	for (int i = 0; !rc && i < count; i++) {
		rc = detach(cg_fd, old[i]);
		if (rc < 0 && i == 0)
			(void)detach(cg_fd, prog_fd);
	}
	return rc;
}

int cg_bpf_replace(int cg_fd, int prog_fd)
{
	int old[PROGS_MAX];
	int count = find_ours(cg_fd, old);
	int rc;

	if (count < 0)
		return count;
	rc = swap_in(cg_fd, prog_fd, old, count);
	close_all(old, count);
	return rc;
}
