/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <unistd.h>

#include "libcontainer/sync.h"
#include "oci-tests/fuzz/parse.h"

/*
 * The handshake with the cloned process. Input: messages of a length in two
 * bytes (its highest bit: a descriptor comes along), each read by both kinds
 * of readers.
 */

#define MOST_MESSAGES 16
#define HAS_FD 0x8000u

static void post(int sock, const void *data, size_t len, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)room;

		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				       .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
	}
	if (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		abort();
}

static void check_message(const struct sync_msg *msg)
{
	fuzz_check((unsigned int)msg->step < SYNC_STEPS);
	fuzz_check(sync_step_name(msg->step));
	if (msg->step != SYNC_ERROR)
		return;
	fuzz_check(msg->err.code < 0);
	fuzz_check(!msg->err.stage[sizeof(msg->err.stage) - 1]);
	fuzz_check(!msg->err.field[sizeof(msg->err.field) - 1]);
	fuzz_check(!msg->err.msg[sizeof(msg->err.msg) - 1]);
}

static void receive(int sock, unsigned int how)
{
	struct sync_msg msg = { 0 };
	struct err err = { 0 };
	pid_t pid = -7;
	int fd = -1, ret;

	if (how & 1) {
		ret = sync_recv(sock, &msg, how & 2 ? &fd : NULL);
		fuzz_check(ret == 1 || ret == 0 || ret == -EPROTO ||
			   ret == -EMSGSIZE);
		if (ret == 1)
			check_message(&msg);
	} else {
		ret = sync_expect(sock, (enum sync_step)(how >> 2 & 7), &pid,
				  how & 2 ? &fd : NULL, &err);
		fuzz_check(ret <= 0);
		fuzz_check(ret == err.code);
		fuzz_check(!ret || pid == -7);
	}
	if (fd >= 0)
		close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = { data, size };
	uint8_t text[sizeof(struct sync_msg) + 16];
	int ours = -1, theirs = -1;

	if (sync_pair(&ours, &theirs) < 0)
		abort();
	for (int i = 0; t.left && i < MOST_MESSAGES; i++) {
		unsigned int how = tape_u8(&t), len = tape_u16(&t);
		size_t n = (len & ~HAS_FD) % sizeof(text);

		/* most of a long one is text that does not matter */
		memset(text, 'x', sizeof(text));
		tape_bytes(&t, text, n < 64 ? n : 64);
		post(ours, text, n, len & HAS_FD ? ours : -1);
		receive(theirs, how);
	}
	close(ours);
	receive(theirs, 1);
	close(theirs);
	return 0;
}
