/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/sock.h"
#include "base/sys.h"
#include "microvm/fs/fs.h"
#include "microvm/mem/mem.h"
#include "microvm/virtio/fsdev.h"
#include "microvm/virtio/queue.h"

#define ROUND 64U /* requests before the control socket is looked at */
#define SPIN_MAX_NS 50000U
#define SPIN_MIN_NS 5000U
#define START_FDS (FSDEV_QUEUES + 1)

/**
 * struct server - the process's state.
 * @spin_ns: how long to look for the next request before going to sleep. A
 *           guest that is busy with files asks again within microseconds, and
 *           neither side then pays for a notification. Grows while that comes
 *           true, shrinks to nothing while it does not.
 * @spin_max_ns: 0 on a single CPU: the guest could not ask meanwhile
 */
struct server {
	struct fs *fs;
	const struct guest_mem *mem;
	int ctl_fd;
	bool active;
	bool told; /* that a queue is broken */
	struct vq vq[FSDEV_QUEUES];
	int kick_fd[FSDEV_QUEUES];
	int irq_fd;
	uint64_t spin_ns;
	uint64_t spin_max_ns;
	struct vq_chain chain;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void cpu_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

static void stop(struct server *srv)
{
	for (unsigned int i = 0; i < FSDEV_QUEUES; i++) {
		vq_reset(&srv->vq[i]);
		auto_close_fd(&srv->kick_fd[i]);
	}
	auto_close_fd(&srv->irq_fd);
	srv->active = false;
}

/* @fds: START_FDS of them, taken on success. */
static int start(struct server *srv, const struct fsdev_msg *msg, int *fds)
{
	if (srv->active)
		return -EBUSY;
	for (unsigned int i = 0; i < START_FDS; i++)
		if (fds[i] < 0)
			return -EINVAL;
	for (unsigned int i = 0; i < FSDEV_QUEUES; i++) {
		int ret = vq_enable(&srv->vq[i], srv->mem, &msg->queue[i]);

		if (ret < 0) {
			stop(srv);
			return ret;
		}
	}
	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		srv->kick_fd[i] = take_fd(&fds[i]);
	srv->irq_fd = take_fd(&fds[FSDEV_QUEUES]);
	srv->active = true;
	srv->told = false;
	return 0;
}

/* One message of the VMM. Return: 1, 0 when it is gone, or -errno. */
static int control(struct server *srv)
{
	struct fsdev_msg msg = { 0 };
	int fds[START_FDS];
	ssize_t len = sock_recv(srv->ctl_fd, &msg, sizeof(msg), fds, START_FDS);
	int ret;

	if (len == -ECONNRESET || len == 0)
		return 0;
	if (len < 0)
		return (int)len;
	if (len != sizeof(msg)) {
		msg.status = -EINVAL;
	} else if (msg.type == FSDEV_START) {
		msg.status = start(srv, &msg, fds);
	} else if (msg.type == FSDEV_STOP) {
		stop(srv);
		msg.status = 0;
	} else {
		msg.status = -EINVAL;
	}
	for (unsigned int i = 0; i < START_FDS; i++)
		auto_close_fd(&fds[i]);
	ret = sock_send(srv->ctl_fd, &msg, sizeof(msg), NULL, 0);
	if (ret == -EPIPE || ret == -ECONNRESET)
		return 0;
	return ret < 0 ? ret : 1;
}

static void raise_irq(struct server *srv)
{
	const uint64_t one = 1;
	/* a full counter has raised it already */
	ssize_t ret = write(srv->irq_fd, &one, sizeof(one));

	(void)ret;
}

/* Return: requests served. A queue that the guest broke gives none. */
static unsigned int serve_queue(struct server *srv, struct vq *vq)
{
	struct vq_chain *chain = &srv->chain;
	unsigned int done = 0;

	while (done < ROUND && vq_pop(vq, chain) == 1) {
		size_t len = fs_handle(srv->fs, chain->iov, chain->out_count,
				       chain->iov + chain->out_count,
				       chain->in_count);

		vq_push(vq, chain, len);
		if (vq_should_signal(vq))
			raise_irq(srv);
		done++;
	}
	return done;
}

static unsigned int serve_queues(struct server *srv)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		done += serve_queue(srv, &srv->vq[i]);
	return done;
}

