/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "libcontainer/process/steps.h"

#define CPUS_MAX 8192 /* NR_CPUS of the largest configuration (x86) */
#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

/* Values of linux/ioprio.h, which includes what clashes with sched.h. */
#define IO_WHO_PROCESS 1
#define IO_CLASS_SHIFT 13

/* SCHED_ATTR_SIZE_VER0 of linux/sched/types.h: that header and glibc's sched.h
 * both define struct sched_param. */
struct sched_attr_v0 {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

_Static_assert(sizeof(struct sched_attr_v0) == 48, "SCHED_ATTR_SIZE_VER0");

int process_scheduler(pid_t pid, const struct spec_process *process,
		      struct err *err)
{
	const struct spec_scheduler *want = &process->scheduler;
	struct sched_attr_v0 attr = {
		.size = sizeof(attr),
		.policy = (uint32_t)want->policy,
		.flags = want->flags,
		.nice = want->nice,
		.priority = (uint32_t)want->priority,
		.runtime = want->runtime_ns,
		.deadline = want->deadline_ns,
		.period = want->period_ns,
	};

	if (!want->set || !syscall(SYS_sched_setattr, pid, &attr, 0))
		return 0;
	/* sched_setattr(2): such a task must be free to use all CPUs */
	if (errno == EPERM && want->policy == SCHED_DEADLINE)
		return err_at(err, -EPERM, "process.scheduler",
			      "error setting scheduler: %s: SCHED_DEADLINE "
			      "needs CAP_SYS_NICE and all CPUs (process "
			      "scheduler can't be used together with "
			      "AllowedCPUs)",
			      err_text(EPERM));
	return err_at(err, -errno, "process.scheduler",
		      "error setting scheduler: %s", err_text(errno));
}

int step_scheduler(struct apply *a, struct err *err)
{
	/* exec clones once more, and a deadline task may not, or loses it */
	if (a->ctx->is_exec)
		return 0;
	return process_scheduler(0, a->ctx->process, err);
}

int step_io_priority(struct apply *a, struct err *err)
{
	const struct spec_io_priority *want = &a->ctx->process->io_priority;
	int value = want->class << IO_CLASS_SHIFT | want->priority;

	if (!want->set)
		return 0;
	if (syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, value) < 0)
		return err_at(err, -errno, "process.ioPriority",
			      "failed to set io priority: %s", err_text(errno));
	return 0;
}

int process_affinity(pid_t pid, const char *member, const char *cpus,
		     struct err *err)
{
	unsigned long bits[CPUS_MAX / LONG_BITS];
	char field[64];
	int ret;

	snprintf(field, sizeof(field), "process.execCPUAffinity.%s", member);
	ret = numlist_parse(cpus, bits, CPUS_MAX);
	if (ret == -ERANGE)
		return err_at(err, ret, field, "'%s' has a CPU above %d", cpus,
			      CPUS_MAX - 1);
	if (ret)
		return err_at(err, ret, field, "'%s' is not a list of CPUs",
			      cpus);
	if (syscall(SYS_sched_setaffinity, pid, sizeof(bits), bits) < 0)
		return err_at(err, -errno, field, "cannot run on CPUs '%s': %s",
			      cpus, err_text(errno));
	return 0;
}

void process_affinity_reset(void)
{
	unsigned long bits[CPUS_MAX / LONG_BITS];

	memset(bits, 0xff, sizeof(bits));
	syscall(SYS_sched_setaffinity, 0, sizeof(bits), bits);
}
