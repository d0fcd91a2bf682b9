/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/print.h"

static void add_time(struct json_gen *g, const char *key, int64_t ns)
{
	char text[TIME_TEXT_MAX];

	print_time(text, ns);
	json_gen_str(g, key, text);
}

/* What nobody could see is left out, never guessed. */
static void add_exit(struct json_gen *g, const struct hull_state *state)
{
	const struct hull_exit *e = &state->exit;

	json_gen_object(g, "exit");
	if (e->status_known && WIFEXITED(e->status))
		json_gen_i64(g, "code", WEXITSTATUS(e->status));
	else if (e->status_known && WIFSIGNALED(e->status))
		json_gen_i64(g, "signal", WTERMSIG(e->status));
	if (e->oom_known)
		json_gen_bool(g, "oom", e->oom);
	if (e->vm_end[0])
		json_gen_str(g, "vm", e->vm_end);
	if (e->peak_known)
		json_gen_u64(g, "memoryPeakBytes", e->memory_peak_bytes);
	if (state->started_ns)
		add_time(g, "startedAt", state->started_ns);
	if (e->end_ns) {
		add_time(g, "endedAt", e->end_ns);
		json_gen_bool(g, "endedAtExact", e->end_exact);
	}
	json_gen_end_object(g);
}

static int run_state(const struct call *call, const void *values,
		     struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct hull_state state = { 0 };
	struct json_gen g;
	int rc;

	(void)values;
	rc = hull_state_get(&call->ctx, call->args[0], &state, err);
	if (rc < 0)
		return rc;
	json_gen_init(&g, &out, true);
	json_gen_object(&g, NULL);
	print_state(&g, &state);
	json_gen_str(&g, "isolation", state.isolation);
	if (state.exit.recorded)
		add_exit(&g, &state);
	json_gen_end_object(&g);
	strbuf_add(&out, "\n");
	hull_state_release(&state);
	return print_out(&out, err);
}

const struct cmd cmd_state = {
	.name = "state",
	.args = "<container-id>",
	.summary = "show the state of a container, as JSON",
	.min_args = 1,
	.max_args = 1,
	.run = run_state,
};
