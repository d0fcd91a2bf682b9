/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/num.h"
#include "base/path.h"
#include "cgroups/internal.h"
#include "cgroups/stats.h"
#include "cgroups/v1.h"

/* A v1 twin where the container has one, the v2 directory otherwise. */

#define SMALL_TEXT 4096

/* CPU time is counted by cgroup2 without any controller; throttling and the
 * time per CPU only a twin knows (the latter where cpuacct is mounted with
 * cpu). */
static void stats_cpu(int cg_fd, int twin_fd, struct json_gen *gen)
{
	struct cg_stat_cpu cpu = { 0 };
	char text[SMALL_TEXT], percpu[SMALL_TEXT];

	cg_stat_cpu_v2(cg_fd, &cpu);
	if (twin_fd >= 0 &&
	    io_read_text(twin_fd, "cpu.stat", text, sizeof(text)) >= 0) {
		(void)cg_key_u64(text, "nr_periods", &cpu.periods);
		(void)cg_key_u64(text, "nr_throttled", &cpu.throttled_periods);
		(void)cg_key_u64(text, "throttled_time", &cpu.throttled_ns);
	}
	if (twin_fd >= 0 && io_read_text(twin_fd, "cpuacct.usage_percpu",
					 percpu, sizeof(percpu)) > 0)
		cpu.percpu = percpu;
	cg_gen_cpu(gen, &cpu, cg_fd);
}

static void stats_cpuset(int twin_fd, struct json_gen *gen)
{
	struct cg_stat_cpuset set = { 0 };
	char cpus[SMALL_TEXT], mems[SMALL_TEXT], level[32];
	const struct {
		const char *file;
		uint64_t *to;
	} rows[] = {
		{ "cpuset.cpu_exclusive", &set.cpu_exclusive },
		{ "cpuset.mem_hardwall", &set.mem_hardwall },
		{ "cpuset.mem_exclusive", &set.mem_exclusive },
		{ "cpuset.memory_migrate", &set.memory_migrate },
		{ "cpuset.memory_spread_page", &set.memory_spread_page },
		{ "cpuset.memory_spread_slab", &set.memory_spread_slab },
		{ "cpuset.memory_pressure", &set.memory_pressure },
		{ "cpuset.sched_load_balance", &set.sched_load_balance },
	};

	if (twin_fd >= 0) {
		if (io_read_text(twin_fd, "cpuset.cpus", cpus, sizeof(cpus)) >
		    0)
			set.cpus = cpus;
		if (io_read_text(twin_fd, "cpuset.mems", mems, sizeof(mems)) >
		    0)
			set.mems = mems;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			(void)cg_read_u64(twin_fd, rows[i].file, rows[i].to);
		if (io_read_text(twin_fd, "cpuset.sched_relax_domain_level",
				 level, sizeof(level)) > 0)
			(void)num_i64(level, &set.sched_relax_domain_level);
	}
	cg_gen_cpuset(gen, &set);
}

static void read_entry(int dir_fd, const char *name,
		       struct cg_stat_memory_entry *e)
{
	const struct {
		const char *suffix;
		uint64_t *to;
	} rows[] = {
		{ "usage_in_bytes", &e->usage },
		{ "max_usage_in_bytes", &e->max },
		{ "failcnt", &e->failcnt },
		{ "limit_in_bytes", &e->limit },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char file[64];

		snprintf(file, sizeof(file), "%s.%s", name, rows[i].suffix);
		(void)cg_read_u64(dir_fd, file, rows[i].to);
	}
}

static void stats_memory(int cg_fd, int twin_fd, struct json_gen *gen)
{
	struct cg_stat_memory mem = { 0 };
	auto_free char *raw = NULL;

	if (twin_fd < 0) {
		cg_stats_memory_v2(cg_fd, gen);
		return;
	}
	if (cg_read_all(twin_fd, "memory.stat", &raw) >= 0) {
		mem.raw = raw;
		(void)cg_key_u64(raw, "cache", &mem.cache);
	}
	read_entry(twin_fd, "memory", &mem.usage);
	read_entry(twin_fd, "memory.memsw", &mem.swap);
	read_entry(twin_fd, "memory.kmem", &mem.kernel);
	read_entry(twin_fd, "memory.kmem.tcp", &mem.kernel_tcp);
	cg_gen_memory(gen, &mem, cg_fd);
}

/* The page size of "hugetlb.SIZE.usage_in_bytes". */
static bool hugetlb_size(const char *name, char *out, size_t size)
{
	static const char suffix[] = ".usage_in_bytes";
	size_t len;

	if (strncmp(name, "hugetlb.", 8))
		return false;
	name += 8;
	len = strcspn(name, ".");
	if (strcmp(name + len, suffix) || len >= size)
		return false;
	memcpy(out, name, len);
	out[len] = '\0';
	return true;
}

static void stats_hugetlb(int cg_fd, int twin_fd, struct json_gen *gen)
{
	auto_dir DIR *dir = NULL;
	const struct dirent *d;
	char page[32], name[64];
	int fd;

	if (twin_fd < 0) {
		cg_stats_hugetlb_v2(cg_fd, gen);
		return;
	}
	fd = path_open_beneath(twin_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	dir = fd < 0 ? NULL : fdopendir(fd);
	json_gen_object(gen, "hugetlb");
	while (dir && (d = readdir(dir))) {
		struct cg_stat_memory_entry e = { 0 };

		if (!hugetlb_size(d->d_name, page, sizeof(page)))
			continue;
		snprintf(name, sizeof(name), "hugetlb.%s", page);
		read_entry(twin_fd, name, &e);
		json_gen_object(gen, page);
		cg_gen_nonzero(gen, "usage", e.usage);
		cg_gen_nonzero(gen, "max", e.max);
		json_gen_u64(gen, "failcnt", e.failcnt);
		json_gen_end_object(gen);
	}
	json_gen_end_object(gen);
	if (!dir)
		auto_close_fd(&fd);
}

static void stats_blkio(int cg_fd, int twin_fd, struct json_gen *gen)
{
	if (twin_fd < 0) {
		cg_stats_blkio_v2(cg_fd, gen);
		return;
	}
	json_gen_object(gen, "blkio");
	cg_gen_blkio_v1(gen, twin_fd);
	cg_gen_psi(gen, cg_fd, "io.pressure");
	json_gen_end_object(gen);
}

int cg_stats_hybrid(int cg_fd, const struct cg_place *place,
		    struct json_gen *gen, struct err *err)
{
	int fds[CG_CTRLS];

	(void)err;
	for (size_t i = 0; i < CG_CTRLS; i++) {
		fds[i] = -1;
		if (cg_ctrl_rows[i].v1_bit & place->v1_mask)
			fds[i] = cg_v1_open(place, (enum cg_ctrl)i);
	}
	stats_cpu(cg_fd, fds[CG_CPU], gen);
	stats_cpuset(fds[CG_CPUSET], gen);
	stats_memory(cg_fd, fds[CG_MEMORY], gen);
	cg_stats_pids(fds[CG_PIDS] < 0 ? cg_fd : fds[CG_PIDS], cg_fd, gen);
	stats_hugetlb(cg_fd, fds[CG_HUGETLB], gen);
	stats_blkio(cg_fd, fds[CG_IO], gen);
	for (size_t i = 0; i < CG_CTRLS; i++)
		auto_close_fd(&fds[i]);
	return 0;
}
