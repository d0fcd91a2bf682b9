/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fakevmm - stands in for hull-vmm in tests of hull itself: reads what hull
 * tells, waits at the gate, answers as an agent would, without any KVM. What it
 * plays is a word in the arguments of the container's process:
 *   fake:exit=N      ends with N
 *   fake:wait        until a signal comes, which it ends by
 *   fake:fail        reports that the workload cannot start
 *   fake:panic       as if the guest had crashed
 *   fake:facts       prints what it was given, one NAME=VALUE a line
 *   fake:cat         copies standard input to standard output
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/report.h"
#include "microvm/proto/proto.h"
#include "microvm/vmm.h"

#define PROCFS 0x9fa0

static struct vm_config config;
static char *payload;

static void die(const char *what)
{
	fprintf(stderr, "fakevmm: %s: %s\n", what, strerror(errno));
	exit(VMM_EXIT_SETUP);
}

static void read_all(int fd, void *buf, size_t len)
{
	if (read(fd, buf, len) != (ssize_t)len)
		die("short configuration");
}

static char *read_payload(int fd, size_t len)
{
	char *text = calloc(1, len + 1);

	if (!text)
		die("memory");
	read_all(fd, text, len);
	return text;
}

static const char *play(const char *text)
{
	const char *word = strstr(text, "fake:");

	return word ? word + strlen("fake:") : "exit=0";
}

static int is(const char *text, const char *word)
{
	return !strncmp(play(text), word, strlen(word));
}

/* ---- what hull has given */

static void check(int ok, const char *what)
{
	if (!ok) {
		errno = EINVAL;
		die(what);
	}
}

static void check_fds(int config_fd)
{
	struct statfs fs;
	struct stat st;
	int on = 0;
	socklen_t len = sizeof(on);

	check(fcntl(config_fd, F_GET_SEALS) > 0, "the configuration is sealed");
	check(!fstat(config.kvm_fd, &st) && S_ISCHR(st.st_mode) &&
		      st.st_rdev == makedev(10, 232),
	      "kvm_fd");
	check(!fstat(config.kernel_fd, &st) && S_ISREG(st.st_mode), "kernel");
	check(!fstat(config.initrd_fd, &st) && S_ISREG(st.st_mode), "initrd");
	check(!fstatfs(config.proc_fd, &fs) && fs.f_type == PROCFS, "proc_fd");
	check(!getsockopt(config.listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &on,
			  &len) &&
		      on,
	      "listen_fd");
	check(!getsockopt(config.gate_fd, SOL_SOCKET, SO_ACCEPTCONN, &on,
			  &len) &&
		      on,
	      "gate_fd");
	check((fcntl(config.exit_fd, F_GETFL) & O_ACCMODE) == O_WRONLY,
	      "exit_fd");
	check(config.image_fd < 0 || !fstat(config.image_fd, &st), "image_fd");
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Writing through /proc/self/fd must not lead to the host's files. */
static int is_writable(int fd)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "%d", fd);
	again = openat(config.proc_fd, "self/fd", O_PATH | O_DIRECTORY);
	if (again < 0)
		die("self/fd");
	again = openat(again, path, O_WRONLY);
	return again >= 0;
}

static void print_filter(void)
{
	static const char key[] = "\"seccompFilter\":";
	const char *s = strstr(payload, key);

	s = s ? s + strlen(key) : "";
	printf("filter=%.*s\n", (int)strcspn(s, ",}"), s);
}

/* Where the guest is told to mount. */
static void print_destinations(void)
{
	static const char key[] = "\"destination\":";

	for (const char *s = payload; (s = strstr(s, key));) {
		s += strlen(key);
		s += strspn(s, " ");
		printf("destination=%.*s\n", (int)strcspn(s, ",}\n"), s);
	}
}

