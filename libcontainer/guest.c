/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "libcontainer/process/process.h"
#include "rootfs/mount_api.h"
#include "rootfs/mount_opt.h"

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static bool is_in(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word))
		words++;
	return *words;
}

/* ---- mounts */

bool guest_makes_mount(const struct spec_mount *m)
{
	static const char *const types[] = {
		"proc",    "sysfs",     "tmpfs",    "ramfs",       "devpts",
		"mqueue",  "cgroup",    "cgroup2",  "devtmpfs",    "bpf",
		"debugfs", "tracefs",   "configfs", "securityfs",  "fusectl",
		"pstore",  "hugetlbfs", "efivarfs", "binfmt_misc", NULL
	};
	struct mount_opts opts;

	if (!m->type || !is_in(m->type, types))
		return false;
	return !mount_opts_parse(m->options, &opts) &&
	       !(opts.what & MOUNT_BIND);
}

/* What a mount of the host's has to become in the guest. */
enum turn {
	TURN_KEEP, /* the guest makes it */
	TURN_DROP, /* seen through the served tree as it is */
	TURN_BIND, /* bound once more */
};

struct turned {
	enum turn turn;
	char dest[PATH_MAX];
};

static bool lies_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strcmp(dir, "/") ||
	       (str_starts(path, dir) && (!path[len] || path[len] == '/'));
}

/*
 * Options of the mount itself: they concern the kernel of the workload. Not
 * "ro", which the host enforces: here it would reach what is mounted below as
 * well, since the guest finds that only later.
 */
static bool is_attr(const char *token, bool *restricts)
{
	struct mount_opts o = { 0 };

	if (mount_opt_apply(&o, token))
		return false;
	if ((o.here.set & ~(uint64_t)MOUNT_ATTR_RDONLY) || o.below.set)
		*restricts = true;
	return o.here.set || o.here.clr || o.below.set || o.below.clr;
}

static int pick_attrs(struct arena *arena, const struct spec_mount *in,
		      struct spec_mount *out, bool *restricts)
{
	char token[MOUNT_TOKEN_MAX];
	const char **list;
	size_t max = 1, n = 0;

	for (size_t i = 0; i < in->option_count; i++) {
		max++;
		for (const char *s = in->options[i]; *s; s++)
			max += *s == ',';
	}
	list = arena_array(arena, max + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[n++] = "rbind";
	for (size_t i = 0; i < in->option_count; i++) {
		const char *cursor = in->options[i];

		while (mount_opt_next(&cursor, token) > 0) {
			if (!is_attr(token, restricts))
				continue;
			list[n] = arena_strndup(arena, token, strlen(token));
			if (!list[n++])
				return -ENOMEM;
		}
	}
	out->options = list;
	out->option_count = n;
	return 0;
}

static enum turn turn_of(const struct spec_mount *m, const char *dest,
			 const struct turned *before, size_t count)
{
	struct mount_opts opts;
	size_t i = count;

	if (guest_makes_mount(m))
		return TURN_KEEP;
	/* a remount follows what it is about */
	if (!mount_opts_parse(m->options, &opts) &&
	    (opts.what & MOUNT_REMOUNT)) {
		while (i && strcmp(before[i - 1].dest, dest))
			i--;
		return i && before[i - 1].turn != TURN_DROP ? TURN_KEEP
							    : TURN_DROP;
	}
	while (i && !(before[i - 1].turn == TURN_KEEP &&
		      lies_below(dest, before[i - 1].dest)))
		i--;
	return i ? TURN_BIND : TURN_DROP;
}

/* Return: 1 when *@out is to stay in the list, 0, or -errno. */
static int turn_mount(struct arena *arena, const struct hull_guest *g,
		      size_t number, struct turned *all, struct spec_mount *out)
{
	struct turned *t = &all[number];
	const struct spec_mount in = *out;
	bool restricts = false;
	int ret;

	ret = path_clean(in.destination, t->dest, sizeof(t->dest));
	if (ret)
		return ret;
	t->turn = turn_of(&in, t->dest, all, number);
	if (t->turn == TURN_KEEP)
		return 1;
	ret = pick_attrs(arena, &in, out, &restricts);
	if (ret)
		return ret;
	if (restricts)
		t->turn = TURN_BIND;
	if (t->turn == TURN_DROP)
		return 0;
	out->type = NULL;
	out->source = arena_printf(arena, "%s/%zu", g->binds, number);
	out->uid_maps = out->gid_maps = NULL;
	out->uid_map_count = out->gid_map_count = 0;
	return out->source ? 1 : -ENOMEM;
}

static int amend_mounts(struct arena *arena, const struct hull_guest *g,
			const struct spec *in, struct spec *out,
			struct err *err)
{
	auto_free struct turned *turned = NULL;
	struct spec_mount *list;

