/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/path.h"
#include "cgroups/internal.h"

#define NS_PER_US 1000

void cg_stat_cpu_v2(int cg_fd, struct cg_stat_cpu *cpu)
{
	uint64_t *const to[] = { &cpu->total_ns, &cpu->user_ns, &cpu->kernel_ns,
				 &cpu->throttled_ns };
	static const char *const keys[] = { "usage_usec", "user_usec",
					    "system_usec", "throttled_usec" };
	char text[2048];

	if (io_read_text(cg_fd, "cpu.stat", text, sizeof(text)) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!cg_key_u64(text, keys[i], to[i]))
			*to[i] *= NS_PER_US;
	(void)cg_key_u64(text, "nr_periods", &cpu->periods);
	(void)cg_key_u64(text, "nr_throttled", &cpu->throttled_periods);
}

static uint64_t sum_or_max(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* v1 counted swap together with memory, and so do the events. */
static void memory_swap(int cg_fd, struct cg_stat_memory *mem)
{
	uint64_t current, max;

	if (cg_read_u64(cg_fd, "memory.swap.current", &current) < 0 ||
	    cg_read_u64(cg_fd, "memory.swap.max", &max) < 0) {
		current = 0; /* no swap accounting: memory alone, no limit */
		max = 0;
	}
	mem->swap.usage = sum_or_max(current, mem->usage.usage);
	mem->swap.limit = sum_or_max(max, mem->usage.limit);
}

void cg_stats_memory_v2(int cg_fd, struct json_gen *gen)
{
	struct cg_stat_memory mem = { 0 };
	auto_free char *raw = NULL;

	if (cg_read_all(cg_fd, "memory.stat", &raw) >= 0) {
		mem.raw = raw;
		(void)cg_key_u64(raw, "file", &mem.cache);
		(void)cg_read_u64(cg_fd, "memory.current", &mem.usage.usage);
		(void)cg_read_u64(cg_fd, "memory.max", &mem.usage.limit);
		(void)cg_read_u64(cg_fd, "memory.peak", &mem.usage.max);
		memory_swap(cg_fd, &mem);
	}
	cg_gen_memory(gen, &mem, cg_fd);
}

void cg_stats_pids(int dir_fd, int cg_fd, struct json_gen *gen)
{
	uint64_t current = 0, limit = 0;

	if (cg_read_u64(dir_fd, "pids.current", &current) < 0) {
		auto_free pid_t *pids = NULL;
		size_t count = 0;

		(void)cg_procs(cg_fd, &pids, &count, NULL);
		current = count;
	} else {
		(void)cg_read_u64(dir_fd, "pids.max", &limit);
	}
	cg_gen_pids(gen, current, limit);
}

/* The page size of a file name "hugetlb.SIZE.current", or false. */
static bool hugetlb_size(const char *name, char *out, size_t size)
{
	static const char prefix[] = "hugetlb.", suffix[] = ".current";
	size_t len = strlen(name), skip = sizeof(prefix) - 1;
	size_t tail = sizeof(suffix) - 1;

	if (len <= skip + tail || strncmp(name, prefix, skip) ||
	    strcmp(name + len - tail, suffix))
		return false;
	len -= skip + tail;
	if (memchr(name + skip, '.', len) || len >= size)
		return false; /* "2MB.rsvd" */
	memcpy(out, name + skip, len);
	out[len] = '\0';
	return true;
}

static void hugetlb_one(int cg_fd, struct json_gen *gen, const char *page)
{
	uint64_t usage = 0, failed = 0;
	char name[96], text[128];

	/* as the limit: reservations where the kernel counts them */
	snprintf(name, sizeof(name), "hugetlb.%s.rsvd.current", page);
	if (cg_read_u64(cg_fd, name, &usage) == -ENOENT) {
		snprintf(name, sizeof(name), "hugetlb.%s.current", page);
		(void)cg_read_u64(cg_fd, name, &usage);
	}
	snprintf(name, sizeof(name), "hugetlb.%s.events", page);
	if (io_read_text(cg_fd, name, text, sizeof(text)) >= 0)
		(void)cg_key_u64(text, "max", &failed);
	json_gen_object(gen, page);
	cg_gen_nonzero(gen, "usage", usage);
	json_gen_u64(gen, "failcnt", failed);
	json_gen_end_object(gen);
}

void cg_stats_hugetlb_v2(int cg_fd, struct json_gen *gen)
{
	int fd = path_open_beneath(cg_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	char page[32];

	json_gen_object(gen, "hugetlb");
	while (dir && (d = readdir(dir)))
		if (hugetlb_size(d->d_name, page, sizeof(page)))
			hugetlb_one(cg_fd, gen, page);
	json_gen_end_object(gen);
	if (!dir)
		auto_close_fd(&fd);
}

void cg_stats_blkio_v2(int cg_fd, struct json_gen *gen)
{
	auto_free char *text = NULL;

	json_gen_object(gen, "blkio");
	if (cg_read_all(cg_fd, "io.stat", &text) >= 0)
		cg_gen_io_stat(gen, text);
	cg_gen_psi(gen, cg_fd, "io.pressure");
	json_gen_end_object(gen);
}

int cg_stats_v2(int cg_fd, const struct cg_place *place, struct json_gen *gen,
		struct err *err)
{
	static const struct cg_stat_cpuset no_cpuset;
	struct cg_stat_cpu cpu = { 0 };

	(void)place;
	(void)err;
	cg_stat_cpu_v2(cg_fd, &cpu);
	cg_gen_cpu(gen, &cpu, cg_fd);
	cg_gen_cpuset(gen, &no_cpuset);
	cg_stats_memory_v2(cg_fd, gen);
	cg_stats_pids(cg_fd, cg_fd, gen);
	cg_stats_hugetlb_v2(cg_fd, gen);
	cg_stats_blkio_v2(cg_fd, gen);
	return 0;
}