static bool any_avail(const struct server *srv)
{
	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		if (!srv->vq[i].broken && vq_has_avail(&srv->vq[i]))
			return true;
	return false;
}

static bool want_kicks(struct server *srv, bool want)
{
	bool again = false;

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		if (!srv->vq[i].broken && vq_want_kicks(&srv->vq[i], want))
			again = true;
	return again;
}

static bool spin(struct server *srv)
{
	uint64_t end;

	if (!srv->spin_ns)
		return false;
	end = now_ns() + srv->spin_ns;
	do {
		for (unsigned int i = 0; i < 16; i++) {
			if (any_avail(srv))
				return true;
			cpu_relax();
		}
	} while (now_ns() < end);
	srv->spin_ns /= 2;
	if (srv->spin_ns < SPIN_MIN_NS)
		srv->spin_ns = 0;
	return false;
}

static void drain_kicks(struct server *srv, const struct pollfd *fds)
{
	uint64_t count;
	const struct iovec iov = { &count, sizeof(count) };

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++) {
		ssize_t ret = 0;

		if (srv->active && (fds[i].revents & POLLIN))
			ret = sys_preadv2(srv->kick_fd[i], &iov, 1, -1, 0);
		(void)ret;
	}
}

/*
 * Wait for a request or for the VMM; with @wait false only look.
 *
 * Return: 1, 0 when the VMM is gone, or -errno.
 */
static int wait_events(struct server *srv, bool wait)
{
	struct pollfd fds[FSDEV_QUEUES + 1] = { 0 };
	const uint64_t before = now_ns();
	int ret;

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		fds[i] = (struct pollfd){ .fd = srv->kick_fd[i],
					  .events = POLLIN };
	fds[FSDEV_QUEUES] =
		(struct pollfd){ .fd = srv->ctl_fd, .events = POLLIN };
	ret = poll(fds, FSDEV_QUEUES + 1, wait ? -1 : 0);
	if (ret < 0)
		return errno == EINTR ? 1 : -errno;
	if (wait && now_ns() - before < srv->spin_max_ns)
		srv->spin_ns = srv->spin_max_ns;
	drain_kicks(srv, fds);
	return fds[FSDEV_QUEUES].revents ? control(srv) : 1;
}

/* The VMM tells the guest to reset. Return as wait_events(). */
static int tell_broken(struct server *srv)
{
	const struct fsdev_msg msg = { .type = FSDEV_BROKEN };
	bool broken = false;
	int ret;

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		broken = broken || srv->vq[i].broken;
	if (!broken || srv->told)
		return 1;
	srv->told = true;
	ret = sock_send(srv->ctl_fd, &msg, sizeof(msg), NULL, 0);
	if (ret == -EPIPE || ret == -ECONNRESET)
		return 0;
	return ret < 0 ? ret : 1;
}

/* Serve until there is nothing to do, then wait. Return as wait_events(). */
static int turn(struct server *srv)
{
	unsigned int done = 0;
	int ret;

	if (!srv->active)
		return wait_events(srv, true);
	want_kicks(srv, false);
	do {
		unsigned int part = serve_queues(srv);

		done += part;
		if (!part && !spin(srv))
			break;
	} while (done < ROUND);
	ret = tell_broken(srv);
	if (ret <= 0)
		return ret;
	if (done >= ROUND || want_kicks(srv, true))
		return wait_events(srv, false);
	return wait_events(srv, true);
}

int fs_serve(struct fs *fs, const struct guest_mem *mem, int ctl_fd,
	     struct err *err)
{
	struct server srv = {
		.fs = fs, .mem = mem, .ctl_fd = ctl_fd, .irq_fd = -1
	};
	int ret;

	for (unsigned int i = 0; i < FSDEV_QUEUES; i++)
		srv.kick_fd[i] = -1;
	if (fs_may_spin(fs))
		srv.spin_max_ns = SPIN_MAX_NS;
	do
		ret = turn(&srv);
	while (ret > 0);
	stop(&srv);
	if (ret < 0)
		return err_code(err, ret, "fs: control socket failed");
	return 0;
}
