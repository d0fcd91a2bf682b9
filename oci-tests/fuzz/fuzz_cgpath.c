/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "cgroups/driver.h"
#include "cgroups/internal.h"
#include "cgroups/systemd.h"
#include "oci-tests/fuzz/parse.h"
#include "spec/spec.h"

/*
 * linux.cgroupsPath, for both drivers, and the file that tells hull's own
 * cgroup. Lines of the input: cgroupsPath, id, name of a property of the unit,
 * its value; the rest is /proc/self/cgroup.
 */

/* A cgroup of its own: everything below it gets killed one day. */
static void check_place(const struct cg_place *place)
{
	char clean[CG_PATH_MAX];

	fuzz_check(strnlen(place->path, CG_PATH_MAX) < CG_PATH_MAX);
	fuzz_check(place->path[0] == '/' && place->path[1]);
	fuzz_check(!path_clean(place->path, clean, sizeof(clean)));
	fuzz_check(!strcmp(place->path, clean));
}

static void check_unit(const struct cg_place *place)
{
	char buf[SD_UNIT_MAX];

	check_place(place);
	fuzz_check(str_ends(sd_unit_of(place), ".scope"));
	fuzz_check(strlen(sd_unit_of(place)) < SD_UNIT_MAX);
	fuzz_check(str_ends(sd_slice_of(place, buf), ".slice"));
}

static void annotation(const char *name, const char *value)
{
	const struct spec_pair pair = { name, value };
	const struct spec spec = { .annotations = &pair,
				   .annotation_count = 1 };
	struct err err = { 0 };
	struct sd_props props;

	sd_props_init(&props);
	if (sd_props_annotations(&props, &spec, &err) < 0)
		fuzz_error(&err);
	for (const struct sd_prop *p = props.first; p; p = p->next) {
		fuzz_check(p->name[0] && p->sig[0]);
		for (size_t i = 0; i < p->count; i++)
			fuzz_check(p->values[i]);
	}
	sd_props_release(&props);
}

static void own_cgroup(const char *text)
{
	static int fd = -1;
	static char path[32];
	static struct cg_roots roots = { .base = "/nonexistent",
					 .self = path,
					 .mode = CG_MODE_UNIFIED };

	if (fd < 0) {
		fd = memfd_create("self", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		cg_roots_override(&roots);
	}
	if (ftruncate(fd, 0) < 0 ||
	    pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_string(data, size);
	auto_strbuf struct strbuf name = STRBUF_INIT;
	char *cursor = text, *line[4] = { text, text, text, text };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(line); i++)
		if (!fuzz_line(&cursor, &line[i]))
			line[i] = text + strlen(text);
	own_cgroup(cursor);
	for (int m = 0; m < 3; m++) {
		struct cg_place place = {
			.manager = m == 2 ? CG_MANAGER_SYSTEMD_USER
					  : CG_MANAGER_SYSTEMD
		};
		const char *root = m == 2 ? "/user.slice/u.service" : "";
		int ret = m ? sd_place(&place, line[0], line[1], root, &err)
			    : cg_path_place(&place, line[0], line[1], &err);

		if (ret < 0)
			fuzz_error(&err);
		else if (m)
			check_unit(&place);
		else
			check_place(&place);
	}
	strbuf_addf(&name, "org.systemd.property.%s", line[2]);
	annotation(name.s, line[3]);
	return 0;
}
