/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/klog.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

#define PANIC "Kernel panic - not syncing: "

/*
 * The guest writes what it likes here: lines are cut, and only printable
 * characters are kept. Whether it really panicked is known from how the machine
 * ended; this only says why.
 */
static void take_line(struct klog *k)
{
	const char *panic;

	k->line[k->len] = '\0';
	k->len = 0;
	if (!k->line[0])
		return;
	if (k->to_log)
		log_line(log_level_get(), "guest: %s", k->line);
	panic = strstr(k->line, PANIC);
	if (panic && !k->panic[0])
		memmove(k->panic, panic + strlen(PANIC),
			strlen(panic + strlen(PANIC)) + 1);
}

static void take(struct klog *k, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (c == '\n')
			take_line(k);
		else if (c != '\r' && k->len < sizeof(k->line) - 1)
			k->line[k->len++] = c >= ' ' && c <= '~' ? c : '?';
	}
}

/* Return: false when there is nothing more for now, or at its end. */
static bool read_some(struct klog *k)
{
	char buf[1024];
	ssize_t n = read(k->watch.fd, buf, sizeof(buf));

	if (n <= 0)
		return false;
	take(k, buf, (size_t)n);
	return true;
}

static void klog_call(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	read_some(watch->arg);
}

int klog_init(struct klog *k, struct loop *loop, int fd, bool to_log)
{
	k->to_log = to_log;
	k->watch = (struct loop_watch){
		.fd = fd,
		.call = klog_call,
		.arg = k,
	};
	return loop_watch(loop, &k->watch, EPOLLIN);
}

void klog_finish(struct klog *k)
{
	/* a pipe holds 64 KiB, and nobody writes any more */
	for (int i = 0; i < 128 && read_some(k); i++)
		;
	take_line(k);
}
