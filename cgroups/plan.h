/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CGROUPS_PLAN_H
#define HULL_CGROUPS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "cgroups/internal.h"

struct err;
struct spec_resources;

/*
 * Limits become a list of file writes before the first one is made. The list
 * is plain data, so the same code writes it to a v2 directory, to v1
 * hierarchies, or shows it to a test.
 */

enum {
	CGW_OPTIONAL = 1 << 0, /* no such file: nothing lost */
	CGW_RETRY = 1 << 1, /* refused: tried again after the controller's other
			       writes (values that depend on each other) */
	CGW_ELSE = 1 << 2,  /* no such file: the next write stands in for it;
			       otherwise the next one is left out */
};

/**
 * struct cg_write - one write(2) to one file.
 * @ctrl:  whose file it is; CG_CTRLS: any file of the v2 directory
 * @field: JSON path that asked for it
 */
struct cg_write {
	struct cg_write *next;
	enum cg_ctrl ctrl;
	unsigned flags;
	const char *file;
	const char *value;
	const char *field;
};

/**
 * struct cg_plan - the writes in order.
 * @cg_fd: v2 directory to look at where a value depends on the present one
 *         (cpu.max with a period alone), or -1; an update has one
 * @weightless: JSON path of a weight that was left out, because the cgroup is
 *         to be idle, or NULL
 */
struct cg_plan {
	struct arena arena;
	struct cg_write *first;
	struct cg_write **tail;
	int cg_fd;
	const char *weightless;
	bool failed; /* out of memory: cg_plan_status() says so */
};

void cg_plan_init(struct cg_plan *plan, int cg_fd);
void cg_plan_release(struct cg_plan *plan);

/** cg_plan_add() - append a write; the value is formatted. */
void cg_plan_add(struct cg_plan *plan, enum cg_ctrl ctrl, unsigned flags,
		 const char *field, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/** cg_plan_text() - text that lives as long as the plan; "" when out of
 * memory. */
const char *cg_plan_text(struct cg_plan *plan, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** cg_plan_status() - 0 or -ENOMEM. */
int cg_plan_status(const struct cg_plan *plan, struct err *err);

/** cg_cpu_end_idle() - before a write to cpu.weight that @field asks for: where
 * the cgroup is idle and nothing planned says otherwise, that ends. */
void cg_cpu_end_idle(struct cg_plan *plan, const char *field);

/* The controllers' parts; see struct cg_ctrl_row. All return 0 or -errno with
 * @err filled in. */
int cg_cpu_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err);
int cg_cpu_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err);
int cg_cpuset_plan(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err);
int cg_memory_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		      struct err *err);
int cg_memory_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		      struct err *err);
int cg_io_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		  struct err *err);
int cg_io_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		  struct err *err);
int cg_hugetlb_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err);
int cg_hugetlb_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err);
int cg_pids_plan(struct cg_plan *plan, const struct spec_resources *res,
		 struct err *err);
int cg_rdma_plan(struct cg_plan *plan, const struct spec_resources *res,
		 struct err *err);
int cg_unified_plan(struct cg_plan *plan, const struct spec_resources *res,
		    struct err *err);

/** JSON path of the first limit of that controller in effect, or NULL. */
const char *cg_cpu_wanted(const struct spec_resources *res);
const char *cg_cpuset_wanted(const struct spec_resources *res);
const char *cg_memory_wanted(const struct spec_resources *res);
const char *cg_io_wanted(const struct spec_resources *res);

/**
 * cg_memory_check() - memory.checkBeforeUpdate: refuse a limit at or below
 * what is in use. Best effort: without a counter nothing is refused.
 * @usage_bytes: from memory.current or memory.usage_in_bytes
 */
int cg_memory_check(const struct spec_resources *res, uint64_t usage_bytes,
		    struct err *err);

/**
 * cg_plan_all() - every write for @res, controllers first, unified last.
 * @v1_mask: controllers that are written in v1 terms
 */
int cg_plan_all(struct cg_plan *plan, const struct spec_resources *res,
		uint32_t v1_mask, struct err *err);

#endif
