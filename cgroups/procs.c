/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sys.h"
#include "cgroups/internal.h"

/* Forks during the walk are met by going round again, so often. */
#define SIGNAL_ROUNDS 16

struct pids {
	pid_t *list;
	size_t count, cap;
};

static int pids_add(struct pids *p, pid_t pid)
{
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		pid_t *grown = reallocarray(p->list, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->list = grown;
		p->cap = cap;
	}
	p->list[p->count++] = pid;
	return 0;
}

static int pids_parse(struct pids *p, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		uint32_t pid;
		int rc = num_u32(line, &pid);

		if (rc < 0)
			return rc;
		/* 0: a process that this pid namespace cannot see */
		rc = pid ? pids_add(p, (pid_t)pid) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int visit_procs(int dir_fd, void *arg)
{
	auto_free char *text = NULL;
	int rc = cg_read_all(dir_fd, "cgroup.procs", &text);

	/* a threaded cgroup lists threads only; its processes are listed in the
	 * cgroup where the threaded subtree begins, perhaps above ours */
	if (rc == -EOPNOTSUPP)
		rc = cg_read_all(dir_fd, "cgroup.threads", &text);
	if (rc == -ENOENT || rc == -ENODEV)
		return 0;
	return rc < 0 ? rc : pids_parse(arg, text);
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void pids_unique(struct pids *p)
{
	size_t n = 0;

	if (!p->count)
		return;
	qsort(p->list, p->count, sizeof(*p->list), by_number);
	for (size_t i = 1; i < p->count; i++)
		if (p->list[i] != p->list[n])
			p->list[++n] = p->list[i];
	p->count = n + 1;
}

int cg_procs(int cg_fd, pid_t **pids, size_t *count, struct err *err)
{
	struct pids p = { 0 };
	int rc = cg_walk(cg_fd, visit_procs, &p);

	if (rc < 0) {
		free(p.list);
		return err_code(err, rc, "cannot list the cgroup's processes");
	}
	pids_unique(&p);
	*pids = p.list;
	*count = p.count;
	return 0;
}

int cg_has_procs(int dir_fd)
{
	struct pids p = { 0 };
	int rc = visit_procs(dir_fd, &p);

	free(p.list);
	return rc < 0 ? rc : p.count > 0;
}

static bool has_pid(const pid_t *list, size_t count, pid_t pid)
{
	return list &&
	       bsearch(&pid, list, count, sizeof(*list), by_number) != NULL;
}

/* Return: 0, or -errno of the first that could not be signalled. */
static int signal_new(const pid_t *list, size_t count, const pid_t *seen,
		      size_t seen_count, int sig, bool *any)
{
	int rc = 0;

	*any = false;
	for (size_t i = 0; i < count; i++) {
		if (has_pid(seen, seen_count, list[i]))
			continue;
		*any = true;
		if (kill(list[i], sig) < 0 && errno != ESRCH && !rc)
			rc = -errno;
	}
	return rc;
}

/*
 * Every process gets the signal once; what was forked meanwhile is found by
 * reading the list again until it has nobody new.
 */
static int signal_all(int cg_fd, int sig, struct err *err)
{
	auto_free pid_t *seen = NULL;
	size_t seen_count = 0;

	for (int i = 0; i < SIGNAL_ROUNDS; i++) {
		auto_free pid_t *list = NULL;
		size_t count = 0;
		bool any;
		int rc = cg_procs(cg_fd, &list, &count, err);

		if (rc < 0)
			return rc;
		rc = signal_new(list, count, seen, seen_count, sig, &any);
		if (rc < 0)
			return err_code(err, rc,
					"cannot signal the cgroup's processes");
		if (!any)
			return 0;
		free(seen);
		seen = take_ptr(&list);
		seen_count = count;
	}
	return 0;
}

int cg_signal(int cg_fd, int sig, struct err *err)
{
	return signal_all(cg_fd, sig, err);
}

int cg_move_procs(int cg_fd, int to_fd)
{
	auto_free pid_t *seen = NULL;
	size_t seen_count = 0;

	for (int i = 0; i < SIGNAL_ROUNDS; i++) {
		auto_free pid_t *list = NULL;
		size_t count = 0;
		bool any = false;
		int rc = cg_procs(cg_fd, &list, &count, NULL);

		for (size_t k = 0; !rc && k < count; k++) {
			if (has_pid(seen, seen_count, list[k]))
				continue;
			any = true;
			rc = cg_join_dir(to_fd, list[k]);
			if (rc == -ESRCH)
				rc = 0;
		}
		if (rc < 0 || !any)
			return rc;
		free(seen);
		seen = take_ptr(&list);
		seen_count = count;
	}
	return 0;
}

/*
 * Before Linux 5.14, and in a threaded cgroup: stop forks first. Whatever
 * happens the cgroup is thawed again: a failed kill must not leave it frozen
 * for ever (crun 1.29.1).
 */
static int kill_by_hand(int cg_fd, struct err *err)
{
	int rc;

	(void)io_write_text(cg_fd, "cgroup.freeze", "1");
	rc = signal_all(cg_fd, SIGKILL, err);
	(void)io_write_text(cg_fd, "cgroup.freeze", "0");
	return rc;
}

int cg_kill(int cg_fd, struct err *err)
{
	int rc = io_write_text(cg_fd, "cgroup.kill", "1");

	if (rc == -ENOENT || rc == -EOPNOTSUPP)
		return kill_by_hand(cg_fd, err);
	if (rc == -ENODEV)
		return 0; /* removed: nobody is in it */
	return rc < 0 ? err_code(err, rc, "cannot kill the cgroup") : 0;
}
