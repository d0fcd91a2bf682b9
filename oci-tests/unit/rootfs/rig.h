/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_OCI_TESTS_UNIT_ROOTFS_RIG_H
#define HULL_OCI_TESTS_UNIT_ROOTFS_RIG_H

/*
 * Real containers' file systems for tests: a bundle and a "marker" directory
 * that stands for the host, on a tmpfs in a private mount namespace of the
 * test program; rig_run() clones a child into new namespaces, which builds,
 * enters and locks the rootfs of a config.json and then runs a function of the
 * test. Root only; rig_setup() skips otherwise.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "rootfs/rootfs.h"
#include "spec/spec.h"

#include "rig_util.h"

#define RIG_NS                                                      \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | \
	 CLONE_NEWNET | CLONE_NEWCGROUP)
#define RIG_MAP_HOST 100000 /* host id of the container's 0 */

/* What the child tells: in memory that both share. */
struct rig_out {
	int code; /* of open, build, enter, lock, console: the first failure */
	struct err err;
	int inside; /* what the function inside returned */
	char note[1024];
};

struct rig {
	char base[PATH_MAX / 4];
	char bundle[PATH_MAX / 2];
	char root[PATH_MAX / 2];
	char marker[PATH_MAX / 2];
	struct rig_out *out;
};

/**
 * struct rig_run - one container.
 * @mounts:  config.json's "mounts", without the brackets
 * @linux_:  further members of "linux", with a leading comma
 * @more:    further members of the top level, with a leading comma
 * @root:    further members of "root", with a leading comma
 * @without: CLONE_NEW* to leave out
 * @between: called in the child after rootfs_build()
 * @inside:  called when all is done; its value ends up in rig_out.inside
 */
struct rig_run {
	const char *mounts;
	const char *linux_;
	const char *more;
	const char *root;
	int without;
	bool userns;
	bool no_pivot;
	bool joined; /* the mount namespace is one that exists already */
	bool terminal;
	int cgroup_fd; /* 0: none */
	int userns_fd; /* 0: none */
	const int *mount_userns_fds;
	unsigned int nofile;
	bool mark; /* bracket rootfs_*() with rig_mark(), for strace */
	int (*before)(struct rig *rig);
	int (*between)(struct rig *rig, struct rootfs *r);
	int (*inside)(struct rig *rig);
};

#define PROC_MOUNT \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}"
#define DEV_MOUNT                                                              \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","   \
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"" \
	"]}"
#define PTS_MOUNT                                                   \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\","        \
	"\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\"," \
	"\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]}"
#define PTS_MOUNT_USERNS                                            \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\","        \
	"\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\"," \
	"\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]}"

__attribute__((format(printf, 2, 3))) static inline int
rig_fail(struct rig *rig, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(rig->out->note, sizeof(rig->out->note), fmt, args);
	va_end(args);
	return 1;
}

