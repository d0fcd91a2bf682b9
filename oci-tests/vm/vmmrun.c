/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmmrun - run a workload under hull-vmm without hull: plays the part of
 * create and start.
 *
 *   vmmrun HULL-VMM KERNEL INITRD ROOTFS CONFIG.JSON
 *          [MIB [VCPUS [HEX-FLAGS [PARAMETER [IMAGE [TAP]]]]]]
 *
 * IMAGE is a disk, TAP an interface that is there and becomes the guest's eth0,
 * with TAP_ADDRESS; an IMAGE "-" is none. Its stdio is the workload's.
 * Afterwards the exit record is told on standard error, and the exit status is
 * that of hull-vmm.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/report.h"
#include "microvm/virtio/devices.h"
#include "microvm/vmm.h"

#define TAP_ADDRESS "10.83.0.2"
#define TAP_PREFIX 30

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static int need(int fd, const char *what)
{
	if (fd < 0)
		die(what);
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 64))
		die(path);
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(path);
	return fd;
}

static int sealed(const struct vm_config *c, const char *payload)
{
	int fd = need(memfd_create("config", MFD_ALLOW_SEALING), "memfd");

	if (io_write_full(fd, c, sizeof(*c)) ||
	    io_write_full(fd, payload, c->payload_len) ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		die("config");
	return fd;
}

/* In its own mount and pid namespace, on the rootfs. Does not return. */
static void child(const char *vmm, const char *root, int config_fd)
{
	char number[16];
	int exe = need(open(vmm, O_PATH | O_CLOEXEC), vmm);
	char name[] = "hull-vmm", verb[] = "run";
	char *argv[] = { name, verb, number, NULL };
	char *env[] = { NULL };

	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) || chdir(root) ||
	    syscall(155 /* pivot_root */, ".", ".") || umount2(".", MNT_DETACH))
		die(root);
	snprintf(number, sizeof(number), "%d", config_fd);
	syscall(322 /* execveat */, exe, "", argv, env, AT_EMPTY_PATH);
	die(vmm);
}

/* As hull-net opens it: whole frames, no offloads. */
static int open_tap(const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = NET_HDR_BYTES;
	int fd = need(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
		      "/dev/net/tun");

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &req) || ioctl(fd, TUNSETVNETHDRSZ, &header) ||
	    ioctl(fd, TUNSETOFFLOAD, 0))
		die(name);
	return fd;
}

/* Open the gate, for a guest with interface @tap, NULL: without one. */
static int say_go(int conn, const char *tap)
{
	struct {
		struct vm_go go;
		char json[256];
	} msg = { .go = { .magic = VM_CONFIG_MAGIC,
			  .net_count = 1,
			  .net = { { .mac = { 2, 0, 0, 0, 0, 1 },
				     .mtu = 1500 } } } };
	int fd;

	if (!tap)
		return report_go(conn, NULL, 0, NULL, 0);
	fd = open_tap(tap);
	msg.go.json_len = (uint32_t)snprintf(
		msg.json, sizeof(msg.json),
		"[{\"slot\":%d,\"mac\":\"02:00:00:00:00:01\",\"name\":\"eth0\","
		"\"addresses\":[{\"address\":\"%s\",\"prefix\":%d}]}]",
		VM_NET_SLOT(1, 0), TAP_ADDRESS, TAP_PREFIX);
	return report_go(conn, &msg, sizeof(msg.go) + msg.go.json_len, &fd, 1);
}

static void tell(int exit_fd)
{
	struct vm_exit end;

	if (pread(exit_fd, &end, sizeof(end), 0) != sizeof(end)) {
		fprintf(stderr, "vmmrun: no exit record\n");
		return;
	}
	fprintf(stderr,
		"vmmrun: status 0x%x known %d oom %d reason '%s' exits: pio "
		"%llu mmio %llu other %llu, %llu until it ran\n",
		end.status, end.status_known, end.oom, end.reason,
		(unsigned long long)end.exits_pio,
		(unsigned long long)end.exits_mmio,
		(unsigned long long)end.exits_other,
		(unsigned long long)end.exits_to_started);
}

/* The last three of the command line. */
static void take_options(int argc, char **argv, struct vm_config *c,
			 const char **tap)
{
	if (argc > 9)
		snprintf(c->cmdline, sizeof(c->cmdline), "%s", argv[9]);
	if (argc > 10 && strcmp(argv[10], "-"))
		c->image_fd = need(open(argv[10], O_RDWR), argv[10]);
	if (argc > 11)
		*tap = argv[11];
	c->net_slots = *tap != NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static struct vm_config c = { .magic = VM_CONFIG_MAGIC,
				      .version = VM_CONFIG_VERSION,
				      .size = sizeof(c),
				      .image_fd = -1,
				      .log_fd = -1,
				      .log_level = 3 };
	char gate[64], sock[64], *payload, *config;
	const char *tap = NULL;
	struct err err = { 0 };
	double begin = now();
	size_t len;
	int config_fd, conn, status;
	pid_t pid;

	if (argc < 6)
		return 125;
	if (io_load(need(open(argv[5], O_RDONLY), argv[5]), 1 << 20, &config,
		    &len))
		die(argv[5]);
	len = (size_t)need(asprintf(&payload, "\"config\":%s", config),
			   "memory");
	snprintf(gate, sizeof(gate), "/tmp/vmmrun-%d.gate", getpid());
	snprintf(sock, sizeof(sock), "/tmp/vmmrun-%d.sock", getpid());
	c.payload_len = (uint32_t)len;
	c.memory_bytes = (argc > 6 ? strtoull(argv[6], NULL, 10) : 128) << 20;
	c.vcpus = argc > 7 ? (uint32_t)atoi(argv[7]) : 1;
	c.flags = argc > 8 ? (uint32_t)strtoul(argv[8], NULL, 16) : 0;
	take_options(argc, argv, &c, &tap);
	c.uid = c.gid = getuid() ? getuid() : 65534;
	c.kvm_fd = need(open("/dev/kvm", O_RDWR), "/dev/kvm");
	c.kernel_fd = need(open(argv[2], O_RDONLY), argv[2]);
	c.initrd_fd = need(open(argv[3], O_RDONLY), argv[3]);
	c.exit_fd = need(memfd_create("exit", 0), "exit");
	c.log_fd = need(dup(STDERR_FILENO), "log");
	c.listen_fd = listen_at(sock);
	c.gate_fd = listen_at(gate);
	if (unshare(CLONE_NEWPID))
		die("unshare");
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("proc", "/proc", "proc", 0, NULL))
			die("namespaces");
		c.proc_fd = need(open("/proc", O_PATH), "/proc");
		config_fd = sealed(&c, payload);
		child(argv[1], argv[4], config_fd);
	}
	close(c.gate_fd);
	close(c.listen_fd);
	conn = connect_to(gate);
	if (say_go(conn, tap) || report_read(conn, &err))
		fprintf(stderr, "vmmrun: %s\n", err.msg);
	else
		fprintf(stderr, "vmmrun: started after %.3f s\n",
			now() - begin);
	waitpid(pid, &status, 0);
	fprintf(stderr, "vmmrun: wait status 0x%x after %.3f s\n", status,
		now() - begin);
	tell(c.exit_fd);
	unlink(gate);
	unlink(sock);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
