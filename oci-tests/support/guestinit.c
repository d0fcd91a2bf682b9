// SPDX-License-Identifier: Apache-2.0
/*
 * Init of a guest that looks whether its kernel has what hull needs, a line a
 * check, and ends the guest. With the argument "bench" it says "init", waits
 * for a byte on its console and ends the guest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <net/if.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static int passed, failed;

static void check(const char *what, bool good)
{
	if (good)
		passed++;
	else
		failed++;
	if (!good)
		printf("not ok - %s: %s\n", what, strerror(errno));
	fflush(stdout);
}

/* Does @path hold the word @word? */
static bool has_word(const char *path, const char *word)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n, len = strlen(word);

	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	for (char *p = text; (p = strstr(p, word)); p += len) {
		bool starts = p == text || strchr(" \t\n[", p[-1]);

		if (starts && (!p[len] || strchr(" \t\n]", p[len])))
			return true;
	}
	errno = ENOENT;
	return false;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

/* Does @fn succeed in a child of its own? It returns an errno. */
static bool in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
	return !errno;
}

static void check_filesystems(void)
{
	static const char *const types[] = {
		"virtiofs", "fuse",       "overlay",   "ext4",   "erofs",
		"tmpfs",    "cgroup2",    "devtmpfs",  "mqueue", "proc",
		"sysfs",    "bpf",        "hugetlbfs", "devpts", "binfmt_misc",
		"fuseblk",  "securityfs",
	};
	char what[64];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(what, sizeof(what), "file system %s", types[i]);
		check(what, has_word("/proc/filesystems", types[i]));
	}
}

static void check_drivers(void)
{
	static const char *const drivers[] = {
		"virtio_console",
		"virtio_blk",
		"virtio_net",
		"virtio_balloon",
		"virtio_rng",
		"virtiofs",
		"vmw_vsock_virtio_transport",
	};
	char path[96];
	struct stat st;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/%s",
			 drivers[i]);
		check(path, stat(path, &st) == 0);
	}
	check("virtio-mmio devices on the command line",
	      stat("/sys/devices/virtio-mmio-cmdline", &st) == 0);
	check("no modules", stat("/proc/modules", &st) < 0);
	check("no PCI", stat("/proc/bus/pci", &st) < 0);
	check("no ACPI", stat("/sys/firmware/acpi", &st) < 0);
	check("no RTC", stat("/sys/class/rtc", &st) < 0);
}

static void check_cgroups(void)
{
	static const char *const names[] = {
		"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "misc",
	};
	static const char *const files[] = {
		"cgroup.kill",     "cgroup.freeze",    "cpu.max",
		"cpu.weight",      "cpu.pressure",     "cpuset.cpus.partition",
		"io.max",          "memory.max",       "memory.swap.max",
		"memory.pressure", "memory.oom.group", "pids.max",
	};
	char what[96];
	struct stat st;

	check("mount cgroup2",
	      mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(what, sizeof(what), "+%s", names[i]);
		check(what, put("/sys/fs/cgroup/cgroup.subtree_control", what));
	}
	check("mkdir in cgroup2", mkdir("/sys/fs/cgroup/t", 0755) == 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(what, sizeof(what), "/sys/fs/cgroup/t/%s", files[i]);
		check(what, stat(what, &st) == 0);
	}
}

static int unshare_all(void)
{
	static const int flags[] = {
		CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWUTS,    CLONE_NEWIPC,
		CLONE_NEWPID,  CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWTIME,
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (unshare(flags[i]) < 0)
			return errno;
	return put("/proc/self/timens_offsets", "boottime 100 0\n") ? 0 : errno;
}

static int filter_chdir(void)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_chdir },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOTSUP },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_fprog prog = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog) < 0)
		return errno;
	return chdir("/") < 0 && errno == ENOTSUP ? 0 : EPROTO;
}

static void check_seccomp(void)
{
	static const uint32_t actions[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP,         SECCOMP_RET_ERRNO,
		SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,
		SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW,
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		all = all && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
				     &actions[i]) == 0;
	check("seccomp actions", all);
	check("seccomp filter", in_child(filter_chdir));
}

