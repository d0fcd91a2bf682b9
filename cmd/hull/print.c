/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull/print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/num.h"
#include "base/str.h"
#include "libcontainer/container.h"

#define NS_PER_S 1000000000
#define COLUMN_MIN 12
#define COLUMN_GAP 3

/* A user database larger than that is not worth reading for a name. */
#define PASSWD_MAX_BYTES (1024 * 1024)

int print_out(const struct strbuf *text, struct err *err)
{
	int rc;

	if (!strbuf_ok(text))
		return err_code(err, -ENOMEM, "cannot print");
	rc = io_write_full(STDOUT_FILENO, text->s, text->len);
	if (rc < 0)
		return err_code(err, rc, "cannot write to standard output");
	return 0;
}

int print_text(const char *text, struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;

	strbuf_add(&out, text);
	if (!str_ends(text, "\n"))
		strbuf_add(&out, "\n");
	return print_out(&out, err);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t text_width(const char *s)
{
	size_t width = 0;

	for (; *s; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const char *const *cells, size_t columns,
			   size_t rows, size_t column)
{
	size_t width = COLUMN_MIN;

	for (size_t row = 0; row < rows; row++) {
		size_t need = text_width(cells[row * columns + column]);

		if (need + COLUMN_GAP > width)
			width = need + COLUMN_GAP;
	}
	return width;
}

void print_table(struct strbuf *out, const char *const *cells, size_t columns,
		 size_t rows)
{
	auto_free size_t *widths = calloc(columns, sizeof(*widths));

	if (!widths) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i + 1 < columns; i++)
		widths[i] = column_width(cells, columns, rows, i);
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;
		size_t len = text_width(cells[i]);

		strbuf_add(out, cells[i]);
		if (column + 1 == columns)
			strbuf_add(out, "\n");
		else
			strbuf_addf(out, "%*s", (int)(widths[column] - len),
				    "");
	}
}

void print_time(char buf[static TIME_TEXT_MAX], int64_t ns)
{
	time_t seconds = ns / NS_PER_S;
	long rest = (long)(ns % NS_PER_S);
	struct tm tm = { 0 };
	size_t len;

	if (rest < 0) {
		seconds--;
		rest += NS_PER_S;
	}
	gmtime_r(&seconds, &tm);
	len = strftime(buf, TIME_TEXT_MAX - 16, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest) {
		len += (size_t)snprintf(buf + len, 16, ".%09ld", rest);
		while (buf[len - 1] == '0')
			len--;
	}
	snprintf(buf + len, 2, "Z");
}

/* "name:password:uid:..." */
static bool passwd_line_is(char *line, uid_t uid)
{
	char *name_end = strchr(line, ':'), *id, *id_end;
	uint32_t number;

	id = name_end ? strchr(name_end + 1, ':') : NULL;
	id_end = id ? strchr(id + 1, ':') : NULL;
	if (!id_end || name_end == line)
		return false;
	*name_end = '\0';
	*id_end = '\0';
	return num_u32(id + 1, &number) == 0 && number == uid;
}

/*
 * Read by hand: getpwuid(3) would make a static program load shared libraries
 * (nsswitch), in a process that handles what containers wrote.
 */
void print_owner(char buf[static OWNER_TEXT_MAX], uid_t uid)
{
	auto_fd int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free char *text = NULL;
	char *line, *save = NULL;
	size_t len = 0;

	snprintf(buf, OWNER_TEXT_MAX, "#%u", (unsigned int)uid);
	if (fd < 0 || io_load(fd, PASSWD_MAX_BYTES, &text, &len) < 0)
		return;
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!passwd_line_is(line, uid))
			continue;
		if (strlen(line) < OWNER_TEXT_MAX)
			strcpy(buf, line);
		return;
	}
}

void print_state(struct json_gen *g, const struct hull_state *state)
{
	char created[TIME_TEXT_MAX], owner[OWNER_TEXT_MAX];

	print_time(created, state->created_ns);
	print_owner(owner, state->owner);
	json_gen_str(g, "ociVersion", state->oci_version);
	json_gen_str(g, "id", state->id);
	json_gen_i64(g, "pid", state->pid);
	json_gen_str(g, "status", hull_status_name(state->status));
	json_gen_str(g, "bundle", state->bundle);
	json_gen_str(g, "rootfs", state->rootfs);
	json_gen_str(g, "created", created);
	if (state->annotations && state->annotations[0]) {
		json_gen_object(g, "annotations");
		for (char **a = state->annotations; a[0] && a[1]; a += 2)
			json_gen_str(g, a[0], a[1]);
		json_gen_end_object(g);
	}
	json_gen_str(g, "owner", owner);
}
