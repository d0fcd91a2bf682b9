/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/resctrl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"
#include "cgroups/internal.h"
#include "spec/spec.h"

#define FIELD "linux.intelRdt"
#define MON_DIR "mon_groups"

/* ---- schemata: "L3:0=7f0;1=1f", in the file with blanks in front */

static const char *skip(const char *s, const char *chars)
{
	return s + strspn(s, chars);
}

static size_t word_len(const char *s)
{
	return strcspn(s, " \t:;=\n");
}

/* "7f0" is "007f0"; the kernel pads to the width of the longest. */
static bool same_value(const char *a, const char *b)
{
	size_t a_len, b_len;

	while (*a == '0' && isxdigit((unsigned char)a[1]))
		a++;
	while (*b == '0' && isxdigit((unsigned char)b[1]))
		b++;
	a_len = word_len(a);
	b_len = word_len(b);
	return a_len == b_len && !strncasecmp(a, b, a_len);
}

/* The name of a cache or node at *@s, and where its value begins; *@s is moved
 * behind it. NULL at the end of the line. */
static const char *next_domain(const char **s, const char **value)
{
	const char *name = skip(*s, " \t;");

	if (!word_len(name))
		return NULL;
	*value = skip(name + word_len(name), " \t=");
	*s = *value + word_len(*value);
	return name;
}

static const char *find_domain(const char *line, const char *name)
{
	const char *at, *value;

	while ((at = next_domain(&line, &value)))
		if (same_value(at, name))
			return value;
	return NULL;
}

/* All that @want says of its resource stands in @line, which may say more. */
static bool line_agrees(const char *line, const char *want)
{
	const char *name, *value, *is;

	line = skip(line, " \t");
	want = skip(want, " \t");
	if (word_len(line) != word_len(want) ||
	    strncmp(line, want, word_len(want)))
		return false;
	line = skip(line + word_len(line), " \t:");
	want = skip(want + word_len(want), " \t:");
	while ((name = next_domain(&want, &value))) {
		is = find_domain(line, name);
		if (!is || !same_value(is, value))
			return false;
	}
	return true;
}

static int compare(int group_fd, const char *field, const char *want,
		   const struct rdt_place *place, struct err *err)
{
	auto_free char *text = NULL;
	int ret;

	if (!want)
		return 0;
	ret = cg_read_all(group_fd, "schemata", &text);
	if (ret)
		return err_at(err, ret, field, "cannot read schemata: %s",
			      err_text(ret));
	for (char *line = text; *line; line += *line == '\n') {
		if (line_agrees(line, want))
			return 0;
		line += strcspn(line, "\n");
	}
	return err_at(err, -EINVAL, field,
		      "the class '%s' is there, and '%s' is not in force in it",
		      place->group, want);
}

static int put(int root_fd, int group_fd, const char *field, const char *text,
	       struct err *err)
{
	auto_strbuf struct strbuf line = STRBUF_INIT;
	char why[256] = "";
	int ret;

	if (!text)
		return 0;
	strbuf_addf(&line, "%s\n", text);
	if (!strbuf_ok(&line))
		return err_set(err, -ENOMEM, "out of memory");
	ret = io_write_text(group_fd, "schemata", line.s);
	if (!ret)
		return 0;
	if (io_read_text(root_fd, "info/last_cmd_status", why, sizeof(why)) < 0)
		why[0] = '\0';
	return err_at(err, ret, field, "cannot write '%s': %s%s%s", text,
		      err_text(ret), why[0] ? ": " : "", why);
}

static int put_all(int root_fd, int group_fd, const struct spec_rdt *rdt,
		   bool made, struct err *err)
{
	char field[64];
	int ret = 0;

	/* of somebody else's class these two are in force already */
	if (made)
		ret = put(root_fd, group_fd, FIELD ".l3CacheSchema",
			  rdt->l3_schema, err);
	if (!ret && made)
		ret = put(root_fd, group_fd, FIELD ".memBwSchema",
			  rdt->mb_schema, err);
	for (size_t i = 0; !ret && i < rdt->schemata_count; i++) {
		snprintf(field, sizeof(field), FIELD ".schemata[%zu]", i);
		ret = put(root_fd, group_fd, field, rdt->schemata[i], err);
	}
	return ret;
}

/* ---- groups */

