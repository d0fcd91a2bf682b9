/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/magic.h>
#include <sys/statfs.h>

#include "rig.h"
#include "snap.h"

/*
 * Hostile images; the names P.. are those of the list of advisories (security
 * reference, 1A). The host is the marker directory: names, types, owners,
 * modes, sizes, change times and contents are compared before and after.
 */

/* The links that an image may try, towards the marker (and nowhere). */
static const char *const link_kinds[] = {
	"absolute", "relative", "chained", "dangling", "parent",
};

static void make_link(const struct rig *rig, const char *at, size_t kind)
{
	rig_sh("rm -rf %s%s", rig->root, at);
	switch (kind) {
	case 0:
		rig_sh("ln -s %s %s%s", rig->marker, rig->root, at);
		break;
	case 1:
		rig_sh("ln -s ../../marker %s%s", rig->root, at);
		break;
	case 2:
		rig_sh("ln -sfn %s %s/chain && ln -s chain %s%s", rig->marker,
		       rig->root, rig->root, at);
		break;
	case 3:
		rig_sh("ln -s /no/such/thing %s%s", rig->root, at);
		break;
	default:
		rig_sh("ln -s ../../../../../../../../..%s %s%s", rig->marker,
		       rig->root, at);
	}
}

/* P02, P03: proc and sysfs on a link. */
static void test_proc_and_sys_links(void **state)
{
	static const struct {
		const char *at, *mounts;
	} cases[] = {
		{ "/proc", PROC_MOUNT },
		{ "/sys", "{\"destination\":\"/sys\",\"type\":\"sysfs\"}" },
		{ "/etc", "{\"destination\":\"/etc/x\",\"type\":\"sysfs\"}" },
		{ "/etc", "{\"destination\":\"/etc/x/y\",\"type\":\"proc\"}" },
	};
	struct rig *rig = *state;
	struct snap before;

	RIG_ROOT_ONLY(state);
	snap(rig, &before);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t kind = 0; kind < 5; kind++) {
			struct rig_run run = { .mounts = cases[i].mounts };

			make_link(rig, cases[i].at, kind);
			expect_untouched(rig, &run, &before, link_kinds[kind]);
			assert_int_equal(rig->out->code, -ENOTDIR);
			assert_non_null(
				strstr(rig->out->err.msg, "not a directory"));
			assert_string_equal(rig->out->err.field,
					    "mounts[0].destination");
		}
	rig_sh("cd %s && rm -f proc && touch proc", rig->root);
	RIG_REFUSED(rig, &(struct rig_run){ .mounts = PROC_MOUNT }, -ENOTDIR,
		    "not a directory");
}

/* P03, P10, P15, P16: every intermediate component of the usual places. */
static void test_links_in_usual_places(void **state)
{
	static const char *const at[] = {
		"/dev",     "/dev/pts",  "/dev/shm",       "/dev/mqueue",
		"/sys/fs",  "/run",      "/sys/fs/cgroup", "/var/run",
		"/var",     "/opt",      "/dev/console",   "/dev/null",
		"/dev/fd",  "/dev/core", "/work",          "/opt/file",
		"/dev/net", "/dev/ptmx",
	};
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts =
			"{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
			"\"options\":[\"newinstance\",\"ptmxmode=0666\"]},"
			"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\"},"
			"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\"},"
			"{\"destination\":\"/run/a/b\",\"type\":\"tmpfs\"},"
			"{\"destination\":\"/sys/fs/cgroup\","
			"\"type\":\"cgroup\"},"
			"{\"destination\":\"/var/run/x\",\"type\":\"bind\","
			"\"source\":\"/etc\",\"options\":[\"bind\"]},"
			"{\"destination\":\"/opt/file/y\",\"type\":\"bind\","
			"\"source\":\"/etc/passwd\",\"options\":[\"bind\"]}",
		.linux_ = ",\"devices\":[{\"path\":\"/dev/net/tun\","
			  "\"type\":\"c\",\"major\":10,\"minor\":200}]",
		.without = CLONE_NEWNET, /* slow */
	};
	struct snap before;

	RIG_ROOT_ONLY(state);
	snap(rig, &before);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (size_t kind = 0; kind < 5; kind++) {
			rig_sh("rm -rf %s && mkdir -p %s/dev %s/sys/fs %s/var "
			       "%s/opt",
			       rig->root, rig->root, rig->root, rig->root,
			       rig->root);
			make_link(rig, at[i], kind);
			for (int tty = 0; tty < 2; tty++) {
				run.terminal = tty;
				expect_untouched(rig, &run, &before, at[i]);
			}
		}
}

/* P10: the image's /dev is a link; with a tmpfs on it, hull starts and the
 * link leads to a place inside. */
static int linked_dev_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, !stat("/dev/null", &st) && S_ISCHR(st.st_mode));
	RIG_CHECK(rig, !lstat("/dev", &st) && S_ISLNK(st.st_mode));
	return 0;
}

