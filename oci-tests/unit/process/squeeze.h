/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_PROCESS_SQUEEZE_H
#define HULL_OCI_TESTS_UNIT_PROCESS_SQUEEZE_H

/* Filters written by hand, and what they are made of. */

#include "oci-tests/unit/process/filter.h"

#include <linux/audit.h>

#include "libcontainer/process/seccomp_squeeze.h"

#define ARCH offsetof(struct seccomp_data, arch)
#define NR offsetof(struct seccomp_data, nr)
#define ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define ALLOW SECCOMP_RET_ALLOW
#define DENY (SECCOMP_RET_ERRNO | 1)
#define KILL SECCOMP_RET_KILL_PROCESS

#define LD(from) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, from)
#define AND(k) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, k)
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define JA(k) BPF_STMT(BPF_JMP | BPF_JA, k)
#define JUMP(op, k, jt, jf) BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, k, jt, jf)

#define CODE(f)                  \
	(struct seccomp_code)    \
	{                        \
		f, ARRAY_SIZE(f) \
	}

/* A filter for x86-64 only: what follows knows the number. */
#define X86_64_ONLY \
	LD(ARCH), JUMP(JEQ, AUDIT_ARCH_X86_64, 1, 0), RET(KILL), LD(NR)

#endif
