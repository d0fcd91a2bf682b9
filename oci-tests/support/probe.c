/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: a payload that tells what it is and what it may do, a line each:
 * "key value". Static, so that it runs over any rootfs.
 *   probe            everything
 *   probe fds        open descriptors, one a line: "N TARGET"
 *   probe alloc MIB  touch so much memory, then sleep (to be killed for it)
 *   probe fork N     fork N sleeping children, tell how many there were
 *   probe spin MS    burn processor time for so long by the clock; prints the
 *                    milliseconds it was given
 *   probe write FILE MIB   write so much with O_DIRECT and fsync(2); prints
 *                    milliseconds
 *   probe map FILE TEXT    write it through a shared mapping, and end at once
 *   probe open PATH FLAGS  open(2) as r, w or rw; prints ok or the errno
 *   probe syscall N  call number N without arguments; prints the result
 *   probe int80 N    the same by the 32-bit entry, with 32-bit numbers
 *   probe push       push input back into the terminal on descriptor 0, as
 *                    TIOCSTI and TIOCLINUX do it; prints ok or the errno
 *   probe exit N, probe raise N
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void show_file(const char *path, const char *const *keys)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		for (const char *const *k = keys; *k; k++) {
			size_t n = strlen(*k);

			if (!strncmp(line, *k, n) && line[n] == ':') {
				char *v = line + n + 1;

				v += strspn(v, " \t");
				printf("%s %s", *k, v);
			}
		}
	}
	if (f)
		fclose(f);
}

static void show_limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = {
		{ "NOFILE", RLIMIT_NOFILE }, { "NPROC", RLIMIT_NPROC },
		{ "CORE", RLIMIT_CORE },     { "AS", RLIMIT_AS },
		{ "STACK", RLIMIT_STACK },   { "MEMLOCK", RLIMIT_MEMLOCK },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit l;

		getrlimit(limits[i].resource, &l);
		printf("RLIMIT_%s %llu %llu\n", limits[i].name,
		       (unsigned long long)l.rlim_cur,
		       (unsigned long long)l.rlim_max);
	}
}

static int show_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char target[512];

	while (d && (e = readdir(d))) {
		ssize_t n;

		if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(d))
			continue;
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("%s %s\n", e->d_name, target);
	}
	if (d)
		closedir(d);
	return d ? 0 : 1;
}

static int show_all(void)
{
	static const char *const keys[] = {
		"CapInh",  "CapPrm", "CapEff", "CapBnd", "CapAmb",
		"Uid",     "Gid",    "Groups", "Umask",  "NoNewPrivs",
		"Seccomp", "SigIgn", "SigBlk", "NSpid",  NULL,
	};
	struct utsname u;
	char cwd[4096], oom[32] = "";
	struct stat st;
	int fd;

	show_file("/proc/self/status", keys);
	show_limits();
	uname(&u);
	printf("hostname %s\ndomainname %s\n", u.nodename, u.domainname);
	printf("machine %s\n", u.machine);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "-");
	printf("pid %d\nsid %d\n", (int)getpid(), (int)getsid(0));
	fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, oom, sizeof(oom) - 1) > 0)
		printf("oom_score_adj %s", oom);
	for (char **e = environ; *e; e++)
		printf("env %s\n", *e);
	if (stat("/dev/null", &st) == 0)
		printf("dev_null %o %llx\n", st.st_mode,
		       (unsigned long long)st.st_rdev);
	return 0;
}

static int alloc(int mib)
{
	for (int i = 0; i < mib; i++) {
		char *p = malloc(1 << 20);

		if (!p)
			return 3;
		memset(p, i + 1, 1 << 20);
	}
	printf("allocated %d\n", mib);
	fflush(stdout);
	sleep(1000);
	return 0;
}

static int forks(int n)
{
	int made = 0;

	for (; made < n; made++) {
		pid_t p = fork();

		if (p < 0)
			break;
		if (p == 0) {
			sleep(1000);
			_exit(0);
		}
	}
	printf("forked %d\n", made);
	return 0;
}

static double now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int spin(int ms)
{
	double begin = now_ms(CLOCK_MONOTONIC);

	while (now_ms(CLOCK_MONOTONIC) - begin < ms)
		;
	printf("cpu_ms %.0f\n", now_ms(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}

static int write_file(const char *path, int mib)
{
	double begin = now_ms(CLOCK_MONOTONIC);
	void *buf;
	int fd = open(path, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_memalign(&buf, 4096, 1 << 20))
		return 3;
	memset(buf, 1, 1 << 20);
	for (int i = 0; i < mib; i++) {
		if (write(fd, buf, 1 << 20) != 1 << 20)
			return 4;
	}
	/* a microVM's file server goes through the host's cache */
	if (fsync(fd))
		return 5;
	printf("write_ms %.0f\n", now_ms(CLOCK_MONOTONIC) - begin);
	return 0;
}

static int write_mapped(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *p;

	if (fd < 0 || ftruncate(fd, (off_t)len))
		return 3;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 4;
	memcpy(p, text, len);
	return 0;
}

static int try_open(const char *path, const char *how)
{
	int flags = !strcmp(how, "r")   ? O_RDONLY
		    : !strcmp(how, "w") ? O_WRONLY
					: O_RDWR;

	if (open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("ok\n");
	return 0;
}

static int push_input(void)
{
	char selection[] = { 2, 0 }; /* TIOCL_SETSEL and TIOCL_PASTESEL */
	char paste = 3;
	int ret = 1;

	for (const char *c = "id\n"; *c; c++)
		ret = ioctl(0, TIOCSTI, c) < 0 ? errno : 0;
	printf("sti %s\n", ret ? strerrorname_np(ret) : "ok");
	ret = ioctl(0, TIOCLINUX, selection) < 0 ||
			      ioctl(0, TIOCLINUX, &paste) < 0
		      ? errno
		      : 0;
	printf("paste %s\n", ret ? strerrorname_np(ret) : "ok");
	return 0;
}

static int call32(long nr)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(0), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	printf("%s\n", ret < 0 ? strerrorname_np((int)-ret) : "ok");
	return 0;
#else
	(void)nr;
	return 1;
#endif
}

/* sd_notify(3) */
static int notify(const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || strlen(path) >= sizeof(addr.sun_path) || fd < 0)
		return 2;
	strcpy(addr.sun_path, path);
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&addr,
		   sizeof(addr)) < 0) {
		printf("%s\n", strerrorname_np(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *a = argc > 2 ? argv[2] : "0";
	const char *b = argc > 3 ? argv[3] : "0";

	if (!*what)
		return show_all();
	if (!strcmp(what, "fds"))
		return show_fds();
	if (!strcmp(what, "alloc"))
		return alloc(atoi(a));
	if (!strcmp(what, "fork"))
		return forks(atoi(a));
	if (!strcmp(what, "notify"))
		return notify(a);
	if (!strcmp(what, "push"))
		return push_input();
	if (!strcmp(what, "int80"))
		return call32(atol(a));
	if (!strcmp(what, "spin"))
		return spin(atoi(a));
	if (!strcmp(what, "write"))
		return write_file(a, atoi(b));
	if (!strcmp(what, "map"))
		return write_mapped(a, b);
	if (!strcmp(what, "open"))
		return try_open(a, b);
	if (!strcmp(what, "raise")) {
		signal(atoi(a), SIG_DFL);
		return raise(atoi(a));
	}
	if (!strcmp(what, "syscall")) {
		long ret = syscall(atol(a), 0, 0, 0, 0, 0, 0);

		printf("%s\n", ret < 0 ? strerrorname_np(errno) : "ok");
		return 0;
	}
	return atoi(a);
}