/* Inside: fail with the condition's text. */
#define RIG_CHECK(rig, cond)                                           \
	do {                                                           \
		if (!(cond))                                           \
			return rig_fail(rig, "line %d: %s (errno %d)", \
					__LINE__, #cond, errno);       \
	} while (0)

static inline bool rig_is_root(void)
{
	return geteuid() == 0;
}

/* cmocka group set-up: everything that follows is private to this program. */
static inline int rig_group_setup(void **state)
{
	(void)state;
	if (!rig_is_root())
		return 0;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return 0;
}

static inline int rig_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct rig *rig;

	*state = NULL;
	if (!rig_is_root())
		return 0;
	rig = calloc(1, sizeof(*rig));
	if (!rig)
		return -1;
	snprintf(rig->base, sizeof(rig->base), "%s/hull-rootfs.XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(rig->base) ||
	    mount("rig", rig->base, "tmpfs", 0, "mode=755"))
		return -1;
	snprintf(rig->bundle, sizeof(rig->bundle), "%s/bundle", rig->base);
	snprintf(rig->root, sizeof(rig->root), "%s/bundle/rootfs", rig->base);
	snprintf(rig->marker, sizeof(rig->marker), "%s/marker", rig->base);
	rig_sh("mkdir -p %s/etc %s/sub && chmod 755 %s %s && "
	       "echo host >%s/file && echo host >%s/ptmx && "
	       "echo deep >%s/sub/deep",
	       rig->root, rig->marker, rig->bundle, rig->root, rig->marker,
	       rig->marker, rig->marker);
	rig->out = mmap(NULL, sizeof(*rig->out), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*state = rig;
	return rig->out == MAP_FAILED ? -1 : 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	if (!rig)
		return 0;
	umount2(rig->base, MNT_DETACH);
	rmdir(rig->base);
	munmap(rig->out, sizeof(*rig->out));
	free(rig);
	return 0;
}

#define RIG_ROOT_ONLY(state)                           \
	do {                                           \
		if (!*(state)) {                       \
			print_message("needs root\n"); \
			skip();                        \
		}                                      \
	} while (0)

static inline int rig_map(pid_t pid)
{
	char path[64], text[64];

	snprintf(text, sizeof(text), "0 %d 65536\n", RIG_MAP_HOST);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	if (rig_write(path, text))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	return rig_write(path, text);
}

static inline void rig_mark(const struct rig_run *run, const char *what)
{
	if (run->mark)
		(void)!access(what, F_OK);
}

static inline int rig_steps(struct rig *rig, const struct rig_run *run,
			    struct rootfs *r, struct err *err)
{
	static const struct rootfs_tty tty = { 1000, 1000, 24, 80 };
	int master, slave, ret;

	ret = rootfs_build(r, err);
	if (!ret && run->between && run->between(rig, r))
		return err_set(err, -ECANCELED, "between");
	if (!ret && run->terminal)
		ret = rootfs_console(r, &tty, &master, &slave, err);
	if (!ret)
		ret = rootfs_enter(r, err);
	return ret ? ret : rootfs_lock(r, err);
}

static inline void rig_child(struct rig *rig, const struct rig_run *run,
			     struct rootfs *r, int sync_fd)
{
	struct err err = { 0 };
	char c;

	if (read(sync_fd, &c, 1) != 1)
		_exit(9);
	close(sync_fd);
	if (run->userns && (setresgid(0, 0, 0) || setresuid(0, 0, 0)))
		_exit(9);
	if (run->before && run->before(rig))
		_exit(9);
	if (run->nofile) {
		struct rlimit lim = { run->nofile, run->nofile };

		setrlimit(RLIMIT_NOFILE, &lim);
	}
	umask(0);
	rig_mark(run, "mark:begin");
	rig->out->code = rig_steps(rig, run, r, &err);
	rig_mark(run, "mark:end");
	rig->out->err = err;
	if (rig->out->code == 0 && run->inside)
		rig->out->inside = run->inside(rig);
	_exit(0);
}

static inline void rig_config(const struct rig *rig, const struct rig_run *run,
			      struct rootfs_config *cfg)
{
	int new_ns = RIG_NS & ~run->without;

	cfg->bundle = rig->bundle;
	cfg->root_path = rig->root;
	cfg->new_mount_ns = new_ns & CLONE_NEWNS && !run->joined;
	cfg->userns = run->userns;
	cfg->userns_fd = run->userns_fd ? run->userns_fd : -1;
	cfg->mount_userns_fds = run->mount_userns_fds;
	cfg->new_net_ns = new_ns & CLONE_NEWNET;
	cfg->new_pid_ns = new_ns & CLONE_NEWPID;
	cfg->cgroup_ns = new_ns & CLONE_NEWCGROUP;
	cfg->cgroup_fd = run->cgroup_fd ? run->cgroup_fd : -1;
	cfg->no_pivot = run->no_pivot;
}

static inline char *rig_json(const struct rig_run *run)
{
	static const struct {
		int flag;
		const char *name;
	} ns[] = {
		{ CLONE_NEWNS, "mount" },    { CLONE_NEWPID, "pid" },
		{ CLONE_NEWUTS, "uts" },     { CLONE_NEWIPC, "ipc" },
		{ CLONE_NEWNET, "network" }, { CLONE_NEWCGROUP, "cgroup" },
		{ CLONE_NEWUSER, "user" },
	};
	int have = (RIG_NS & ~run->without) | (run->userns ? CLONE_NEWUSER : 0);
	char *out = NULL, list[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++)
		if (have & ns[i].flag)
			len += (size_t)snprintf(
				list + len, sizeof(list) - len,
				"%s{\"type\":\"%s\"%s}", len ? "," : "",
				ns[i].name,
				!i && run->joined
					? ",\"path\":\"/proc/self/ns/mnt\""
					: "");
	if (asprintf(
		    &out,
		    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"%s},"
		    "\"process\":{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":"
		    "{\"uid\":0,\"gid\":0}}%s,\"mounts\":[%s],\"linux\":{%s"
		    "\"namespaces\":[%s]%s}}",
		    run->root ? run->root : "", run->more ? run->more : "",
		    run->mounts ? run->mounts : "",
		    run->userns ? "\"uidMappings\":[{\"containerID\":0,"
				  "\"hostID\":100000,\"size\":65536}],"
				  "\"gidMappings\":[{\"containerID\":0,"
				  "\"hostID\":100000,\"size\":65536}],"
				: "",
		    list, run->linux_ ? run->linux_ : "") < 0)
		abort();
	return out;
}

/**
 * rig_run_json() - run a container of a whole config.json.
 *
 * Return: 0, or the first failing step's code (then rig->out->err tells).
 */
static inline int rig_run_json(struct rig *rig, const struct rig_run *run,
			       const char *json)
{
	struct rootfs_config cfg = { 0 };
	struct arena arena = { 0 };
	struct rootfs *r = NULL;
	struct err err = { 0 };
	int sync[2], ret, status;
	pid_t pid;

	memset(rig->out, 0, sizeof(*rig->out));
	cfg.spec = spec_parse(&arena, json, strlen(json), NULL, &err);
	if (!cfg.spec) {
		fprintf(stderr, "spec: %s\n%s\n", err.msg, json);
		abort();
	}
	rig_config(rig, run, &cfg);
	rig_mark(run, "mark:begin");
	ret = rootfs_open(&cfg, &r, &err);
	rig_mark(run, "mark:end");
	if (ret) {
		rig->out->code = ret;
		rig->out->err = err;
		arena_release(&arena);
		return ret;
	}
	if (pipe2(sync, O_CLOEXEC))
		abort();
	pid = (pid_t)syscall(SYS_clone,
			     (RIG_NS & ~run->without) |
				     (run->userns ? CLONE_NEWUSER : 0) |
				     SIGCHLD,
			     0, 0, 0, 0);
	if (pid < 0)
		abort();
	if (!pid) {
		close(sync[1]);
		rig_child(rig, run, r, sync[0]);
	}
	if (run->userns && rig_map(pid))
		abort();
	close(sync[0]);
	if (write(sync[1], "x", 1) != 1)
		abort();
	close(sync[1]);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		rig->out->code = -ECHILD;
		snprintf(rig->out->err.msg, sizeof(rig->out->err.msg),
			 "child: status %x", (unsigned int)status);
	}
	rootfs_free(r);
	arena_release(&arena);
	return rig->out->code;
}

static inline int rig_run(struct rig *rig, const struct rig_run *run)
{
	char *json = rig_json(run);
	int ret = rig_run_json(rig, run, json);

	free(json);
	return ret;
}

/* Expect the container to come up and its inside to be content. */
#define RIG_OK(rig, run)                                                   \
	do {                                                               \
		int rig_ret_ = rig_run(rig, run);                          \
		if (rig_ret_)                                              \
			fail_msg("%d: %s", rig_ret_, (rig)->out->err.msg); \
		if ((rig)->out->inside)                                    \
			fail_msg("inside: %s", (rig)->out->note);          \
	} while (0)

/* Expect a refusal whose message holds a text. */
#define RIG_REFUSED(rig, run, want_code, text)                            \
	do {                                                              \
		int rig_ret_ = rig_run(rig, run);                         \
		if (rig_ret_ != (want_code) ||                            \
		    !strstr((rig)->out->err.msg, text))                   \
			fail_msg("%d: '%s' is not %d: '%s'", rig_ret_,    \
				 (rig)->out->err.msg, (want_code), text); \
	} while (0)

#endif
