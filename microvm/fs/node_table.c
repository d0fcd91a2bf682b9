/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE_SLAB 1024U
#define SLABS (NODE_MAX / NODE_SLAB)
#define FIRST_BUCKETS 1024U

struct node *node_at(const struct node_table *table, uint32_t index)
{
	return &table->slab[index / NODE_SLAB][index % NODE_SLAB];
}

static struct node_key key_of(const struct statx *stx)
{
	return (struct node_key){ .ino = stx->stx_ino,
				  .mnt_id = stx->stx_mnt_id,
				  .dev_major = stx->stx_dev_major,
				  .dev_minor = stx->stx_dev_minor };
}

uint64_t node_birth(const struct statx *stx)
{
	if (!(stx->stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)stx->stx_btime.tv_sec * 1000000000U +
	       stx->stx_btime.tv_nsec;
}

/* The finalizer of a 64-bit mixing hash; inode numbers are nearly in a row. */
static uint32_t *bucket_of(const struct node_table *table,
			   const struct node_key *key)
{
	uint64_t h = key->ino ^ key->mnt_id << 40 ^
		     (uint64_t)key->dev_minor << 20 ^ key->dev_major;

	h = (h ^ h >> 31) * 0x9e3779b97f4a7c15U;
	h ^= h >> 29;
	return &table->bucket[h & (table->bucket_count - 1)];
}

/*
 * While a descriptor is held, the number is the inode's. That of an evicted
 * file may have been given to another one: then this is not it.
 */
bool node_is(const struct node *node, const struct statx *stx)
{
	struct node_key key = key_of(stx);

	if (memcmp(&node->key, &key, sizeof(key)) != 0)
		return false;
	return node->fd >= 0 || (node->birth_ns == node_birth(stx) &&
				 node->type == (stx->stx_mode & S_IFMT));
}

struct node *node_find(const struct node_table *table, const struct statx *stx)
{
	struct node_key key = key_of(stx);
	uint32_t index = *bucket_of(table, &key);

	while (index) {
		struct node *node = node_at(table, index);

		if (node_is(node, stx))
			return node;
		index = node->next;
	}
	return NULL;
}

static void chain(struct node_table *table, struct node *node)
{
	uint32_t *head = bucket_of(table, &node->key);

	node->next = *head;
	*head = node->index;
}

static void unchain(struct node_table *table, struct node *node)
{
	uint32_t *at = bucket_of(table, &node->key);

	while (*at != node->index)
		at = &node_at(table, *at)->next;
	*at = node->next;
}

/* Failing to grow costs time only. */
static void grow_buckets(struct node_table *table)
{
	uint32_t *bucket;

	if (table->live < table->bucket_count)
		return;
	bucket = calloc(2 * (size_t)table->bucket_count, sizeof(*bucket));
	if (!bucket)
		return;
	free(table->bucket);
	table->bucket = bucket;
	table->bucket_count *= 2;
	for (uint32_t i = NODE_ROOT; i < table->top; i++) {
		struct node *node = node_at(table, i);

		if (node->used)
			chain(table, node);
	}
}

/* A slot that node_insert() can have: one that was freed, or a new one. */
int node_slot_room(struct node_table *table)
{
	uint32_t slab = table->top / NODE_SLAB;

	if (table->free_head)
		return 0;
	if (slab >= SLABS)
		return -ENFILE;
	if (!table->slab[slab]) {
		table->slab[slab] = calloc(NODE_SLAB, sizeof(struct node));
		if (!table->slab[slab])
			return -ENOMEM;
	}
	return 0;
}

struct node *node_insert(struct node_table *table, const struct statx *stx,
			 int fd)
{
	struct node *node;
	uint32_t index = table->free_head;

	grow_buckets(table);
	if (index) {
		node = node_at(table, index);
		table->free_head = node->next;
	} else {
		index = table->top++;
		node = node_at(table, index);
	}
	*node = (struct node){ .key = key_of(stx),
			       .birth_ns = node_birth(stx),
			       .gen = node->gen,
			       .index = index,
			       .fd = fd,
			       .type = stx->stx_mode & S_IFMT,
			       .used = true };
	chain(table, node);
	table->live++;
	table->fds++;
	return node;
}

/* The parent's hold on the node ends. Return: it, or NULL. */
static struct node *unname(struct node_table *table, struct node *node)
{
	struct node *dir;

	if (!node->name[0])
		return NULL;
	dir = node_at(table, node->parent);
	dir->pins--;
	if (node->fd >= 0)
		dir->open_kids--;
	node->name[0] = '\0';
	return dir;
}

static void drop(struct node_table *table, struct node *node)
{
	if (node->fd >= 0) {
		close(node->fd);
		table->fds--;
	} else {
		table->evicted--;
	}
	unchain(table, node);
	node->used = false;
	node->fd = -1;
	node->gen++;
	node->next = table->free_head;
	table->free_head = node->index;
	table->live--;
}

/* The last child of a forgotten directory takes it along: a loop, as the guest
 * decides how deep its directories are. */
void node_drop_unused(struct node_table *table, struct node *node)
{
	while (node && !node->lookups && !node->pins &&
	       node->index != NODE_ROOT) {
		struct node *dir = unname(table, node);

		drop(table, node);
		node = dir;
	}
}

/* Stale names could make a ring of two directories that were moved. */
static bool is_above(const struct node_table *table, const struct node *node,
		     const struct node *dir)
{
	while (dir != node && dir->name[0])
		dir = node_at(table, dir->parent);
	return dir == node;
}

void node_set_name(struct node_table *table, struct node *node,
		   struct node *dir, const char *name)
{
	struct node *old;
	size_t len = name ? strlen(name) : 0;

	if (dir && node->name[0] && node->parent == dir->index &&
	    !strcmp(node->name, name))
		return;
	old = unname(table, node);
	if (dir && len && len < sizeof(node->name) &&
	    node->index != NODE_ROOT &&
	    (node->type != S_IFDIR || !is_above(table, node, dir))) {
		node->parent = dir->index;
		dir->pins++;
		dir->open_kids++;
		memcpy(node->name, name, len + 1);
	}
	node_drop_unused(table, old);
}

struct node *node_get(const struct node_table *table, uint64_t id)
{
	uint32_t index = (uint32_t)id;
	struct node *node;

	if (!index || index >= table->top)
		return NULL;
	node = node_at(table, index);
	if (!node->used || node->gen != id >> 32 ||
	    (!node->lookups && index != NODE_ROOT)) /* held for its children */
		return NULL;
	return node;
}

void nodes_clear(struct node_table *table)
{
	for (uint32_t i = NODE_ROOT; i < table->top; i++)
		node_at(table, i)->lookups = 0;
	for (uint32_t i = NODE_ROOT; i < table->top; i++) {
		struct node *node = node_at(table, i);

		if (node->used)
			node_drop_unused(table, node);
	}
}

int nodes_init(struct node_table *table, int root_fd, uint32_t fds_max)
{
	struct statx stx;
	int ret;

	*table = (struct node_table){ .top = NODE_ROOT,
				      .fds_max = fds_max,
				      .bucket_count = FIRST_BUCKETS };
	ret = node_stat(root_fd, &stx);
	if (ret < 0)
		return ret;
	if (!S_ISDIR(stx.stx_mode))
		return -ENOTDIR;
	if (!(stx.stx_mask & STATX_MNT_ID)) /* Linux 5.8 */
		return -ENOSYS;
	table->slab = calloc(SLABS, sizeof(struct node *));
	table->bucket = calloc(FIRST_BUCKETS, sizeof(*table->bucket));
	if (!table->slab || !table->bucket || node_slot_room(table) < 0) {
		nodes_release(table);
		return -ENOMEM;
	}
	node_insert(table, &stx, root_fd);
	return 0;
}

void nodes_release(struct node_table *table)
{
	for (uint32_t i = NODE_ROOT; i < table->top; i++) {
		struct node *node = node_at(table, i);

		if (node->used && node->fd >= 0)
			close(node->fd);
	}
	for (uint32_t i = 0; table->slab && i < SLABS; i++)
		free(table->slab[i]);
	free(table->slab);
	free(table->bucket);
	*table = (struct node_table){ 0 };
}
