/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_FILE_H
#define HULL_CMD_HULL_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/**
 * file_read() - read a JSON file whole: a regular one, a pipe or /dev/stdin.
 * @path: "-" stands for standard input when @dash_is_stdin
 * @text: receives fresh memory, NUL-terminated
 *
 * Return: 0, -EFBIG, or -errno.
 */
int file_read(const char *path, bool dash_is_stdin, char **text, size_t *len,
	      struct err *err);

#endif
