// SPDX-License-Identifier: Apache-2.0
/*
 * iobench fs DIR | disk DEVICE | net: what a guest gets of its files, its disk
 * or its network in a second, one line of figures (bench/vm-io says which). A
 * first word "guest" makes it the guest's init: it mounts the virtio-fs
 * "hullroot" on DIR (and says its figures there, in the file "said"), or the
 * devices, or brings up eth0, and ends the guest. `iobench peer` is the other
 * end of the network, outside of it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (1 << 20)
#define FILE_BLOCKS 8 /* of the file and the disk */
#define SMALL 4096
#define FILES 40    /* of one round */
#define SLICE_S 2.0 /* for one figure */
#define NAMES_S 8.0 /* for the five of the operations on names */
#define PORT 8383
#define PEER_ADDRESS "10.83.0.1"
#define GUEST_ADDRESS "10.83.0.2"
#define GUEST_MASK "255.255.255.252"

static _Alignas(4096) char block[BLOCK];
static int is_init;

static void end(int code)
{
	fflush(stdout);
	if (is_init) {
		tcdrain(STDOUT_FILENO);
		sleep(1); /* for the console to be read */
		reboot(RB_AUTOBOOT);
	}
	exit(code);
}

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("iobench: %s: %s\n", what, strerror(errno));
	end(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Somewhere in the file, in whole pages. */
static off_t next_page(void)
{
	static unsigned int at = 1;

	at = at * 1103515245U + 12345;
	return (off_t)(at >> 8) % (FILE_BLOCKS * BLOCK / SMALL) * SMALL;
}

/* ---- a file, or a disk */

typedef ssize_t move_fn(int fd, off_t at, size_t len);

static ssize_t put(int fd, off_t at, size_t len)
{
	return pwrite(fd, block, len, at);
}

static ssize_t get(int fd, off_t at, size_t len)
{
	return pread(fd, block, len, at);
}

/*
 * From the beginning to the end and again: MiB/s. What this kernel has of the
 * file is dropped before each round, so that it comes from the other side.
 */
static double in_sequence(int fd, move_fn *move, const char *what)
{
	double spent = 0;
	int blocks = 0;

	while (spent < SLICE_S) {
		double begun;

		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		begun = now();
		for (off_t i = 0; i < FILE_BLOCKS; i++, blocks++)
			for (off_t done = 0; done < BLOCK;) {
				ssize_t n = move(fd, i * BLOCK + done,
						 (size_t)(BLOCK - done));

				need(n > 0, what);
				done += n;
			}
		spent += now() - begun;
	}
	return blocks / spent;
}

/* Pages here and there, one after the other: a second's. */
static double in_pages(int fd, move_fn *move, const char *what)
{
	const double begun = now();
	int pages = 0;

	while (now() - begun < SLICE_S)
		for (int i = 0; i < 16; i++, pages++)
			need(move(fd, next_page(), SMALL) == SMALL, what);
	return pages / (now() - begun);
}

static void disk(const char *device)
{
	int fd = open(device, O_RDWR | O_DIRECT);
	double w, r;

	need(fd >= 0, device);
	in_pages(fd, get, "first reads");
	w = in_sequence(fd, put, "write");
	r = in_sequence(fd, get, "read");
	printf("io disk %.1f %.1f %.0f ", w, r, in_pages(fd, put, "write"));
	printf("%.0f\n", in_pages(fd, get, "read"));
}

/* ---- names */

enum kind { CREATE, STAT, LIST, OPEN, UNLINK, KINDS };

static void create(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	need(fd >= 0 && write(fd, block, 100) == 100 && !close(fd), name);
}

/* As the other side has it now. */
static void stat_one(const char *name)
{
	struct statx stx;

	need(!statx(AT_FDCWD, name, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS,
		    &stx) &&
		     stx.stx_size == 100,
	     name);
}

static void open_one(const char *name)
{
	int fd = open(name, O_RDONLY);

	need(fd >= 0 && read(fd, block, SMALL) == 100 && !close(fd), name);
}

static void unlink_one(const char *name)
{
	need(!unlink(name), name);
}

static void list(void)
{
	DIR *d = opendir(".");
	struct dirent *ent;
	int seen = 0;

	need(d != NULL, "opendir");
	while ((ent = readdir(d)))
		seen += ent->d_name[0] == 'f';
	closedir(d);
	need(seen == FILES, "readdir");
}

static void for_each(void (*call)(const char *name))
{
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		call(name);
	}
}

/* One round of all kinds, on a directory that nobody has seen. */
static void names_round(const char *dir, double *spent)
{
	static void (*const calls[KINDS])(const char *) = {
		[CREATE] = create,
		[STAT] = stat_one,
		[OPEN] = open_one,
		[UNLINK] = unlink_one,
	};

	need(!mkdir(dir, 0700) && !chdir(dir), dir);
	for (int kind = 0; kind < KINDS; kind++) {
		const double begun = now();

		if (kind == LIST)
			list();
		else
			for_each(calls[kind]);
		spent[kind] += now() - begun;
	}
	need(!chdir("/") && !rmdir(dir), dir);
}

