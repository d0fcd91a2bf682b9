/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Callers match these texts (Docker's exit codes 126 and 127): they are those
 * of Go's os/exec.LookPath, which runc uses.
 */

/* Return: 0, or why it cannot be executed; *@missing: stat(2) failed. */
static int examine(const char *path, bool *missing)
{
	struct stat st;

	*missing = stat(path, &st) < 0;
	if (*missing)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* by the effective ids and capabilities, as execve(2) will judge */
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* The last one wins, as in process_env(). */
static const char *search_path(const struct spec_process *process)
{
	for (size_t i = process->env_count; i; i--) {
		if (str_starts(process->env[i - 1], "PATH="))
			return process->env[i - 1] + strlen("PATH=");
	}
	return "";
}

static int give(const char *name, char **path, struct err *err)
{
	*path = strdup(name);
	return *path ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int search(const char *name, const char *dirs, char **path,
		  struct err *err)
{
	for (const char *dir = dirs; *dirs && dir;) {
		size_t len = strcspn(dir, ":");
		auto_strbuf struct strbuf full = STRBUF_INIT;
		bool missing;

		strbuf_addn(&full, len ? dir : ".", len ? len : 1);
		if (full.s && full.s[full.len - 1] != '/')
			strbuf_add(&full, "/");
		strbuf_add(&full, name);
		if (!strbuf_ok(&full))
			return err_set(err, -ENOMEM, "out of memory");
		if (!examine(full.s, &missing)) {
			if (full.s[0] == '/')
				return give(full.s, path, err);
			return err_set(err, -EACCES,
				       "exec: \"%s\": cannot run executable "
				       "found relative to current directory",
				       name);
		}
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	return err_set(err, -ENOENT,
		       "exec: \"%s\": executable file not found in $PATH",
		       name);
}

int process_resolve(const struct spec_process *process, char **path,
		    struct err *err)
{
	const char *name = process->args[0];
	bool missing;
	int ret;

	if (!strchr(name, '/'))
		return search(name, search_path(process), path, err);
	ret = examine(name, &missing);
	if (!ret)
		return give(name, path, err);
	if (missing)
		return err_code(err, ret, "exec: \"%s\": stat %s", name, name);
	return err_code(err, ret, "exec: \"%s\"", name);
}
