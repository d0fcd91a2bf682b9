/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h> /* before process.h, which knows of the clash */

#include "base/sabotage.h"
#include "libcontainer/process/seccomp_build.h"

#include <ctype.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

#define ARGS_MAX 6
#define TREE_FROM 32 /* names from which a binary tree is worth it */

#define auto_ctx __attribute__((cleanup(ctx_release)))

static void ctx_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* EPERM is what runc and the spec mean when a profile gives no errno. */
static int action_of(enum spec_scmp_act act, bool errno_set, uint32_t errno_ret,
		     uint32_t *out)
{
	uint32_t data = (errno_set ? errno_ret : EPERM) & SECCOMP_RET_DATA;

	switch (act) {
	case SPEC_ACT_KILL:
		*out = SCMP_ACT_KILL_THREAD;
		return 0;
	case SPEC_ACT_KILL_PROCESS:
		*out = SCMP_ACT_KILL_PROCESS;
		return 0;
	case SPEC_ACT_TRAP:
		*out = SCMP_ACT_TRAP;
		return 0;
	case SPEC_ACT_ERRNO:
		*out = SCMP_ACT_ERRNO(data);
		return 0;
	case SPEC_ACT_TRACE:
		*out = SCMP_ACT_TRACE(data);
		return 0;
	case SPEC_ACT_ALLOW:
		*out = SCMP_ACT_ALLOW;
		return 0;
	case SPEC_ACT_LOG:
		*out = SCMP_ACT_LOG;
		return 0;
	case SPEC_ACT_NOTIFY:
		*out = SCMP_ACT_NOTIFY;
		return 0;
	}
	return -EINVAL;
}

/* "SCMP_ARCH_X86_64" is libseccomp's "x86_64"; 0 when it does not know it. */
static uint32_t arch_token(const char *name)
{
	static const char prefix[] = "SCMP_ARCH_";
	char lower[32];
	size_t i;

	if (!str_starts(name, prefix))
		return 0;
	name += strlen(prefix);
	if (!strcmp(name, "NATIVE"))
		return seccomp_arch_native();
	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	return seccomp_arch_resolve_name(lower);
}

/* struct seccomp_data has no architecture x32: it is x86-64 with bit 30 set in
 * the number. All other tokens are AUDIT_ARCH_* themselves. */
static uint32_t audit_arch(uint32_t token)
{
	return token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
}

static bool have_arch(const struct seccomp_arch *archs, size_t count,
		      uint32_t token)
{
	for (size_t i = 0; i < count; i++) {
		if (archs[i].token == token)
			return true;
	}
	return false;
}

/* The kernel's own architecture is in every filter, named or not. */
static int add_archs(scmp_filter_ctx ctx, const struct spec_seccomp *profile,
		     struct seccomp_arch *archs, size_t *count, struct err *err)
{
	size_t n = 0;

	archs[n++].token = seccomp_arch_native();
	for (size_t i = 0; profile->archs && profile->archs[i]; i++) {
		uint32_t token = arch_token(profile->archs[i]);
		char field[64];
		int ret;

		if (token && have_arch(archs, n, token))
			continue;
		snprintf(field, sizeof(field),
			 "linux.seccomp.architectures[%zu]", i);
		if (!token || n == SECCOMP_ARCHS_MAX)
			return err_at(err, -EINVAL, field,
				      "'%s' is not known to libseccomp",
				      profile->archs[i]);
		ret = seccomp_arch_add(ctx, token);
		if (ret && ret != -EEXIST)
			return err_at(err, ret, field,
				      "'%s' cannot be filtered together with "
				      "the native architecture: %s",
				      profile->archs[i], err_text(ret));
		archs[n++].token = token;
	}
	for (size_t i = 0; i < n; i++)
		archs[i].audit = audit_arch(archs[i].token);
	*count = n;
	return 0;
}

static void find_last(const struct spec_seccomp *profile,
		      struct seccomp_arch *arch)
{
	int last = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const char *const *name = profile->rules[i].names;

		for (; name && *name; name++) {
			int nr = seccomp_syscall_resolve_name_arch(arch->token,
								   *name);

			/* below zero: unknown, or not on this architecture */
			if (nr > last)
				last = nr;
		}
	}
	arch->last = (uint32_t)last;
}

