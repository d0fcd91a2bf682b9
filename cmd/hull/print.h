/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_PRINT_H
#define HULL_CMD_HULL_PRINT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct hull_state;
struct json_gen;
struct strbuf;

/** enum print_format - the words of --format, in the order of FORMAT_WORDS. */
enum print_format { FORMAT_TABLE, FORMAT_JSON };
#define FORMAT_WORDS "table|json"

/** print_out() - write a document to standard output. */
int print_out(const struct strbuf *text, struct err *err);

/** print_text() - the same for a string; a final newline is added. */
int print_text(const char *text, struct err *err);

/**
 * print_table() - columns at least 12 wide and 3 apart, as runc prints them.
 * @cells: row after row, @columns in each
 */
void print_table(struct strbuf *out, const char *const *cells, size_t columns,
		 size_t rows);

#define TIME_TEXT_MAX 48
#define OWNER_TEXT_MAX 64

/** print_time() - RFC 3339 in UTC, with as many decimals as are needed. */
void print_time(char buf[static TIME_TEXT_MAX], int64_t ns);

/** print_owner() - user name from /etc/passwd, or "#UID". */
void print_owner(char buf[static OWNER_TEXT_MAX], uid_t uid);

/** print_state() - the members that `state` and `list` have in common. */
void print_state(struct json_gen *g, const struct hull_state *state);

#endif
