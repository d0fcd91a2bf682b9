/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

#define FILE_MAX_BYTES (16 * 1024 * 1024)

int file_read(const char *path, bool dash_is_stdin, char **text, size_t *len,
	      struct err *err)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	auto_fd int own_fd = -1;
	int fd = STDIN_FILENO;
	char buf[16384];
	ssize_t n;

	if (!dash_is_stdin || strcmp(path, "-")) {
		own_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (own_fd < 0)
			return err_sys(err, "open %s", path);
		fd = own_fd;
	}
	while ((n = io_read_full(fd, buf, sizeof(buf))) > 0) {
		strbuf_addn(&all, buf, (size_t)n);
		if (all.len > FILE_MAX_BYTES)
			return err_code(err, -EFBIG, "read %s", path);
	}
	if (n < 0)
		return err_code(err, (int)n, "read %s", path);
	strbuf_addn(&all, "", 0); /* so that an empty file is "" */
	if (!strbuf_ok(&all))
		return err_code(err, -ENOMEM, "read %s", path);
	*len = all.len;
	*text = take_ptr(&all.s);
	return 0;
}
