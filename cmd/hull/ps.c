/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/num.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"
#include "cmd/hull/print.h"
#include "cmd/hull/ps_vm.h"

#define BLANKS " \t"

/* More than that is no list of processes. */
#define PS_OUTPUT_MAX_BYTES (64 * 1024 * 1024)

struct ps_args {
	uint32_t format;
};

/* clang-format off */
static const struct opt rows[] = {
	{ "format", 'f', OPT_WORD, FORMAT_WORDS,
	  "a table made by the host's ps(1), or the pids as JSON",
	  offsetof(struct ps_args, format) },
};
/* clang-format on */

struct pids {
	pid_t *list;
	size_t count;
};

static int print_json(const struct pids *pids, struct err *err)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct json_gen g;

	json_gen_init(&g, &out, false);
	if (!pids->count) {
		json_gen_null(&g, NULL); /* what Go makes of an empty list */
	} else {
		json_gen_array(&g, NULL);
		for (size_t i = 0; i < pids->count; i++)
			json_gen_i64(&g, NULL, pids->list[i]);
		json_gen_end_array(&g);
	}
	strbuf_add(&out, "\n");
	return print_out(&out, err);
}

static int read_all(int fd, struct strbuf *out)
{
	char buf[16384];
	ssize_t n;

	strbuf_add(out, ""); /* so that no output is "" */
	while ((n = io_read_full(fd, buf, sizeof(buf))) > 0) {
		strbuf_addn(out, buf, (size_t)n);
		if (out->len > PS_OUTPUT_MAX_BYTES)
			return -EFBIG;
	}
	return n < 0 ? (int)n : strbuf_ok(out) ? 0 : -ENOMEM;
}

/* Found by path, not by $PATH: callers may give hull an empty environment. */
static int spawn_ps(char *const argv[], int out_fd, pid_t *pid)
{
	static const char *const paths[] = { "/bin/ps", "/usr/bin/ps" };
	posix_spawn_file_actions_t actions;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (rc == 0)
		rc = ENOENT;
	for (size_t i = 0; rc == ENOENT && i < ARRAY_SIZE(paths); i++)
		rc = posix_spawn(pid, paths[i], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int capture_ps(char *const argv[], struct strbuf *out, struct err *err)
{
	auto_fd int read_fd = -1, write_fd = -1;
	int pipe_fds[2], status = 0, rc;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, "pipe for ps");
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	rc = spawn_ps(argv, write_fd, &pid);
	if (rc < 0)
		return err_code(err, rc,
				"cannot run ps (--format json does without)");
	close(take_fd(&write_fd));
	rc = read_all(read_fd, out);
	close(take_fd(&read_fd)); /* a ps that still writes ends by SIGPIPE */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return err_code(err, rc, "cannot read the output of ps");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, -EIO, "ps failed with status %d",
			       WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status));
	return 0;
}

/* The blank-separated field @index of a line, or NULL. */
static const char *field(const char *line, size_t index, size_t *len)
{
	line += strspn(line, BLANKS);
	while (index--) {
		line += strcspn(line, BLANKS);
		line += strspn(line, BLANKS);
	}
	*len = strcspn(line, BLANKS);
	return *len ? line : NULL;
}

static int find_pid_column(const char *title, size_t *column)
{
	const char *name;
	size_t len = 0;

	for (size_t i = 0; (name = field(title, i, &len)); i++) {
		if (len == 3 && !memcmp(name, "PID", 3)) {
			*column = i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_ours(const char *line, size_t column, const struct pids *pids)
{
	char number[16];
	const char *text;
	size_t len = 0;
	uint32_t pid;

	text = field(line, column, &len);
	if (!text || len >= sizeof(number))
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	if (num_u32(number, &pid) < 0)
		return false;
	for (size_t i = 0; i < pids->count; i++)
		if (pids->list[i] == (pid_t)pid)
			return true;
	return false;
}

/* The title line, and the lines about the container's processes. */
static int filter(char *text, const struct pids *pids, struct strbuf *out,
		  struct err *err)
{
	char *line, *save = NULL;
	size_t column = 0;

	line = strtok_r(text, "\n", &save);
	if (!line || find_pid_column(line, &column) < 0)
		return err_set(err, -EINVAL,
			       "couldn't find PID field in ps output");
	strbuf_addf(out, "%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save)))
		if (is_ours(line, column, pids))
			strbuf_addf(out, "%s\n", line);
	return 0;
}

static int print_ps(const struct call *call, const struct pids *pids,
		    struct err *err)
{
	auto_strbuf struct strbuf all = STRBUF_INIT, out = STRBUF_INIT;
	auto_free char **argv = calloc(call->arg_count + 3, sizeof(*argv));
	size_t from = 1, n = 0;
	int rc;

	if (!argv)
		return err_code(err, -ENOMEM, "cannot run ps");
	if (call->arg_count > 1 && !strcmp(call->args[1], "--"))
		from = 2;
	/* execve(2) takes them without const, but changes nothing */
	argv[n++] = (char *)(uintptr_t) "ps";
	if (from >= call->arg_count)
		argv[n++] = (char *)(uintptr_t) "-ef";
	for (size_t i = from; i < call->arg_count; i++)
		argv[n++] = (char *)(uintptr_t)call->args[i];
	rc = capture_ps(argv, &all, err);
	if (rc == 0)
		rc = filter(all.s, pids, &out, err);
	return rc < 0 ? rc : print_out(&out, err);
}

/*
 * The host's ps knows nothing of a guest.
 *
 * Return: 1 when the container is no microVM, 0, or -errno.
 */
static int print_guest(const struct call *call, struct err *err)
{
	auto_free char *json = NULL;
	struct err why = { 0 };
	int rc = hull_processes(&call->ctx, call->args[0], &json, &why);

	if (rc == -ENOTSUP)
		return 1;
	if (rc < 0)
		*err = why;
	else if (call->arg_count > 1)
		rc = err_set(err, -ENOTSUP,
			     "options of the host's ps(1) are not for the "
			     "processes of a microVM's guest");
	return rc < 0 ? rc : ps_vm_print(json, err);
}

static int run_ps(const struct call *call, const void *values, struct err *err)
{
	const struct ps_args *args = values;
	struct pids pids = { 0 };
	int rc = 1;

	if (args->format != FORMAT_JSON)
		rc = print_guest(call, err);
	if (rc <= 0)
		return rc;
	rc = hull_pids(&call->ctx, call->args[0], &pids.list, &pids.count, err);
	if (rc < 0)
		return rc;
	if (args->format == FORMAT_JSON)
		rc = print_json(&pids, err);
	else
		rc = print_ps(call, &pids, err);
	free(pids.list);
	return rc;
}

const struct cmd cmd_ps = {
	.name = "ps",
	.args = "<container-id> [ps options]",
	.summary = "show the processes of a container",
	.about =
		"Runs the host's ps(1) with the given options (default: -ef) "
		"and prints the lines\n"
		"whose PID is one of the container's. Of a microVM the guest's "
		"processes are shown.\n",
	.opts = { OPT_SET(rows), .ordered = true },
	.values_size = sizeof(struct ps_args),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = run_ps,
};
