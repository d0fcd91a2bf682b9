/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/num.h"
#include "cgroups/internal.h"
#include "cgroups/stats.h"

void cg_gen_nonzero(struct json_gen *gen, const char *key, uint64_t value)
{
	if (value)
		json_gen_u64(gen, key, value);
}

/* "avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void gen_psi_line(struct json_gen *gen, const char *key, char *line)
{
	char *rest = NULL;

	json_gen_object(gen, key);
	for (char *w = strtok_r(line, " ", &rest); w;
	     w = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(w, '=');
		uint64_t total;

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(w, "total"))
			json_gen_double(gen, w, strtod(value, NULL));
		else if (!num_u64(value, &total))
			json_gen_u64(gen, w, total);
	}
	json_gen_end_object(gen);
}

/* Absent where the kernel has no PSI or it is switched off. */
void cg_gen_psi(struct json_gen *gen, int dir_fd, const char *file)
{
	char text[512];
	char *rest = NULL;

	if (dir_fd < 0 || io_read_text(dir_fd, file, text, sizeof(text)) <= 0)
		return;
	json_gen_object(gen, "psi");
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "some ", 5))
			gen_psi_line(gen, "some", line + 5);
		else if (!strncmp(line, "full ", 5))
			gen_psi_line(gen, "full", line + 5);
	}
	json_gen_end_object(gen);
}

static void gen_numbers(struct json_gen *gen, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_gen_array(gen, key);
	for (const char *p = text; *p;) {
		char *end;
		unsigned long long v = strtoull(p, &end, 10);

		if (end == p)
			break;
		json_gen_u64(gen, NULL, v);
		p = end + strspn(end, " \n");
	}
	json_gen_end_array(gen);
}

void cg_gen_cpu(struct json_gen *gen, const struct cg_stat_cpu *cpu, int psi_fd)
{
	json_gen_object(gen, "cpu");
	json_gen_object(gen, "usage");
	cg_gen_nonzero(gen, "total", cpu->total_ns);
	gen_numbers(gen, "percpu", cpu->percpu);
	json_gen_u64(gen, "kernel", cpu->kernel_ns);
	json_gen_u64(gen, "user", cpu->user_ns);
	json_gen_end_object(gen);
	if (cpu->periods || cpu->throttled_periods || cpu->throttled_ns) {
		json_gen_object(gen, "throttling");
		cg_gen_nonzero(gen, "periods", cpu->periods);
		cg_gen_nonzero(gen, "throttledPeriods", cpu->throttled_periods);
		cg_gen_nonzero(gen, "throttledTime", cpu->throttled_ns);
		json_gen_end_object(gen);
	}
	cg_gen_psi(gen, psi_fd, "cpu.pressure");
	json_gen_end_object(gen);
}

/* "0-1,3" as [0,1,3]; at most what runc's 16-bit numbers hold. */
static void gen_list(struct json_gen *gen, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_gen_array(gen, key);
	for (const char *p = text; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			break;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from <= UINT16_MAX; from++)
			json_gen_u64(gen, NULL, from);
		p = end + (*end == ',');
	}
	json_gen_end_array(gen);
}

void cg_gen_cpuset(struct json_gen *gen, const struct cg_stat_cpuset *set)
{
	json_gen_object(gen, "cpuset");
	gen_list(gen, "cpus", set->cpus);
	json_gen_u64(gen, "cpu_exclusive", set->cpu_exclusive);
	gen_list(gen, "mems", set->mems);
	json_gen_u64(gen, "mem_hardwall", set->mem_hardwall);
	json_gen_u64(gen, "mem_exclusive", set->mem_exclusive);
	json_gen_u64(gen, "memory_migrate", set->memory_migrate);
	json_gen_u64(gen, "memory_spread_page", set->memory_spread_page);
	json_gen_u64(gen, "memory_spread_slab", set->memory_spread_slab);
	json_gen_u64(gen, "memory_pressure", set->memory_pressure);
	json_gen_u64(gen, "sched_load_balance", set->sched_load_balance);
	json_gen_i64(gen, "sched_relax_domain_level",
		     set->sched_relax_domain_level);
	json_gen_end_object(gen);
}

static void gen_memory_entry(struct json_gen *gen, const char *key,
			     const struct cg_stat_memory_entry *e)
{
	if (!e->limit && !e->usage && !e->max && !e->failcnt)
		return;
	json_gen_object(gen, key);
	json_gen_u64(gen, "limit", e->limit);
	cg_gen_nonzero(gen, "usage", e->usage);
	cg_gen_nonzero(gen, "max", e->max);
	json_gen_u64(gen, "failcnt", e->failcnt);
	json_gen_end_object(gen);
}

/* "KEY VALUE" lines as members. */
static void gen_flat(struct json_gen *gen, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_gen_object(gen, key);
	while (*text) {
		size_t len = strcspn(text, "\n");
		char name[64], value[32];
		uint64_t v;

		if (len < 96 &&
		    sscanf(text, "%63[^ \n] %31[^ \n]", name, value) == 2 &&
		    !num_u64(value, &v))
			json_gen_u64(gen, name, v);
		text += len;
		text += *text == '\n';
	}
	json_gen_end_object(gen);
}

void cg_gen_memory(struct json_gen *gen, const struct cg_stat_memory *mem,
		   int psi_fd)
{
	json_gen_object(gen, "memory");
	cg_gen_nonzero(gen, "cache", mem->cache);
	gen_memory_entry(gen, "usage", &mem->usage);
	gen_memory_entry(gen, "swap", &mem->swap);
	gen_memory_entry(gen, "kernel", &mem->kernel);
	gen_memory_entry(gen, "kernelTCP", &mem->kernel_tcp);
	gen_flat(gen, "raw", mem->raw);
	cg_gen_psi(gen, psi_fd, "memory.pressure");
	json_gen_end_object(gen);
}

void cg_gen_pids(struct json_gen *gen, uint64_t current, uint64_t limit)
{
	json_gen_object(gen, "pids");
	cg_gen_nonzero(gen, "current", current);
	/* no limit is 0 here, for historical reasons of runc's */
	cg_gen_nonzero(gen, "limit", limit == UINT64_MAX ? 0 : limit);
	json_gen_end_object(gen);
}