/* Files a second, of each kind. */
static void names(const char *dir)
{
	const double begun = now();
	double spent[KINDS] = { 0 };
	char sub[256];
	int rounds = 0;

	for (; now() - begun < NAMES_S; rounds++) {
		snprintf(sub, sizeof(sub), "%s/iobench.%d", dir, rounds);
		names_round(sub, spent);
	}
	for (int kind = 0; kind < KINDS; kind++)
		printf(" %.0f", rounds * FILES / spent[kind]);
}

static void files(const char *dir)
{
	char path[256];
	double w, r;
	int fd;

	snprintf(path, sizeof(path), "%s/iobench.data", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	need(fd >= 0, path);
	in_sequence(fd, put, "first writes");
	w = in_sequence(fd, put, "write");
	r = in_sequence(fd, get, "read");
	close(fd);
	unlink(path);
	printf("io fs %.1f %.1f", w, r);
	names(dir);
	printf("\n");
}

/* ---- the network: the guest asks, by a letter; the peer does */

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(PORT) };

	addr.sin_addr.s_addr = inet_addr(text);
	return addr;
}

static int ask(char what)
{
	const struct sockaddr_in addr = address_of(PEER_ADDRESS);
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	for (int i = 0; i < 50; i++) {
		if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
			break;
		need(i < 49, "connecting to the peer");
		usleep(200000);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	need(write(fd, &what, 1) == 1, "asking the peer");
	return fd;
}

/* MiB/s, until the last byte has come to the peer. */
static double send_all(void)
{
	int fd = ask('s');
	const double begun = now();
	double bytes = 0;
	char byte;

	while (now() - begun < SLICE_S) {
		ssize_t n = write(fd, block, 65536);

		need(n > 0, "send");
		bytes += (double)n;
	}
	shutdown(fd, SHUT_WR);
	need(read(fd, &byte, 1) == 1, "the peer's answer");
	close(fd);
	return bytes / BLOCK / (now() - begun);
}

static double receive_all(void)
{
	int fd = ask('r');
	const double begun = now();
	double bytes = 0;

	while (now() - begun < SLICE_S) {
		ssize_t n = read(fd, block, 65536);

		need(n > 0, "receive");
		bytes += (double)n;
	}
	close(fd);
	return bytes / BLOCK / (now() - begun);
}

/* Of one byte, there and back: a second's. */
static double round_trips(void)
{
	int fd = ask('e');
	const double begun = now();
	int trips = 0;
	char byte = 'x';

	for (; now() - begun < SLICE_S; trips++)
		need(write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1,
		     "echo");
	close(fd);
	return trips / (now() - begun);
}

static void network(const char *unused)
{
	double s, r;

	(void)unused;
	round_trips(); /* addresses are found, windows are open */
	s = send_all();
	r = receive_all();
	printf("io net %.1f %.1f %.0f\n", s, r, round_trips());
}

static void serve(int fd)
{
	const int one = 1;
	char what;
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (read(fd, &what, 1) != 1)
		return;
	if (what == 'r')
		while (write(fd, block, 65536) > 0)
			;
	else
		while ((n = read(fd, block, 65536)) > 0)
			if (what == 'e' && write(fd, block, (size_t)n) != n)
				return;
	if (what == 's' && write(fd, "", 1) != 1)
		perror("iobench: answer");
}

static void peer(void)
{
	const struct sockaddr_in addr = address_of("0.0.0.0");
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	need(!bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) &&
		     !listen(fd, 8),
	     "listen");
	for (;;) {
		int conn = accept(fd, NULL, NULL);

		if (!fork()) {
			serve(conn);
			_exit(0);
		}
		close(conn);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* ---- the guest's init */

static void bring_up_eth0(void)
{
	struct ifreq req = { .ifr_name = "eth0" };
	struct sockaddr_in addr = address_of(GUEST_ADDRESS);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&req.ifr_addr, &addr, sizeof(addr));
	need(!ioctl(fd, SIOCSIFADDR, &req), "the address of eth0");
	addr = address_of(GUEST_MASK);
	memcpy(&req.ifr_netmask, &addr, sizeof(addr));
	need(!ioctl(fd, SIOCSIFNETMASK, &req), "the mask of eth0");
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	need(!ioctl(fd, SIOCSIFFLAGS, &req), "eth0");
	close(fd);
}

static void set_up(const char *what, const char *dir)
{
	is_init = 1;
	if (!strcmp(what, "fs"))
		need(!mount("hullroot", dir, "virtiofs", 0, NULL) &&
			     !chdir(dir) && freopen("said", "w", stdout),
		     "virtiofs");
	else if (!strcmp(what, "disk"))
		need(!mount("dev", "/dev", "devtmpfs", 0, NULL) ||
			     errno == EBUSY,
		     "devtmpfs");
	else if (!strcmp(what, "net"))
		bring_up_eth0();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(const char *where);
	} parts[] = { { "fs", files }, { "disk", disk }, { "net", network } };
	int at = argc > 1 && !strcmp(argv[1], "guest") ? 2 : 1;

	const char *where;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "peer"))
		peer();
	if (argc < at + 1)
		return 2;
	where = argc > at + 1 ? argv[at + 1] : "";
	if (at == 2)
		set_up(argv[at], where);
	memset(block, 0x5a, sizeof(block));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(argv[at], parts[i].name))
			parts[i].call(where);
	end(0);
	return 0;
}
