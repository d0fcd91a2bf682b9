/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/io.h"
#include "base/proc.h"

struct one {
	const char *key, *value;
	const char *file; /* below /proc/sys, where it must show; or NULL */
	int want;
};

static int write_sysctl(int proc_fd, const struct one *one, struct err *err)
{
	struct spec_sysctl sysctl = { .key = one->key, .value = one->value };
	struct spec_linux linux_ = { .sysctls = &sysctl, .sysctl_count = 1 };

	return process_sysctls(proc_fd, &linux_, err);
}

static void check_one(int proc_fd, const struct one *one)
{
	char path[256], text[128];
	struct err err = { 0 };
	int ret = write_sysctl(proc_fd, one, &err);

	if (ret != one->want)
		dprintf(2, "%s: %d %s\n", one->key, ret, err.msg);
	CHECK(ret == one->want);
	if (ret) {
		snprintf(path, sizeof(path), "linux.sysctl[\"%s\"]", one->key);
		CHECK(!strcmp(err.field, path));
	}
	if (!one->file)
		return;
	snprintf(path, sizeof(path), "sys/%s", one->file);
	CHECK(io_read_text(proc_fd, path, text, sizeof(text)) >= 0);
	CHECK(!strcmp(text, one->value));
}

static void in_namespaces(void *arg)
{
	static const struct one ones[] = {
		{ "net.ipv4.ip_unprivileged_port_start", "77",
		  "net/ipv4/ip_unprivileged_port_start", 0 },
		{ "net/ipv4/ip_unprivileged_port_start", "78",
		  "net/ipv4/ip_unprivileged_port_start", 0 },
		{ "kernel.msgmax", "12345", "kernel/msgmax", 0 },
		{ "kernel/shm_rmid_forced", "1", "kernel/shm_rmid_forced", 0 },
		{ "kernel.domainname", "unit.test", "kernel/domainname", 0 },
		{ "fs.mqueue.msg_max", "20", "fs/mqueue/msg_max", 0 },
		{ "net.ipv4.no_such_thing", "1", NULL, -ENOENT },
		{ "net.ipv4.ip_unprivileged_port_start", "many", NULL,
		  -EINVAL },
		/* a prefix that somebody checked must stay one */
		{ "net/../kernel/domainname", "evil", NULL, -EINVAL },
		{ "net.//.kernel.domainname", "evil", NULL, -EINVAL },
		{ "net/..", "evil", NULL, -EINVAL },
	};
	int proc_fd = proc_root_open();

	(void)arg;
	CHECK(proc_fd >= 0);
	CHECK(!unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
	for (size_t i = 0; i < ARRAY_SIZE(ones); i++)
		check_one(proc_fd, &ones[i]);
}

static void test_written(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(in_namespaces, NULL);
}

static void dotted_interface(void *arg)
{
	static const char file[] = "net/ipv4/conf/d0.5/forwarding";
	static const struct one ones[] = {
		{ "net.ipv4.conf.d0/5.forwarding", "1", file, 0 },
		{ "net/ipv4/conf/d0.5/forwarding", "0", file, 0 },
	};
	int proc_fd = proc_root_open();

	(void)arg;
	CHECK(!unshare(CLONE_NEWNET));
	if (system("ip link add d0.5 type dummy 2>/dev/null || "
		   "ip link add d0.5 type veth 2>/dev/null || "
		   "ip tuntap add d0.5 mode tap 2>/dev/null"))
		_exit(CHILD_SKIP);
	for (size_t i = 0; i < ARRAY_SIZE(ones); i++)
		check_one(proc_fd, &ones[i]);
}

static void test_dot_in_a_name(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(dotted_interface, NULL);
}

/* hull in a container: /proc/sys is read-only there, its own namespaces' is
 * not. */
static void covered(void *arg)
{
	static const struct one one = { "net.ipv4.ip_unprivileged_port_start",
					"79", NULL, 0 };
	char text[32];
	int proc_fd;

	(void)arg;
	CHECK(!unshare(CLONE_NEWNET | CLONE_NEWNS));
	CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL));
	CHECK(!mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY,
		     NULL));
	proc_fd = proc_root_open();
	check_one(proc_fd, &one);
	proc_fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
		       O_RDONLY | O_CLOEXEC);
	CHECK(read(proc_fd, text, sizeof(text)) == 3 && !memcmp(text, "79", 2));
}

static void test_covered(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(covered, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_dot_in_a_name),
		cmocka_unit_test(test_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