static int open_group(int root_fd, const struct rdt_place *place)
{
	int fd = openat(root_fd, place->group,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void mon_path(const char *id, const char *file, size_t size, char *out)
{
	snprintf(out, size, MON_DIR "/%s%s", id, file);
}

static int make_mon(int group_fd, const char *id, struct rdt_place *place,
		    struct err *err)
{
	char path[sizeof(MON_DIR) + NAME_MAX + 1];

	if (!place->mon)
		return 0;
	mon_path(id, "", sizeof(path), path);
	if (!mkdirat(group_fd, path, 0755))
		return 0;
	if (errno == EEXIST)
		place->mon = false;
	return err_at(err, -errno, FIELD ".enableMonitoring",
		      "cannot make the monitoring group '%s/%s': %s",
		      place->group, path, err_text(errno));
}

static int fill(int root_fd, const struct spec_rdt *rdt, const char *id,
		struct rdt_place *place, bool made, struct err *err)
{
	auto_fd int group_fd = open_group(root_fd, place);
	int ret = 0;

	if (group_fd < 0)
		return err_at(err, group_fd, FIELD ".closID",
			      "cannot open '%s': %s", place->group,
			      err_text(group_fd));
	if (!made)
		ret = compare(group_fd, FIELD ".l3CacheSchema", rdt->l3_schema,
			      place, err);
	if (!ret && !made)
		ret = compare(group_fd, FIELD ".memBwSchema", rdt->mb_schema,
			      place, err);
	if (!ret)
		ret = put_all(root_fd, group_fd, rdt, made, err);
	return ret ? ret : make_mon(group_fd, id, place, err);
}

static bool has_schema(const struct spec_rdt *rdt)
{
	return rdt->l3_schema || rdt->mb_schema || rdt->schemata_count;
}

void rdt_place_of(const struct spec_rdt *rdt, const char *id,
		  struct rdt_place *place)
{
	const char *group = rdt->clos_id ? rdt->clos_id : id;

	*place = (struct rdt_place){ .own = !rdt->clos_id,
				     .mon = rdt->monitoring };
	snprintf(place->group, sizeof(place->group), "%s",
		 !strcmp(group, "/") ? "." : group);
}

int rdt_check(int root_fd, const struct spec_rdt *rdt,
	      const struct rdt_place *place, struct err *err)
{
	bool there =
		!faccessat(root_fd, place->group, F_OK, AT_SYMLINK_NOFOLLOW);

	if (place->own && there)
		return err_at(err, -EEXIST, FIELD,
			      "a class of service '%s' is there already",
			      place->group);
	if (!place->own && !there && !has_schema(rdt))
		return err_at(err, -ENOENT, FIELD ".closID",
			      "there is no class of service '%s', and no "
			      "schema to make it by",
			      place->group);
	return 0;
}

/* @made: by this very call */
static int make_group(int root_fd, const struct spec_rdt *rdt,
		      const struct rdt_place *place, bool *made)
{
	*made = false;
	if (!strcmp(place->group, ".") || (!place->own && !has_schema(rdt)))
		return 0;
	if (mkdirat(root_fd, place->group, 0755) < 0)
		return errno == EEXIST && !place->own ? 0 : -errno;
	*made = true;
	return 0;
}

int rdt_make(int root_fd, const struct spec_rdt *rdt, const char *id,
	     struct rdt_place *place, struct err *err)
{
	bool made;
	int ret = make_group(root_fd, rdt, place, &made);

	if (ret) {
		err_at(err, ret, place->own ? FIELD : FIELD ".closID",
		       "cannot make the class of service '%s': %s",
		       place->group, err_text(ret));
		*place = (struct rdt_place){ 0 };
		return ret;
	}
	ret = fill(root_fd, rdt, id, place, made, err);
	if (ret && made)
		unlinkat(root_fd, place->group, AT_REMOVEDIR);
	return ret;
}

int rdt_attach(int root_fd, const struct rdt_place *place, const char *id,
	       pid_t pid, struct err *err)
{
	auto_fd int group_fd = open_group(root_fd, place);
	char path[sizeof(MON_DIR "//tasks") + NAME_MAX], text[16];
	int ret = group_fd < 0 ? group_fd : 0;

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (!ret)
		ret = io_write_text(group_fd, "tasks", text);
	mon_path(id, "/tasks", sizeof(path), path);
	if (!ret && place->mon)
		ret = io_write_text(group_fd, path, text);
	if (ret)
		return err_at(err, ret, FIELD,
			      "cannot put process %d into the class '%s': %s",
			      (int)pid, place->group, err_text(ret));
	return 0;
}

int rdt_remove(int root_fd, const struct rdt_place *place, const char *id,
	       struct err *err)
{
	auto_fd int group_fd = open_group(root_fd, place);
	char path[sizeof(MON_DIR) + NAME_MAX + 1];

	if (group_fd == -ENOENT)
		return 0;
	if (group_fd < 0)
		return err_code(err, group_fd, "cannot open the class '%s'",
				place->group);
	mon_path(id, "", sizeof(path), path);
	if (place->mon && unlinkat(group_fd, path, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT)
		return err_sys(err, "cannot remove '%s' of the class '%s'",
			       path, place->group);
	if (place->own && unlinkat(root_fd, place->group, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT)
		return err_sys(err, "cannot remove the class '%s'",
			       place->group);
	return 0;
}