	list = arena_array(arena, in->mount_count + 1, sizeof(*list));
	turned = calloc(in->mount_count + 1, sizeof(*turned));
	if (!list || !turned)
		return no_memory(err);
	out->mounts = list;
	out->mount_count = 0;
	for (size_t i = 0; i < in->mount_count; i++) {
		struct spec_mount m = in->mounts[i];
		int ret = turn_mount(arena, g, i, turned, &m);

		if (ret < 0)
			return err_code(err, ret, "mounts[%zu]", i);
		if (ret)
			list[out->mount_count++] = m;
	}
	return 0;
}

/* ---- namespaces */

static int amend_namespaces(struct arena *arena, const struct spec_linux *in,
			    struct spec_linux *out, struct err *err)
{
	struct spec_namespace *list;
	size_t n = 0;

	list = arena_array(arena, in->namespace_count + 2, sizeof(*list));
	if (!list)
		return no_memory(err);
	list[n++].type = SPEC_NS_PID;
	list[n++].type = SPEC_NS_MOUNT;
	for (size_t i = 0; i < in->namespace_count; i++) {
		const struct spec_namespace *ns = &in->namespaces[i];
		char field[64];

		if (ns->type == SPEC_NS_PID || ns->type == SPEC_NS_MOUNT ||
		    ns->type == SPEC_NS_NETWORK)
			continue;
		if (ns->path &&
		    (ns->type == SPEC_NS_USER || ns->type == SPEC_NS_TIME)) {
			snprintf(field, sizeof(field),
				 "linux.namespaces[%zu].path", i);
			return err_at(err, -ENOTSUP, field,
				      "a microVM cannot join a %s namespace",
				      spec_ns_names[ns->type]);
		}
		list[n++].type = ns->type;
	}
	out->namespaces = list;
	out->namespace_count = n;
	return 0;
}

/* ---- ids */

/* The served files show the container's own ids, not the host's: in the guest
 * they are those of its kernel. */
static int own_ids(struct arena *arena, const struct spec_id_map **maps,
		   size_t count, struct err *err)
{
	struct spec_id_map *list = arena_array(arena, count + 1, sizeof(*list));

	if (!list)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		list[i] = (*maps)[i];
		list[i].host_id = list[i].container_id;
	}
	*maps = list;
	return 0;
}

static int amend_ids(struct arena *arena, struct spec_linux *l, struct err *err)
{
	int ret = own_ids(arena, &l->uid_maps, l->uid_map_count, err);

	return ret ? ret : own_ids(arena, &l->gid_maps, l->gid_map_count, err);
}

/* ---- limits */

bool guest_keeps_file(const char *file)
{
	return (str_starts(file, "memory.") &&
		!str_starts(file, "memory.swap.") &&
		!str_starts(file, "memory.zswap.")) ||
	       str_starts(file, "pids.");
}

int guest_resources(struct arena *arena, const struct spec_resources *in,
		    struct spec_resources *out, struct err *err)
{
	struct spec_unified *unified;
	size_t n = 0;

	unified = arena_array(arena, in->unified_count + 1, sizeof(*unified));
	if (!unified)
		return no_memory(err);
	for (size_t i = 0; i < in->unified_count; i++) {
		if (guest_keeps_file(in->unified[i].file))
			unified[n++] = in->unified[i];
	}
	*out = (struct spec_resources){
		.devices_set = in->devices_set,
		.devices = in->devices,
		.device_count = in->device_count,
		.memory = in->memory,
		.pids_limit = in->pids_limit,
		.unified = unified,
		.unified_count = n,
	};
	out->memory.swap.set = false;
	return 0;
}

/* ---- the rest */

