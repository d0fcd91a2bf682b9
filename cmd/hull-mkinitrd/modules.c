/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/hull-mkinitrd/mkinitrd.h"

/* What hull-vmm has, and what a guest cannot do without. */
static const struct {
	const char *name;
	bool needed;
} devices[] = {
	{ "virtio_mmio", true },     { "virtio_console", false },
	{ "virtiofs", true },        { "vmw_vsock_virtio_transport", true },
	{ "virtio_net", false },     { "virtio_blk", false },
	{ "virtio_balloon", false }, { "virtio_rng", false },
};
#define DEVICES (sizeof(devices) / sizeof(devices[0]))

/**
 * struct pack - one archive of modules being written.
 * @dep, @builtin: the files, as depmod(8) makes them
 * @list: names so far, a line each
 */
struct pack {
	FILE *out;
	const char *dir;
	char *dep;
	char *builtin;
	char list[8192];
	size_t list_len;
};

/* "kernel/a/virtio-rng.ko.xz" is virtio_rng. @path ends at @end. */
static bool is_module(const char *path, const char *end, const char *name)
{
	const char *base = path;

	for (const char *p = path; p < end; p++)
		if (*p == '/')
			base = p + 1;
	for (; base < end && *name; base++, name++)
		if (*base != *name &&
		    !(strchr("-_", *base) && strchr("-_", *name)))
			return false;
	return !*name && end - base >= 3 && !strncmp(base, ".ko", 3);
}

/* Return: the line of @text that begins with the path of @name, or NULL. */
static const char *find(const char *text, const char *name)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (is_module(text, text + strcspn(text, ":\n"), name))
			return text;
		text += len + (text[len] == '\n');
	}
	return NULL;
}

/* @path: below the directory, @len characters of it. Once each. */
static bool put_one(struct pack *p, const char *path, size_t len)
{
	char from[PATH_MAX], to[PATH_MAX];
	const char *base;
	char *data;
	size_t size;
	int n = snprintf(from, sizeof(from), "%s/%.*s", p->dir, (int)len, path);

	if (n < 0 || (size_t)n >= sizeof(from)) {
		fprintf(stderr, "hull-mkinitrd: path is too long\n");
		return false;
	}
	base = strrchr(from, '/') + 1;
	n = snprintf(to, sizeof(to), "%s\n", base);
	for (const char *at = p->list; (at = strstr(at, to)); at++)
		if (at == p->list || at[-1] == '\n')
			return true;
	if (p->list_len + (size_t)n >= sizeof(p->list)) {
		fprintf(stderr, "hull-mkinitrd: too many modules\n");
		return false;
	}
	memcpy(p->list + p->list_len, to, (size_t)n + 1);
	p->list_len += (size_t)n;
	data = load_file(from, &size);
	if (!data)
		return false;
	snprintf(to, sizeof(to), "modules/%s", base);
	newc_entry(p->out, to, S_IFREG | 0644, 0, data, size);
	free(data);
	return true;
}

/* What it needs is named behind it, what is needed first last. */
static bool put_line(struct pack *p, const char *line)
{
	const char *colon = line + strcspn(line, ":\n");
	const char *end = colon + strcspn(colon, "\n");

	while (end > colon) {
		const char *start = end;

		while (start > colon && start[-1] != ' ' && start[-1] != ':')
			start--;
		if (start < end && *start != ':' &&
		    !put_one(p, start, (size_t)(end - start)))
			return false;
		end = start - 1;
	}
	return put_one(p, line, (size_t)(colon - line));
}

static bool put_module(struct pack *p, const char *name, bool needed)
{
	const char *line = find(p->dep, name);

	if (line)
		return put_line(p, line);
	if (find(p->builtin, name) || !needed)
		return true;
	fprintf(stderr, "hull-mkinitrd: this kernel has no module '%s'\n",
		name);
	return false;
}

static char *load_table(const char *dir, const char *name)
{
	char path[PATH_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return load_file(path, &len);
}

bool put_modules(FILE *out, const char *dir, const char *const *more)
{
	struct pack p = { .out = out, .dir = dir };
	bool ok;

	p.dep = load_table(dir, "modules.dep");
	p.builtin = load_table(dir, "modules.builtin");
	ok = p.dep && p.builtin;
	if (ok)
		newc_entry(out, "modules", S_IFDIR | 0755, 0, NULL, 0);
	for (size_t i = 0; ok && i < DEVICES; i++)
		ok = put_module(&p, devices[i].name, devices[i].needed);
	for (; ok && *more; more++)
		ok = put_module(&p, *more, true);
	if (ok) {
		newc_entry(out, "modules/list", S_IFREG | 0644, 0, p.list,
			   p.list_len);
		newc_end(out);
	}
	free(p.dep);
	free(p.builtin);
	return ok;
}
