/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/num.h"
#include "base/path.h"
#include "base/sabotage.h"

#define PASSWD_MAX (10 << 20)
#define LINE_MAX_BYTES 4096

/*
 * struct lines - a window over the file: bytes at [start, end) are not yet
 * looked at.
 */
struct lines {
	int fd;
	size_t budget; /* bytes that may still be read */
	size_t start, end;
	bool skip; /* in the middle of a line that was too long */
	bool eof;
	char buf[2 * LINE_MAX_BYTES];
};

static int refill(struct lines *l)
{
	size_t room;
	ssize_t n;

	memmove(l->buf, l->buf + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	room = sizeof(l->buf) - l->end;
	if (room > l->budget)
		room = l->budget;
	do
		n = read(l->fd, l->buf + l->end, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->eof = n == 0;
	l->budget -= (size_t)n;
	l->end += (size_t)n;
	return 0;
}

/* The next line of at most LINE_MAX_BYTES with its NUL, or NULL at the end. */
static int next_line(struct lines *l, char **line)
{
	*line = NULL;
	for (;;) {
		char *begin = l->buf + l->start;
		char *nl = memchr(begin, '\n', l->end - l->start);
		int ret;

		if (nl) {
			bool usable = !l->skip && nl - begin < LINE_MAX_BYTES;

			*nl = '\0';
			l->start += (size_t)(nl - begin) + 1;
			l->skip = false;
			if (!usable)
				continue;
			*line = begin;
			return 0;
		}
		if (l->end - l->start >= LINE_MAX_BYTES) {
			l->skip = true;
			l->start = l->end;
		}
		if (l->eof)
			break;
		ret = refill(l);
		if (ret)
			return ret;
	}
	/* the last line may lack its newline; there is room for the NUL, for
	 * what is left is shorter than a line */
	if (l->end > l->start && !l->skip) {
		l->buf[l->end] = '\0';
		*line = l->buf + l->start;
		l->start = l->end;
	}
	return 0;
}

/* name:password:uid:gid:gecos:home:shell */
static const char *home_in(char *line, uid_t uid)
{
	char *field[6] = { line };
	uint32_t id;

	for (size_t i = 1; i < ARRAY_SIZE(field); i++) {
		char *colon = strchr(field[i - 1], ':');

		if (!colon)
			return NULL;
		*colon = '\0';
		field[i] = colon + 1;
	}
	field[5][strcspn(field[5], ":")] = '\0';
	return !num_u32(field[2], &id) && id == uid ? field[5] : NULL;
}

/*
 * O_NONBLOCK: a FIFO is opened without a writer, and refused by its type.
 * Links are followed, but not to places like /proc/self/fd/N.
 */
static int open_passwd(void)
{
	auto_fd int fd = -1;
	struct stat st;

	/* the root directory is the container's by now */
	fd = path_open_own("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !SABOTAGED("passwd_regular"))
		return -EINVAL;
	if (st.st_size > PASSWD_MAX && !SABOTAGED("passwd_size"))
		return -EFBIG;
	return take_fd(&fd);
}

int passwd_find_home(int fd, uid_t uid, char *home, size_t size)
{
	struct lines lines = { .fd = fd, .budget = PASSWD_MAX };
	const char *found = NULL;

	while (!found) {
		char *line;
		int ret = next_line(&lines, &line);

		if (ret)
			return ret;
		if (!line)
			return -ENOENT;
		found = home_in(line, uid);
	}
	if (!*found)
		return -ENOENT;
	if (strlen(found) >= size)
		return -ENAMETOOLONG;
	memcpy(home, found, strlen(found) + 1);
	return 0;
}

int passwd_home(uid_t uid, char *home, size_t size)
{
	auto_fd int fd = open_passwd();

	return fd < 0 ? fd : passwd_find_home(fd, uid, home, size);
}
