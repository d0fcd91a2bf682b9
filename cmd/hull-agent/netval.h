/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_NETVAL_H
#define HULL_CMD_HULL_AGENT_NETVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json;

/*
 * Values of START's "network" as C types.
 *
 * Return of all but the first and the list: 1, 0 when there is no such member
 * (then nothing is written), or -EINVAL with @err.
 */

/**
 * struct netval_at - where in the document: "network[0].routes[1]".
 * @item: NULL: the interface itself
 */
struct netval_at {
	const char *list;
	size_t index;
	const char *item;
	size_t item_index;
};

struct netval_ip {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t len;
	uint8_t bytes[16];
};

/** netval_bad() - fill in an error about @key there. Return: @code. */
int netval_bad(const struct netval_at *at, const char *key, int code,
	       const char *why, struct err *err);

/** netval_list() - first element of an array, or NULL. Return: 0 or -EINVAL. */
int netval_list(const struct json *obj, const char *key,
		const struct json **first, const struct netval_at *at,
		struct err *err);

int netval_u32(const struct json *obj, const char *key, uint32_t max,
	       uint32_t *out, const struct netval_at *at, struct err *err);
int netval_bool(const struct json *obj, const char *key, bool *out,
		const struct netval_at *at, struct err *err);
int netval_str(const struct json *obj, const char *key, const char **out,
	       const struct netval_at *at, struct err *err);
int netval_mac(const struct json *obj, const char *key, uint8_t *out,
	       const struct netval_at *at, struct err *err);
int netval_ip(const struct json *obj, const char *key, struct netval_ip *out,
	      const struct netval_at *at, struct err *err);

/** netval_subnet() - "10.0.0.0/8"; "default" counts as no such member. */
int netval_subnet(const struct json *obj, const char *key,
		  struct netval_ip *out, uint32_t *prefix,
		  const struct netval_at *at, struct err *err);

/** netval_scope() - "global", "site", "link", "host", or rtnetlink's number. */
int netval_scope(const struct json *obj, const char *key, uint32_t *out,
		 const struct netval_at *at, struct err *err);

#endif
