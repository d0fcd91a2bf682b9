/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_SPEC_SPEC_TEST_H
#define HULL_OCI_TESTS_UNIT_SPEC_SPEC_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/str.h"
#include "spec/spec.h"

/* A file's text; the caller frees it. */
static inline void read_file(const char *path, char **text, size_t *len)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || io_load(fd, 1 << 20, text, len) < 0)
		fail_msg("cannot read '%s'", path);
}

/*
 * HULL_SCHEMA_DIR: the directory "schema" of a checkout of
 * opencontainers/runtime-spec 1.3.0, which is not part of this project. Without
 * it the test that asks is skipped.
 */
static inline const char *schema_dir(void)
{
	const char *dir = getenv("HULL_SCHEMA_DIR");

	if (dir && !access(dir, R_OK | X_OK))
		return dir;
	print_message("# HULL_SCHEMA_DIR %s\n",
		      dir ? "does not exist" : "is not set");
	skip();
	return NULL;
}

/* A small good document with more members: ",\"linux\":{...}". */
static inline char *document(const char *members)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text,
		    "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"}"
		    "%s%s}",
		    *members ? "," : "", members);
	assert_true(strbuf_ok(&text));
	return text.s;
}

/* Parse what has to be right. */
static inline const struct spec *parse_good(struct arena *arena,
					    const char *members)
{
	const struct spec_warning *warnings = NULL;
	auto_free char *text = document(members);
	struct err err = { 0 };
	const struct spec *spec;

	spec = spec_parse(arena, text, strlen(text), &warnings, &err);
	if (!spec)
		fail_msg("%s: %s", members, err.msg);
	if (warnings)
		fail_msg("%s: %s: %s", members, warnings->field,
			 warnings->text);
	return spec;
}

#endif
