/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/jail/jail.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sabotage.h"
#include "base/sys.h"

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000U
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#define X32_BIT 0x80000000U
#endif

#define AT(field) ((uint32_t)offsetof(struct seccomp_data, field))

struct program {
	struct sock_filter *out;
	size_t room;
	size_t len; /* may exceed room: nothing is written then */
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t yes,
		 uint8_t no)
{
	if (p->len < p->room)
		p->out[p->len] = (struct sock_filter){ code, yes, no, k };
	p->len++;
}

static void load(struct program *p, uint32_t at)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

static void finish(struct program *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/*
 * The lower half of an argument only: requests of ioctl(2), fcntl(2) and
 * protection bits are ints to the kernel, which does not look at the rest.
 */
static void emit_rule(struct program *p, const struct jail_rule *r)
{
	const uint32_t own = r->check == JAIL_OWN_PID ? (uint32_t)getpid() : 0;
	const uint32_t arg = AT(args) + 8 * r->arg;
	const uint32_t *values = r->check == JAIL_OWN_PID ? &own : r->values;
	const unsigned int count =
		r->check == JAIL_OWN_PID ? 1 : r->value_count;

	if (r->check == JAIL_ANY) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->nr, 0, 1);
		finish(p, SECCOMP_RET_ALLOW);
		return;
	}
	if (r->check == JAIL_WITHOUT) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->nr, 0, 4);
		load(p, arg);
		emit(p, BPF_JMP | BPF_JSET | BPF_K, r->values[0], 1, 0);
		finish(p, SECCOMP_RET_ALLOW);
		finish(p, SECCOMP_RET_KILL_PROCESS);
		return;
	}
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->nr, 0,
	     (uint8_t)(count + 3));
	load(p, arg);
	for (unsigned int i = 0; i < count; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, values[i],
		     (uint8_t)(count - i), 0);
	finish(p, SECCOMP_RET_KILL_PROCESS);
	finish(p, SECCOMP_RET_ALLOW);
}

int jail_build(const struct jail_rule *rules, size_t count,
	       struct sock_filter *out, size_t room)
{
	struct program p = { .out = out, .room = room };

	load(&p, AT(arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
	finish(&p, SECCOMP_RET_KILL_PROCESS);
	load(&p, AT(nr));
	emit(&p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	finish(&p, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < count; i++)
		emit_rule(&p, &rules[i]);
	finish(&p, SECCOMP_RET_KILL_PROCESS);
	return p.len <= room ? (int)p.len : -ENOSPC;
}

int jail_thread(enum jail_role role, struct err *err)
{
	struct sock_filter code[JAIL_MAX_BPF];
	size_t count;
	const struct jail_rule *rules = jail_rules(role, &count);
	int len = jail_build(rules, count, code, ARRAY_SIZE(code));
	struct sock_fprog prog = { .filter = code };

	if (len < 0)
		return err_code(err, len, "cannot build a system call filter");
	if (SABOTAGED("jail_filter"))
		return 0;
	prog.len = (unsigned short)len;
	/* some libc makes threads with a signal of its own unblocked */
	if (sys_sigmask(SIG_SETMASK, ~0ULL, NULL) < 0)
		return err_sys(err, "cannot block signals");
	if (!sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog))
		return 0;
	/* not asked for before: the second filter of a thread may not, as
	 * jail_process() has done it */
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(err, "cannot set the system call filter");
	return 0;
}
