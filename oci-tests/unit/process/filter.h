/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_PROCESS_FILTER_H
#define HULL_OCI_TESTS_UNIT_PROCESS_FILTER_H

/* Filters are tried by loading them: what the kernel answers is what counts. */

#include "oci-tests/unit/process/child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/io.h"

#define NR_FUTURE 999
#define X32(nr) (0x40000000L | (nr))

/* What a child needs to tell what happened, with ASan as well; the newest
 * number is clone3's. */
#define BASICS                                                                 \
	"{\"names\":[\"exit_group\",\"write\",\"clone3\",\"getpid\",\"read\"," \
	"\"brk\",\"mmap\",\"sigaltstack\",\"fstat\",\"newfstatat\",\"exit\"]," \
	"\"action\":\"SCMP_ACT_ALLOW\"}"

#define ERRNO_DEFAULT "\"defaultAction\":\"SCMP_ACT_ERRNO\","
#define ALLOW_DEFAULT "\"defaultAction\":\"SCMP_ACT_ALLOW\","

static inline void load_filter(const struct seccomp_prog *prog)
{
	union {
		const void *from;
		struct sock_filter *to;
	} insns = { .from = prog->insns };
	struct sock_fprog fprog = { .len = prog->count, .filter = insns.to };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!sys_seccomp(SECCOMP_SET_MODE_FILTER, prog->flags, &fprog));
}

/* int $0x80: Return: what the kernel's i386 entry gives, -errno on failure. */
static inline long call_i386(long nr)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(0), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* Only where the kernel runs i386 programs at all. */
static inline bool have_i386(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		child_signals();
		_exit(call_i386(20) == getpid() ? 0 : 1); /* getpid */
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static inline long call(long nr)
{
	long ret = syscall(nr, 0, 0, 0, 0, 0, 0);

	return ret < 0 ? -errno : ret;
}

/* A profile given as the text of linux.seccomp's members. */
static inline int prepare(struct arena *arena, const char *members,
			  struct seccomp_prog *prog, struct err *err)
{
	auto_free char *text = NULL;
	const struct spec *spec;

	CHECK(asprintf(&text, "\"seccomp\":{%s},", members) > 0);
	spec = doc_parse(arena, "", text);
	return seccomp_prepare(-1, &spec->linux_.seccomp, prog, err);
}

static inline void prepare_ok(const char *members, struct seccomp_prog *prog)
{
	auto_arena struct arena arena = { 0 };
	struct err err = { 0 };

	CHECK_OK(prepare(&arena, members, prog, &err), &err);
}

/* A real configuration, with a profile. */
static inline const struct spec *load_config(struct arena *arena,
					     const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free char *text = NULL;
	const struct spec *spec;
	struct err err = { 0 };
	size_t len;

	assert_true(fd >= 0);
	assert_int_equal(io_load(fd, 1 << 20, &text, &len), 0);
	close(fd);
	spec = spec_parse(arena, text, len, NULL, &err);
	if (!spec)
		print_message("%s\n", err.msg);
	assert_non_null(spec);
	assert_true(spec->linux_.seccomp.set);
	return spec;
}

/* The answer that each call must get under a profile. */
struct expect {
	const char *profile;
	struct {
		long nr;
		long want; /* -errno */
	} calls[6];
};

static inline void expect_calls(void *arg)
{
	const struct expect *e = arg;
	struct seccomp_prog prog = { 0 };

	prepare_ok(e->profile, &prog);
	load_filter(&prog);
	for (size_t i = 0; i < ARRAY_SIZE(e->calls) && e->calls[i].nr; i++) {
		long got = call(e->calls[i].nr);

		if (got != e->calls[i].want) {
			dprintf(2, "%s\n", e->profile);
			dprintf(2, "syscall %ld: %ld, not %ld\n",
				e->calls[i].nr, got, e->calls[i].want);
			_exit(1);
		}
	}
}

#endif
