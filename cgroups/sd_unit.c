/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cgroups/systemd.h"

#define FIELD "linux.cgroupsPath"
#define SUFFIX ".slice"

/* VALID_CHARS of systemd.unit(5), less '@' (instances) and '\\'. */
static bool is_unit_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr(":-_.", c);
}

/* Append @text with what a unit's name cannot hold written as \xNN, as
 * systemd-escape(1) does; a backslash is one that the caller escaped with. */
static void add_escaped(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (is_unit_char(*text) || *text == '\\')
			strbuf_addf(out, "%c", *text);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)*text);
	}
}

/*
 * "a-b.slice" lies in "a.slice" (systemd.slice(5)), and "-.slice" is the root.
 * Names with empty parts do not exist.
 */
static int expand_slice(const char *slice, struct strbuf *out)
{
	size_t len = strlen(slice);
	size_t stem;

	if (!strcmp(slice, "-" SUFFIX))
		return 0;
	if (!str_ends(slice, SUFFIX) || strchr(slice, '/') ||
	    len >= SD_UNIT_MAX)
		return -EINVAL;
	stem = len - strlen(SUFFIX);
	if (!stem || slice[0] == '-' || slice[stem - 1] == '-' ||
	    strstr(slice, "--"))
		return -EINVAL;
	for (size_t i = 0; i < stem; i++) {
		if (!is_unit_char(slice[i]) && slice[i] != '\\')
			return -EINVAL;
	}
	for (size_t i = 1; i <= stem; i++) {
		if (i == stem || slice[i] == '-')
			strbuf_addf(out, "/%.*s" SUFFIX, (int)i, slice);
	}
	return 0;
}

/* cg_needs_escape() of systemd: the cgroup would not be named as the unit. */
static bool is_escaped_by_systemd(const char *unit)
{
	return *unit == '_' || *unit == '.' || str_starts(unit, "cgroup.");
}

static int add_unit(struct strbuf *out, const char *prefix, const char *name,
		    struct err *err)
{
	size_t begin;

	strbuf_add(out, "/");
	begin = out->len;
	if (*prefix) {
		add_escaped(out, prefix);
		strbuf_add(out, "-");
	}
	add_escaped(out, name);
	strbuf_add(out, ".scope");
	if (!strbuf_ok(out))
		return err_set(err, -ENOMEM, "out of memory");
	if (out->len - begin >= SD_UNIT_MAX)
		return err_at(err, -EINVAL, FIELD,
			      "the name '%s' is too long for a unit of systemd",
			      out->s + begin);
	if (!*name || is_escaped_by_systemd(out->s + begin))
		return err_at(err, -EINVAL, FIELD,
			      "'%s' is no name for a scope of systemd",
			      out->s + begin);
	return 0;
}

/**
 * struct parts - "SLICE:PREFIX:NAME" taken apart.
 */
struct parts {
	char text[CG_PATH_MAX];
	const char *slice, *prefix, *name;
};

static int split(struct parts *p, const char *given, struct err *err)
{
	char *first, *second;
	int len = snprintf(p->text, sizeof(p->text), "%s", given);

	if (len < 0 || (size_t)len >= sizeof(p->text))
		return err_at(err, -EINVAL, FIELD, "'%s' is too long", given);
	first = strchr(p->text, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':'))
		return err_at(err, -EINVAL, FIELD,
			      "'%s' is not SLICE:PREFIX:NAME, which the "
			      "systemd cgroup driver needs",
			      given);
	*first = '\0';
	*second = '\0';
	p->slice = p->text;
	p->prefix = first + 1;
	p->name = second + 1;
	if (str_ends(p->name, SUFFIX))
		return err_at(err, -EINVAL, FIELD,
			      "'%s': a container cannot be a slice", given);
	return 0;
}

int sd_place(struct cg_place *place, const char *cgroups_path, const char *id,
	     const char *root, struct err *err)
{
	auto_strbuf struct strbuf path = STRBUF_INIT;
	struct parts parts = { .slice = "", .prefix = "hull", .name = id };
	int rc = 0;

	if (cgroups_path && *cgroups_path)
		rc = split(&parts, cgroups_path, err);
	if (rc < 0)
		return rc;
	if (!*parts.slice)
		parts.slice = place->manager == CG_MANAGER_SYSTEMD_USER
				      ? "user.slice"
				      : "system.slice";
	strbuf_add(&path, strcmp(root, "/") ? root : "");
	if (expand_slice(parts.slice, &path) < 0)
		return err_at(err, -EINVAL, FIELD,
			      "'%s' is no name of a slice of systemd",
			      parts.slice);
	rc = add_unit(&path, parts.prefix, parts.name, err);
	if (rc < 0)
		return rc;
	if (path.len >= sizeof(place->path))
		return err_at(err, -EINVAL, FIELD, "'%s' is too long", path.s);
	memcpy(place->path, path.s, path.len + 1);
	return 0;
}

const char *sd_unit_of(const struct cg_place *place)
{
	const char *slash = strrchr(place->path, '/');

	return slash ? slash + 1 : place->path;
}

const char *sd_slice_of(const struct cg_place *place, char buf[SD_UNIT_MAX])
{
	const char *end = strrchr(place->path, '/');
	const char *begin = end;

	while (begin && begin > place->path && begin[-1] != '/')
		begin--;
	snprintf(buf, SD_UNIT_MAX, "%.*s", begin ? (int)(end - begin) : 0,
		 begin ? begin : "");
	/* directly below the manager's root, whatever that is called */
	if (!str_ends(buf, SUFFIX))
		snprintf(buf, SD_UNIT_MAX, "-" SUFFIX);
	return buf;
}
