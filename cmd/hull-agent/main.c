/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-agent - PID 1 of a hull microVM; see hull-agent(8). A user of
 * libcontainer: the container's config.json comes over vsock, and the container
 * is made by the functions that make one on the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "cmd/hull-agent/agent.h"
#include "microvm/proto/proto.h"

static const struct agent guest_agent = {
	.state = "/run/hull",
	.bundle = "/run/bundle",
	.root = "/run/root",
	.binds = "/run/binds",
	.cgroup = "/container",
};

/* Tell the host that the guest is up, or why it is not. */
static int say_hello(int fd, int ret, const struct err *err)
{
	struct proto_hello hello = { .version = PROTO_VERSION };
	struct utsname uts;

	if (ret)
		return proto_send_err(fd, err);
	if (!uname(&uts))
		memcpy(hello.kernel, uts.release,
		       strnlen(uts.release, sizeof(hello.kernel) - 1));
	return proto_send(fd, PROTO_HELLO, &hello, sizeof(hello), NULL, 0);
}

/* @ready: what the preparations came to, with @err */
static int run(const struct agent *a, int ready, struct err *err)
{
	auto_fd int boot_fd = link_connect(a);
	int ret;

	if (boot_fd < 0)
		return ready ? ready
			     : err_code(err, boot_fd, "cannot reach the host");
	ret = say_hello(boot_fd, ready, err);
	if (ready)
		return ready;
	if (ret)
		return err_code(err, ret, "cannot say hello to the host");
	return serve(a, take_fd(&boot_fd), err);
}

static int init_main(void)
{
	struct err err = { 0 };
	int ret;

	ret = boot(&err);
	if (!ret)
		ret = log_open("/dev/console", LOG_FORMAT_TEXT, LOG_LEVEL_WARN,
			       &err);
	if (!ret)
		ret = boot_root(&guest_agent, &err);
	ret = run(&guest_agent, ret, &err);
	/* log_error() would say it on stderr as well, which is the console */
	if (ret)
		log_line(LOG_LEVEL_ERROR, "%s", err.msg);
	boot_end(&guest_agent);
	return 1;
}

/*
 * hull-agent --unix DIR CGROUP: for tests on an ordinary machine. DIR holds
 * host.sock of the one who plays the host, and "rootfs".
 */
static int test_main(const char *dir, const char *cgroup)
{
	struct agent a = { .unix_dir = dir, .cgroup = cgroup };
	char paths[5][4096];
	static const char *const names[] = { "state", "bundle", "rootfs",
					     "binds", "agent.log" };
	auto_free char *id = NULL;
	struct hull_guest g;
	struct hull_context ctx;
	struct err err = { 0 };
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, names[i]);
	a.state = paths[0];
	a.bundle = paths[1];
	a.root = paths[2];
	a.binds = paths[3];
	ret = fd_stdio_guard();
	if (!ret)
		ret = log_open(paths[4], LOG_FORMAT_TEXT, LOG_LEVEL_WARN, &err);
	if (!ret)
		ret = run(&a, 0, &err);
	if (ret)
		log_error(&err);
	g = session_guest(&a);
	ctx = session_context(&a, &g);
	if (!session_find(&a, &id, NULL))
		hull_delete(&ctx, id, true, NULL);
	return ret ? 1 : 0;
}

int main(int argc, char *argv[])
{
	if (argc == 4 && !strcmp(argv[1], "--unix") && argv[2][0] == '/')
		return test_main(argv[2], argv[3]);
	/* a kernel hands unknown parameters on as arguments */
	if (getpid() == 1)
		return init_main();
	fprintf(stderr,
		"hull-agent: the init of a hull microVM, not a command: "
		"see hull-agent(8)\n");
	return 1;
}
