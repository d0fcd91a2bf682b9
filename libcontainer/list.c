/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/state.h"
#include "libcontainer/statedir.h"

static char *copy(const char *s)
{
	return strdup(s ? s : "");
}

static char **copy_pairs(char *const *from)
{
	size_t count = 0;
	char **to;

	while (from && from[count])
		count++;
	to = calloc(count + 1, sizeof(*to));
	for (size_t i = 0; to && i < count; i++) {
		to[i] = strdup(from[i]);
		if (to[i])
			continue;
		while (i--)
			free(to[i]);
		free(to);
		return NULL;
	}
	return to;
}

void hull_state_release(struct hull_state *state)
{
	free(state->oci_version);
	free(state->id);
	free(state->bundle);
	free(state->rootfs);
	free(state->isolation);
	free(state->problem);
	for (char **a = state->annotations; a && *a; a++)
		free(*a);
	free(state->annotations);
	*state = (struct hull_state){ 0 };
}

static int export(const struct ct *ct, enum hull_status status,
		  const char *problem, struct hull_state *out)
{
	const struct ct_state *st = &ct->st;
	struct hull_state s = {
		.oci_version = copy(st->oci_version),
		.id = copy(st->id),
		.status = status,
		.pid = status == HULL_STOPPED ? 0 : st->pid,
		.bundle = copy(st->bundle),
		.rootfs = copy(st->rootfs),
		.isolation = copy(st->vm ? "vm" : "process"),
		.created_ns = st->created_ns,
		.started_ns = st->started_ns,
		.owner = st->owner,
		.annotations = copy_pairs(st->annotations),
		.exit = st->exit,
		.problem = problem ? strdup(problem) : NULL,
	};

	if (!s.oci_version || !s.id || !s.bundle || !s.rootfs || !s.isolation ||
	    !s.annotations || (problem && !s.problem)) {
		hull_state_release(&s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

/*
 * The end has been noticed by somebody who holds no lock. What was seen (a
 * zombie's status, say) may be gone the next time: keep it, unless an operation
 * is at work, which notices by itself.
 */
static void keep_record(struct ct *ct)
{
	struct ct again = CT_INIT;

	again.root_fd = ct->root_fd;
	if (!statedir_open(&again, ct->st.id, LOCK_TRY, NULL) &&
	    again.st.pid == ct->st.pid &&
	    again.st.start_time == ct->st.start_time &&
	    ct_status(&again) == HULL_STOPPED)
		ct->st.exit = again.st.exit;
	again.root_fd = -1; /* borrowed */
	ct_close(&again);
}

static int examine(struct ct *ct, struct hull_state *out)
{
	bool known = ct->st.exit.recorded;
	enum hull_status status = ct_status(ct);

	if (status == HULL_STOPPED && !known && ct->st.exit.recorded)
		keep_record(ct);
	return export(ct, status, NULL, out);
}

/* The directory stands, state.json not yet. */
static bool is_being_created(const struct ct *ct)
{
	return ct->missing && statedir_is_held(ct);
}

int hull_state_get(const struct hull_context *ctx, const char *id,
		   struct hull_state *out, struct err *err)
{
	auto_ct struct ct ct = CT_INIT;
	struct err why = { 0 };
	int ret = ct_open(ctx, id, false, &ct, &why);

	if (ret == -EBADMSG && is_being_created(&ct)) {
		ret = export(&ct, HULL_CREATING, NULL, out);
	} else if (ret) {
		if (err)
			*err = why;
		return ret;
	} else {
		ret = examine(&ct, out);
	}
	return ret ? err_set(err, ret, "out of memory") : 0;
}

struct found {
	struct hull_state *states;
	size_t count;
	size_t room;
};

static int grow(struct found *found)
{
	size_t room = found->room ? found->room * 2 : 16;
	struct hull_state *states;

	if (found->count < found->room)
		return 0;
	states = reallocarray(found->states, room, sizeof(*states));
	if (!states)
		return -ENOMEM;
	found->states = states;
	found->room = room;
	return 0;
}

/* One entry of the root. What is not hull's, or has gone meanwhile, is passed
 * over; what cannot be read is listed with the reason. */
static int visit(int root_fd, const char *id, struct found *found)
{
	struct ct ct = CT_INIT;
	struct err why = { 0 };
	int ret = grow(found);

	if (ret)
		return ret;
	ct.root_fd = root_fd;
	ret = statedir_open(&ct, id, LOCK_NONE, &why);
	if (!ret)
		ret = examine(&ct, &found->states[found->count]);
	else if (ret == -ENOENT)
		ret = 1;
	else if (ret == -EBADMSG && is_being_created(&ct))
		ret = export(&ct, HULL_CREATING, NULL,
			     &found->states[found->count]);
	else
		ret = export(&ct, HULL_STOPPED, why.msg,
			     &found->states[found->count]);
	if (!ret)
		found->count++;
	ct.root_fd = -1; /* borrowed */
	ct_close(&ct);
	return ret < 0 ? ret : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct hull_state *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int visit_all(int root_fd, struct found *found)
{
	auto_dir DIR *dir = NULL;
	const struct dirent *entry;
	int ret = 0;
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		auto_close_fd(&fd);
		return -ENOMEM;
	}
	while (!ret && (errno = 0, entry = readdir(dir))) {
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		if (!ct_check_id(entry->d_name, NULL))
			ret = visit(root_fd, entry->d_name, found);
	}
	return ret ? ret : -errno;
}

int hull_list(const struct hull_context *ctx, struct hull_state **states,
	      size_t *count, struct err *err)
{
	auto_fd int root_fd = ct_root_open(ctx, false, err);
	struct found found = { 0 };
	int ret;

	*states = NULL;
	*count = 0;
	if (root_fd == -ENOENT)
		return 0;
	if (root_fd < 0)
		return root_fd;
	ret = visit_all(root_fd, &found);
	if (ret) {
		for (size_t i = 0; i < found.count; i++)
			hull_state_release(&found.states[i]);
		free(found.states);
		return err_code(err, ret, "cannot read the state root");
	}
	if (found.count)
		qsort(found.states, found.count, sizeof(*found.states),
		      by_name);
	*states = found.states;
	*count = found.count;
	return 0;
}
