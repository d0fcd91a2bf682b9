/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/sys.h"

/*
 * seq_file hands out whole records, a page at most in one read(2). A first
 * read this short is the whole file unless a record is longer than three
 * quarters of a page, and no file that hull reads this way has such records.
 */
#define SHORT_READ 1024

#define TEMP_TRIES 64

static ssize_t read_some(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t io_read_full(int fd, void *buf, size_t len)
{
	char *p = buf;
	size_t done = 0;

	while (done < len) {
		ssize_t n = read_some(fd, p + done, len - done);

		if (n < 0)
			return n;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_write_full(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO; /* would loop for ever */
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t io_read_text(int dir_fd, const char *name, char *buf, size_t size)
{
	auto_fd int fd = -1;
	ssize_t n, more = 0;

	if (!size)
		return -EINVAL;
	fd = path_open_below(dir_fd, name, O_RDONLY | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	n = read_some(fd, buf, size);
	if (n < 0)
		return n;
	if (n >= SHORT_READ) {
		more = io_read_full(fd, buf + n, size - (size_t)n);
		if (more < 0)
			return more;
	}
	n += more;
	if ((size_t)n >= size)
		return -EFBIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int io_write_text(int dir_fd, const char *name, const char *text)
{
	size_t len = strlen(text);
	auto_fd int fd = -1;
	ssize_t n;

	fd = path_open_below(dir_fd, name, O_WRONLY | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* the rest may not follow: the kernel takes each write as a value */
	return (size_t)n == len ? 0 : -EIO;
}

/*
 * Read to the end of the file into *@buf, which grows up to @max + 1 bytes:
 * one more than allowed, to see that a file is too large.
 */
static ssize_t load_all(int fd, size_t max, char **buf, size_t cap, size_t len)
{
	for (;;) {
		ssize_t n = io_read_full(fd, *buf + len, cap - len);
		char *grown;

		if (n < 0)
			return n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < cap)
			return (ssize_t)len;
		cap = cap > max / 2 ? max + 1 : cap * 2;
		grown = realloc(*buf, cap + 1);
		if (!grown)
			return -ENOMEM;
		*buf = grown;
	}
}

int io_load(int fd, size_t max_bytes, char **data, size_t *len)
{
	auto_free char *buf = NULL;
	struct stat st;
	size_t expect;
	ssize_t n;

	if (max_bytes > SSIZE_MAX - 2)
		max_bytes = SSIZE_MAX - 2;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > 0 && (uintmax_t)st.st_size > max_bytes)
		return -EFBIG;
	/* procfs says 0 and means "unknown" */
	expect = st.st_size > 0 ? (size_t)st.st_size : 4095;
	if (expect > max_bytes)
		expect = max_bytes;
	buf = malloc(expect + 2);
	if (!buf)
		return -ENOMEM;
	n = read_some(fd, buf, expect + 1);
	/* a regular file that gives its size and no more has ended */
	if (n >= 0 && (n != st.st_size || (size_t)n > max_bytes || !n))
		n = load_all(fd, max_bytes, &buf, expect + 1, (size_t)n);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	*len = (size_t)n;
	*data = take_ptr(&buf);
	return 0;
}

/* A new file beside @name; the count keeps two writers apart, and leaves behind
 * what a killed one left. */
static int temp_create(int dir_fd, const char *name, mode_t mode,
		       char temp[NAME_MAX + 1])
{
	for (unsigned i = 0; i < TEMP_TRIES; i++) {
		int len = snprintf(temp, NAME_MAX + 1, ".%s.%u", name, i);
		int fd;

		if (len < 0 || len > NAME_MAX)
			return -ENAMETOOLONG;
		fd = openat(dir_fd, temp,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
				    O_CLOEXEC | O_NOCTTY,
			    mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* fchmod(2) only where a umask can have taken bits: a umask that takes the
 * owner's own would make every file of that process useless. */
static int temp_fill(int fd, const void *data, size_t len, mode_t mode)
{
	if ((mode & ~(mode_t)S_IRWXU) && fchmod(fd, mode) < 0)
		return -errno;
	return io_write_full(fd, data, len);
}

/*
 * rename(2) over a file makes ext4 and others allocate and write out the new
 * one at once (auto_da_alloc), and its removal then waits for the disk. An
 * exchange does not, and is as atomic.
 */
static int temp_move(int dir_fd, const char *temp, const char *name)
{
	int ret;

	/* -ENOENT: there is nothing yet; -EINVAL: not on this filesystem */
	if (sys_renameat2(dir_fd, temp, dir_fd, name, RENAME_EXCHANGE) < 0)
		return renameat(dir_fd, temp, dir_fd, name) < 0 ? -errno : 0;
	if (!unlinkat(dir_fd, temp, 0))
		return 0;
	ret = -errno;
	sys_renameat2(dir_fd, temp, dir_fd, name, RENAME_EXCHANGE);
	return ret;
}

int io_replace(int dir_fd, const char *name, const void *data, size_t len,
	       mode_t mode)
{
	char temp[NAME_MAX + 1];
	auto_fd int fd = -1;
	int ret;

	if (!*name || strchr(name, '/'))
		return -EINVAL;
	fd = temp_create(dir_fd, name, mode, temp);
	if (fd < 0)
		return fd;
	ret = temp_fill(fd, data, len, mode);
	if (!ret)
		ret = temp_move(dir_fd, temp, name);
	if (ret < 0)
		unlinkat(dir_fd, temp, 0);
	return ret;
}
