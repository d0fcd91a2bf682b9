/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "../base/tmp.h"
#include "guest.h"

#include "base/auto.h"
#include "base/sock.h"
#include "microvm/fs/fs.h"
#include "microvm/fs/ops.h"
#include "microvm/virtio/fsdev.h"

#define QUEUE 1 /* requests */
#define IN_AT G_DATA
#define OUT_AT (G_DATA + 0x10000)

/* The server in a process of its own, as it is meant to run. */
struct lab {
	struct tmp *tmp;
	struct guest g;
	pid_t pid;
	int ctl_fd;
	int kick_fd[FSDEV_QUEUES];
	int irq_fd;
	uint64_t unique;
};

static void server(struct lab *lab, int ctl_fd)
{
	struct fs_config config = {
		.root_fd = open(lab->tmp->path, O_PATH | O_CLOEXEC),
		.proc_fd = open("/proc", O_PATH | O_CLOEXEC),
	};
	struct fs *fs;

	alarm(30);
	if (fs_new(&config, &fs, NULL) < 0 ||
	    fs_serve(fs, &lab->g.mem, ctl_fd, NULL) < 0)
		_exit(1);
	fs_free(fs);
	_exit(0);
}

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	void *tmp;
	int pair[2];

	if (!lab || tmp_setup(&tmp) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	lab->tmp = tmp;
	guest_init(&lab->g);
	lab->ctl_fd = pair[0];
	lab->pid = fork();
	if (!lab->pid) {
		close(pair[0]);
		server(lab, pair[1]);
	}
	close(pair[1]);
	for (int i = 0; i < FSDEV_QUEUES; i++) {
		lab->kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ring_init(&lab->g.ring[i], &lab->g.mem, RING_AT(i), 64);
	}
	lab->irq_fd = eventfd(0, EFD_CLOEXEC);
	*state = lab;
	return 0;
}

/* The VMM goes, and the server with it. */
static int teardown(void **state)
{
	struct lab *lab = *state;
	void *tmp = lab->tmp;

	close(lab->ctl_fd);
	assert_int_equal(tmp_wait(lab->pid), 0);
	for (int i = 0; i < FSDEV_QUEUES; i++)
		close(lab->kick_fd[i]);
	close(lab->irq_fd);
	mem_release(&lab->g.mem);
	free(lab);
	return tmp_teardown(&tmp);
}

static int tell(struct lab *lab, struct fsdev_msg msg, size_t len,
		unsigned int fd_count)
{
	int fds[] = { lab->kick_fd[0], lab->kick_fd[1], lab->irq_fd };
	struct pollfd pfd = { .fd = lab->ctl_fd, .events = POLLIN };
	struct fsdev_msg answer;

	assert_int_equal(sock_send(lab->ctl_fd, &msg, len, fds, fd_count), 0);
	assert_int_equal(poll(&pfd, 1, FSDEV_ANSWER_MS), 1);
	assert_int_equal(
		sock_recv(lab->ctl_fd, &answer, sizeof(answer), NULL, 0),
		sizeof(answer));
	return answer.status;
}

static struct fsdev_msg start_msg(const struct lab *lab)
{
	return (struct fsdev_msg){
		.type = FSDEV_START,
		.queue = { ring_setup(&lab->g.ring[0]),
			   ring_setup(&lab->g.ring[1]) },
	};
}

static void start(struct lab *lab)
{
	assert_int_equal(tell(lab, start_msg(lab), sizeof(struct fsdev_msg), 3),
			 0);
}

static void kick(struct lab *lab, unsigned int queue)
{
	const uint64_t one = 1;

	assert_int_equal(write(lab->kick_fd[queue], &one, sizeof(one)), 8);
}

/* Put a request in the queue without a kick. */
static void put(struct lab *lab, uint32_t opcode, const void *arg, size_t len)
{
	struct fuse_in_header head = { .len = (uint32_t)(sizeof(head) + len),
				       .opcode = opcode,
				       .unique = ++lab->unique,
				       .nodeid = 1 };
	const struct vring_desc bufs[] = {
		{ .addr = IN_AT, .len = sizeof(head) },
		{ .addr = IN_AT + sizeof(head), .len = (uint32_t)len },
		{ .addr = OUT_AT, .len = 16, .flags = G_IN },
		{ .addr = OUT_AT + 16, .len = 4096, .flags = G_IN },
	};

	g_put(&lab->g.mem, IN_AT, &head, sizeof(head));
	g_put(&lab->g.mem, IN_AT + sizeof(head), arg, len);
	ring_chain(&lab->g.ring[QUEUE], 0, bufs, 4);
}

/* Wait for the answer. Return: its length, or the error in it. */
static int wait_answer(struct lab *lab)
{
	struct pollfd pfd = { .fd = lab->irq_fd, .events = POLLIN };
	struct vring_used_elem elem;
	struct fuse_out_header head;
	uint64_t count;

	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(read(lab->irq_fd, &count, sizeof(count)), 8);
	assert_true(ring_get(&lab->g.ring[QUEUE], &elem));
	g_get(&lab->g.mem, OUT_AT, &head, sizeof(head));
	assert_int_equal(head.unique, lab->unique);
	assert_int_equal(head.len, elem.len);
	return head.error ?: (int)elem.len;
}

