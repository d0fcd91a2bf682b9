/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c - the guest's half of the test host; ../run is the other half.
 *
 * The two speak over one virtio-serial port, in frames: one byte of type,
 * three bytes of payload length (little-endian), the payload. One job runs at
 * a time. Copying files is running tar, so the protocol knows no files.
 *
 *   to the guest                          to the host
 *   0  padding, one byte, no length       W  welcome: the nonce, then one byte,
 *   H  hello: nonce[16], time in ns (u64)    1 if a running job was dropped
 *   R  run: NUL-ended words, then \1      O  the job's standard output
 *   I  bytes for the job's stdin          E  the job's standard error
 *   Z  end of the job's stdin             C  credit: stdin bytes used up (u32)
 *                                         X  the job ended: exit code (u32)
 *
 * A caller may be killed in the middle of a frame, and the next one finds the
 * port in that state. So each caller begins with as much padding as a frame can
 * hold: it completes what was cut, the rest is skipped, and hello is in step.
 * The other way round, a caller drops what it reads until its own nonce.
 *
 * The host sends no more stdin than STDIN_WINDOW ahead of the credit, hence
 * the port is always read and a hello gets through to stop any job.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT "/dev/virtio-ports/hull.testhost"
#define HEADER 4u
#define FRAME_MAX 65536u          /* payload bytes; the same in link.py */
#define STDIN_WINDOW (512u << 10) /* the same in link.py */
#define OUT_MAX (1u << 20)
#define PIPE_MAX (256 << 10) /* two of them fit in OUT_MAX */
#define OUT_RESERVE 4096u    /* kept for frames that carry no output */
#define NONCE 16u
#define WORDS_MAX 4096

struct queue {
	unsigned char *mem;
	size_t max, off, len;
};

struct agent {
	int port;
	struct queue in;    /* frames from the host */
	struct queue out;   /* frames to the host */
	struct queue input; /* the job's stdin, not yet taken by it */
	uint32_t credit;    /* stdin bytes taken, not yet told */
	pid_t job;          /* -1: none */
	int job_fd;         /* pidfd */
	int fds[3];         /* our ends of the job's stdio */
	bool input_end;
};

static int queue_init(struct queue *q, size_t max)
{
	q->mem = malloc(max);
	q->max = max;
	return q->mem ? 0 : -ENOMEM;
}

static size_t queue_room(const struct queue *q)
{
	return q->max - q->len;
}

/* Make the free space one piece behind the data, and return its start. */
static unsigned char *queue_tail(struct queue *q)
{
	if (q->off) {
		memmove(q->mem, q->mem + q->off, q->len);
		q->off = 0;
	}
	return q->mem + q->len;
}

static void queue_drop(struct queue *q, size_t n)
{
	q->off += n;
	q->len -= n;
	if (!q->len)
		q->off = 0;
}

/* Write from the queue what goes without waiting; false if @fd is broken. */
static bool queue_write(struct queue *q, int fd, uint32_t *done)
{
	ssize_t n = write(fd, q->mem + q->off, q->len);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (done)
		*done += (uint32_t)n;
	queue_drop(q, (size_t)n);
	return true;
}

static void put_header(unsigned char *h, char type, size_t len)
{
	h[0] = (unsigned char)type;
	h[1] = len & 0xff;
	h[2] = len >> 8 & 0xff;
	h[3] = len >> 16 & 0xff;
}

static void send_frame(struct agent *a, char type, const void *data, size_t len)
{
	unsigned char *p;

	if (queue_room(&a->out) < HEADER + len)
		return; /* OUT_RESERVE makes this impossible */
	p = queue_tail(&a->out);
	put_header(p, type, len);
	memcpy(p + HEADER, data, len);
	a->out.len += HEADER + len;
}