static void print_facts(const struct vm_go *go, const int *taps)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	printf("memory=%llu\nvcpus=%u\nuid=%u\ngid=%u\ncmdline=%s\n",
	       (unsigned long long)config.memory_bytes, config.vcpus,
	       config.uid, config.gid, config.cmdline);
	printf("euid=%d\npid=%d\nnnp=%d\nseccomp=%d\ntty=%d\nfds=%d\n",
	       (int)geteuid(), (int)getpid(),
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_SECCOMP, 0, 0, 0, 0), !!(config.flags & VM_TTY),
	       count_fds());
	printf("kernel-writable=%d\nimage=%d\nproc=%d\ndev-null=%d\n",
	       is_writable(config.kernel_fd), config.image_fd >= 0,
	       !access("/proc/self", F_OK), !access("/dev/null", F_OK));
	printf("sysadmin=%d\nfiles-raised=%d\nnets=%u\nnetwork=%.*s\n",
	       prctl(PR_CAPBSET_READ, 21, 0, 0, 0),
	       files.rlim_cur == files.rlim_max, go->net_count,
	       (int)go->json_len, (const char *)(go + 1));
	print_filter();
	print_destinations();
	for (unsigned int i = 0; i < go->net_count; i++)
		printf("net%u=%02x:%02x:%02x:%02x:%02x:%02x,%u,%d\n", i,
		       go->net[i].mac[0], go->net[i].mac[1], go->net[i].mac[2],
		       go->net[i].mac[3], go->net[i].mac[4], go->net[i].mac[5],
		       go->net[i].mtu, taps[i] >= 0);
	fflush(stdout);
}

static void write_exit(int status, int known, const char *reason)
{
	struct vm_exit e = {
		.magic = VM_CONFIG_MAGIC,
		.size = sizeof(e),
		.status = status,
		.status_known = (uint8_t)known,
	};

	snprintf(e.reason, sizeof(e.reason), "%s", reason);
	if (write(config.exit_fd, &e, sizeof(e)) != sizeof(e))
		die("vm.exit");
}

/* ---- the agent */

static void reply(int fd, int code, const char *text)
{
	struct proto_reply r = { .code = code };

	proto_send(fd, PROTO_REPLY, &r, sizeof(r), text, strlen(text));
}

static void serve_exec(int fd, const struct proto_msg *msg)
{
	const char *json = msg->data + sizeof(struct proto_start);
	struct proto_exited end = { .status = 7 << 8 };
	struct err err = { 0 };

	if (is(json, "fail")) {
		err_set(&err, -ENOENT, "no such program in the guest");
		proto_send_err(fd, &err);
		return;
	}
	proto_send(fd, PROTO_STARTED, NULL, 0, NULL, 0);
	proto_send(fd, PROTO_EXITED, &end, sizeof(end), NULL, 0);
}

static void serve(int fd)
{
	struct proto_msg msg = { 0 };

	if (proto_recv(fd, 10000, &msg) <= 0)
		return;
	switch (msg.type) {
	case PROTO_PS:
		reply(fd, 0,
		      "[{\"pid\":1,\"uid\":5,\"state\":\"S\","
		      "\"comm\":\"guest\",\"args\":[\"a\",\"b\\u001b\"]},"
		      "{\"pid\":7,\"comm\":\"kid\"}]");
		break;
	case PROTO_STATS:
		reply(fd, 0, "{\"memory\":{\"usage\":42}}");
		break;
	case PROTO_UPDATE:
		if (strstr(msg.data, "4242"))
			reply(fd, -EINVAL, "4242 is not liked\033[2J");
		else
			reply(fd, 0, "");
		break;
	case PROTO_EXEC:
		serve_exec(fd, &msg);
		break;
	}
}

static void accept_one(void)
{
	int fd = accept4(config.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0 && fork() == 0) {
		serve(fd);
		_exit(0);
	}
	close(fd);
}

static int take_signal(int signals_fd)
{
	struct signalfd_siginfo info;

	if (read(signals_fd, &info, sizeof(info)) != sizeof(info))
		die("signalfd");
	return (int)info.ssi_signo;
}

/* Until a signal; SIGCHLD is the fake's own. */
static int idle(int signals_fd)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd, .events = POLLIN },
		{ .fd = config.listen_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			return take_signal(signals_fd);
		if (fds[1].revents)
			accept_one();
	}
}

