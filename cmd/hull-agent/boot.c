/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "cmd/hull-agent/agent.h"

#define NEW_ROOT "/new"
#define ROOT_TAG "hullroot"
/* as systemd gives them to services; the kernel's own is 4,096 */
#define FILES_SOFT 1024
#define FILES_HARD 524288

/*
 * pivot_root(2), which the container's set-up needs, does not work on the
 * initial ramfs: a tmpfs is moved over it. The program stays where nobody can
 * name it.
 */
static int leave_initramfs(struct err *err)
{
	if (mkdir(NEW_ROOT, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "cannot make '%s'", NEW_ROOT);
	if (mount("hull", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") <
	    0)
		return err_sys(err, "cannot mount the agent's own root");
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, "cannot leave the initial ramfs");
	return 0;
}

static const struct boot_mount {
	const char *type;
	const char *at;
	unsigned long flags;
} boot_mounts[] = {
	{ "devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC },
	{ "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

static int mount_all(struct err *err)
{
	static const char *const dirs[] = { "/run", "/run/hull", "/run/bundle",
					    "/run/root", "/run/binds" };

	for (size_t i = 0; i < ARRAY_SIZE(boot_mounts); i++) {
		const struct boot_mount *m = &boot_mounts[i];

		if (mkdir(m->at, 0755) < 0 && errno != EEXIST)
			return err_sys(err, "cannot make '%s'", m->at);
		if (mount(m->type, m->at, m->type, m->flags, NULL) < 0)
			return err_sys(err, "cannot mount '%s'", m->at);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (mkdir(dirs[i], 0700) < 0)
			return err_sys(err, "cannot make '%s'", dirs[i]);
	}
	return 0;
}

/* 0, 1 and 2 are the console, so that nothing else gets these numbers. */
static int open_streams(struct err *err)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		return err_sys(err, "cannot open '/dev/null'");
	for (int i = 0; i <= STDERR_FILENO; i++) {
		if (fd != i && dup2(fd, i) < 0)
			return err_sys(err, "cannot open descriptor %d", i);
	}
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

static int set_limits(struct err *err)
{
	static const struct rlimit files = { FILES_SOFT, FILES_HARD };
	auto_fd int fd = -1;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot set the limit of open files");
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "-1000", 5) < 0)
		return err_sys(err, "cannot set the agent's OOM score");
	return 0;
}

static int raise_loopback(struct err *err)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return err_sys(err, "cannot bring 'lo' up");
	return 0;
}

int boot(struct err *err)
{
	int ret;

	umask(0);
	ret = modules_load("/modules", err);
	if (!ret)
		ret = leave_initramfs(err);
	if (!ret)
		ret = mount_all(err);
	if (!ret)
		ret = open_streams(err);
	if (!ret)
		ret = set_limits(err);
	if (!ret)
		ret = raise_loopback(err);
	umask(022);
	return ret;
}

int boot_root(const struct agent *a, struct err *err)
{
	if (mount(ROOT_TAG, a->root, "virtiofs", 0, NULL) < 0)
		return err_sys(err, "cannot mount the container's root");
	return 0;
}

static void leave_binds(const char *path)
{
	auto_dir DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char at[PATH_MAX];

		if (snprintf(at, sizeof(at), "%s/%s", path, e->d_name) <
			    (int)sizeof(at) &&
		    e->d_name[0] != '.')
			umount2(at, MNT_DETACH);
	}
}

/*
 * What the workload wrote into shared mappings is the host's when the tree is
 * let go. sync(2) would do that as well, but then has the host write all of its
 * own to the disks, which the end of a container is no reason for: it is for a
 * tree that somebody still holds.
 */
void boot_end(const struct agent *a)
{
	leave_binds(a->binds);
	umount2(a->root, MNT_DETACH);
	sync();
	reboot(RB_AUTOBOOT);
}
