/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

#define EVICT_STEPS 4096U /* slots looked at before giving up */

#define STAT_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)
#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)

int node_stat(int fd, struct statx *stx)
{
	if (statx(fd, "", AT_EMPTY_PATH | STAT_FLAGS, STAT_MASK, stx) < 0)
		return -errno;
	return 0;
}

static int stat_at(int dir_fd, const char *name, struct statx *stx)
{
	if (statx(dir_fd, name, STAT_FLAGS, STAT_MASK, stx) < 0)
		return -errno;
	return 0;
}

/*
 * Is the file still where the guest found it? Then its descriptor can go. One
 * that has a name and a descriptor has a parent with a descriptor.
 */
static bool evict_one(struct node_table *table, struct node *node)
{
	struct node *dir = node_at(table, node->parent);
	struct statx stx;

	if (!node->used || node->fd < 0 || !node->name[0] || node->open_kids ||
	    node->epoch == table->epoch)
		return false;
	if (stat_at(dir->fd, node->name, &stx) < 0 || !node_is(node, &stx)) {
		node_set_name(table, node, NULL, NULL);
		return false;
	}
	node->birth_ns = node_birth(&stx); /* overlayfs changes it by copy-up */
	close(node->fd);
	node->fd = -1;
	dir->open_kids--;
	table->fds--;
	table->evicted++;
	return true;
}

static int evict(struct node_table *table)
{
	if (table->fds < table->fds_max)
		return 0;
	for (uint32_t i = NODE_ROOT; i < table->top; i++) {
		if (++table->hand >= table->top)
			table->hand = NODE_ROOT;
		if (evict_one(table, node_at(table, table->hand)) ||
		    table->fds < table->fds_max)
			return 0;
	}
	return -ENFILE;
}

static void set_fd(struct node_table *table, struct node *node, int fd)
{
	node->fd = fd;
	node_at(table, node->parent)->open_kids++;
	table->fds++;
	table->evicted--;
}

/* Open an evicted node below its parent, which has a descriptor. */
static int open_again(struct node_table *table, struct node *node)
{
	const struct node *dir = node_at(table, node->parent);
	auto_fd int fd = -1;
	struct statx stx;
	int ret = evict(table);

	if (ret < 0)
		return ret;
	fd = openat(dir->fd, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
	ret = node_stat(fd, &stx);
	if (ret < 0)
		return ret;
	if (!node_is(node, &stx))
		return -ESTALE;
	set_fd(table, node, take_fd(&fd));
	return 0;
}

/*
 * Parents first. The way down is kept in @next_down of each, not on the stack:
 * the guest decides how deep its directories are.
 */
static int open_chain(struct node_table *table, struct node *node)
{
	uint32_t down = 0;

	for (;;) {
		node->epoch = table->epoch;
		node->next_down = down;
		if (node->fd >= 0)
			break;
		down = node->index;
		node = node_at(table, node->parent);
	}
	while (node->next_down) {
		int ret;

		node = node_at(table, node->next_down);
		ret = open_again(table, node);
		if (ret < 0)
			return ret;
	}
	return node->fd;
}

int node_fd(struct node_table *table, struct node *node)
{
	node->epoch = table->epoch;
	return node->fd >= 0 ? node->fd : open_chain(table, node);
}

int node_dir_fd(struct node_table *table, struct node *node)
{
	return node->type == S_IFDIR ? node_fd(table, node) : -ENOTDIR;
}

int node_room(struct node_table *table)
{
	int ret = node_slot_room(table);

	return ret < 0 ? ret : evict(table);
}

static void known(struct node_table *table, struct node *node, struct node *dir,
		  const char *name)
{
	node->lookups++;
	/* an evicted node keeps the name under which it was seen */
	if (node->fd >= 0)
		node_set_name(table, node, dir, name);
}

int node_adopt(struct node_table *table, struct node *dir, const char *name,
	       int fd, struct statx *stx, struct node **node)
{
	auto_fd int mine = fd;
	int ret = node_stat(mine, stx);

	if (ret < 0)
		return ret;
	*node = node_find(table, stx);
	table->expect_known = *node;
	if (!*node) {
		ret = node_slot_room(table);
		if (ret < 0)
			return ret;
		*node = node_insert(table, stx, take_fd(&mine));
	}
	known(table, *node, dir, name);
	return 0;
}

int node_lookup(struct node_table *table, struct node *dir, const char *name,
		struct statx *stx, struct node **node)
{
	int dir_fd = node_dir_fd(table, dir);
	int fd, ret;

	if (dir_fd < 0)
		return dir_fd;
	/*
	 * A known file costs one call this way and three the other; a new one
	 * three and two. Lookups of either kind come in runs.
	 */
	if (table->expect_known) {
		ret = stat_at(dir_fd, name, stx);
		if (ret < 0)
			return ret;
		*node = node_find(table, stx);
		if (*node) {
			known(table, *node, dir, name);
			return 0;
		}
	}
	ret = node_room(table);
	if (ret < 0)
		return ret;
	fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return node_adopt(table, dir, name, fd, stx, node);
}

void node_forget(struct node_table *table, struct node *node, uint64_t count)
{
	node->lookups -= count < node->lookups ? count : node->lookups;
	node_drop_unused(table, node);
}

int node_hold(struct node_table *table, struct node *dir, const char *name)
{
	int dir_fd = node_dir_fd(table, dir);
	struct node *node;
	struct statx stx;
	int ret;

	if (dir_fd < 0)
		return dir_fd;
	if (!table->evicted || stat_at(dir_fd, name, &stx) < 0)
		return dir_fd; /* the change itself says what is wrong */
	node = node_find(table, &stx);
	if (!node || node->fd >= 0)
		return dir_fd;
	ret = node_fd(table, node);
	return ret < 0 ? ret : dir_fd;
}