/* ---- from the gate to the end */

static int wait_at_gate(int signals_fd, char **go, int *taps)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd, .events = POLLIN },
		{ .fd = config.gate_fd, .events = POLLIN },
	};
	struct err err = { 0 };
	size_t len = 0;
	int conn;

	while (poll(fds, 2, -1) < 0)
		;
	if (fds[0].revents)
		exit(128 + take_signal(signals_fd));
	conn = report_wait_go(config.gate_fd, go, &len, taps, VM_MAX_NETS,
			      &err);
	check(conn >= 0 && len >= sizeof(struct vm_go), "go");
	close(config.gate_fd);
	return conn;
}

static int run(int config_fd)
{
	int taps[VM_MAX_NETS], signals_fd, conn, sig;
	struct err err = { 0 };
	char *go = NULL;
	sigset_t all;
	char buf[4096];
	ssize_t n;

	read_all(config_fd, &config, sizeof(config));
	check(config.magic == VM_CONFIG_MAGIC && config.size == sizeof(config),
	      "configuration");
	payload = read_payload(config_fd, config.payload_len);
	check_fds(config_fd);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	sigdelset(&all, SIGCHLD);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signals_fd = signalfd(-1, &all, SFD_CLOEXEC);
	conn = wait_at_gate(signals_fd, &go, taps);
	if (is(payload, "fail")) {
		err_set(&err, -ENOENT, "exec: \"x\": the guest has none");
		report_send(conn, &err);
		exit(1);
	}
	if (is(payload, "facts"))
		print_facts((struct vm_go *)(void *)go, taps);
	close(conn);
	if (is(payload, "panic")) {
		write_exit(0, 0, "guest kernel \033panic");
		exit(VMM_EXIT_GUEST);
	}
	while (is(payload, "cat") && (n = read(0, buf, sizeof(buf))) > 0)
		if (write(1, buf, (size_t)n) != n)
			die("write");
	if (!is(payload, "wait")) {
		sig = is(payload, "exit=") ? atoi(play(payload) + 5) : 0;
		write_exit(sig << 8, 1, "");
		exit(sig);
	}
	sig = idle(signals_fd);
	write_exit(sig, 1, "");
	exit(128 + sig);
}

static int attach(int config_fd)
{
	struct proto_start start = { 0 };
	struct proto_msg msg = { 0 };
	struct err err = { 0 };
	struct vm_attach a;

	read_all(config_fd, &a, sizeof(a));
	check(a.magic == VM_CONFIG_MAGIC && a.size == sizeof(a), "attach");
	payload = read_payload(config_fd, a.payload_len);
	check(a.stream_fd[0] >= 0 &&
		      (a.flags & VM_TTY ||
		       (a.stream_fd[1] >= 0 && a.stream_fd[2] >= 0)),
	      "streams");
	start.tty = !!(a.flags & VM_TTY);
	if (proto_send(a.ctl_fd, PROTO_EXEC, &start, sizeof(start), payload,
		       a.payload_len) ||
	    proto_recv(a.ctl_fd, 10000, &msg) <= 0)
		die("no answer");
	if (msg.type == PROTO_ERROR) {
		proto_get_err(&msg, &err);
		report_send(a.report_fd, &err);
		return 1;
	}
	printf("%s\ntty=%d\neuid=%d\nfds=%d\n", payload, isatty(0),
	       (int)geteuid(), count_fds());
	fflush(stdout);
	close(a.report_fd);
	if (proto_recv(a.ctl_fd, 10000, &msg) <= 0 || msg.type != PROTO_EXITED)
		die("no end");
	return ((struct proto_exited *)(void *)msg.data)->status >> 8;
}

int main(int argc, char *argv[])
{
	if (argc != 3)
		return 2;
	if (environ[0]) {
		fprintf(stderr, "fakevmm: has an environment\n");
		return VMM_EXIT_SETUP;
	}
	if (!strcmp(argv[1], "run"))
		return run(atoi(argv[2]));
	return attach(atoi(argv[2]));
}
