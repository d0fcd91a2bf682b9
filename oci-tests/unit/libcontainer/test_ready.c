/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sys.h"
#include "libcontainer/ready.h"
#include "oci-tests/unit/base/tmp.h"

/* A socket at <tmp>/@name to receive on. */
static int manager(struct tmp *tmp)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/m", tmp->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	return fd;
}

static void say(struct tmp *tmp, const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "%.70s/notify/notify.sock", tmp->path);
	assert_int_equal(sendto(fd, text, strlen(text), 0,
				(struct sockaddr *)&addr, sizeof(addr)),
			 (ssize_t)strlen(text));
}

/* clang-format off */
static const struct {
	const char *said, *told; /* NULL: nothing */
	int ready;
} cases[] = {
	{ "READY=1", "READY=1\nMAINPID=42\n", 1 },
	{ "READY=1\n", "READY=1\nMAINPID=42\n", 1 },
	{ "STATUS=up\nREADY=1\n", "STATUS=up\nREADY=1\nMAINPID=42\n", 1 },
	{ "READY=1\nMAINPID=1\n", "READY=1\nMAINPID=42\n", 1 },
	{ "STATUS=not READY=1", "STATUS=not READY=1\n", 0 },
	{ "READY=0", "READY=0\n", 0 },
	{ "WATCHDOG=1", "WATCHDOG=1\n", 0 },
	{ "RELOADING=1\nMONOTONIC_USEC=5", "RELOADING=1\nMONOTONIC_USEC=5\n", 0 },
	/* not the container's to say */
	{ "MAINPID=1", NULL, 0 },
	{ "FDSTORE=1\nFDNAME=x", NULL, 0 },
	{ "BARRIER=1", NULL, 0 },
	{ "NOTIFYACCESS=all", NULL, 0 },
	{ " READY=1", NULL, 0 },
	{ "", NULL, 0 },
};
/* clang-format on */

static void test_relay(void **state)
{
	struct tmp *tmp = *state;
	auto_fd int host = manager(tmp);
	auto_fd int fd = -1;
	struct err err = { 0 };
	char got[256];

	mkdirat(tmp->fd, READY_DIR, 0755);
	fd = ready_listen(tmp->fd, &err);
	assert_true(fd >= 0);
	assert_int_equal(ready_relay(fd, 42), 0); /* nothing there */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t n;

		say(tmp, cases[i].said);
		if (ready_relay(fd, 42) != cases[i].ready)
			fail_msg("case %zu", i);
		n = recv(host, got, sizeof(got) - 1, 0);
		if (!cases[i].told) {
			assert_int_equal(n, -1);
			continue;
		}
		assert_true(n > 0);
		got[n] = '\0';
		assert_string_equal(got, cases[i].told);
	}
	/* the manager has gone: no reason to fail */
	auto_close_fd(&host);
	say(tmp, "READY=1");
	assert_int_equal(ready_relay(fd, 42), 1);
	unsetenv("NOTIFY_SOCKET");
}

/* Something can always be read, as if others never stopped talking: the end of
 * init is seen all the same. */
static void test_flood(void **state)
{
	auto_fd int fd = -1, pidfd = -1;
	struct err err = { 0 };
	pid_t init = fork();
	int pair[2];

	(void)state;
	if (!init)
		_exit(0);
	pidfd = sys_pidfd_open(init, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[0]);
	fd = pair[1];
	alarm(20);
	assert_int_equal(ready_wait(fd, pidfd, init, &err), 0);
	alarm(0);
	assert_int_equal(waitpid(init, NULL, 0), init);
}

static void test_nobody(void **state)
{
	struct tmp *tmp = *state;
	struct err err = { 0 };
	auto_fd int fd = -1;

	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(ready_listen(tmp->fd, &err), -ENOENT);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(ready_listen(tmp->fd, &err), -ENOENT);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(ready_listen(tmp->fd, &err), -ENOENT);
	/* made without */
	setenv("NOTIFY_SOCKET", "@hull-test", 1);
	assert_int_equal(ready_listen(tmp->fd, &err), -ENOENT);
	mkdirat(tmp->fd, READY_DIR, 0755);
	fd = ready_listen(tmp->fd, &err);
	assert_true(fd >= 0);
	auto_close_fd(&fd);
	/* once more, over what the first has left */
	fd = ready_listen(tmp->fd, &err);
	assert_true(fd >= 0);
	unsetenv("NOTIFY_SOCKET");
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tmp_test(test_relay),
		cmocka_unit_test(test_flood),
		tmp_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
