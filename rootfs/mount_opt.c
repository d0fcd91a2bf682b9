/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/mount_opt.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "rootfs/mount_api.h"
#include "rootfs/rootfs.h"

/*
 * One row per name of runtime-spec config.md, "Linux mount options". X-lists,
 * so that the table that the parser walks and the one that `hull features`
 * prints cannot differ.
 *
 * Rows of the first two lists have an r-form ("rro") for the whole subtree.
 * The access-time attributes are one field with three values, of which
 * relatime is 0: to leave noatime or strictatime is to enter relatime, which
 * is also what the kernel does with mount(2).
 */
/* clang-format off */
#define ATIME MOUNT_ATTR__ATIME
#define ATTR_ROWS(X) \
	X("ro",            MOUNT_ATTR_RDONLY,      0) \
	X("rw",            0,                      MOUNT_ATTR_RDONLY) \
	X("nosuid",        MOUNT_ATTR_NOSUID,      0) \
	X("suid",          0,                      MOUNT_ATTR_NOSUID) \
	X("nodev",         MOUNT_ATTR_NODEV,       0) \
	X("dev",           0,                      MOUNT_ATTR_NODEV) \
	X("noexec",        MOUNT_ATTR_NOEXEC,      0) \
	X("exec",          0,                      MOUNT_ATTR_NOEXEC) \
	X("nodiratime",    MOUNT_ATTR_NODIRATIME,  0) \
	X("diratime",      0,                      MOUNT_ATTR_NODIRATIME) \
	X("noatime",       MOUNT_ATTR_NOATIME,     ATIME) \
	X("atime",         0,                      ATIME) \
	X("strictatime",   MOUNT_ATTR_STRICTATIME, ATIME) \
	X("nostrictatime", 0,                      ATIME) \
	X("relatime",      MOUNT_ATTR_RELATIME,    ATIME) \
	X("norelatime",    0,                      ATIME) \
	X("nosymfollow",   MOUNT_ATTR_NOSYMFOLLOW, 0) \
	X("symfollow",     0,                      MOUNT_ATTR_NOSYMFOLLOW)

#define PROP_ROWS(X) \
	X("private",    MS_PRIVATE) \
	X("shared",     MS_SHARED) \
	X("slave",      MS_SLAVE) \
	X("unbindable", MS_UNBINDABLE)

#define SB_ROWS(X) \
	X("async",      0,                 MOUNT_SB_SYNC) \
	X("sync",       MOUNT_SB_SYNC,     0) \
	X("dirsync",    MOUNT_SB_DIRSYNC,  0) \
	X("lazytime",   MOUNT_SB_LAZYTIME, 0) \
	X("nolazytime", 0,                 MOUNT_SB_LAZYTIME) \
	X("mand",       MOUNT_SB_MAND,     0) \
	X("nomand",     0,                 MOUNT_SB_MAND) \
	X("iversion",   MOUNT_SB_IVERSION, 0) \
	X("noiversion", 0,                 MOUNT_SB_IVERSION) \
	X("silent",     MOUNT_SB_SILENT,   0) \
	X("loud",       0,                 MOUNT_SB_SILENT)

#define WHAT_ROWS(X) \
	X("bind",      MOUNT_BIND) \
	X("rbind",     MOUNT_BIND | MOUNT_REC) \
	X("remount",   MOUNT_REMOUNT) \
	X("defaults",  0) \
	X("tmpcopyup", MOUNT_COPYUP) \
	X("idmap",     MOUNT_IDMAP) \
	X("ridmap",    MOUNT_IDMAP | MOUNT_IDMAP_REC)

static const struct mount_opt {
	const char *name;
	bool recursive;         /* an r-form exists */
	struct mount_bits bits;
	unsigned int prop;      /* MS_* */
	struct { unsigned int set, clr; } sb;
	unsigned int what;
} mount_opts[] = {
#define X(n, s, c) { .name = n, .recursive = true, .bits = { s, c } },
	ATTR_ROWS(X)
#undef X
#define X(n, p) { .name = n, .recursive = true, .prop = p },
	PROP_ROWS(X)
#undef X
#define X(n, s, c) { .name = n, .sb = { s, c } },
	SB_ROWS(X)
#undef X
#define X(n, w) { .name = n, .what = w },
	WHAT_ROWS(X)
#undef X
};

