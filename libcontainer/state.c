/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "libcontainer/guest.h"
#include "libcontainer/statedir.h"
#include "libcontainer/statefile.h"
#include "spec/spec.h"

#define STATE_MAX ((size_t)1 << 20)
#define CONFIG_MAX ((size_t)64 << 20)
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

/* A file of ours in the state directory; what is none has no say. */
static int load_file(int dir_fd, const char *name, size_t max, char **text,
		     size_t *len)
{
	auto_fd int fd = path_open_beneath(dir_fd, name, OPEN_FLAGS, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() && !SABOTAGED("state_file_owner"))
		return -EPERM;
	return io_load(fd, max, text, len);
}

/*
 * No state.json: hull was killed between mkdir(2) and the first write, or is
 * there right now; or the directory is somebody else's.
 */
static int no_state(struct ct *ct, const char *id, struct err *err)
{
	if (!statedir_only_own(ct->dir_fd, NULL))
		return err_set(err, -ENOENT, "container does not exist");
	ct->missing = true;
	return err_set(err, -EBADMSG,
		       "state of container '%s' is missing: it is being "
		       "created, or its creation was interrupted",
		       id);
}

static int damaged(struct ct *ct, const char *id, const struct err *why,
		   struct err *err)
{
	ct->damaged = true;
	return err_set(err, -EBADMSG,
		       "state of container '%s' is damaged: %s (delete --force "
		       "removes it)",
		       id, why->msg);
}

/* Without the marker in a sound document only hull's other files can tell that
 * the directory is ours. */
static bool is_foreign(int dir_fd)
{
	size_t others = 0;

	return !statedir_only_own(dir_fd, &others) || !others;
}

int state_load(struct ct *ct, const char *id, struct err *err)
{
	struct err why = { 0 };
	auto_free char *text = NULL;
	size_t len;
	int ret = load_file(ct->dir_fd, STATE_FILE, STATE_MAX, &text, &len);

	if (ret == -ENOENT)
		return no_state(ct, id, err);
	if (ret == -ENOMEM || ret == -EMFILE || ret == -ENFILE)
		return err_code(err, ret, "cannot read state of '%s'", id);
	if (ret) {
		if (!statedir_only_own(ct->dir_fd, NULL))
			return err_set(err, -ENOENT,
				       "container does not exist");
		err_code(&why, ret, "cannot read '%s'", STATE_FILE);
		return damaged(ct, id, &why, err);
	}
	switch (statefile_decode(&ct->arena, text, len, id, &ct->st, &why)) {
	case STATEFILE_GOOD:
		return 0;
	case STATEFILE_FOREIGN:
		if (is_foreign(ct->dir_fd))
			return err_set(err, -ENOENT,
				       "container does not exist");
		break;
	case STATEFILE_BROKEN:
		if (!statedir_only_own(ct->dir_fd, NULL))
			return err_set(err, -ENOENT,
				       "container does not exist");
		break;
	}
	return damaged(ct, id, &why, err);
}

static int annotations_from_spec(struct ct *ct)
{
	const struct spec *spec = ct->spec;
	char **pairs;

	if (ct->st.annotations || !spec || !spec->annotation_count)
		return 0;
	pairs = arena_array(&ct->arena, 2 * spec->annotation_count + 1,
			    sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < spec->annotation_count; i++) {
		const char *key = spec->annotations[i].key;
		const char *value = spec->annotations[i].value;

		pairs[2 * i] = arena_strndup(&ct->arena, key, strlen(key));
		pairs[2 * i + 1] =
			arena_strndup(&ct->arena, value, strlen(value));
		if (!pairs[2 * i] || !pairs[2 * i + 1])
			return -ENOMEM;
	}
	ct->st.annotations = pairs;
	return 0;
}

int ct_save(struct ct *ct, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int ret = annotations_from_spec(ct);

	if (!ret) {
		statefile_encode(&ct->st, &text);
		ret = strbuf_ok(&text) ? 0 : -ENOMEM;
	}
	if (!ret && text.len > STATE_MAX)
		return err_at(err, -EFBIG, "annotations",
			      "the state of a container, %zu bytes with them, "
			      "is limited to %zu",
			      text.len, STATE_MAX);
	if (!ret)
		ret = io_replace(ct->dir_fd, STATE_FILE, text.s, text.len,
				 0600);
	return ret ? err_code(err, ret, "cannot write state of container '%s'",
			      ct->st.id)
		   : 0;
}

/* Written once, before anybody reads it: no need for the detour of a rename. */
static int write_once(int dir_fd, const char *name, const char *text,
		      size_t len)
{
	auto_fd int fd = -1;
	int ret;

	fd = openat(dir_fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = io_write_full(fd, text, len);
	if (ret)
		unlinkat(dir_fd, name, 0);
	return ret;
}

int ct_save_config(struct ct *ct, const char *text, size_t len, struct err *err)
{
	int ret = write_once(ct->dir_fd, CONFIG_FILE, text, len);

	if (ret == -EEXIST)
		ret = io_replace(ct->dir_fd, CONFIG_FILE, text, len, 0600);
	return ret ? err_code(err, ret, "cannot keep config.json of '%s'",
			      ct->st.id)
		   : 0;
}

int ct_load_spec(struct ct *ct, struct err *err)
{
	auto_free char *text = NULL;
	size_t len;
	int ret;

	if (ct->spec)
		return 0;
	ret = load_file(ct->dir_fd, CONFIG_FILE, CONFIG_MAX, &text, &len);
	if (ret)
		return err_code(err, ret,
				"cannot read the kept config.json of '%s'",
				ct->st.id);
	ct->spec = spec_parse(&ct->arena, text, len, NULL, err);
	if (!ct->spec)
		return -EINVAL;
	if (!ct->guest)
		return 0;
	return guest_spec(&ct->arena, ct->guest, ct->spec, &ct->spec, err);
}
