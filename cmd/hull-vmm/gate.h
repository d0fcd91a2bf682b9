/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_VMM_GATE_H
#define HULL_CMD_HULL_VMM_GATE_H

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"
#include "base/report.h"

struct vm_config;
struct vm_net;

/**
 * struct gate - the start gate, where a thread of its own waits, so that the
 * guest boots meanwhile.
 * @done_event: eventfd: the thread is done; what follows is valid from then on
 * @conn: the connection that said "go", to be answered; -1 with @err set
 * @payload, @len: what came with it
 * @taps: and the descriptors
 */
struct gate {
	int listen_fd;
	int done_event;
	int conn;
	char *payload;
	size_t len;
	int taps[REPORT_MAX_FDS];
	struct err err;
	pthread_t thread;
};

int gate_start(struct gate *gate, int listen_fd, struct err *err);

/**
 * gate_check() - is what came a struct vm_go with its JSON and its taps?
 * @json: points into the payload; "[]" when there is no network
 *
 * Return: number of interfaces, or -EPROTO.
 */
int gate_check(const struct gate *gate, const struct vm_config *config,
	       const struct vm_net **nets, const char **json, struct err *err);

/** gate_answer() - tell why it did not start (@err), or that it runs (NULL).
 * Once; later calls do nothing, as do those before "go". */
void gate_answer(struct gate *gate, const struct err *err);

#endif