static const char *const option_names[] = {
#define X(n, ...) n, "r" n,
	ATTR_ROWS(X)
	PROP_ROWS(X)
#undef X
#define X(n, ...) n,
	SB_ROWS(X)
	WHAT_ROWS(X)
#undef X
	NULL
};

/* as fs/fs_context.c spells them; "silent" and "iversion" are no longer
 * options of every filesystem there */
static const struct {
	enum mount_sb bit;
	const char *set;
	const char *clr;
} sb_names[] = {
	{ MOUNT_SB_SYNC,     "sync",     "async" },
	{ MOUNT_SB_DIRSYNC,  "dirsync",  NULL },
	{ MOUNT_SB_LAZYTIME, "lazytime", "nolazytime" },
	{ MOUNT_SB_MAND,     "mand",     "nomand" },
	{ MOUNT_SB_IVERSION, "iversion", "noiversion" },
};
/* clang-format on */

const char *const *rootfs_option_names(void)
{
	return option_names;
}

const char *mount_sb_name(enum mount_sb bit, bool set)
{
	for (size_t i = 0; i < ARRAY_SIZE(sb_names); i++)
		if (sb_names[i].bit == bit)
			return set ? sb_names[i].set : sb_names[i].clr;
	return NULL;
}

static const struct mount_opt *mount_opt_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_opts); i++)
		if (!strcmp(mount_opts[i].name, name))
			return &mount_opts[i];
	return NULL;
}

/* "relatime" is a row, "rrelatime" the r-form of one, "rsync" neither. */
static const struct mount_opt *mount_opt_lookup(const char *name,
						bool *recursive)
{
	const struct mount_opt *opt = mount_opt_find(name);

	*recursive = false;
	if (opt || name[0] != 'r')
		return opt;
	*recursive = true;
	opt = mount_opt_find(name + 1);
	return opt && opt->recursive ? opt : NULL;
}

bool mount_opt_known(const char *name)
{
	bool recursive;

	return mount_opt_lookup(name, &recursive) != NULL;
}

static void bits_apply(struct mount_bits *to, const struct mount_bits *bits)
{
	to->set = (to->set & ~bits->clr) | bits->set;
	to->clr = (to->clr & ~bits->set) | bits->clr;
}

int mount_opt_apply(struct mount_opts *opts, const char *name)
{
	bool recursive;
	const struct mount_opt *opt = mount_opt_lookup(name, &recursive);

	if (!opt)
		return -ENOENT;
	if (opt->prop) {
		if (opts->prop_count == MOUNT_PROP_MAX)
			return -E2BIG;
		opts->props[opts->prop_count++] = (struct mount_prop){
			.type = opt->prop,
			.recursive = recursive,
		};
	}
	if (opt->bits.set || opt->bits.clr) {
		bits_apply(recursive ? &opts->below : &opts->here, &opt->bits);
		opts->touched |= !recursive;
	}
	opts->sb_set = (opts->sb_set & ~opt->sb.clr) | opt->sb.set;
	opts->sb_clr = (opts->sb_clr & ~opt->sb.set) | opt->sb.clr;
	opts->what |= opt->what;
	return 0;
}

int mount_opt_next(const char **cursor, char *token)
{
	const char *p = *cursor;
	bool quoted = false;
	size_t len = 0;

	while (*p == ',')
		p++;
	if (!*p)
		return 0;
	for (; *p && (quoted || *p != ','); p++) {
		/* a quote inside a value is part of a path */
		if (*p == '"' && (quoted || (len && token[len - 1] == '='))) {
			quoted = !quoted;
			continue;
		}
		if (p[0] == '\\' && p[1] == ',')
			p++;
		if (len + 1 >= MOUNT_TOKEN_MAX)
			return -E2BIG;
		token[len++] = *p;
	}
	token[len] = '\0';
	*cursor = p;
	return 1;
}

int mount_opts_parse(const char *const *options, struct mount_opts *out)
{
	struct mount_opts opts = { 0 };
	char token[MOUNT_TOKEN_MAX];

	for (; options && *options; options++) {
		const char *cursor = *options;
		int ret;

		while ((ret = mount_opt_next(&cursor, token)) > 0) {
			ret = mount_opt_apply(&opts, token);
			if (ret == -ENOENT)
				opts.has_data = true;
			else if (ret < 0)
				return ret;
		}
		if (ret < 0)
			return ret;
	}
	*out = opts;
	return 0;
}
