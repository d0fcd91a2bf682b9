/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsprobe DIR HOSTDIR: use a filesystem as programs do and say what is wrong.
 * HOSTDIR is the same directory as the host has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int bad;
static int host_fd;

#define CHECK(cond)                                                           \
	do {                                                                  \
		if (!(cond)) {                                                \
			printf("%s:%d: %s (%s)\n", __func__, __LINE__, #cond, \
			       strerror(errno));                              \
			bad++;                                                \
		}                                                             \
		errno = 0;                                                    \
	} while (0)

static int make(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	CHECK(fd >= 0 &&
	      write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static struct stat stat_of(const char *name)
{
	struct stat st = { 0 };

	CHECK(!lstat(name, &st));
	return st;
}

static struct stat stat_on_host(const char *name)
{
	struct stat st = { 0 };

	CHECK(!fstatat(host_fd, name, &st, AT_SYMLINK_NOFOLLOW));
	return st;
}

static void unlinked(void)
{
	int fd = make("gone", "hello", 0644);
	char buf[8] = "";

	CHECK(!unlink("gone"));
	CHECK(pread(fd, buf, 8, 0) == 5 && !strcmp(buf, "hello"));
	CHECK(!fchmod(fd, 0600));
	CHECK(!ftruncate(fd, 2));
	CHECK(lseek(fd, 0, SEEK_END) == 2);
	CHECK(access("gone", F_OK) < 0 && errno == ENOENT);
	close(fd);
}

static void tmpfile_and_link(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	char self[64];

	if (fd < 0 && errno == EOPNOTSUPP)
		return;
	CHECK(fd >= 0 && write(fd, "tmp", 3) == 3);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	CHECK(!linkat(AT_FDCWD, self, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	CHECK(stat_of("linked").st_size == 3);
	CHECK(stat_on_host("linked").st_size == 3);
	close(fd);
}

static void renames(void)
{
	close(make("r1", "1", 0644));
	close(make("r2", "22", 0644));
	CHECK(syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2",
		      RENAME_NOREPLACE) < 0 &&
	      errno == EEXIST);
	CHECK(!syscall(SYS_renameat2, AT_FDCWD, "r1", AT_FDCWD, "r2",
		       RENAME_EXCHANGE));
	CHECK(stat_of("r1").st_size == 2);
	CHECK(stat_of("r2").st_size == 1);
	CHECK(!rename("r1", "r2"));
	CHECK(stat_of("r2").st_size == 2);
	CHECK(access("r1", F_OK) < 0);
	CHECK(!mkdir("rd", 0755) && !mkdir("rd/in", 0755));
	CHECK(rename("rd", "rd/in/x") < 0 && errno == EINVAL);
	CHECK(rmdir("rd") < 0 && errno == ENOTEMPTY);
}

static void mapped(void)
{
	int fd = make("map", "0123456789", 0644);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char buf[16] = "";

	CHECK(p != MAP_FAILED);
	p[3] = 'X';
	CHECK(!msync(p, 4096, MS_SYNC));
	CHECK(pread(fd, buf, 10, 0) == 10 && !strcmp(buf, "012X456789"));
	/* through a descriptor that appends: not at the end */
	munmap(p, 4096);
	close(fd);
	fd = open("map", O_RDWR | O_APPEND | O_CLOEXEC);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	p[0] = 'Y';
	CHECK(!munmap(p, 4096) && !fsync(fd));
	CHECK(write(fd, "end", 3) == 3);
	CHECK(stat_on_host("map").st_size == 13);
	CHECK(pread(fd, buf, 13, 0) == 13 && !strcmp(buf, "Y12X456789end"));
	close(fd);
}

static void locks(void)
{
	int a = make("lock", "", 0644), b = open("lock", O_RDWR | O_CLOEXEC);
	struct flock lk = { .l_type = F_WRLCK, .l_len = 1 };

	CHECK(!flock(a, LOCK_EX));
	CHECK(flock(b, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	CHECK(!flock(a, LOCK_UN) && !flock(b, LOCK_EX | LOCK_NB));
	CHECK(!fcntl(a, F_OFD_SETLK, &lk));
	CHECK(fcntl(b, F_OFD_SETLK, &lk) < 0 && errno == EAGAIN);
	close(a);
	CHECK(!fcntl(b, F_OFD_SETLKW, &lk));
	close(b);
}

static void holes(void)
{
	int fd = make("hole", "start", 0644);
	int to = make("copy", "", 0644);
	off_t hole;

	CHECK(pwrite(fd, "end", 3, 1 << 20) == 3);
	hole = lseek(fd, 0, SEEK_HOLE);
	CHECK(hole > 0 && hole <= 1 << 20);
	CHECK(lseek(fd, hole, SEEK_DATA) <= 1 << 20);
	CHECK(copy_file_range(fd, &(off_t){ 1 << 20 }, to, NULL, 3, 0) == 3);
	CHECK(stat_of("copy").st_size == 3);
	CHECK(!fallocate(to, 0, 0, 10000) || errno == EOPNOTSUPP);
	close(fd);
	close(to);
}

static void attributes(void)
{
	char buf[64];

	close(make("xa", "", 0644));
	CHECK(!setxattr("xa", "user.a", "v", 1, 0) || errno == EOPNOTSUPP);
	if (getxattr("xa", "user.a", buf, sizeof(buf)) != 1)
		return;
	CHECK(listxattr("xa", buf, sizeof(buf)) == 7);
	CHECK(getxattr("xa", "user.a", NULL, 0) == 1);
	CHECK(setxattr("xa", "trusted.a", "v", 1, 0) < 0);
	CHECK(setxattr("xa", "user.a", "v", 1, XATTR_CREATE) < 0 &&
	      errno == EEXIST);
	CHECK(!removexattr("xa", "user.a"));
	CHECK(getxattr("xa", "user.a", buf, sizeof(buf)) < 0 &&
	      errno == ENODATA);
}

static void specials(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	char buf[4] = "";
	int fd;

	CHECK(!bind(s, (struct sockaddr *)&addr, sizeof(addr)) &&
	      !listen(s, 1));
	CHECK(!connect(c, (struct sockaddr *)&addr, sizeof(addr)));
	close(s);
	close(c);
	CHECK(!mkfifo("fifo", 0644));
	fd = open("fifo", O_RDWR | O_CLOEXEC);
	CHECK(write(fd, "abc", 3) == 3 && read(fd, buf, 3) == 3);
	close(fd);
	CHECK(!mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	CHECK(stat_of("null").st_rdev == makedev(1, 3));
	CHECK(!mknod("whiteout", S_IFCHR, 0));
}

static void times(void)
{
	const struct timespec ts[2] = { { 1000, 111 }, { 2000, 222 } };
	struct statx stx = { 0 };

	close(make("t", "", 0644));
	CHECK(!utimensat(AT_FDCWD, "t", ts, 0));
	CHECK(stat_of("t").st_mtim.tv_sec == 2000);
	CHECK(stat_on_host("t").st_mtim.tv_nsec == 222);
	CHECK(!symlink("nowhere", "dangling"));
	CHECK(!utimensat(AT_FDCWD, "dangling", ts, AT_SYMLINK_NOFOLLOW));
	CHECK(stat_on_host("dangling").st_mtim.tv_sec == 2000);
	CHECK(!statx(AT_FDCWD, "t", 0, STATX_BASIC_STATS | STATX_BTIME, &stx));
}

/* As a plain user: what is checked, who owns, what is taken away. */
static int as_user(void)
{
	int fd;

	CHECK(!setresgid(1000, 1000, 1000) && !setresuid(1000, 1000, 1000));
	CHECK(open("root-only", O_RDONLY) < 0 && errno == EACCES);
	CHECK(unlink("sticky/of-root") < 0);
	CHECK(chmod("root-only", 0777) < 0 && errno == EPERM);
	CHECK(chown("sticky", 1000, 1000) < 0 && errno == EPERM);
	umask(027);
	fd = make("sticky/mine", "x", 0666);
	close(fd);
	CHECK(!mkdir("sticky/dir", 0777));
	CHECK(stat_on_host("sticky/mine").st_uid == 1000);
	CHECK(stat_on_host("sticky/mine").st_gid == 1000);
	CHECK(stat_on_host("sticky/mine").st_mode == 0100640);
	CHECK(stat_on_host("sticky/dir").st_mode == 040750);
	fd = open("suid", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	CHECK(stat_of("suid").st_mode == 0100777);
	CHECK(stat_on_host("suid").st_mode == 0100777);
	close(fd);
	return bad != 0;
}

static void permissions(void)
{
	int status = -1;
	pid_t pid;

	close(make("root-only", "", 0600));
	CHECK(!mkdir("sticky", 0777) && !chmod("sticky", 01777));
	close(make("sticky/of-root", "", 0644));
	close(make("suid", "abc", 0777));
	CHECK(!chmod("suid", 06777));
	CHECK(stat_of("suid").st_mode == 0106777);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		status = as_user();
		fflush(stdout);
		_exit(status);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

static void *appender(void *arg)
{
	int fd = open("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	for (int i = 0; i < 200; i++)
		if (write(fd, arg, 16) != 16)
			return arg;
	close(fd);
	return NULL;
}

static void many_at_once(void)
{
	static char line[] = "fifteen letters\n";
	pthread_t threads[4];
	void *ret;

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, appender, line));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], &ret) && !ret);
	CHECK(stat_of("log").st_size == 4 * 200 * 16);
	CHECK(stat_on_host("log").st_size == 4 * 200 * 16);
}

static void names(void)
{
	char name[257];

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	CHECK(open(name, O_CREAT | O_WRONLY, 0644) < 0 &&
	      errno == ENAMETOOLONG);
	name[255] = '\0';
	close(make(name, "", 0644));
	CHECK(!unlink(name));
	close(make("new\nline", "", 0644));
	close(make("\xff\xfe", "", 0644));
	close(make(" ", "", 0644));
}

int main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[1]) < 0)
		return 2;
	host_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (host_fd < 0)
		return 2;
	umask(022);
	unlinked();
	tmpfile_and_link();
	renames();
	mapped();
	locks();
	holes();
	attributes();
	specials();
	times();
	permissions();
	many_at_once();
	names();
	printf("fsprobe: %d wrong\n", bad);
	return bad != 0;
}
