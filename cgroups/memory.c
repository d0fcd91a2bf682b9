/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "cgroups/convert.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

#define LIMIT "linux.resources.memory.limit"
#define RESERVATION "linux.resources.memory.reservation"
#define SWAP "linux.resources.memory.swap"

/* 0 is unset, as Docker sends it on every update. */
static int64_t value_of(const struct opt_i64 *v)
{
	return v->set ? v->v : 0;
}

const char *cg_memory_wanted(const struct spec_resources *res)
{
	const struct spec_memory *mem = &res->memory;

	return value_of(&mem->limit)         ? LIMIT
	       : value_of(&mem->swap)        ? SWAP
	       : value_of(&mem->reservation) ? RESERVATION
					     : NULL;
}

static int check_sign(const struct opt_i64 *v, const char *field,
		      struct err *err)
{
	if (value_of(v) < -1)
		return err_at(err, -EINVAL, field,
			      "a negative size other than -1 (no limit)");
	return 0;
}

static int check_signs(const struct spec_memory *mem, struct err *err)
{
	int rc = check_sign(&mem->limit, LIMIT, err);

	if (!rc)
		rc = check_sign(&mem->reservation, RESERVATION, err);
	if (!rc)
		rc = check_sign(&mem->swap, SWAP, err);
	return rc;
}

static void plan_bytes(struct cg_plan *plan, const char *field,
		       const char *file, int64_t bytes)
{
	if (bytes == -1)
		cg_plan_add(plan, CG_MEMORY, 0, field, file, "max");
	else if (bytes)
		cg_plan_add(plan, CG_MEMORY, 0, field, file, "%" PRId64, bytes);
}

/* A size in force; 0: none ("max"), or not known. */
static int64_t now_bytes(const struct cg_plan *plan, const char *file)
{
	uint64_t bytes;

	if (plan->cg_fd < 0 || cg_read_u64(plan->cg_fd, file, &bytes) < 0 ||
	    bytes > INT64_MAX / 2)
		return 0;
	return (int64_t)bytes;
}

/*
 * config.json limits memory and both together, cgroup v2 memory and swap. So
 * when an update gives one of the two, the other one is what is in force, and
 * their total stays when the limit of memory moves. Who may not swap at all
 * still may not.
 */
static void complete(const struct cg_plan *plan, int64_t *limit, int64_t *memsw)
{
	int64_t max = now_bytes(plan, "memory.max");
	int64_t swap = now_bytes(plan, "memory.swap.max");

	if (*memsw > 0 && !*limit)
		*limit = max;
	else if (*limit > 0 && !*memsw && max && swap)
		*memsw = max + swap;
}

int cg_memory_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		      struct err *err)
{
	const struct spec_memory *mem = &res->memory;
	int64_t limit = value_of(&mem->limit), memsw = value_of(&mem->swap);
	struct cg_swap swap;
	const char *why;
	int rc = check_signs(mem, err);

	if (rc < 0)
		return rc;
	complete(plan, &limit, &memsw);
	if (cg_swap_from_memsw(memsw, limit, &swap, &why) < 0)
		return err_at(err, -EINVAL, SWAP, "%s", why);
	/* no swap file: the kernel has no swap, so "all" and "none" hold */
	if (swap.write && swap.unlimited)
		cg_plan_add(plan, CG_MEMORY, CGW_OPTIONAL, SWAP,
			    "memory.swap.max", "max");
	else if (swap.write)
		cg_plan_add(plan, CG_MEMORY, swap.bytes ? 0 : CGW_OPTIONAL,
			    SWAP, "memory.swap.max", "%" PRId64, swap.bytes);
	plan_bytes(plan, LIMIT, "memory.max", value_of(&mem->limit));
	plan_bytes(plan, RESERVATION, "memory.low",
		   value_of(&mem->reservation));
	return cg_plan_status(plan, err);
}

int cg_memory_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		      struct err *err)
{
	const struct spec_memory *mem = &res->memory;
	int64_t limit = value_of(&mem->limit), swap = value_of(&mem->swap);
	bool implied = limit == -1 && !swap;
	int rc = check_signs(mem, err);

	if (rc < 0)
		return rc;
	if (swap > 0 && limit > swap)
		return err_at(err, -EINVAL, SWAP,
			      "memory+swap limit should be >= memory limit");
	/*
	 * The kernel wants limit <= memsw at every moment: when both go up
	 * memsw has to be first, when both go down the limit. Try the first
	 * order; a refused memsw comes again after the limit.
	 */
	if (swap || implied)
		cg_plan_add(plan, CG_MEMORY,
			    CGW_RETRY | (implied ? CGW_OPTIONAL : 0), SWAP,
			    "memory.memsw.limit_in_bytes", "%" PRId64,
			    implied ? -1 : swap);
	if (limit)
		cg_plan_add(plan, CG_MEMORY, 0, LIMIT, "memory.limit_in_bytes",
			    "%" PRId64, limit);
	if (value_of(&mem->reservation))
		cg_plan_add(plan, CG_MEMORY, 0, RESERVATION,
			    "memory.soft_limit_in_bytes", "%" PRId64,
			    value_of(&mem->reservation));
	return cg_plan_status(plan, err);
}

int cg_memory_check(const struct spec_resources *res, uint64_t usage_bytes,
		    struct err *err)
{
	const struct spec_memory *mem = &res->memory;
	int64_t limit = value_of(&mem->limit), swap = value_of(&mem->swap);

	if (!mem->check_before_update)
		return 0;
	if (swap > 0 && (uint64_t)swap <= usage_bytes)
		return err_at(err, -EBUSY, SWAP,
			      "rejecting memory+swap limit %" PRId64
			      " <= usage %" PRIu64,
			      swap, usage_bytes);
	if (limit > 0 && (uint64_t)limit <= usage_bytes)
		return err_at(err, -EBUSY, LIMIT,
			      "rejecting memory limit %" PRId64
			      " <= usage %" PRIu64,
			      limit, usage_bytes);
	return 0;
}