static int request(struct lab *lab, uint32_t opcode, const void *arg,
		   size_t len)
{
	put(lab, opcode, arg, len);
	kick(lab, QUEUE);
	return wait_answer(lab);
}

static void init(struct lab *lab)
{
	struct fuse_init_in in = { .major = 7, .minor = 36 };

	assert_int_equal(request(lab, FUSE_INIT, &in, sizeof(in)), 80);
}

static void test_requests(void **state)
{
	struct lab *lab = *state;
	struct fuse_getattr_in in = { 0 };
	struct fuse_attr_out out;

	start(lab);
	init(lab);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(request(lab, FUSE_GETATTR, &in, sizeof(in)),
				 16 + sizeof(out));
	g_get(&lab->g.mem, OUT_AT + 16, &out, sizeof(out));
	assert_int_equal(out.attr.ino, tmp_fd_ino(lab->tmp->fd));
	tmp_file(lab->tmp->fd, "name", "");
	assert_int_equal(request(lab, FUSE_LOOKUP, "name", 5), 16 + 128);
	assert_int_equal(request(lab, FUSE_LOOKUP, "other", 6), -ENOENT);
}

/* After STOP nothing is touched; after START it goes on. */
static void test_stop_and_start(void **state)
{
	struct lab *lab = *state;
	struct fsdev_msg stop = { .type = FSDEV_STOP };
	struct fuse_getattr_in in = { 0 };
	struct vring_used_elem elem;

	start(lab);
	init(lab);
	assert_int_equal(tell(lab, start_msg(lab), sizeof(stop), 3), -EBUSY);
	assert_int_equal(tell(lab, stop, sizeof(stop), 0), 0);
	assert_int_equal(tell(lab, stop, sizeof(stop), 0), 0);
	put(lab, FUSE_GETATTR, &in, sizeof(in));
	kick(lab, QUEUE);
	assert_int_equal(tell(lab, stop, sizeof(stop), 0), 0);
	assert_false(ring_get(&lab->g.ring[QUEUE], &elem));
	for (int i = 0; i < FSDEV_QUEUES; i++)
		ring_init(&lab->g.ring[i], &lab->g.mem, RING_AT(i), 64);
	start(lab);
	init(lab);
}

static void test_bad_messages(void **state)
{
	struct lab *lab = *state;
	struct fsdev_msg msg = start_msg(lab);

	assert_int_equal(tell(lab, msg, sizeof(msg) - 1, 3), -EINVAL);
	assert_int_equal(tell(lab, msg, 1, 0), -EINVAL);
	assert_int_equal(tell(lab, msg, sizeof(msg), 2), -EINVAL);
	msg.type = 77;
	assert_int_equal(tell(lab, msg, sizeof(msg), 3), -EINVAL);
	msg = start_msg(lab);
	msg.queue[1].desc_gpa = UINT64_MAX - 15;
	assert_int_equal(tell(lab, msg, sizeof(msg), 3), -EINVAL);
	start(lab);
	init(lab);
}

/* A queue that the guest breaks is dead until it resets; the server lives, and
 * does not spin. */
static void test_broken_queue(void **state)
{
	struct lab *lab = *state;
	struct pollfd pfd = { .fd = lab->ctl_fd, .events = POLLIN };
	struct fsdev_msg stop = { .type = FSDEV_STOP }, told;
	struct vring_used_elem elem;
	struct timespec before, after;
	clockid_t clock;

	start(lab);
	init(lab);
	ring_set_idx(&lab->g.ring[QUEUE], 30000);
	kick(lab, QUEUE);
	kick(lab, 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(sock_recv(lab->ctl_fd, &told, sizeof(told), NULL, 0),
			 sizeof(told));
	assert_int_equal(told.type, FSDEV_BROKEN);
	usleep(50000);
	assert_int_equal(clock_getcpuclockid(lab->pid, &clock), 0);
	clock_gettime(clock, &before);
	usleep(200000);
	clock_gettime(clock, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000000000L +
			    after.tv_nsec - before.tv_nsec <
		    20000000);
	assert_int_equal(poll(&pfd, 1, 0), 0); /* said once */
	assert_false(ring_get(&lab->g.ring[QUEUE], &elem));
	assert_int_equal(tell(lab, stop, sizeof(stop), 0), 0);
	for (int i = 0; i < FSDEV_QUEUES; i++)
		ring_init(&lab->g.ring[i], &lab->g.mem, RING_AT(i), 64);
	start(lab);
	init(lab);
}

/* What has no answer comes back all the same, with nothing written. */
static void test_no_answer(void **state)
{
	struct lab *lab = *state;
	struct fuse_forget_in in = { .nlookup = 1 };
	struct pollfd pfd = { .fd = lab->irq_fd, .events = POLLIN };
	struct vring_used_elem elem;
	uint64_t count;

	start(lab);
	init(lab);
	put(lab, FUSE_FORGET, &in, sizeof(in));
	kick(lab, QUEUE);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(read(lab->irq_fd, &count, sizeof(count)), 8);
	assert_true(ring_get(&lab->g.ring[QUEUE], &elem));
	assert_int_equal(elem.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_and_start, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_messages, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_broken_queue, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_answer, setup,
						teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
