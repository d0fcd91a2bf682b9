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

/* Is the file still where the guest found it? Then its descriptor can go. */
static bool evict_one(struct node_table *table, struct node *node)
{
	struct node *dir;
	struct statx stx;

	if (!node->used || node->fd < 0 || node->type == S_IFDIR ||
	    !node->name[0])
		return false;
	dir = node_get(table, node->parent);
	if (!dir || stat_at(dir->fd, node->name, &stx) < 0 ||
	    !node_is(node, &stx)) {
		node->name[0] = '\0'; /* not worth another look */
		return false;
	}
	node->birth_ns = node_birth(&stx); /* overlayfs changes it by copy-up */
	close(node->fd);
	node->fd = -1;
	dir->pins++;
	table->fds--;
	table->evicted++;
	return true;
}

static int nodes_evict(struct node_table *table)
{
	if (table->fds < table->fds_max)
		return 0;
	for (uint32_t i = 0; i < EVICT_STEPS && i < table->top; i++) {
		if (++table->hand >= table->top)
			table->hand = NODE_ROOT;
		if (evict_one(table, node_at(table, table->hand)))
			return 0;
	}
	return -ENFILE;
}

static void set_fd(struct node_table *table, struct node *node, int fd)
{
	node->fd = fd;
	table->fds++;
	table->evicted--;
	node_unpin_parent(table, node);
}

int node_fd(struct node_table *table, struct node *node)
{
	auto_fd int fd = -1;
	struct node *dir;
	struct statx stx;
	int ret;

	if (node->fd >= 0)
		return node->fd;
	ret = nodes_evict(table);
	if (ret < 0)
		return ret;
	dir = node_get(table, node->parent);
	fd = openat(dir->fd, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	ret = node_stat(fd, &stx);
	if (ret < 0)
		return ret;
	if (!node_is(node, &stx))
		return -ESTALE;
	set_fd(table, node, take_fd(&fd));
	return node->fd;
}

int node_room(struct node_table *table)
{
	int ret = node_slot_room(table);

	return ret < 0 ? ret : nodes_evict(table);
}

static void known(struct node *node, const struct node *dir, const char *name)
{
	node->lookups++;
	/* an evicted node keeps the name under which it was seen */
	if (node->fd < 0 || node->type == S_IFDIR)
		return;
	node->name[0] = '\0';
	if (strlen(name) >= sizeof(node->name))
		return;
	node->parent = node_id(dir);
	memcpy(node->name, name, strlen(name) + 1);
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
	} else if ((*node)->fd < 0) {
		set_fd(table, *node, take_fd(&mine));
	}
	known(*node, dir, name);
	return 0;
}

int node_lookup(struct node_table *table, struct node *dir, const char *name,
		struct statx *stx, struct node **node)
{
	int dir_fd = dir->fd; /* a directory is never evicted */
	int fd, ret;

	if (dir->type != S_IFDIR)
		return -ENOTDIR;
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
			known(*node, dir, name);
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
	struct node *node;
	struct statx stx;
	int ret;

	if (!table->evicted || dir->type != S_IFDIR ||
	    stat_at(dir->fd, name, &stx) < 0)
		return 0; /* the change itself says what is wrong */
	node = node_find(table, &stx);
	if (!node || node->fd >= 0)
		return 0;
	ret = node_fd(table, node);
	return ret < 0 ? ret : 0;
}
