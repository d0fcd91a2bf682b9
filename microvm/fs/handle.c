/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 256U
#define NO_SLOT UINT32_MAX

void handles_init(struct handle_table *table, uint32_t max)
{
	*table = (struct handle_table){ .max = max, .free_head = NO_SLOT };
}

int handle_room(struct handle_table *table)
{
	struct handle *slot;
	uint32_t room;

	if (table->free_head != NO_SLOT || table->top < table->room)
		return 0;
	if (table->room >= table->max)
		return -ENFILE;
	room = table->room ? 2 * table->room : FIRST_ROOM;
	if (room > table->max)
		room = table->max;
	/* not realloc(3): its mremap(2) is not in the server's filter */
	slot = calloc(room, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	if (table->top)
		memcpy(slot, table->slot, table->top * sizeof(*slot));
	free(table->slot);
	table->slot = slot;
	table->room = room;
	return 0;
}

uint64_t handle_add(struct handle_table *table, enum handle_kind kind, int fd,
		    uint64_t nodeid)
{
	uint32_t index = table->free_head;
	uint32_t gen = 0;

	if (index != NO_SLOT) {
		table->free_head = table->slot[index].next_free;
		gen = table->slot[index].gen;
	} else {
		index = table->top++;
	}
	table->slot[index] = (struct handle){
		.kind = kind, .fd = fd, .gen = gen, .nodeid = nodeid
	};
	table->live++;
	return (uint64_t)gen << 32 | index;
}

struct handle *handle_get(const struct handle_table *table, uint64_t fh,
			  enum handle_kind kind, uint64_t nodeid)
{
	uint32_t index = (uint32_t)fh;
	struct handle *handle;

	if (index >= table->top)
		return NULL;
	handle = &table->slot[index];
	if (handle->kind != kind || handle->gen != fh >> 32 ||
	    handle->nodeid != nodeid)
		return NULL;
	return handle;
}

void handle_close(struct handle_table *table, struct handle *handle)
{
	close(handle->fd);
	handle->kind = HANDLE_FREE;
	handle->fd = -1;
	handle->gen++;
	handle->next_free = table->free_head;
	table->free_head = (uint32_t)(handle - table->slot);
	table->live--;
}

void handles_clear(struct handle_table *table)
{
	for (uint32_t i = 0; i < table->top; i++)
		if (table->slot[i].kind != HANDLE_FREE)
			handle_close(table, &table->slot[i]);
}

void handles_release(struct handle_table *table)
{
	handles_clear(table);
	free(table->slot);
	handles_init(table, 0);
}