/* A child in cgroup t whose device program says no opens nothing. */
static int open_in_cgroup(void)
{
	if (!put("/sys/fs/cgroup/t/cgroup.procs", "0"))
		return errno;
	return open("/dev/null", O_RDWR) < 0 && errno == EPERM ? 0 : EPROTO;
}

static void check_bpf(void)
{
	struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)deny,
		.insn_cnt = 2,
		.license = (uintptr_t) "Apache-2.0",
	};
	int cg_fd = open("/sys/fs/cgroup/t", O_RDONLY | O_DIRECTORY);
	int prog_fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	check("bpf cgroup device program", prog_fd >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cg_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	check("bpf attach",
	      syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) == 0);
	check("bpf denies a device", in_child(open_in_cgroup));
	attr.attach_flags = 0;
	check("bpf detach",
	      syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof(attr)) == 0);
	close(prog_fd);
	close(cg_fd);
}

static void check_clone3(void)
{
	int cg_fd = open("/sys/fs/cgroup/t", O_RDONLY | O_DIRECTORY);
	int pidfd = -1, copy;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cg_fd,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	siginfo_t info = { 0 };

	if (!pid)
		_exit(pause());
	check("clone3 into a cgroup", pid > 0 && pidfd >= 0);
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, cg_fd, 0);
	check("pidfd_getfd", copy >= 0);
	check("pidfd_send_signal",
	      syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0);
	check("waitid of a pidfd",
	      waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0 &&
		      info.si_status == SIGKILL);
	close(copy);
	close(pidfd);
	close(cg_fd);
	check("rmdir of a cgroup", rmdir("/sys/fs/cgroup/t") == 0);
}

static int idmap(int tree_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	pid_t pid = fork();
	char path[64], map[] = "0 1000 10\n";
	int rc;

	if (!pid) {
		unshare(CLONE_NEWUSER);
		_exit(kill(getpid(), SIGSTOP) || pause());
	}
	waitpid(pid, NULL, WUNTRACED);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	rc = put(path, map) ? 0 : -1;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	rc = rc || put(path, map) ? rc : -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	attr.userns_fd = (uint64_t)open(path, O_RDONLY);
	rc = rc ? rc
		: (int)syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH,
			       &attr, sizeof(attr));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return rc;
}

