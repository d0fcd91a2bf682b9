/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_HANDLE_H
#define HULL_MICROVM_FS_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Open files and directories. The guest's name for one is its slot and how
 * often that slot had been used before, so that a name is never valid twice.
 */
enum handle_kind {
	HANDLE_FREE,
	HANDLE_FILE,
	HANDLE_DIR,
};

/**
 * struct handle
 * @nodeid: the inode it was opened for; it is good with no other
 * @pos: where the next getdents64(2) reads on
 */
struct handle {
	enum handle_kind kind;
	int fd;
	uint32_t gen;
	uint32_t next_free;
	uint64_t nodeid;
	uint64_t pos;
};

struct handle_table {
	struct handle *slot;
	uint32_t room; /* slots that there is memory for */
	uint32_t top;
	uint32_t free_head;
	uint32_t live;
	uint32_t max;
};

void handles_init(struct handle_table *table, uint32_t max);
/** handles_clear() - close all. */
void handles_clear(struct handle_table *table);
void handles_release(struct handle_table *table);

/** handle_room() - will handle_add() have room? Return: 0 or -ENFILE, -ENOMEM.
 */
int handle_room(struct handle_table *table);
/** handle_add() - after handle_room(). @fd is taken. Return: the guest's name.
 */
uint64_t handle_add(struct handle_table *table, enum handle_kind kind, int fd,
		    uint64_t nodeid);

/** handle_get() - NULL for a name never given, closed, of another kind or
 * inode. */
struct handle *handle_get(const struct handle_table *table, uint64_t fh,
			  enum handle_kind kind, uint64_t nodeid);
void handle_close(struct handle_table *table, struct handle *handle);

#endif
