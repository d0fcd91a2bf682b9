/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/audit.h>

#include "libcontainer/process/seccomp_build.h"
#include "oci-tests/fuzz/classic.h"

/* What stands before a filter: numbers above the last one known of their
 * architecture get ENOSYS, all else comes through. */

#define MOST_ASKED 16
#define X32_BIT 0x40000000u
#define THROUGH SECCOMP_RET_ALLOW

static const uint32_t audits[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
				   AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM,
				   AUDIT_ARCH_S390X };

static uint32_t number(struct tape *t)
{
	uint8_t how = tape_u8(t);

	return (how & 1 ? tape_u32(t) & ~X32_BIT : how >> 2) |
	       (how & 2 ? X32_BIT : 0);
}

/* One entry for each: x86-64 has two, by the bit of the number. */
static size_t take(struct tape *t, struct seccomp_arch *archs)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(audits); i++) {
		uint8_t how = tape_u8(t);

		for (int x32 = 0; x32 < 2; x32++) {
			uint32_t last = number(t) & ~X32_BIT;

			if (!(how & 1 << x32) || (x32 && i))
				continue;
			archs[count++] = (struct seccomp_arch){
				.audit = audits[i],
				.last = x32 && last ? last | X32_BIT : last,
			};
		}
	}
	return count;
}

static uint32_t model(const struct seccomp_arch *archs, size_t count,
		      const struct seccomp_data *in)
{
	uint32_t nr = (uint32_t)in->nr;

	for (size_t i = 0; i < count; i++) {
		bool x86 = in->arch == AUDIT_ARCH_X86_64;

		if (archs[i].audit != in->arch || !archs[i].last)
			continue;
		if (x86 && (archs[i].last & X32_BIT) != (nr & X32_BIT))
			continue;
		return nr > archs[i].last ? SECCOMP_RET_ERRNO | ENOSYS
					  : THROUGH;
	}
	return THROUGH;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter f[SECCOMP_ENOSYS_MAX + 1];
	struct seccomp_arch archs[SECCOMP_ARCHS_MAX];
	struct tape t = { data, size };
	size_t count = take(&t, archs);
	size_t n = seccomp_enosys(archs, count, f, SECCOMP_ENOSYS_MAX);

	fuzz_check(n <= SECCOMP_ENOSYS_MAX);
	f[n++] = (struct sock_filter){ .code = BPF_RET, .k = THROUGH };
	fuzz_check(classic_sound(f, n));
	for (int i = 0; i < MOST_ASKED; i++) {
		uint8_t which = tape_u8(&t);
		struct seccomp_data in = {
			.nr = (int)number(&t),
			.arch = which < 250 ? audits[which % ARRAY_SIZE(audits)]
					    : tape_u32(&t),
		};

		fuzz_check(classic_run(f, n, &in) == model(archs, count, &in));
	}
	return 0;
}