static void send_u32(struct agent *a, char type, uint32_t v)
{
	unsigned char b[4] = { v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff,
			       v >> 24 & 0xff };

	send_frame(a, type, b, sizeof(b));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Forget the job, killing it if it runs; true if it did. */
static bool job_drop(struct agent *a)
{
	bool ran = a->job > 0;

	if (ran) {
		kill(-a->job, SIGKILL);
		kill(a->job, SIGKILL);
		waitpid(a->job, NULL, 0);
	}
	a->job = -1;
	close_fd(&a->job_fd);
	for (int i = 0; i < 3; i++)
		close_fd(&a->fds[i]);
	queue_drop(&a->input, a->input.len);
	a->input_end = false;
	a->credit = 0;
	return ran;
}

static void job_exec(char **argv, const int *stdio)
{
	setsid();
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			_exit(126);
	execvp(argv[0], argv);
	dprintf(2, "agent: cannot execute '%s': %s\n", argv[0],
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int job_start(struct agent *a, char **argv)
{
	int theirs[3] = { -1, -1, -1 };
	int ret = 0;

	for (int i = 0; i < 3; i++) {
		int p[2], ours = i == 0; /* stdin: we hold the writing end */

		if (pipe2(p, O_CLOEXEC) < 0) {
			ret = -errno;
			break;
		}
		a->fds[i] = p[ours];
		theirs[i] = p[!ours];
		fcntl(a->fds[i], F_SETFL, O_NONBLOCK);
		fcntl(a->fds[i], F_SETPIPE_SZ, PIPE_MAX);
	}
	if (!ret) {
		a->job = fork();
		if (a->job == 0)
			job_exec(argv, theirs);
		if (a->job > 0)
			a->job_fd = (int)syscall(SYS_pidfd_open, a->job, 0);
		if (a->job < 0 || a->job_fd < 0)
			ret = -errno;
	}
	for (int i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	return ret;
}

/* R: cut words at their NULs; \1 at the end proves that all of them came. */
static void take_run(struct agent *a, char *words, size_t len)
{
	static char *argv[WORDS_MAX + 1];
	size_t argc = 0;

	job_drop(a);
	if (len < 3 || words[len - 1] != 1 || words[len - 2])
		return;
	for (size_t i = 0; i < len - 1 && argc < WORDS_MAX;
	     i += strlen(words + i) + 1)
		argv[argc++] = words + i;
	argv[argc] = NULL;
	if (job_start(a, argv) < 0) {
		job_drop(a);
		send_u32(a, 'X', 125);
	}
}

/* A restored machine has the clock and the random state of its saving. */
static void machine_refresh(const unsigned char *nonce, uint64_t now_ns)
{
	/* struct rand_pool_info: entropy in bits, bytes, the bytes */
	int seed[2 + NONCE / sizeof(int)] = { NONCE * 8, NONCE };
	struct timespec ts = { .tv_sec = (time_t)(now_ns / 1000000000u),
			       .tv_nsec = (long)(now_ns % 1000000000u) };
	struct timespec old = { 0 };
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		memcpy(seed + 2, nonce, NONCE);
		ioctl(fd, RNDADDENTROPY, seed);
		ioctl(fd, RNDRESEEDCRNG);
		close(fd);
	}
	clock_gettime(CLOCK_REALTIME, &old);
	if (llabs((long long)(ts.tv_sec - old.tv_sec)) > 1)
		clock_settime(CLOCK_REALTIME, &ts);
}

static void take_hello(struct agent *a, const unsigned char *p, size_t len)
{
	unsigned char answer[NONCE + 1];
	uint64_t now_ns = 0;

	if (len != NONCE + 8)
		return;
	for (int i = 7; i >= 0; i--)
		now_ns = now_ns << 8 | p[NONCE + (size_t)i];
	memcpy(answer, p, NONCE);
	answer[NONCE] = job_drop(a);
	machine_refresh(p, now_ns);
	queue_drop(&a->out, a->out.len);
	send_frame(a, 'W', answer, sizeof(answer));
}

static void take_input(struct agent *a, const unsigned char *p, size_t len)
{
	if (a->job < 0)
		return;      /* meant for a job that has ended */
	if (a->fds[0] < 0) { /* the job closed it: the bytes go nowhere */
		a->credit += (uint32_t)len;
	} else if (len <= queue_room(&a->input)) {
		memcpy(queue_tail(&a->input), p, len);
		a->input.len += len;
	}
}

static void take_frames(struct agent *a)
{
	struct queue *q = &a->in;

	while (q->len) {
		unsigned char *p = q->mem + q->off;
		size_t len;

		if (!*p) {
			queue_drop(q, 1);
			continue;
		}
		if (q->len < HEADER)
			break;
		len = p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16;
		if (len > FRAME_MAX)
			len = 0; /* not from our host: skip and go on */
		if (q->len < HEADER + len)
			break;
		if (*p == 'H')
			take_hello(a, p + HEADER, len);
		else if (*p == 'R')
			take_run(a, (char *)p + HEADER, len);
		else if (*p == 'I')
			take_input(a, p + HEADER, len);
		else if (*p == 'Z')
			a->input_end = true;
		queue_drop(q, HEADER + len);
	}
}

static void port_read(struct agent *a)
{
	unsigned char *p = queue_tail(&a->in);
	ssize_t n = read(a->port, p, queue_room(&a->in));

	if (n <= 0)
		return;
	a->in.len += (size_t)n;
	take_frames(a);
}

/* Pass on one piece of the job's output; false when there is none now. */
static bool job_output(struct agent *a, int i)
{
	size_t room = queue_room(&a->out);
	unsigned char *p;
	ssize_t n;

	if (a->fds[i] < 0 || room < OUT_RESERVE + HEADER)
		return false;
	room -= OUT_RESERVE + HEADER;
	if (room > FRAME_MAX)
		room = FRAME_MAX;
	p = queue_tail(&a->out);
	n = room ? read(a->fds[i], p + HEADER, room) : -1;
	if (n > 0) {
		put_header(p, i == 1 ? 'O' : 'E', (size_t)n);
		a->out.len += HEADER + (size_t)n;
	} else if (n == 0) {
		close_fd(&a->fds[i]);
	}
	return n > 0;
}

static void job_input(struct agent *a)
{
	if (a->fds[0] < 0)
		return;
	if (a->input.len && !queue_write(&a->input, a->fds[0], &a->credit)) {
		close_fd(&a->fds[0]);
		a->credit += (uint32_t)a->input.len;
		queue_drop(&a->input, a->input.len);
	}
	if (a->input_end && !a->input.len)
		close_fd(&a->fds[0]);
}

/*
 * The job has ended. What it wrote is in the pipes by now; who else still has
 * them open (a container that lives on) is not waited for.
 */
static void job_end(struct agent *a)
{
	int status = 0;

	for (int i = 1; i < 3; i++)
		while (job_output(a, i))
			;
	waitpid(a->job, &status, 0);
	a->job = -1;
	job_drop(a);
	send_u32(a, 'X',
		 WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status)
				   : 128u + (uint32_t)WTERMSIG(status));
}

static void agent_step(struct agent *a)
{
	bool room = queue_room(&a->out) > OUT_RESERVE + FRAME_MAX;
	struct pollfd p[5] = {
		{ .fd = a->port,
		  .events = POLLIN | (a->out.len ? POLLOUT : 0) },
		{ .fd = a->input.len ? a->fds[0] : -1, .events = POLLOUT },
		{ .fd = room ? a->fds[1] : -1, .events = POLLIN },
		{ .fd = room ? a->fds[2] : -1, .events = POLLIN },
		/* its end is told when there is room for its last words */
		{ .fd = a->out.len ? -1 : a->job_fd, .events = POLLIN },
	};

	if (poll(p, 5, -1) < 0)
		return;
	if (p[0].revents & POLLIN)
		port_read(a);
	else if (p[0].revents & POLLHUP) { /* nobody at the other end */
		usleep(20000);
		return;
	}
	job_input(a);
	for (int i = 1; i < 3; i++)
		if (p[i + 1].revents)
			job_output(a, i);
	if (p[4].revents && a->job > 0)
		job_end(a);
	if (a->credit) {
		send_u32(a, 'C', a->credit);
		a->credit = 0;
	}
	if (a->out.len)
		queue_write(&a->out, a->port, NULL);
}

int main(void)
{
	static struct agent a = {
		.port = -1, .job = -1, .job_fd = -1, .fds = { -1, -1, -1 }
	};

	signal(SIGPIPE, SIG_IGN);
	if (queue_init(&a.in, 2 * (FRAME_MAX + HEADER)) < 0 ||
	    queue_init(&a.out, OUT_MAX) < 0 ||
	    queue_init(&a.input, STDIN_WINDOW) < 0)
		return 1;
	while ((a.port = open(PORT, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
		usleep(50000);
	for (;;)
		agent_step(&a);
}
