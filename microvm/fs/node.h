/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_NODE_H
#define HULL_MICROVM_FS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/statx.h"

#define NODE_ROOT 1        /* FUSE_ROOT_ID */
#define NODE_NAME_BYTES 77 /* a longer name is not kept */
#define NODE_MAX (1U << 21)

/*
 * The inodes that the guest knows. Each holds an O_PATH descriptor of the
 * host's inode, so that its number cannot be given to another file, and a
 * later open reaches this very file whatever happened to its names.
 *
 * When descriptors run short, some are closed again, from the leaves of the
 * tree upwards, after a look that the file is still found under the name by
 * which the guest asked for it last. Such a file is opened again by name when
 * it is needed, and must then be the same one: ESTALE otherwise.
 */

/** struct node_key - what makes two inodes one, also across bind mounts. */
struct node_key {
	uint64_t ino;
	uint64_t mnt_id;
	uint32_t dev_major;
	uint32_t dev_minor;
};

/**
 * struct node
 * @birth_ns: time of birth, 0 where the filesystem has none; tells a reused
 *            inode number of an evicted file
 * @seen_ns: time of the last change that the guest's page cache knows of
 * @lookups: what the guest has to forget
 * @gen: goes up when the slot is given to another inode
 * @next: chain of the hash bucket, or of the free slots
 * @parent: where @name was found last; held while there is a name
 * @pins: nodes whose @parent this is; @open_kids: those of them with an @fd,
 *        for which this one must keep its own
 * @next_down: on the way to an evicted node while it is opened again
 * @epoch: the request that used @fd last
 * @fd: O_PATH, -1 while evicted
 * @type: S_IFMT bits
 * @name: "" when not known
 */
struct node {
	struct node_key key;
	uint64_t birth_ns;
	uint64_t seen_ns;
	uint64_t lookups;
	uint32_t gen;
	uint32_t index;
	uint32_t next;
	uint32_t parent;
	uint32_t pins;
	uint32_t open_kids;
	uint32_t next_down;
	uint32_t epoch;
	int fd;
	uint16_t type;
	bool used;
	char name[NODE_NAME_BYTES];
};

/**
 * struct node_table
 * @slab: NODE_SLAB nodes each, made as they are needed
 * @bucket: heads of the hash chains, 0 ends one
 * @top: slots ever used, slot 0 included, which is never
 * @fds, @fds_max: descriptors held by nodes
 * @evicted: nodes without one
 * @hand: where the next search for something to evict begins
 * @epoch: number of the request; what it uses is not evicted
 * @expect_known: the last lookup found a node that was there already
 */
struct node_table {
	struct node **slab;
	uint32_t *bucket;
	uint32_t bucket_count;
	uint32_t live;
	uint32_t top;
	uint32_t free_head;
	uint32_t fds;
	uint32_t fds_max;
	uint32_t evicted;
	uint32_t hand;
	uint32_t epoch;
	bool expect_known;
};

/** nodes_init() - @root_fd is taken on success. Return: 0 or -errno. */
int nodes_init(struct node_table *table, int root_fd, uint32_t fds_max);
void nodes_release(struct node_table *table);

/** nodes_clear() - forget all but the root (a new session). */
void nodes_clear(struct node_table *table);

/** node_id() - as the guest sees it: no two inodes have had the same. */
static inline uint64_t node_id(const struct node *node)
{
	return (uint64_t)node->gen << 32 | node->index;
}

/** node_get() - NULL when the guest was never given (or has forgotten) @id. */
struct node *node_get(const struct node_table *table, uint64_t id);

/**
 * node_fd() - the O_PATH descriptor, borrowed until the request is over.
 *
 * Return: descriptor, -ESTALE (evicted and gone meanwhile), -ENFILE, or
 * -errno.
 */
int node_fd(struct node_table *table, struct node *node);
/** node_dir_fd() - the same of a directory; -ENOTDIR for anything else. */
int node_dir_fd(struct node_table *table, struct node *node);

/**
 * node_lookup() - find @name in @dir; the guest knows the node once more.
 * @stx: receives its attributes
 *
 * Return: 0, -ENOENT, -ENFILE (no descriptor or node left), or -errno.
 */
int node_lookup(struct node_table *table, struct node *dir, const char *name,
		struct statx *stx, struct node **node);

/**
 * node_adopt() - the same for a file just made.
 * @fd: O_PATH, taken also on failure
 * @name: in @dir; "" for a file without a name
 */
int node_adopt(struct node_table *table, struct node *dir, const char *name,
	       int fd, struct statx *stx, struct node **node);

/** node_room() - make room for one more node. Return: 0 or -ENFILE. */
int node_room(struct node_table *table);

/** node_forget() - the guest forgets @count lookups; the last frees. */
void node_forget(struct node_table *table, struct node *node, uint64_t count);

/**
 * node_hold() - @name in @dir is about to go away or to become another file:
 * if that file is evicted, open it again first.
 *
 * Return: node_dir_fd() of @dir, or -errno.
 */
int node_hold(struct node_table *table, struct node *dir, const char *name);

/** node_at() - and what follows: the table itself, for node.c. */
struct node *node_at(const struct node_table *table, uint32_t index);
/** node_slot_room() - -ENFILE, -ENOMEM, or 0: node_insert() will not fail. */
int node_slot_room(struct node_table *table);
/** node_insert() - @fd is taken. */
struct node *node_insert(struct node_table *table, const struct statx *stx,
			 int fd);
/** node_find() - the node of this inode, NULL when there is none. */
struct node *node_find(const struct node_table *table, const struct statx *stx);
/** node_is() - does @stx describe this very inode? */
bool node_is(const struct node *node, const struct statx *stx);
uint64_t node_birth(const struct statx *stx);
/** node_drop_unused() - free it when nothing refers to it any more. */
void node_drop_unused(struct node_table *table, struct node *node);
/** node_set_name() - @dir NULL: the name is not known any more. */
void node_set_name(struct node_table *table, struct node *node,
		   struct node *dir, const char *name);

/** node_stat() - statx(2) of an O_PATH (or any) descriptor. */
int node_stat(int fd, struct statx *stx);

#endif
