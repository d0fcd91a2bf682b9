/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"

#define PTMX_DEV makedev(5, 2)

static int refuse(struct err *err, const char *why)
{
	return err_at(err, -EINVAL, "process.terminal",
		      "'/dev/pts' cannot give a terminal: %s", why);
}

/*
 * Nothing but the kernel makes the files of a devpts: once the directory is
 * known to be one, its "ptmx" can be opened, unless something is mounted over
 * it (EXDEV).
 */
static int open_master(int root_fd, int known_fd, struct err *err)
{
	auto_fd int pts_fd = -1, fd = -1;
	int dir_fd = known_fd;
	struct stat st;

	if (dir_fd < 0) {
		pts_fd = path_open_in_root(root_fd, "/dev/pts",
					   O_PATH | O_DIRECTORY);
		if (pts_fd < 0)
			return refuse(err, err_text(pts_fd));
		if (!path_is_fs(pts_fd, DEVPTS_SUPER_MAGIC) &&
		    !SABOTAGED("console_devpts"))
			return refuse(err, "it is not a devpts filesystem");
		dir_fd = pts_fd;
	}
	fd = path_open_beneath(dir_fd, "ptmx", O_RDWR | O_NOCTTY, 0);
	if (fd < 0)
		return refuse(err, err_text(fd));
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != PTMX_DEV)
		return refuse(err, "its 'ptmx' is not the one of a devpts");
	return take_fd(&fd);
}

/* The group is left to the mount's "gid=" (tty), where it gave one. */
static int give_slave(int slave_fd, uid_t uid, gid_t gid)
{
	struct stat st;

	if (!uid && !gid)
		return 0;
	if (fstat(slave_fd, &st) < 0)
		return -errno;
	if (st.st_gid)
		gid = (gid_t)-1;
	return fchown(slave_fd, uid, gid) < 0 ? -errno : 0;
}

/* What stands in the place already: anything but a link or a directory. */
static int console_existing(int dev_fd)
{
	auto_fd int fd =
		openat(dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return S_ISDIR(st.st_mode) ? -EISDIR : take_fd(&fd);
}

/* "/dev/console" as a place to mount on. */
static int console_place(struct rootfs *r)
{
	const struct fresh *dev = fresh_find(r, "/dev");
	int at_fd, write_fd;

	if (dev) {
		at_fd = dev->mount_fd;
		write_fd = dev->write_fd;
	} else {
		at_fd = path_open_in_root(r->root_fd, "/dev",
					  O_PATH | O_DIRECTORY);
		if (at_fd < 0)
			return at_fd;
		fd_later(r, at_fd);
		write_fd = at_fd;
	}
	if (SABOTAGED("console_link")) /* made wherever a link leads */
		fd_later(r, openat(write_fd, "console",
				   O_CREAT | O_WRONLY | O_CLOEXEC, 0620));
	/* does not follow a link, nor open what is there */
	if (mknodat(write_fd, "console", S_IFREG | 0620, 0) < 0 &&
	    errno != EEXIST && errno != EROFS)
		return -errno;
	return console_existing(at_fd);
}

static int bind_console(struct rootfs *r, int slave_fd, struct err *err)
{
	int target_fd = console_place(r);
	int tree_fd, ret;

	fd_later(r, target_fd);
	if (target_fd < 0)
		return err_at(err, target_fd, "process.terminal",
			      "cannot mount on '/dev/console': %s",
			      err_text(target_fd));
	tree_fd = mnt_clone(slave_fd, "", 0, NULL);
	fd_later(r, tree_fd);
	ret = tree_fd < 0 ? tree_fd : mnt_attach(tree_fd, target_fd);
	if (ret < 0)
		return err_at(err, ret, "process.terminal",
			      "cannot mount the terminal on '/dev/console': %s",
			      err_text(ret));
	return 0;
}

static int open_slave(int master_fd, struct err *err)
{
	int unlock = 0, fd;

	if (ioctl(master_fd, TIOCSPTLCK, &unlock) < 0)
		return err_sys(err, "cannot unlock the terminal");
	fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open the terminal");
	return fd;
}

static int make_pair(int root_fd, int pts_fd, const struct rootfs_tty *tty,
		     int *master_fd, int *slave_fd, struct err *err)
{
	struct winsize size = { .ws_row = tty->rows, .ws_col = tty->cols };
	auto_fd int master = open_master(root_fd, pts_fd, err), slave = -1;
	int ret;

	if (master < 0)
		return master;
	slave = open_slave(master, err);
	if (slave < 0)
		return slave;
	ret = give_slave(slave, tty->uid, tty->gid);
	if (ret < 0)
		return err_code(err, ret, "cannot set the terminal's owner");
	if ((tty->rows || tty->cols) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(err, "cannot set the terminal's size");
	*master_fd = take_fd(&master);
	*slave_fd = take_fd(&slave);
	return 0;
}

int rootfs_console(struct rootfs *r, const struct rootfs_tty *tty,
		   int *master_fd, int *slave_fd, struct err *err)
{
	auto_fd int master = -1, slave = -1;
	int ret;

	ret = make_pair(r->root_fd, r->pts_fd, tty, &master, &slave, err);
	if (!ret && r->cfg.new_mount_ns)
		ret = bind_console(r, slave, err);
	if (ret)
		return ret;
	*master_fd = take_fd(&master);
	*slave_fd = take_fd(&slave);
	return 0;
}

int rootfs_terminal(int root_fd, const struct rootfs_tty *tty, int *master_fd,
		    int *slave_fd, struct err *err)
{
	return make_pair(root_fd, -1, tty, master_fd, slave_fd, err);
}
