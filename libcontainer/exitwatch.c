/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/exitwatch.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/proc.h"
#include "base/sys.h"

#define PROBE_STATUS 42
#define TELL_MS 1000
#define QUIET_MS 50
/* enum proc_event of linux/cn_proc.h: named "what" inside the structure, and
 * moved out of it in Linux 6.6 */
#define EVENT_EXIT 0x80000000u

/* Where the members stand in a message. struct cn_msg ends in an array, so no
 * C structure can hold both. */
#define AT_CN sizeof(struct nlmsghdr)
#define AT_EVENT (AT_CN + sizeof(struct cn_msg))
#define AT_WHAT (AT_EVENT + offsetof(struct proc_event, what))
#define AT_EXIT (AT_EVENT + offsetof(struct proc_event, event_data))
#define AT_PID (AT_EXIT + offsetof(struct exit_proc_event, process_pid))
#define AT_TGID (AT_EXIT + offsetof(struct exit_proc_event, process_tgid))
#define AT_CODE (AT_EXIT + offsetof(struct exit_proc_event, exit_code))

static pid_t start_probe(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(PROBE_STATUS);
	return pid;
}

bool exitwatch_needed(void)
{
	pid_t pid = start_probe();
	auto_fd int pidfd = -1;
	int status = 0;

	if (pid < 0)
		return true;
	pidfd = sys_pidfd_open(pid, 0);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return pidfd < 0 || proc_exit_status(pidfd, &status) < 0 ||
	       !WIFEXITED(status) || WEXITSTATUS(status) != PROBE_STATUS;
}

/*
 * Only this process's end gets into the socket's buffer: on a busy machine all
 * the others would fill it. The loads convert to host order, so the constants
 * are swapped.
 */
static int set_filter(int fd, pid_t pid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_WHAT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(EVENT_EXIT), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_TGID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)pid), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {
		.len = ARRAY_SIZE(code),
		.filter = code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)) < 0
		       ? -errno
		       : 0;
}

static int subscribe(int fd)
{
	const uint32_t op = PROC_CN_MCAST_LISTEN;
	struct {
		struct nlmsghdr head;
		char rest[sizeof(struct cn_msg) + sizeof(op)];
	} msg = {
		.head = { .nlmsg_len = sizeof(msg), .nlmsg_type = NLMSG_DONE },
	};
	const struct cn_msg cn = {
		.id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
		.len = sizeof(op),
	};

	memcpy(msg.rest, &cn, sizeof(cn));
	memcpy(msg.rest + sizeof(cn), &op, sizeof(op));
	return send(fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int exitwatch_open(pid_t pid)
{
	const struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = CN_IDX_PROC,
	};
	auto_fd int fd = -1;
	int ret;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    NETLINK_CONNECTOR);
	if (fd < 0)
		return -errno;
	ret = set_filter(fd, pid);
	if (!ret && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		ret = -errno;
	if (!ret)
		ret = subscribe(fd);
	return ret ? ret : take_fd(&fd);
}

/* Only the kernel (port 0) is believed. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n;

	do
		n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return from.nl_pid ? 0 : n;
}

/**
 * struct end - what has been told of a process's end.
 * @leader: its first thread's end was among it
 */
struct end {
	bool found;
	bool leader;
	int status;
};

static int read_one(int fd, pid_t pid, struct end *end)
{
	_Alignas(struct nlmsghdr) char buf[512];
	uint32_t what, thread, group, code;
	ssize_t n = receive(fd, buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	if ((size_t)n < AT_CODE + sizeof(code))
		return 0;
	memcpy(&what, buf + AT_WHAT, sizeof(what));
	memcpy(&thread, buf + AT_PID, sizeof(thread));
	memcpy(&group, buf + AT_TGID, sizeof(group));
	memcpy(&code, buf + AT_CODE, sizeof(code));
	if (what != EVENT_EXIT || group != (uint32_t)pid)
		return 0;
	end->found = true;
	end->leader |= thread == group;
	end->status = (int)code;
	return 0;
}

/*
 * Each thread tells its end. With exit_group(2) all have the same code, so the
 * last one counts; threads that left earlier may have had another.
 */
int exitwatch_read(int fd, pid_t pid, int *wait_status)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct end end = { 0 };

	for (;;) {
		int n = poll(&pfd, 1, end.leader ? QUIET_MS : TELL_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || read_one(fd, pid, &end) < 0)
			break;
	}
	if (!end.found)
		return -EAGAIN;
	*wait_status = end.status;
	return 0;
}
