/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/auto.h"
#include "base/io.h"
#include "cgroups/internal.h"
#include "cgroups/stats.h"
#include "cgroups/watch.h"

/* A host with everything on cgroup2: no twins. */

static int no_twins(const struct cg_place *place, struct err *err)
{
	(void)place;
	(void)err;
	return 0;
}

static int no_twins_join(const struct cg_place *place, pid_t pid,
			 struct err *err)
{
	(void)place;
	(void)pid;
	(void)err;
	return 0;
}

void cg_record_v2(int cg_fd, const struct cg_place *place,
		  struct cg_record *out)
{
	char text[1024];

	(void)place;
	if (io_read_text(cg_fd, "memory.events", text, sizeof(text)) >= 0 &&
	    !cg_key_u64(text, "oom_kill", &out->oom_kills))
		out->oom_known = true;
	if (!cg_read_u64(cg_fd, "memory.peak", &out->memory_peak_bytes))
		out->peak_known = true;
	cg_record_cpu(cg_fd, out);
}

void cg_record_cpu(int cg_fd, struct cg_record *out)
{
	char text[1024];

	if (io_read_text(cg_fd, "cpu.stat", text, sizeof(text)) >= 0 &&
	    !cg_key_u64(text, "usage_usec", &out->cpu_usec))
		out->cpu_known = true;
}

static int oom_watch(int cg_fd, const struct cg_place *place, struct err *err)
{
	(void)place;
	return cg_watch_events(cg_fd, "memory.events", err);
}

const struct cg_ops cg_ops_unified = {
	.name = "unified",
	.enable_all = true,
	.twins_make = no_twins,
	.twins_join = no_twins_join,
	.twins_remove = no_twins,
	.record = cg_record_v2,
	.stats = cg_stats_v2,
	.oom_watch = oom_watch,
};

void cg_record(int cg_fd, const struct cg_place *place, struct cg_record *out)
{
	*out = (struct cg_record){ 0 };
	cg_ops(place)->record(cg_fd, place, out);
}

int cg_stats(int cg_fd, const struct cg_place *place, struct json_gen *gen,
	     struct err *err)
{
	return cg_ops(place)->stats(cg_fd, place, gen, err);
}

int cg_oom_watch(int cg_fd, const struct cg_place *place, struct err *err)
{
	return cg_ops(place)->oom_watch(cg_fd, place, err);
}
