/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-systemd - asks systemd for what hull's systemd cgroup driver needs.
 * Started by hull with a SOCK_SEQPACKET socket as descriptor 0. Not for use by
 * hand.
 *
 *   hull-systemd MANAGER root
 *   hull-systemd MANAGER start UNIT [PROPERTY...]
 *   hull-systemd MANAGER set UNIT [PROPERTY...]
 *   hull-systemd MANAGER attach UNIT PID
 *   hull-systemd MANAGER stop UNIT
 *
 * MANAGER is "system" or "user", PROPERTY is NAME SINCE SIGNATURE COUNT
 * VALUE... The answer is "ok TEXT" or "error ERRNO TEXT".
 *
 * After start this program is the scope's only process. It stays until it is
 * told "go PID", which is where the container's own processes are in the scope
 * or PID is to be put there, or until the other end of the socket is closed:
 * then the scope is empty and systemd removes it. So whenever hull is killed,
 * nothing stays behind.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/hull-systemd/bus.h"

#define LIMIT_S 45 /* for one request; hull gives up before */
#define SOCKET_FD 0

static void answer(const char *text)
{
	if (send(SOCKET_FD, text, strlen(text), MSG_NOSIGNAL) < 0)
		exit(EXIT_FAILURE);
}

static int answer_result(const struct manager *m, int rc, const char *text)
{
	char line[2048];

	if (rc < 0)
		snprintf(line, sizeof(line), "error %d %s", -rc, m->text);
	else
		snprintf(line, sizeof(line), "ok %s", text);
	answer(line);
	return rc;
}

/* Return: number of properties, or -1. */
static ssize_t parse_props(char *const argv[], struct prop **out)
{
	size_t words = 0, count = 0;
	struct prop *list;

	while (argv[words])
		words++;
	list = calloc(words / 4 + 1, sizeof(*list));
	for (size_t i = 0; list && i < words; count++) {
		struct prop *p = &list[count];

		if (i + 4 > words)
			return -1;
		p->name = argv[i];
		p->since = (unsigned)strtoul(argv[i + 1], NULL, 10);
		p->sig = argv[i + 2];
		p->count = strtoul(argv[i + 3], NULL, 10);
		p->values = argv + i + 4;
		if (p->count > words - i - 4)
			return -1;
		i += 4 + p->count;
	}
	*out = list;
	return list ? (ssize_t)count : -1;
}

/* The placeholder's wait. Return: the text behind "go ", or NULL. */
static const char *wait_go(char *buf, size_t size)
{
	ssize_t n;

	alarm(0);
	do
		n = recv(SOCKET_FD, buf, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	alarm(LIMIT_S);
	return strncmp(buf, "go ", 3) ? NULL : buf + 3;
}

/* TasksMax comes when this process is about to leave: with a limit of 1 the
 * container's first process would not fit in beside it. */
static size_t take_tasks(struct prop *props, size_t count, struct prop *tasks)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(props[i].name, "TasksMax"))
			*tasks = props[i];
		else
			props[n++] = props[i];
	}
	return n;
}

static int start(struct manager *m, const char *unit, struct prop *props,
		 size_t count)
{
	struct scope scope = { .unit = unit, .pid = getpid() };
	struct prop tasks = { 0 };
	char cgroup[1024] = "", buf[64];
	const char *go;
	pid_t pid;
	int rc;

	scope.count = take_tasks(props, count, &tasks);
	scope.props = props;
	rc = unit_start(m, &scope, cgroup, sizeof(cgroup));
	if (answer_result(m, rc, cgroup) < 0)
		return rc;
	go = wait_go(buf, sizeof(buf));
	if (!go)
		return 0;
	pid = (pid_t)strtol(go, NULL, 10);
	rc = pid > 0 ? unit_attach(m, unit, pid) : 0;
	if (rc >= 0 && tasks.name)
		rc = unit_set(m, unit, &tasks, 1);
	return answer_result(m, rc, "");
}

static int set(struct manager *m, const char *unit, const struct prop *props,
	       size_t count)
{
	return answer_result(m, unit_set(m, unit, props, count), "");
}

static int run(struct manager *m, const char *verb, const char *unit,
	       char *const argv[])
{
	struct prop *props = NULL;
	char root[1024] = "";
	ssize_t count;

	if (!strcmp(verb, "root"))
		return answer_result(m, manager_root(m, root, sizeof(root)),
				     root);
	if (!unit)
		return -EINVAL;
	if (!strcmp(verb, "stop"))
		return answer_result(m, unit_stop(m, unit), "");
	if (!strcmp(verb, "attach") && argv[0])
		return answer_result(
			m,
			unit_attach(m, unit, (pid_t)strtol(argv[0], NULL, 10)),
			"");
	count = parse_props(argv, &props);
	if (count < 0)
		return -EINVAL;
	if (!strcmp(verb, "start"))
		return start(m, unit, props, (size_t)count);
	return strcmp(verb, "set") ? -EINVAL
				   : set(m, unit, props, (size_t)count);
}

int main(int argc, char *argv[])
{
	struct manager m = { 0 };
	int rc;

	if (argc < 3) {
		fputs("hull-systemd: started by hull, not by hand\n", stderr);
		return 2;
	}
	alarm(LIMIT_S);
	rc = manager_open(&m, !strcmp(argv[1], "user"));
	if (rc < 0)
		answer_result(&m, rc, "");
	else
		rc = run(&m, argv[2], argc > 3 ? argv[3] : NULL,
			 argc > 3 ? argv + 4 : argv + 3);
	manager_close(&m);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
