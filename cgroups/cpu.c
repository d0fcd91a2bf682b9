/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/io.h"
#include "cgroups/convert.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

/*
 * cpu and cpuset. 0 means unset for shares, quota and period (Docker always
 * sends cpu.shares 0), and so does an empty string.
 */

#define SHARES "linux.resources.cpu.shares"
#define QUOTA "linux.resources.cpu.quota"
#define PERIOD "linux.resources.cpu.period"
#define BURST "linux.resources.cpu.burst"
#define IDLE "linux.resources.cpu.idle"
#define CPUS "linux.resources.cpu.cpus"
#define MEMS "linux.resources.cpu.mems"

static bool has_shares(const struct spec_cpu *cpu)
{
	return cpu->shares.set && cpu->shares.v;
}

static bool has_quota(const struct spec_cpu *cpu)
{
	return cpu->quota.set && cpu->quota.v;
}

static bool has_period(const struct spec_cpu *cpu)
{
	return cpu->period.set && cpu->period.v;
}

const char *cg_cpu_wanted(const struct spec_resources *res)
{
	const struct spec_cpu *cpu = &res->cpu;

	return has_shares(cpu)   ? SHARES
	       : has_quota(cpu)  ? QUOTA
	       : has_period(cpu) ? PERIOD
	       : cpu->burst.set  ? BURST
	       : cpu->idle.set   ? IDLE
				 : NULL;
}

const char *cg_cpuset_wanted(const struct spec_resources *res)
{
	const struct spec_cpu *cpu = &res->cpu;

	if (cpu->cpus && *cpu->cpus)
		return CPUS;
	return cpu->mems && *cpu->mems ? MEMS : NULL;
}

/* The quota in force, for a new period alone: cpu.max takes both or the quota
 * alone. */
static void cpu_max_quota(const struct cg_plan *plan, char *buf, size_t size)
{
	ssize_t n = -1;

	if (plan->cg_fd >= 0)
		n = io_read_text(plan->cg_fd, "cpu.max", buf, size);
	if (n <= 0)
		snprintf(buf, size, "max");
	buf[strcspn(buf, " ")] = '\0';
}

static void plan_cpu_max(struct cg_plan *plan, const struct spec_cpu *cpu)
{
	char quota[64];

	if (!has_quota(cpu) && !has_period(cpu))
		return;
	if (!has_quota(cpu))
		cpu_max_quota(plan, quota, sizeof(quota));
	else if (cpu->quota.v < 0)
		snprintf(quota, sizeof(quota), "max");
	else
		snprintf(quota, sizeof(quota), "%" PRId64, cpu->quota.v);
	/* without a period the kernel keeps the present one, 100 ms at first */
	if (has_period(cpu))
		cg_plan_add(plan, CG_CPU, 0, has_quota(cpu) ? QUOTA : PERIOD,
			    "cpu.max", "%s %" PRIu64, quota, cpu->period.v);
	else
		cg_plan_add(plan, CG_CPU, 0, QUOTA, "cpu.max", "%s", quota);
}

/*
 * The kernel has no weight for an idle cgroup, and refuses to take one. Who
 * asks for a weight wants that to end; systemd sees it the same way.
 */
void cg_cpu_end_idle(struct cg_plan *plan, const char *field)
{
	char idle[16];

	for (const struct cg_write *w = plan->first; w; w = w->next)
		if (!strcmp(w->file, "cpu.idle"))
			return;
	if (plan->cg_fd >= 0 &&
	    io_read_text(plan->cg_fd, "cpu.idle", idle, sizeof(idle)) > 0 &&
	    !strcmp(idle, "1"))
		cg_plan_add(plan, CG_CPU, 0, field, "cpu.idle", "0");
}

int cg_cpu_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err)
{
	const struct spec_cpu *cpu = &res->cpu;

	if (cpu->idle.set)
		cg_plan_add(plan, CG_CPU, 0, IDLE, "cpu.idle", "%" PRId64,
			    cpu->idle.v);
	if (has_shares(cpu)) {
		cg_cpu_end_idle(plan, SHARES);
		cg_plan_add(plan, CG_CPU, 0, SHARES, "cpu.weight", "%" PRIu64,
			    cg_weight_from_shares(cpu->shares.v));
	}
	/* a burst above the old quota is refused until the new one is there,
	 * a burst below has to come first */
	if (cpu->burst.set)
		cg_plan_add(plan, CG_CPU, CGW_RETRY, BURST, "cpu.max.burst",
			    "%" PRIu64, cpu->burst.v);
	plan_cpu_max(plan, cpu);
	return cg_plan_status(plan, err);
}

int cg_cpu_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err)
{
	const struct spec_cpu *cpu = &res->cpu;

	if (cpu->idle.set)
		cg_plan_add(plan, CG_CPU, 0, IDLE, "cpu.idle", "%" PRId64,
			    cpu->idle.v);
	if (has_shares(cpu)) {
		/* as on v2 a weight ends being idle; what the file has now is
		 * not looked at, the twin's directory is not open here */
		if (plan->cg_fd >= 0 && !cpu->idle.set)
			cg_plan_add(plan, CG_CPU, CGW_OPTIONAL, SHARES,
				    "cpu.idle", "0");
		cg_plan_add(plan, CG_CPU, 0, SHARES, "cpu.shares", "%" PRIu64,
			    cpu->shares.v);
	}
	/* old quota over new period may exceed the parent's share */
	if (has_period(cpu))
		cg_plan_add(plan, CG_CPU, CGW_RETRY, PERIOD,
			    "cpu.cfs_period_us", "%" PRIu64, cpu->period.v);
	if (cpu->burst.set)
		cg_plan_add(plan, CG_CPU, CGW_RETRY, BURST, "cpu.cfs_burst_us",
			    "%" PRIu64, cpu->burst.v);
	if (has_quota(cpu))
		cg_plan_add(plan, CG_CPU, 0, QUOTA, "cpu.cfs_quota_us",
			    "%" PRId64, cpu->quota.v < 0 ? -1 : cpu->quota.v);
	return cg_plan_status(plan, err);
}

int cg_cpuset_plan(struct cg_plan *plan, const struct spec_resources *res,
		   struct err *err)
{
	const struct spec_cpu *cpu = &res->cpu;

	if (cpu->cpus && *cpu->cpus)
		cg_plan_add(plan, CG_CPUSET, 0, CPUS, "cpuset.cpus", "%s",
			    cpu->cpus);
	if (cpu->mems && *cpu->mems)
		cg_plan_add(plan, CG_CPUSET, 0, MEMS, "cpuset.mems", "%s",
			    cpu->mems);
	return cg_plan_status(plan, err);
}