static void check_mounts(void)
{
	/* user::rwx, group::r-x, other::r-x with a user of its own and mask */
	static const unsigned char acl[] = {
		2,   0,   0,   0,   1,   0,   7,  0,   255, 255, 255,
		255, 2,   0,   7,   0,   1,   0,  0,   0,   4,   0,
		5,   0,   255, 255, 255, 255, 16, 0,   7,   0,   255,
		255, 255, 255, 32,  0,   5,   0,  255, 255, 255, 255,
	};
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };
	int fs_fd = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int mnt_fd, fd;

	check("fsopen", fs_fd >= 0);
	check("fsconfig", syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE,
				  NULL, NULL, 0) == 0);
	mnt_fd = (int)syscall(SYS_fsmount, fs_fd, 0, 0);
	check("fsmount", mnt_fd >= 0);
	check("id-mapped tmpfs", idmap(mnt_fd) == 0);
	check("move_mount", syscall(SYS_move_mount, mnt_fd, "", AT_FDCWD,
				    "/mnt", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	close(mnt_fd);
	close(fs_fd);
	umount("/mnt");
	check("tmpfs", mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
	mkdir("/mnt/up", 0755);
	mkdir("/mnt/work", 0755);
	mkdir("/mnt/low", 0755);
	mkdir("/mnt/all", 0755);
	check("overlay", mount("none", "/mnt/all", "overlay", 0,
			       "lowerdir=/mnt/low,upperdir=/mnt/up,"
			       "workdir=/mnt/work") == 0);
	check("user xattr on tmpfs",
	      setxattr("/mnt/low", "user.a", "b", 1, 0) == 0);
	check("trusted xattr on tmpfs",
	      setxattr("/mnt/low", "trusted.a", "b", 1, 0) == 0);
	check("ACL on tmpfs", setxattr("/mnt/low", "system.posix_acl_access",
				       acl, sizeof(acl), 0) == 0);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, "/../mnt", &how, sizeof(how));
	check("openat2 in a root", fd >= 0);
	close(fd);
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/mnt",
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	check("open_tree", fd >= 0);
	close(fd);
}

static int swap_pages(void)
{
	void *p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return p == MAP_FAILED && errno == ENOMEM ? 0 : EPROTO;
}

static void check_calls(void)
{
	struct io_uring_params params = { 0 };
	struct landlock_ruleset_attr rules = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE,
	};
	long self = getpid();
	int tty_fd, peer_fd;
	uint32_t x86_pid;

	check("io_uring", syscall(SYS_io_uring_setup, 4, &params) >= 0);
	check("landlock ABI 5", syscall(SYS_landlock_create_ruleset, NULL, 0,
					LANDLOCK_CREATE_RULESET_VERSION) >= 5);
	check("landlock", syscall(SYS_landlock_create_ruleset, &rules,
				  sizeof(rules), 0) >= 0);
	check("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC) >= 0);
	check("memfd", memfd_create("m", MFD_ALLOW_SEALING) >= 0);
	check("memfd_secret",
	      syscall(SYS_memfd_secret, 0) >= 0 || errno == ENOSYS);
	check("fanotify", fanotify_init(FAN_CLASS_CONTENT, O_RDONLY) >= 0);
	check("message queue",
	      mq_open("/q", O_CREAT | O_RDWR, 0600, NULL) >= 0);
	check("shared memory", shmget(IPC_PRIVATE, 4096, 0600) >= 0);
	check("session keyring",
	      syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "t") >= 0);
	check("kcmp", syscall(SYS_kcmp, self, self, 0, 0, 0) == 0);
	check("membarrier", syscall(SYS_membarrier, 0, 0, 0) > 0);
	check("rseq", syscall(SYS_rseq, NULL, 0, 0, 0) < 0 && errno != ENOSYS);
	check("terminal", openpty(&tty_fd, &peer_fd, NULL, NULL, NULL) == 0);
	check("huge pages", in_child(swap_pages));
	/* getpid of the 32-bit calls */
	__asm__ volatile("int $0x80" : "=a"(x86_pid) : "a"(20) : "memory");
	check("32-bit calls", x86_pid == (uint32_t)self);
}

static void check_proc(void)
{
	struct stat st;

	check("huge pages on demand",
	      has_word("/sys/kernel/mm/transparent_hugepage/enabled",
		       "madvise"));
	check("pressure", has_word("/proc/pressure/memory", "full"));
	check("io of a process", stat("/proc/self/io", &st) == 0);
	check("children of a process",
	      stat("/proc/self/task/1/children", &st) == 0);
	check("pagemap", stat("/proc/self/pagemap", &st) == 0);
	check("no bpf without privilege",
	      has_word("/proc/sys/kernel/unprivileged_bpf_disabled", "2"));
	check("landlock is on",
	      has_word("/sys/kernel/security/lsm", "capability,landlock"));
	check("two processors", sysconf(_SC_NPROCESSORS_ONLN) == 2);
}

/* One netlink request, and what the kernel says to it: 0 or -errno. */
static int ask(int family, struct nlmsghdr *msg)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[512];
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
	ssize_t n;

	if (fd < 0)
		return -errno;
	msg->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, msg, msg->nlmsg_len, 0) < 0) {
		n = -errno;
		close(fd);
		return (int)n;
	}
	n = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	if (n < (ssize_t)sizeof(struct nlmsghdr))
		return -EIO;
	return answer.head.nlmsg_type == NLMSG_ERROR ? answer.err.error : 0;
}

struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attrs[256];
};

static struct rtattr *add_attr(struct link_request *req, int type,
			       const void *data, size_t len)
{
	struct rtattr *attr =
		(struct rtattr *)((char *)req +
				  NLMSG_ALIGN(req->head.nlmsg_len));

	attr->rta_type = (unsigned short)type;
	attr->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	req->head.nlmsg_len =
		NLMSG_ALIGN(req->head.nlmsg_len) + RTA_ALIGN(attr->rta_len);
	return attr;
}