static void test_linked_dev_stays_inside(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," DEV_MOUNT "," PTS_MOUNT,
		.terminal = true,
		.inside = linked_dev_inside,
	};
	struct snap before;

	RIG_ROOT_ONLY(state);
	make_link(rig, "/dev", 0);
	snap(rig, &before);
	expect_untouched(rig, &run, &before, "absolute /dev");
	assert_int_equal(rig->out->code, 0);
	/* and without a mount on it: made inside as well */
	run.mounts = PROC_MOUNT;
	run.terminal = false;
	rig_sh("rm -rf %s/tmp", rig->root);
	expect_untouched(rig, &run, &before, "no mount on /dev");
	assert_int_equal(rig->out->code, 0);
}

/* P01, P18: nothing covers /proc or parts of it, by whatever name. */
static void test_mounts_over_proc(void **state)
{
	static const char *const places[] = {
		"/proc",
		"/proc/self/attr",
		"/proc/sys",
		"/proc/sys/kernel",
		"//proc//sys",
		"/x/../proc/sys",
		"/link",
		"/link/sys",
		"/link/self",
		"/etc/../link/fs",
		"/proc/../proc/irq",
	};
	struct rig *rig = *state;
	char mounts[1024];
	struct rig_run run = { .mounts = mounts };

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && mkdir -p proc x && ln -s /proc link", rig->root);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (int bind = 0; bind < 2; bind++) {
			snprintf(mounts, sizeof(mounts),
				 "%s,{\"destination\":\"%s\","
				 "\"type\":\"%s\",\"source\":\"../marker\","
				 "\"options\":[%s]}",
				 PROC_MOUNT, places[i], bind ? "bind" : "tmpfs",
				 bind ? "\"bind\"" : "");
			RIG_REFUSED(rig, &run, -EPERM,
				    "mounts[1].destination: ");
		}
	/* before the proc mount, through a link: still /proc */
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/link\",\"type\":\"tmpfs\"}," PROC_MOUNT);
	RIG_REFUSED(rig, &run, -EPERM, "mounts[0].destination: ");
	/* the root itself, by another name */
	rig_sh("ln -s / %s/top", rig->root);
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/top\",\"type\":\"tmpfs\"}");
	RIG_REFUSED(rig, &run, -EPERM, "mounts[0].destination: ");
}

/* P04, P05: a directory of the image turns into a link and back all the time;
 * no mount may end up, and nothing be made, outside. */
static pid_t start_racer(const struct rig *rig)
{
	char dir[PATH_MAX], link[PATH_MAX];
	pid_t pid;

	snprintf(dir, sizeof(dir), "%s/vol", rig->root);
	snprintf(link, sizeof(link), "%s/swap", rig->root);
	pid = fork();
	if (pid)
		return pid;
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link,
			2 /* RENAME_EXCHANGE */);
}

static int race_mounts(struct rig *rig, struct rootfs *r)
{
	char line[4096], point[2048];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	(void)r;
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " race ") &&
		    (sscanf(line, "%*d %*d %*s %*s %2047s", point) != 1 ||
		     strncmp(point, rig->root, strlen(rig->root))))
			return rig_fail(rig, "%s", line);
	if (f)
		fclose(f);
	return 0;
}

static void test_exchange_race(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = "{\"destination\":\"/vol/a/b\",\"type\":\"tmpfs\","
			  "\"source\":\"race\"},"
			  "{\"destination\":\"/vol/c\",\"type\":\"tmpfs\","
			  "\"source\":\"race\"},"
			  "{\"destination\":\"/vol/d/f\",\"type\":\"bind\","
			  "\"source\":\"/etc/passwd\","
			  "\"options\":[\"bind\"]}",
		.between = race_mounts,
		.without = CLONE_NEWNET,
	};
	struct snap before, after;
	int ok = 0, refused = 0;
	pid_t racer;

	RIG_ROOT_ONLY(state);
	rig_sh("mkdir -p %s/vol && ln -s %s %s/swap", rig->root, rig->marker,
	       rig->root);
	snap(rig, &before);
	racer = start_racer(rig);
	for (int i = 0; i < 300; i++) {
		int ret = rig_run(rig, &run);

		if (ret == -ECANCELED)
			fail_msg("%s", rig->out->note);
		ret ? refused++ : ok++;
	}
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	snap(rig, &after);
	assert_true(snap_equal(&before, &after));
	/* a race never won proves nothing: the link was met, and led inside */
	rig_sh("test -e %s/%s", rig->root, rig->marker);
	print_message("race: %d came up, %d were refused\n", ok, refused);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_proc_and_sys_links),      T(test_links_in_usual_places),
		T(test_linked_dev_stays_inside), T(test_mounts_over_proc),
		T(test_exchange_race),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