void guest_process(const struct hull_guest *g, struct spec_process *process)
{
	process->apparmor_profile = NULL;
	process->selinux_label = NULL;
	process->cpu_affinity_initial = NULL;
	process->cpu_affinity_final = NULL;
	process->terminal = g->terminal;
	process->console_size_set = g->rows || g->cols;
	process->console_height = g->rows;
	process->console_width = g->cols;
	if (!process->oom_score_adj_set) {
		process->oom_score_adj_set = true;
		process->oom_score_adj = 0;
	}
}

static bool is_net(const char *key)
{
	return str_starts(key, "net.") || str_starts(key, "net/");
}

/* Those that are the network's, or the others. */
static int pick_sysctls(struct arena *arena, const struct spec_linux *in,
			bool net, struct spec_linux *out, struct err *err)
{
	struct spec_sysctl *list;
	size_t n = 0;

	list = arena_array(arena, in->sysctl_count + 1, sizeof(*list));
	if (!list)
		return no_memory(err);
	for (size_t i = 0; i < in->sysctl_count; i++) {
		if (is_net(in->sysctls[i].key) == net)
			list[n++] = in->sysctls[i];
	}
	out->sysctls = list;
	out->sysctl_count = n;
	return 0;
}

int guest_spec(struct arena *arena, const struct hull_guest *g,
	       const struct spec *in, const struct spec **out, struct err *err)
{
	struct spec *s = arena_alloc(arena, sizeof(*s));
	int ret;

	if (!s)
		return no_memory(err);
	*s = *in;
	s->root_path = g->root;
	s->linux_.cgroups_path = g->cgroup;
	s->linux_.mount_label = NULL;
	s->linux_.mempolicy.set = false;
	s->linux_.net_device_count = 0;
	s->linux_.rdt.set = false;
	/* one mount here, with all of the host's in it: there it is enforced */
	s->root_readonly = false;
	for (size_t i = 0; i < SPEC_HOOK_KINDS; i++) {
		if (i != SPEC_HOOK_START_CONTAINER)
			s->hooks.count[i] = 0;
	}
	guest_process(g, &s->process);
	ret = amend_mounts(arena, g, in, s, err);
	if (!ret)
		ret = amend_namespaces(arena, &in->linux_, &s->linux_, err);
	if (!ret)
		ret = amend_ids(arena, &s->linux_, err);
	if (!ret)
		ret = guest_resources(arena, &in->linux_.resources,
				      &s->linux_.resources, err);
	if (!ret)
		ret = pick_sysctls(arena, &in->linux_, false, &s->linux_, err);
	if (!ret)
		*out = s;
	return ret;
}

int guest_net_sysctls(struct arena *arena, const struct spec *spec,
		      struct err *err)
{
	auto_fd int proc_fd = -1;
	struct spec_linux net;
	int ret;

	ret = pick_sysctls(arena, &spec->linux_, true, &net, err);
	if (ret || !net.sysctl_count)
		return ret;
	proc_fd = proc_root_open();
	if (proc_fd < 0)
		return err_code(err, proc_fd, "cannot open /proc");
	return process_sysctls(proc_fd, &net, err);
}

/* ---- trees that are bound again */

/* A place of our own to attach it to, of the same kind. */
static int make_place(const char *path, bool is_dir)
{
	if (!is_dir && mknod(path, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return -errno;
	if (is_dir && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int bind_one(int root_fd, const struct spec_mount *m)
{
	auto_fd int from_fd = -1, tree_fd = -1, place_fd = -1;
	struct stat st;

	from_fd = path_open_in_root(root_fd, m->destination, O_PATH);
	if (from_fd < 0)
		return from_fd;
	tree_fd = mnt_clone(from_fd, "", AT_RECURSIVE, NULL);
	if (tree_fd < 0)
		return tree_fd;
	if (fstat(tree_fd, &st) < 0)
		return -errno;
	place_fd = make_place(m->source, S_ISDIR(st.st_mode));
	if (place_fd < 0)
		return place_fd;
	return mnt_attach(tree_fd, place_fd);
}

int guest_binds(const struct hull_guest *g, const struct spec *spec,
		struct err *err)
{
	size_t len = strlen(g->binds);
	auto_fd int root_fd = -1;

	root_fd = open(g->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, "cannot open '%s'", g->root);
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		int ret;

		if (!m->source || !str_starts(m->source, g->binds) ||
		    m->source[len] != '/')
			continue;
		ret = bind_one(root_fd, m);
		if (ret)
			return err_code(err, ret,
					"cannot bind '%s' in the guest",
					m->destination);
	}
	return 0;
}
