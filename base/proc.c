/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/sys.h"

/* linux/pidfd.h of Linux 6.15; Debian 12's headers are older. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define INFO_EXIT (1ULL << 3)
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info)

_Static_assert(sizeof(struct pidfd_info) == 64, "PIDFD_INFO_SIZE_VER0");

#define PROC_ROOT_INO 1           /* PROC_ROOT_INO of linux/proc_fs.h */
#define USER_INIT_INO 0xeffffffdu /* PROC_USER_INIT_INO of the same */

/* Fields of /proc/PID/stat, counted from 1 as in proc_pid_stat(5). */
enum {
	STAT_STATE = 3,
	STAT_PPID = 4,
	STAT_START = 22,
	STAT_IGNORED = 33,
	STAT_EXIT = 52,
};

int proc_parse_stat(char *text, struct proc_stat *out)
{
	/* the second field, the name in parentheses, may hold blanks and
	 * parentheses, the others cannot */
	char *name_end = strrchr(text, ')'), *rest = NULL;
	struct proc_stat st = { 0 };
	int field = STAT_STATE;

	if (!name_end)
		return -EIO;
	for (char *word = strtok_r(name_end + 1, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest), field++) {
		if (field == STAT_STATE)
			st.state = *word;
		else if (field == STAT_PPID)
			st.ppid = (pid_t)strtol(word, NULL, 10);
		else if (field == STAT_START)
			st.start_time = strtoull(word, NULL, 10);
		else if (field == STAT_IGNORED)
			st.ignored = (uint32_t)strtoul(word, NULL, 10);
		else if (field == STAT_EXIT)
			st.exit_code = (int)strtol(word, NULL, 10);
	}
	if (field <= STAT_START)
		return -EIO;
	*out = st;
	return 0;
}

int proc_read_stat(pid_t pid, struct proc_stat *out)
{
	char path[32], text[2048];
	auto_fd int fd = -1;
	ssize_t n;

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	do /* one record: a single read(2) has it all */
		n = read(fd, text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno; /* ESRCH when it went after open(2) */
	text[n] = '\0';
	return proc_parse_stat(text, out);
}

int proc_open(pid_t pid, uint64_t start_time)
{
	struct proc_stat st = { 0 };
	auto_fd int fd = -1;
	int ret;

	if (pid <= 0)
		return -ESRCH;
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0) /* EINVAL, ENOENT: now the id of a thread */
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	/*
	 * In this order: a process that still has its pid and start time now
	 * had them when the descriptor was opened, which is therefore its own.
	 */
	ret = proc_read_stat(pid, &st);
	if (ret < 0)
		return ret;
	if (st.start_time != start_time && !SABOTAGED("proc_start_time"))
		return -ESRCH;
	return take_fd(&fd);
}

int proc_exit_status(int pidfd, int *wait_status)
{
	struct pidfd_info info = { .mask = INFO_EXIT };

	if (ioctl(pidfd, GET_INFO, &info) < 0) {
		/*
		 * ENOTTY: before 6.13; EINVAL: no such ioctl on a pidfd;
		 * ESRCH: 6.13 and 6.14, which forget a reaped process.
		 */
		if (errno == ENOTTY || errno == EINVAL || errno == ESRCH)
			return -EOPNOTSUPP;
		return -errno;
	}
	if (!(info.mask & INFO_EXIT))
		return -EAGAIN;
	*wait_status = info.exit_code;
	return 0;
}

bool proc_is_dead(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && (pfd.revents & (POLLIN | POLLHUP));
}

int proc_root_open(void)
{
	auto_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (SABOTAGED("proc_root"))
		return take_fd(&fd);
	if (!path_is_fs(fd, PROC_SUPER_MAGIC))
		return -ENOTSUP;
	/* a bind mount of /proc/sys or so is procfs, but not its root */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != PROC_ROOT_INO)
		return -ENOTSUP;
	return take_fd(&fd);
}

/* "123" for self, "123/task/124" for thread-self: nothing else is a path that
 * the kernel would have put there. */
static bool is_self_target(const char *s)
{
	if (!isdigit((unsigned char)*s))
		return false;
	while (isdigit((unsigned char)*s))
		s++;
	if (!strncmp(s, "/task/", 6) && isdigit((unsigned char)s[6]))
		for (s += 6; isdigit((unsigned char)*s); s++)
			;
	return !*s;
}

/*
 * The process's own directory, by the number that it has in the pid namespace
 * of this procfs: getpid(2) answers for another one after clone(2).
 */
static int resolve_self(int proc_fd, const char *path, char *out, size_t size)
{
	size_t len = strcspn(path, "/");
	char link[16], target[64];
	ssize_t n;
	int ret;

	if (strncmp(path, "self/", 5) && strncmp(path, "thread-self/", 12)) {
		ret = snprintf(out, size, "%s", path);
		return ret < 0 || (size_t)ret >= size ? -ENAMETOOLONG : 0;
	}
	memcpy(link, path, len);
	link[len] = '\0';
	n = readlinkat(proc_fd, link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (!is_self_target(target))
		return -EXDEV;
	ret = snprintf(out, size, "%s%s", target, path + len);
	return ret < 0 || (size_t)ret >= size ? -ENAMETOOLONG : 0;
}

int proc_write(int proc_fd, const char *path, const char *text)
{
	size_t len = strlen(text);
	char real[PATH_MAX];
	auto_fd int fd = -1;
	ssize_t n;
	int ret;

	ret = resolve_self(proc_fd, path, real, sizeof(real));
	if (ret < 0)
		return ret;
	fd = path_open_beneath(proc_fd, real, O_WRONLY | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int proc_private_open(void)
{
	auto_fd int fs_fd = fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (fs_fd < 0)
		return -errno;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC,
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

bool proc_in_userns(void)
{
	struct stat st;

	return !stat("/proc/self/ns/user", &st) && st.st_ino != USER_INIT_INO;
}
