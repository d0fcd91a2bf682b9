/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_STATS_H
#define HULL_CGROUPS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cg_place;
struct err;
struct json_gen;

/*
 * The "data" of runc's events (opencontainers/runc types/events.go), whose
 * member names and omissions are a contract: a member that Go marks omitempty
 * is left out here when it is 0.
 */

int cg_stats_v2(int cg_fd, const struct cg_place *place, struct json_gen *gen,
		struct err *err);
int cg_stats_hybrid(int cg_fd, const struct cg_place *place,
		    struct json_gen *gen, struct err *err);

/**
 * struct cg_stat_cpu - nanoseconds and counts.
 * @percpu: text of cpuacct.usage_percpu (numbers, blanks between), or NULL
 */
struct cg_stat_cpu {
	uint64_t total_ns, kernel_ns, user_ns;
	const char *percpu;
	uint64_t periods, throttled_periods, throttled_ns;
};

struct cg_stat_memory_entry {
	uint64_t limit, usage, max, failcnt;
};

/* @raw: text of memory.stat */
struct cg_stat_memory {
	uint64_t cache;
	struct cg_stat_memory_entry usage, swap, kernel, kernel_tcp;
	const char *raw;
};

/* cpuset: numbers of a v1 cpuset, all 0 on v2 as in runc. */
struct cg_stat_cpuset {
	const char *cpus, *mems; /* "0-1,3" */
	uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate;
	uint64_t memory_spread_page, memory_spread_slab, memory_pressure;
	uint64_t sched_load_balance;
	int64_t sched_relax_domain_level;
};

/* ---- stats_gen.c: one object each; @psi_fd: v2 directory for pressure files,
 * or -1 */
void cg_gen_cpu(struct json_gen *gen, const struct cg_stat_cpu *cpu,
		int psi_fd);
void cg_gen_cpuset(struct json_gen *gen, const struct cg_stat_cpuset *set);
void cg_gen_memory(struct json_gen *gen, const struct cg_stat_memory *mem,
		   int psi_fd);
void cg_gen_pids(struct json_gen *gen, uint64_t current, uint64_t limit);
void cg_gen_psi(struct json_gen *gen, int dir_fd, const char *file);
void cg_gen_nonzero(struct json_gen *gen, const char *key, uint64_t value);

/* ---- stats.c: v2 files, also for what a hybrid host has there */
void cg_stat_cpu_v2(int cg_fd, struct cg_stat_cpu *cpu);
void cg_stats_memory_v2(int cg_fd, struct json_gen *gen);
void cg_stats_pids(int dir_fd, int cg_fd, struct json_gen *gen);
void cg_stats_hugetlb_v2(int cg_fd, struct json_gen *gen);
void cg_stats_blkio_v2(int cg_fd, struct json_gen *gen);

/* ---- stats_io.c */

/** cg_gen_io_stat() - io.stat's text as blkio tables. */
void cg_gen_io_stat(struct json_gen *gen, const char *text);

/** cg_gen_blkio_v1() - tables of a v1 blkio directory. */
void cg_gen_blkio_v1(struct json_gen *gen, int dir_fd);

#endif
