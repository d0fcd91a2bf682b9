/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jailheap ROLE - use the heap as the thread of that role may: with the libc
 * that hull-vmm is linked with, whose system calls are not those of the unit
 * tests' libc. A call that is missing in the role's filter kills it (SIGSYS).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "microvm/jail/jail.h"

#define BLOCKS 64

static const struct {
	const char *name;
	enum jail_role role;
	bool grows; /* by realloc(3), without a bound that would be small */
} roles[] = {
	{ "vcpu", JAIL_VCPU, false },      { "loop", JAIL_LOOP, false },
	{ "main", JAIL_MAIN, true },       { "gate", JAIL_GATE, false },
	{ "attach", JAIL_ATTACH, true },   { "fs", JAIL_FS, false },
	{ "session", JAIL_SESSION, true },
};

/* Blocks of all sizes, given back in another order than taken. */
static int churn(void)
{
	for (size_t size = 16; size <= (4u << 20); size *= 2) {
		char *blocks[BLOCKS];
		size_t count = size > (256u << 10) ? 4 : BLOCKS;

		for (size_t i = 0; i < count; i++) {
			blocks[i] = malloc(size + i);
			if (!blocks[i])
				return 1;
			memset(blocks[i], (int)i, size);
		}
		for (size_t i = 0; i < count; i += 2)
			free(blocks[i]);
		for (size_t i = 1; i < count; i += 2)
			free(blocks[i]);
	}
	return 0;
}

static int grow(void)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	char piece[4096];

	memset(piece, 'x', sizeof(piece));
	for (size_t i = 0; i < 512; i++)
		strbuf_addn(&text, piece, sizeof(piece));
	return strbuf_ok(&text) && text.len == 512 * sizeof(piece) ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(roles); i++) {
		int rc;

		if (strcmp(roles[i].name, argv[1]) != 0)
			continue;
		rc = jail_process(
			&(struct jail_process){ .files = JAIL_NO_FILES }, &err);
		if (!rc)
			rc = jail_thread(roles[i].role, &err);
		if (rc) {
			fprintf(stderr, "jailheap: %s\n", err.msg);
			return 2;
		}
		rc = churn();
		if (!rc && roles[i].grows)
			rc = grow();
		_exit(rc);
	}
	fprintf(stderr, "usage: jailheap ROLE\n");
	return 2;
}
