/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static int sealed(const void *data, size_t len, const char *payload, int seals)
{
	int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(write(fd, payload, strlen(payload)),
			 (ssize_t)strlen(payload));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct vm_config good(int any_fd)
{
	return (struct vm_config){
		.magic = VM_CONFIG_MAGIC,
		.version = VM_CONFIG_VERSION,
		.size = sizeof(struct vm_config),
		.vcpus = 1,
		.payload_len = 2,
		.kvm_fd = any_fd,
		.kernel_fd = any_fd,
		.initrd_fd = -1,
		.proc_fd = any_fd,
		.listen_fd = any_fd,
		.gate_fd = any_fd,
		.exit_fd = any_fd,
		.log_fd = -1,
		.image_fd = -1,
	};
}

static int try_config(const struct vm_config *c, const char *payload,
		      struct err *err)
{
	struct vm_config got;
	auto_free char *text = NULL;
	auto_fd int fd = sealed(c, sizeof(*c), payload, SEALS);
	int rc = config_read(fd, &got, &text, err);

	if (!rc) {
		assert_memory_equal(&got, c, sizeof(got));
		assert_string_equal(text, payload);
	}
	return rc;
}

static void test_good(void **state)
{
	auto_fd int fd = open("/dev/null", O_RDONLY);
	struct vm_config c = good(fd);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(try_config(&c, "{}", &err), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

#define REFUSED(change, payload, text)                                    \
	do {                                                              \
		struct vm_config c = good(fd);                            \
		struct err err = { 0 };                                   \
                                                                          \
		change;                                                   \
		assert_int_equal(try_config(&c, payload, &err), -EINVAL); \
		if (!strstr(err.msg, text))                               \
			fail_msg("'%s', not '%s'", err.msg, text);        \
	} while (0)

static void test_refused(void **state)
{
	auto_fd int fd = open("/dev/null", O_RDONLY);

	(void)state;
	REFUSED(c.magic = 0, "{}", "version");
	REFUSED(c.version++, "{}", "version");
	REFUSED(c.size--, "{}", "version");
	REFUSED(c.payload_len = 1, "{}", "payload");
	REFUSED(c.payload_len = UINT32_MAX, "{}", "payload");
	REFUSED((void)c, "", "payload");
	REFUSED(c.flags = VM_NO_JAIL, "{}", "flags");
	REFUSED(c.flags = 1U << 31, "{}", "flags");
	REFUSED(c.vcpus = 0, "{}", "vCPUs");
	REFUSED(c.vcpus = 65, "{}", "vCPUs");
	REFUSED(c.vcpus = UINT32_MAX, "{}", "vCPUs");
	REFUSED(c.net_slots = VM_MAX_NETS + 1, "{}", "interfaces");
	REFUSED(memset(c.cmdline, 'x', sizeof(c.cmdline)), "{}", "no end");
	REFUSED(c.kvm_fd = -1, "{}", "kvm_fd");
	REFUSED(c.kernel_fd = 0, "{}", "kernel_fd");
	REFUSED(c.gate_fd = 900, "{}", "gate_fd");
	REFUSED(c.exit_fd = INT32_MIN, "{}", "exit_fd");
	REFUSED(c.log_fd = -2, "{}", "log_fd");
}

static void test_not_sealed(void **state)
{
	auto_fd int any = open("/dev/null", O_RDONLY);
	struct vm_config c = good(any), got;
	char *text = NULL;
	struct err err = { 0 };

	(void)state;
	for (int seals = 0; seals < SEALS; seals++) {
		auto_fd int fd = -1;

		if (seals & ~SEALS)
			continue;
		fd = sealed(&c, sizeof(c), "{}", seals);
		assert_int_equal(config_read(fd, &got, &text, &err), -EINVAL);
	}
	assert_int_equal(config_read(any, &got, &text, &err), -EINVAL);
	assert_int_equal(config_read(900, &got, &text, &err), -EINVAL);
	for (size_t len = 0; len < sizeof(c); len += 13) {
		auto_fd int fd = sealed(&c, len, "", SEALS);

		assert_int_equal(config_read(fd, &got, &text, &err), -EINVAL);
	}
	assert_null(text);
}

static void test_attach(void **state)
{
	auto_fd int any = open("/dev/null", O_RDONLY);
	struct vm_attach a = {
		.magic = VM_CONFIG_MAGIC,
		.version = VM_CONFIG_VERSION,
		.size = sizeof(a),
		.payload_len = 2,
		.ctl_fd = any,
		.stream_fd = { any, any, any },
		.report_fd = any,
	};
	struct vm_attach got;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		auto_free char *text = NULL;
		auto_fd int fd = -1;

		if (i == 1) /* a terminal needs one stream, a pipe all */
			a.flags = VM_TTY;
		if (i == 2)
			a.flags = 0;
		if (i)
			a.stream_fd[1] = a.stream_fd[2] = -1;
		fd = sealed(&a, sizeof(a), "{}", SEALS);
		assert_int_equal(attach_read(fd, &got, &text, &err),
				 i == 2 ? -EINVAL : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_sealed),
		cmocka_unit_test(test_attach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
