/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_MICROVM_VSCHECK_H
#define HULL_TEST_MICROVM_VSCHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "microvm/virtio/vsock_stream.h"
#include "oci-tests/unit/base/tmp.h"
#include "oci-tests/unit/microvm/vsguest.h"

#define RW VIRTIO_VSOCK_OP_RW
#define RST VIRTIO_VSOCK_OP_RST
#define SHUT VIRTIO_VSOCK_OP_SHUTDOWN

static inline int set_up(void **state)
{
	struct vsguest *v = vs_new();

	vs_up(v);
	*state = v;
	return 0;
}

static inline int tear_down(void **state)
{
	vs_free(*state);
	return 0;
}

static inline unsigned int streams(struct vsguest *v)
{
	return ((struct vsock *)(void *)v->dev)->count;
}

/* Nothing that the loop watches calls for attention: it sleeps. */
static inline void assert_idle(struct vsguest *v)
{
	struct epoll_event ev[4];

	vs_run(v);
	assert_int_equal(epoll_wait(v->loop.epoll_fd, ev, 4, 0), 0);
}

static inline void assert_text(int fd, const char *text)
{
	char buf[64] = "";

	assert_int_equal(read(fd, buf, sizeof(buf) - 1), strlen(text));
	assert_string_equal(buf, text);
}

static inline void assert_eof(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
}

static inline void assert_quiet(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

#define VS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
