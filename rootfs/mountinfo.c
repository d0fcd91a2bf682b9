/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "rootfs/internal.h"
#include "rootfs/mount_api.h"
#include "rootfs/mountinfo.h"

/* "\040" is a blank: proc_pid_mountinfo(5) escapes blank, tab, newline and
 * backslash in octal. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
					(s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Fields: id, parent, major:minor, root, mount point, options, optional ones,
 * "-", type, source, superblock options. */
bool mountinfo_parse(char *line, struct mountinfo *out)
{
	char *save = NULL, *field[6], *word;

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		field[i] = strtok_r(i ? NULL : line, " \n", &save);
		if (!field[i])
			return false;
	}
	do
		word = strtok_r(NULL, " \n", &save);
	while (word && strcmp(word, "-"));
	word = word ? strtok_r(NULL, " \n", &save) : NULL;
	if (!word)
		return false;
	unescape(field[3]);
	unescape(field[4]);
	*out = (struct mountinfo){
		.root = field[3],
		.path = field[4],
		.type = word,
	};
	return true;
}

static bool is_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return str_starts(path, root) && (!path[len] || path[len] == '/');
}

/* A mount that this user namespace may not detach is covered. */
static int hide_mount(const char *path, struct err *err)
{
	auto_fd int fs_fd = -1, tree_fd = -1;

	if (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) || errno == ENOENT)
		return 0;
	if (errno != EINVAL && errno != EPERM)
		return err_sys(err, "cannot unmount the host's '%s'", path);
	fs_fd = mnt_fs_open("tmpfs");
	tree_fd = fs_fd < 0 ? fs_fd : mnt_fs_mount(fs_fd, MOUNT_ATTR_RDONLY);
	if (tree_fd < 0)
		return err_code(err, tree_fd, "cannot cover the host's '%s'",
				path);
	if (move_mount(tree_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH))
		return err_sys(err, "cannot cover the host's '%s'", path);
	return 0;
}

int mountinfo_hide_proc(const char *root, struct err *err)
{
	auto_file FILE *f = fopen("/proc/self/mountinfo", "re");
	auto_free char *text = NULL;
	size_t size = 0, used = 0;
	char *line, *next;

	if (!f)
		return err_sys(err, "cannot read the list of mounts");
	/* read to the end before the list, and /proc, change */
	for (;;) {
		char *grown = realloc(text, size + 65536);

		if (!grown)
			return err_set(err, -ENOMEM, "out of memory");
		text = grown;
		size += 65536;
		used += fread(text + used, 1, size - used - 1, f);
		if (used < size - 1)
			break;
	}
	text[used] = '\0';
	for (line = text; *line; line = next) {
		struct mountinfo m;
		int ret;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!mountinfo_parse(line, &m) || strcmp(m.root, "/") ||
		    (strcmp(m.type, "proc") && strcmp(m.type, "sysfs")) ||
		    is_below(m.path, root))
			continue;
		ret = hide_mount(m.path, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
