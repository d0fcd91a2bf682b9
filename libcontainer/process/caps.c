/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "base/sys.h"
#include "libcontainer/process/steps.h"

#define BIT(n) (1ULL << (n))
#define CAP_BITS 64

int process_last_cap(void)
{
	int last = -1;

	/* EINVAL past the last one, whatever the bounding set holds */
	while (last + 1 < CAP_BITS &&
	       prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	return last;
}

/* "CAP_A, CAP_B" for messages. */
static void add_names(struct strbuf *out, uint64_t set)
{
	for (unsigned int cap = 0; cap < CAP_BITS; cap++) {
		const char *name = spec_cap_name(cap);

		if (!(set & BIT(cap)))
			continue;
		if (out->len)
			strbuf_add(out, ", ");
		if (name)
			strbuf_add(out, name);
		else
			strbuf_addf(out, "capability %u", cap);
	}
}

/* Refuse @set, unless it is empty: "FIELD: CAP_X, CAP_Y WHY". */
static int refuse(uint64_t set, const char *field, const char *why,
		  struct err *err)
{
	auto_strbuf struct strbuf names = STRBUF_INIT;

	if (!set)
		return 0;
	add_names(&names, set);
	return err_add(err, -EPERM, field, "%s %s",
		       strbuf_ok(&names) && names.s ? names.s : "capabilities",
		       why);
}

/* Those of @set that are not in the bounding set. */
static uint64_t not_bounding(uint64_t set)
{
	uint64_t missing = 0;

	for (int cap = 0; cap < CAP_BITS; cap++) {
		if ((set & BIT(cap)) &&
		    prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= 0)
			missing |= BIT(cap);
	}
	return missing;
}

/* Sets that contradict each other: the kernel would answer a bare EPERM. */
static int check_sets(const struct spec_caps *caps, struct err *err)
{
	auto_strbuf struct strbuf lost = STRBUF_INIT;
	int ret, more;

	ret = refuse(caps->effective & ~caps->permitted,
		     "process.capabilities.effective",
		     "is not in the permitted set", err);
	more = refuse(caps->inheritable & ~caps->bounding,
		      "process.capabilities.inheritable",
		      "is not in the bounding set", err);
	if (caps->ambient & ~(caps->permitted & caps->inheritable)) {
		add_names(&lost, caps->ambient & ~(caps->permitted &
						   caps->inheritable));
		/* runc goes on without them, and engines count on that */
		log_debug("process.capabilities.ambient: %s cannot be raised: "
			  "not permitted and inheritable",
			  lost.s ? lost.s : "");
	}
	return ret ? ret : more;
}

int process_limit_caps(struct spec_caps *caps, bool userns, struct err *err)
{
	auto_strbuf struct strbuf lost = STRBUF_INIT;
	uint64_t effective, permitted, inheritable;
	uint64_t wanted = caps->bounding | caps->permitted | caps->effective |
			  caps->inheritable | caps->ambient;

	if (!caps->set || userns)
		return 0;
	if (sys_capget(&effective, &permitted, &inheritable) < 0)
		return err_sys(err, "cannot read hull's capabilities");
	if (!(wanted & ~permitted))
		return 0;
	add_names(&lost, wanted & ~permitted);
	log_warn("process.capabilities: %s cannot be granted here and is left "
		 "out",
		 lost.s ? lost.s : "");
	caps->bounding &= permitted;
	caps->permitted &= permitted;
	caps->effective &= permitted;
	caps->inheritable &= permitted;
	caps->ambient &= permitted;
	return 0;
}

int caps_check(const struct process_ctx *ctx, uint64_t permitted,
	       struct err *err)
{
	static const char unavailable[] = "is not available to hull here";
	const struct spec_caps *caps = &ctx->process->caps;
	int ret, more;

	if (!caps->set)
		return 0;
	ret = check_sets(caps, err);
	if (ctx->userns) /* a user namespace comes with all of them */
		return ret;
	/* what is permitted is bounding as well, as good as always */
	more = refuse(not_bounding(caps->bounding & ~permitted),
		      "process.capabilities.bounding", unavailable, err);
	if (!ret)
		ret = more;
	more = refuse(caps->permitted & ~permitted,
		      "process.capabilities.permitted", unavailable, err);
	return ret ? ret : more;
}

int step_bounding(struct apply *a, struct err *err)
{
	const struct spec_caps *caps = &a->ctx->process->caps;

	if (!caps->set || SABOTAGED("caps_bounding"))
		return 0;
	for (int cap = 0; cap < CAP_BITS; cap++) {
		if (caps->bounding & BIT(cap))
			continue;
		if (!prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			continue;
		if (errno == EINVAL)
			break; /* past the kernel's last one */
		/* without CAP_SETPCAP: what is gone already need not go */
		if (errno == EPERM && !prctl(PR_CAPBSET_READ, cap, 0, 0, 0))
			continue;
		return err_sys(err, "cannot drop %s from the bounding set",
			       spec_cap_name((unsigned int)cap)
				       ? spec_cap_name((unsigned int)cap)
				       : "a capability");
	}
	return 0;
}

bool caps_keep_admin(const struct process_ctx *ctx)
{
	return ctx->filter && !ctx->process->no_new_privs;
}

struct cap_sets caps_before_exec(const struct process_ctx *ctx)
{
	const struct spec_caps *caps = &ctx->process->caps;
	struct cap_sets sets = {
		.effective = caps->effective,
		.permitted = caps->permitted,
		.inheritable = caps->inheritable,
		.ambient = caps->ambient & caps->permitted & caps->inheritable,
	};

	/*
	 * execve(2) makes the new permitted set from the inheritable,
	 * bounding and ambient ones (capabilities(7)): what is permitted now
	 * does not pass. With no_new_privs it would bound the new set, but
	 * then nothing has to be kept.
	 */
	if (caps_keep_admin(ctx)) {
		sets.effective |= BIT(CAP_SYS_ADMIN);
		sets.permitted |= BIT(CAP_SYS_ADMIN);
	}
	return sets;
}

/*
 * capset(2) has already taken from the ambient set what is not permitted and
 * inheritable; only what the caller had beyond that, and is not wanted, has to
 * be cleared.
 */
static int set_ambient(const struct cap_sets *sets, struct err *err)
{
	if ((sets->permitted & sets->inheritable & ~sets->ambient) &&
	    !SABOTAGED("caps_ambient") &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, "cannot clear the ambient set");
	for (int cap = 0; cap < CAP_BITS; cap++) {
		if (!(sets->ambient & BIT(cap)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(err,
				       "cannot raise ambient capability "
				       "%d",
				       cap);
	}
	return 0;
}

/*
 * The config says nothing of capabilities: the caller's stay. A change to
 * another user than root has cleared the effective set, though, and the filter
 * wants CAP_SYS_ADMIN there.
 */
static int keep_callers(const struct process_ctx *ctx, struct err *err)
{
	uint64_t effective, permitted, inheritable;

	if (!caps_keep_admin(ctx))
		return 0;
	if (sys_capget(&effective, &permitted, &inheritable) < 0)
		return err_sys(err, "cannot read capabilities");
	if (effective & BIT(CAP_SYS_ADMIN))
		return 0;
	effective |= BIT(CAP_SYS_ADMIN);
	if (sys_capset(effective, permitted, inheritable) < 0)
		return err_sys(err, "cannot keep CAP_SYS_ADMIN for the filter");
	return 0;
}

int step_capabilities(struct apply *a, struct err *err)
{
	const struct process_ctx *ctx = a->ctx;
	struct cap_sets sets;

	if (!ctx->process->caps.set)
		return keep_callers(ctx, err);
	sets = caps_before_exec(ctx);
	if (!SABOTAGED("caps_sets") &&
	    sys_capset(sets.effective, sets.permitted, sets.inheritable) < 0)
		return err_sys(err, "unable to apply caps");
	return set_ambient(&sets, err);
}