static int convert_args(const struct spec_scmp_rule *rule,
			struct scmp_arg_cmp *out, bool *repeated)
{
	static const enum scmp_compare ops[] = {
		[SPEC_SCMP_NE] = SCMP_CMP_NE,
		[SPEC_SCMP_LT] = SCMP_CMP_LT,
		[SPEC_SCMP_LE] = SCMP_CMP_LE,
		[SPEC_SCMP_EQ] = SCMP_CMP_EQ,
		[SPEC_SCMP_GE] = SCMP_CMP_GE,
		[SPEC_SCMP_GT] = SCMP_CMP_GT,
		[SPEC_SCMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	unsigned int seen = 0;

	*repeated = false;
	for (size_t i = 0; i < rule->arg_count; i++) {
		const struct spec_scmp_arg *arg = &rule->args[i];

		if (arg->index >= ARGS_MAX || arg->op >= ARRAY_SIZE(ops))
			return -EINVAL;
		if (seen & (1u << arg->index))
			*repeated = true;
		seen |= 1u << arg->index;
		out[i] = (struct scmp_arg_cmp){
			.arg = arg->index,
			.op = ops[arg->op],
			.datum_a = arg->value,
			.datum_b = arg->value_two,
		};
	}
	return 0;
}

/*
 * libseccomp takes one condition per argument. Where a rule has two on the
 * same one, each condition becomes a rule of its own, so that any of them is
 * enough; that is what runc does and profiles are written for.
 */
static int add_rule(scmp_filter_ctx ctx, uint32_t action, int nr,
		    const struct scmp_arg_cmp *args, size_t count,
		    bool repeated)
{
	size_t step = repeated ? 1 : count;
	int ret = 0;

	if (!count)
		return seccomp_rule_add_array(ctx, action, nr, 0, NULL);
	for (size_t i = 0; !ret && i < count; i += step)
		ret = seccomp_rule_add_array(ctx, action, nr,
					     (unsigned int)step, args + i);
	return ret;
}

static int add_names(scmp_filter_ctx ctx, const struct spec_scmp_rule *rule,
		     uint32_t action, const char *field, struct err *err)
{
	auto_free struct scmp_arg_cmp *args = NULL;
	bool repeated;
	int ret;

	args = calloc(rule->arg_count + 1, sizeof(*args));
	if (!args)
		return err_set(err, -ENOMEM, "out of memory");
	ret = convert_args(rule, args, &repeated);
	if (ret)
		return err_at(err, ret, field, "bad argument condition");
	for (const char *const *name = rule->names; name && *name; name++) {
		int nr = seccomp_syscall_resolve_name(*name);

		if (nr == __NR_SCMP_ERROR)
			continue; /* newer, or of another architecture */
		ret = add_rule(ctx, action, nr, args, rule->arg_count,
			       repeated);
		if (ret == -EEXIST) /* the very same rule twice is no error */
			return err_at(err, ret, field,
				      "contradicts an earlier rule for "
				      "syscall %s",
				      *name);
		if (ret)
			return err_at(err, ret, field,
				      "error adding seccomp filter rule for "
				      "syscall %s: %s",
				      *name, err_text(ret));
	}
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct spec_seccomp *profile,
		     uint32_t default_action, struct err *err)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct spec_scmp_rule *rule = &profile->rules[i];
		char field[64];
		uint32_t action;
		int ret;

		snprintf(field, sizeof(field), "linux.seccomp.syscalls[%zu]",
			 i);
		ret = action_of(rule->action, rule->errno_set, rule->errno_ret,
				&action);
		if (ret)
			return err_at(err, ret, field, "unknown action");
		/* says nothing new, and libseccomp would refuse it */
		if (action == default_action)
			continue;
		ret = add_names(ctx, rule, action, field, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* As runc: a default that lets calls pass knows how to deal with new ones. */
static bool wants_enosys(const struct spec_seccomp *profile, uint32_t action)
{
	return profile->default_action != SPEC_ACT_ALLOW &&
	       profile->default_action != SPEC_ACT_LOG &&
	       profile->default_action != SPEC_ACT_TRACE &&
	       action != SCMP_ACT_ERRNO(ENOSYS);
}

/* The prologue and libseccomp's program in one array. */
static int export(scmp_filter_ctx ctx, const struct sock_filter *prologue,
		  size_t count, struct seccomp_prog *out, struct err *err)
{
	size_t head = count * sizeof(*prologue), len = 0;
	auto_free char *program = NULL;
	auto_free char *all = NULL;
	auto_fd int fd = -1;
	int ret;

	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot make memory for the filter");
	ret = seccomp_export_bpf(ctx, fd);
	if (!ret && lseek(fd, 0, SEEK_SET) < 0)
		ret = -errno;
	if (!ret)
		ret = io_load(fd, BPF_MAXINSNS * sizeof(*prologue), &program,
			      &len);
	if (!ret && (head + len) / sizeof(*prologue) > BPF_MAXINSNS)
		ret = -EFBIG;
	if (ret)
		return err_at(err, ret, "linux.seccomp",
			      "cannot compile the filter: %s", err_text(ret));
	all = malloc(head + len);
	if (!all)
		return err_set(err, -ENOMEM, "out of memory");
	if (head)
		memcpy(all, prologue, head);
	memcpy(all + head, program, len);
	out->count = (unsigned short)((head + len) / sizeof(*prologue));
	out->map_len = head + len;
	out->insns = all;
	out->map = take_ptr(&all);
	return 0;
}

static size_t name_count(const struct spec_seccomp *profile)
{
	size_t count = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const char *const *name = profile->rules[i].names;

		while (name && *name++)
			count++;
	}
	return count;
}

int seccomp_compile(const struct spec_seccomp *profile,
		    struct seccomp_prog *out, struct err *err)
{
	struct sock_filter prologue[SECCOMP_ENOSYS_MAX];
	struct seccomp_arch archs[SECCOMP_ARCHS_MAX] = { 0 };
	size_t arch_count = 0, prologue_count = 0;
	auto_ctx scmp_filter_ctx ctx = NULL;
	uint32_t action;
	int ret;

	ret = action_of(profile->default_action, profile->default_errno_set,
			profile->default_errno, &action);
	if (ret)
		return err_at(err, ret, "linux.seccomp.defaultAction",
			      "unknown action");
	ctx = seccomp_init(action);
	if (!ctx)
		return err_at(err, -EINVAL, "linux.seccomp.defaultAction",
			      "not known to libseccomp or the kernel");
	ret = add_archs(ctx, profile, archs, &arch_count, err);
	if (ret)
		return ret;
	/* a matter of speed only, so what it returns does not matter */
	if (name_count(profile) > TREE_FROM)
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	ret = add_rules(ctx, profile, action, err);
	if (ret)
		return ret;
	if (wants_enosys(profile, action) && !SABOTAGED("seccomp_enosys")) {
		for (size_t i = 0; i < arch_count; i++)
			find_last(profile, &archs[i]);
		prologue_count = seccomp_enosys(archs, arch_count, prologue,
						ARRAY_SIZE(prologue));
	}
	out->flags = seccomp_flags(profile);
	return export(ctx, prologue, prologue_count, out, err);
}
