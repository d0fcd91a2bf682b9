/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/sock.h"
#include "oci-tests/unit/base/tmp.h"

static void test_listen_connect(void **state)
{
	const struct tmp *tmp = *state;
	auto_fd int server = sock_listen_at(tmp->fd, "s.sock");
	auto_fd int client = -1, peer = -1;
	mode_t old;
	struct stat st;
	char c = 0;

	assert_true(server >= 0);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstatat(tmp->fd, "s.sock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(sock_listen_at(tmp->fd, "s.sock"), -EADDRINUSE);

	client = sock_connect_at(tmp->fd, "s.sock");
	assert_true(client >= 0);
	assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(sock_send(client, "x", 1, NULL, 0), 0);
	assert_int_equal(sock_recv(peer, &c, 1, NULL, 0), 1);
	assert_int_equal(c, 'x');

	old = umask(0); /* no moment of 0777 either */
	auto_close_fd(&server);
	server = sock_listen_at(tmp->fd, "t.sock");
	umask(old);
	assert_int_equal(fstatat(tmp->fd, "t.sock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
}

static void test_address_errors(void **state)
{
	const struct tmp *tmp = *state;
	char name[NAME_MAX + 1];

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(sock_connect_at(tmp->fd, "none"), -ENOENT);
	assert_int_equal(sock_connect_at(tmp->fd, ""), -EINVAL);
	assert_int_equal(sock_connect_at(tmp->fd, "a/b"), -EINVAL);
	assert_int_equal(sock_listen_at(tmp->fd, "a/b"), -EINVAL);
	assert_int_equal(sock_listen_at(tmp->fd, name), -ENAMETOOLONG);
	assert_int_equal(sock_connect(""), -ENOENT);
	tmp_file(tmp->fd, "file", "");
	assert_int_equal(sock_connect_at(tmp->fd, "file"), -ECONNREFUSED);
}

/* Around and beyond the 108 bytes of sun_path. */
static void test_long_path(void **state)
{
	const struct tmp *tmp = *state;
	char path[PATH_MAX];
	auto_fd int dir = dup(tmp->fd);
	auto_fd int server = -1;

	snprintf(path, sizeof(path), "%s", tmp->path);
	while (strlen(path) < 300) {
		int below;

		assert_int_equal(mkdirat(dir, "dddddddddddddddddddd", 0755), 0);
		below = openat(dir, "dddddddddddddddddddd",
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(dir);
		dir = below;
		strcat(path, "/dddddddddddddddddddd");
	}
	server = sock_listen_at(dir, "s");
	assert_true(server >= 0);
	strcat(path, "/s");
	for (int i = 0; i < 3; i++) {
		auto_fd int client = sock_connect(path);

		assert_true(client >= 0);
	}
	strcat(path, "x");
	assert_int_equal(sock_connect(path), -ENOENT);
	assert_int_equal(fchdir(dir), 0);
	memset(path, 'x', 200);
	path[200] = '\0';
	assert_int_equal(sock_connect(path), -ENAMETOOLONG);
	assert_int_equal(chdir("/"), 0);
	for (size_t len = 100; len < 115; len++) {
		memset(path, '/', len);
		path[len - 1] = 'x';
		path[len] = '\0';
		assert_int_equal(sock_connect(path), -ENOENT);
	}
}

static void test_descriptors(void **state)
{
	const struct tmp *tmp = *state;
	int pair[2], fds[SOCK_MAX_FDS], got[SOCK_MAX_FDS];
	int before = tmp_open_fds();
	char buf[16];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (size_t i = 0; i < SOCK_MAX_FDS; i++)
		fds[i] = tmp->fd;
	for (size_t send = 0; send <= SOCK_MAX_FDS; send++) {
		for (size_t room = 0; room <= SOCK_MAX_FDS; room++) {
			size_t want = send < room ? send : room;

			assert_int_equal(
				sock_send(pair[0], "msg", 3, fds, send), 0);
			memset(got, 0x55, sizeof(got));
			assert_int_equal(sock_recv(pair[1], buf, 16, got, room),
					 3);
			assert_int_equal(tmp_open_fds(), before + 2 + want);
			for (size_t i = 0; i < want; i++) {
				assert_true(fcntl(got[i], F_GETFD) &
					    FD_CLOEXEC);
				assert_int_equal(tmp_fd_ino(got[i]),
						 tmp_fd_ino(tmp->fd));
				close(got[i]);
			}
			for (size_t i = want; i < room; i++)
				assert_int_equal(got[i], -1);
		}
	}
	assert_int_equal(sock_send(pair[0], "", 0, NULL, 0), -EINVAL);
	assert_int_equal(sock_send(pair[0], "x", 1, fds, SOCK_MAX_FDS + 1),
			 -EINVAL);
	close(pair[0]);
	assert_int_equal(sock_recv(pair[1], buf, 16, got, 4), 0);
	assert_int_equal(got[0], -1);
	assert_int_equal(sock_send(pair[1], "x", 1, NULL, 0), -EPIPE);
	close(pair[1]);
	assert_int_equal(sock_recv(-1, buf, 16, NULL, 0), -EBADF);
}

/* A peer that attaches more than anyone may want. */
static void test_too_many_descriptors(void **state)
{
	const struct tmp *tmp = *state;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(20 * sizeof(int))];
	} control = { 0 };
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	int pair[2], got[2], list[20], before;
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	before = tmp_open_fds();
	for (int i = 0; i < 20; i++)
		list[i] = tmp->fd;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(list));
	memcpy(CMSG_DATA(head), list, sizeof(list));
	assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
	assert_int_equal(sock_recv(pair[1], &c, 1, got, 2), 1);
	assert_int_equal(tmp_open_fds(), before + 2);
	close(got[0]);
	close(got[1]);
	close(pair[0]);
	close(pair[1]);
}

static void test_cut_message_is_an_error(void **state)
{
	const struct tmp *tmp = *state;
	int pair[2], got[1], before;
	char buf[4];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = tmp_open_fds();
	assert_int_equal(sock_send(pair[0], "12345", 5, &tmp->fd, 1), 0);
	assert_int_equal(sock_recv(pair[1], buf, 4, got, 1), -EMSGSIZE);
	assert_int_equal(got[0], -1);
	assert_int_equal(tmp_open_fds(), before);
	close(pair[0]);
	close(pair[1]);
}

/* More than a socket buffer holds: sent in parts, descriptors once. */
static void test_large_message(void **state)
{
	const struct tmp *tmp = *state;
	static char data[1 << 20];
	int pair[2], got[4];
	size_t total = 0, fds = 0;
	pid_t pid;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (!pid)
		_exit(sock_send(pair[0], data, sizeof(data), &tmp->fd, 1) != 0);
	close(pair[0]);
	for (;;) {
		ssize_t n = sock_recv(pair[1], data, sizeof(data), got, 4);

		assert_true(n >= 0);
		if (!n)
			break;
		total += (size_t)n;
		for (size_t i = 0; i < 4; i++) {
			fds += got[i] >= 0;
			auto_close_fd(&got[i]);
		}
	}
	assert_int_equal(total, sizeof(data));
	assert_int_equal(fds, 1);
	close(pair[1]);
	assert_int_equal(tmp_wait(pid), 0);
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tmp_test(test_listen_connect),
		tmp_test(test_address_errors),
		tmp_test(test_long_path),
		tmp_test(test_descriptors),
		tmp_test(test_too_many_descriptors),
		tmp_test(test_cut_message_is_an_error),
		tmp_test(test_large_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
