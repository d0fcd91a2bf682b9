/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_START_H
#define HULL_CMD_HULL_AGENT_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct arena;
struct err;
struct json;

/**
 * struct start - START's JSON, see microvm/proto/proto.h.
 * @config, @config_len: bytes of config.json, not NUL-terminated
 * @network: array, or NULL
 * @rlimits: array, or NULL
 * @hostname: NULL: left alone
 * @time_ns: the host's clock, 0: left alone
 * @filter, @filter_len: compiled linux.seccomp, struct sock_filter[]; or NULL
 * @no_new_keyring: the workload keeps the keyring it comes with
 */
struct start {
	const char *id;
	const char *config;
	size_t config_len;
	const struct json *network;
	const struct json *rlimits;
	const char *hostname;
	int64_t time_ns;
	const void *filter;
	unsigned short filter_len;
	bool no_new_keyring;
};

/** start_parse() - @text must live as long as @out. */
int start_parse(struct arena *arena, const char *text, size_t len,
		struct start *out, struct err *err);

/**
 * start_prepare() - make the guest what the container expects around it: clock,
 * host name, network, and a bundle directory.
 */
int start_prepare(const struct agent *a, const struct start *start,
		  struct err *err);

#endif
