/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/json/utf8.h"
#include "base/path.h"
#include "base/str.h"
#include "libcontainer/vm_mounts.h"
#include "rootfs/mount_opt.h"

/*
 * Which side of a microVM a mount is for, and what lies in what, is decided by
 * comparing destinations. The mounts themselves follow the links of the image,
 * so these are followed first, once, and both sides are told the outcome. The
 * image may change behind that: what is found here is only ever compared, or
 * resolved inside the root once more. Links in other mounts, which are not
 * there yet, are rootfs/left.c's to notice.
 */

#define LINKS_MAX 40 /* path_resolution(7) */

struct walk {
	int root_fd;
	const struct spec_mount *mounts; /* their destinations are resolved */
	size_t count;
	char rest[PATH_MAX];
	unsigned int links;
};

/* Something is mounted there, and what the image has is not to be seen. */
static bool is_covered(const struct walk *w, const char *path)
{
	for (size_t i = w->count; i-- > 0;) {
		struct mount_opts o;

		/* a copy has the image's links, too */
		if (vm_path_is_below(path, w->mounts[i].destination) &&
		    !mount_opts_parse(w->mounts[i].options, &o) &&
		    !(o.what & (MOUNT_REMOUNT | MOUNT_COPYUP)))
			return true;
	}
	return false;
}

/* Return: length of the text of the link that @path is; 0: it is none. */
static size_t read_link(const struct walk *w, const char *path, char *text)
{
	auto_fd int fd = -1;
	ssize_t n;

	if (is_covered(w, path))
		return 0;
	fd = path_open_below(w->root_fd, path + 1, O_PATH | O_NOFOLLOW, 0);
	n = fd < 0 ? 0 : readlinkat(fd, "", text, PATH_MAX - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (size_t)n;
}

/* Its text takes the place of the link at the end of @out. */
static int follow(struct walk *w, const char *text, char *out)
{
	char joined[2 * PATH_MAX];
	int n = snprintf(joined, sizeof(joined), "%s/%s", text, w->rest);

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w->rest, joined, (size_t)n + 1);
	*(text[0] == '/' ? out : strrchr(out, '/')) = '\0';
	return 0;
}

static int step(struct walk *w, char *out)
{
	char text[PATH_MAX];
	char *name = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(name, "/"), len = strlen(out);
	bool up = n == 2 && !memcmp(name, "..", 2);

	if (len + 1 + n >= PATH_MAX)
		return -ENAMETOOLONG;
	if (up && len)
		*strrchr(out, '/') = '\0';
	if (!up && n && !(n == 1 && *name == '.')) {
		out[len] = '/';
		memcpy(out + len + 1, name, n);
		out[len + 1 + n] = '\0';
	} else {
		n += (size_t)(name - w->rest);
		memmove(w->rest, w->rest + n, strlen(w->rest + n) + 1);
		return 0;
	}
	memmove(w->rest, name + n, strlen(name + n) + 1);
	return read_link(w, out, text) ? follow(w, text, out) : 0;
}

int vm_place(int root_fd, const struct spec_mount *before, size_t count,
	     const char *path, char *out)
{
	struct walk w = { .root_fd = root_fd,
			  .mounts = before,
			  .count = count };
	int ret = path_clean(path, out, PATH_MAX);

	if (ret)
		return ret;
	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	/* the usual case, in one call */
	if (!strstr(path, "..")) {
		auto_fd int fd = path_open_below(root_fd, out + 1, O_PATH, 0);

		if (fd >= 0 || fd == -ENOENT || fd == -ENOTDIR)
			return 0;
	}
	strcpy(w.rest, path);
	out[0] = '\0';
	while (!ret && w.rest[0])
		ret = step(&w, out);
	if (ret)
		return ret;
	if (!out[0])
		strcpy(out, "/");
	/* no config.json can name it */
	if (w.links && !utf8_valid(out))
		return -EILSEQ;
	return w.links > 0;
}

/* Those are for an ordinary directory at exactly that place (rootfs/target.c),
 * which a link would have to be resolved for. */
static bool takes_no_link(const struct spec_mount *m)
{
	return vm_mount_is_guests(m) &&
	       (!strcmp(m->type, "proc") || !strcmp(m->type, "sysfs"));
}

int vm_resolve(struct vm *vm, struct arena *arena, const char *root_path,
	       struct err *err)
{
	auto_fd int root_fd =
		open(root_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct spec *full = vm->full;
	struct spec *copy = arena_alloc(arena, sizeof(*copy));
	struct spec_mount *list;
	char place[PATH_MAX];

	if (root_fd < 0)
		return err_at(err, -errno, "root.path", "'%s': %s", root_path,
			      err_text(errno));
	list = arena_array(arena, full->mount_count + 1, sizeof(*list));
	if (!copy || !list)
		return err_set(err, -ENOMEM, "out of memory");
	*copy = *full;
	copy->mounts = list;
	for (size_t i = 0; i < full->mount_count; i++) {
		list[i] = full->mounts[i];
		/* what cannot be resolved is refused when it is mounted */
		if (takes_no_link(&list[i]) ||
		    vm_place(root_fd, list, i, list[i].destination, place) <= 0)
			continue;
		list[i].destination =
			arena_strndup(arena, place, strlen(place));
		if (!list[i].destination)
			return err_set(err, -ENOMEM, "out of memory");
		vm->links = true;
	}
	vm->full = copy;
	if (full->process.cwd && vm_place(root_fd, list, full->mount_count,
					  full->process.cwd, place) > 0) {
		vm->cwd = arena_strndup(arena, place, strlen(place));
		if (!vm->cwd)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int vm_add_config(const struct vm *vm, const char *config, size_t len,
		  struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	const struct json *doc, *list, *m;
	size_t at = 0, i = 0;

	if (vm->links) {
		doc = json_parse(&arena, config, len, NULL);
		list = json_get(doc, "mounts");
		if (!list || list->count != vm->full->mount_count)
			return doc ? -EINVAL : -ENOMEM;
		for (m = list->child; m; m = m->next) {
			const struct json *d = json_get(m, "destination");
			const char *now = vm->full->mounts[i++].destination;

			if (!d || !d->text || !strcmp(d->text, now))
				continue;
			strbuf_addn(out, config + at, d->begin - at);
			strbuf_add_json_string(out, now);
			at = d->end;
		}
	}
	strbuf_addn(out, config + at, len - at);
	return strbuf_ok(out) ? 0 : -ENOMEM;
}