static bool add_link(const char *name, const char *kind, uint32_t lower)
{
	struct link_request req = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			  .nlmsg_type = RTM_NEWLINK,
			  .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL },
	};
	struct rtattr *info;
	int rc;

	add_attr(&req, IFLA_IFNAME, name, strlen(name) + 1);
	if (lower)
		add_attr(&req, IFLA_LINK, &lower, sizeof(lower));
	info = add_attr(&req, IFLA_LINKINFO, NULL, 0);
	add_attr(&req, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	info->rta_len = (unsigned short)((char *)&req + req.head.nlmsg_len -
					 (char *)info);
	rc = ask(NETLINK_ROUTE, &req.head);
	errno = -rc;
	return rc == 0;
}

static bool has_nftables(void)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg gen;
	} req = {
		.head = { .nlmsg_len = sizeof(req),
			  .nlmsg_type =
				  NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN },
		.gen = { .nfgen_family = AF_UNSPEC },
	};
	int rc = ask(NETLINK_NETFILTER, &req.head);

	errno = -rc;
	return rc == 0;
}

/* IPT_SO_GET_INFO of table "filter", whose struct is 84 bytes */
static bool has_iptables(int domain, int level)
{
	char info[84] = "filter";
	socklen_t len = sizeof(info);
	int fd = socket(domain, SOCK_RAW, IPPROTO_RAW);
	int rc = getsockopt(fd, level, 64, info, &len);

	close(fd);
	return rc == 0;
}

static void check_net(void)
{
	struct stat st;

	check("vsock", socket(AF_VSOCK, SOCK_STREAM, 0) >= 0);
	check("packet socket", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
	check("IPv6", socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
	check("socket diagnosis",
	      socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) >= 0);
	check("dummy", add_link("d0", "dummy", 0));
	check("veth", add_link("v0", "veth", 0));
	check("bridge", add_link("b0", "bridge", 0));
	check("macvlan", add_link("m0", "macvlan", if_nametoindex("d0")));
	check("tun", stat("/sys/class/misc/tun", &st) == 0);
	check("nftables", has_nftables());
	check("iptables", has_iptables(AF_INET, IPPROTO_IP));
	check("ip6tables", has_iptables(AF_INET6, IPPROTO_IPV6));
	check("connection tracking",
	      stat("/proc/sys/net/netfilter/nf_conntrack_max", &st) == 0);
	check("bridge netfilter",
	      stat("/proc/sys/net/bridge/bridge-nf-call-iptables", &st) == 0);
}

static void mounts(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/mnt", 0755);
	mkdir("/dev", 0755);
	check("proc", mount("none", "/proc", "proc", 0, NULL) == 0);
	check("sysfs", mount("none", "/sys", "sysfs", 0, NULL) == 0);
	check("devtmpfs", mount("none", "/dev", "devtmpfs", 0, NULL) == 0);
	mkdir("/dev/pts", 0755);
	check("devpts", mount("none", "/dev/pts", "devpts", 0, NULL) == 0);
	check("securityfs", mount("none", "/sys/kernel/security", "securityfs",
				  0, NULL) == 0);
}

static void end(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	reboot(RB_AUTOBOOT);
}

int main(int argc, char **argv)
{
	char byte;

	if (argc > 1 && !strcmp(argv[1], "bench")) {
		if (write(STDOUT_FILENO, "init\n", 5) != 5 ||
		    read(STDIN_FILENO, &byte, 1) < 0)
			perror("console");
		end();
	}
	mounts();
	check_filesystems();
	check_drivers();
	check_cgroups();
	check("namespaces", in_child(unshare_all));
	check_seccomp();
	check_bpf();
	check_clone3();
	check_mounts();
	check_calls();
	check_proc();
	check_net();
	printf("kernel: %d passed, %d failed, 0 skipped\n", passed, failed);
	end();
	return 0;
}
