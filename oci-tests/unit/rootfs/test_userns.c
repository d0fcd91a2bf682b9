/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/magic.h>
#include <sys/statfs.h>

#include "rig.h"

/* Containers with a user namespace, and id-mapped mounts. */

#define SYS_MOUNT                                                            \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"," \
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}"
#define CGROUP_MOUNT                                                          \
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","            \
	"\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"," \
	"\"ro\"]}"

static void own_rootfs(const struct rig *rig)
{
	rig_sh("chown -R %d:%d %s", RIG_MAP_HOST, RIG_MAP_HOST, rig->root);
}

static int full_inside(struct rig *rig)
{
	struct stat st;
	int fd;

	RIG_CHECK(rig, !stat("/dev/null", &st) && S_ISCHR(st.st_mode) &&
			       st.st_rdev == makedev(1, 3));
	fd = open("/dev/null", O_RDWR);
	RIG_CHECK(rig, fd >= 0 && write(fd, "x", 1) == 1);
	RIG_CHECK(rig, open("/dev/zero", O_RDONLY) >= 0);
	RIG_CHECK(rig, open("/dev/urandom", O_RDONLY) >= 0);
	RIG_CHECK(rig, rig_mount_is("/sys", "ro,nosuid,nodev,noexec"));
	RIG_CHECK(rig, strstr(rig_mountinfo("/dev/console"), "devpts") != NULL);
	RIG_CHECK(rig, rig_mount_is("/proc/sys", "ro,"));
	RIG_CHECK(rig, !stat("/proc/keys", &st) && S_ISCHR(st.st_mode));
	RIG_CHECK(rig, rig_mount_is("/sys/firmware", "ro,"));
	RIG_CHECK(rig, mkdir("/new", 0700) < 0 && errno == EROFS);
	return 0;
}

static void test_template(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," DEV_MOUNT "," PTS_MOUNT_USERNS
		",{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\"},"
		"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\"}," SYS_MOUNT
		"," CGROUP_MOUNT,
		.linux_ = ",\"maskedPaths\":[\"/proc/keys\",\"/sys/firmware\","
			  "\"/proc/acpi\"],\"readonlyPaths\":[\"/proc/sys\"]",
		.root = ",\"readonly\":true",
		.userns = true,
		.terminal = true,
		.inside = full_inside,
	};

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	RIG_OK(rig, &run);
}

/* Neither the rootfs nor the source can be reached by the mapped root. */
static int hidden_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_text("/m/file", "host\n"));
	RIG_CHECK(rig, rig_mount_is("/m", "ro,"));
	RIG_CHECK(rig, !access("/host/etc/passwd", F_OK));
	RIG_CHECK(rig, access("/host/m", F_OK) < 0); /* not our own root */
	RIG_CHECK(rig, access("/bundle", F_OK) < 0);
	return 0;
}

static void test_out_of_reach(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/m\",\"type\":\"bind\","
		"\"source\":\"../marker\",\"options\":[\"rbind\",\"ro\"]},"
		"{\"destination\":\"/host\",\"type\":\"bind\","
		"\"source\":\"/\",\"options\":[\"rbind\"]}",
		.userns = true,
		.inside = hidden_inside,
	};

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	rig_sh("chmod 700 %s", rig->base);
	RIG_OK(rig, &run);
	run.no_pivot = true;
	RIG_OK(rig, &run);
}

/* The network namespace is the host's: its /sys stands in, read-only to the
 * last mount (P21). */
static int host_sys_inside(struct rig *rig)
{
	char line[4096], point[2048], opts[512];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int count = 0;

	RIG_CHECK(rig, f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %*s %*s %2047s %511s", point, opts) !=
			    2 ||
		    strncmp(point, "/sys", 4))
			continue;
		count++;
		if (strncmp(opts, "ro,nosuid,nodev,noexec", 22))
			return rig_fail(rig, "%s", line);
	}
	RIG_CHECK(rig, count > 0);
	return 0;
}

static void test_host_network(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," SYS_MOUNT,
		.userns = true,
		.without = CLONE_NEWNET,
		.inside = host_sys_inside,
	};

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	RIG_OK(rig, &run);
	/* also proc and mqueue of the host's own namespaces */
	run.mounts =
		PROC_MOUNT ",{\"destination\":\"/mq\",\"type\":\"mqueue\"}";
	run.without = CLONE_NEWPID;
	run.inside = NULL;
	RIG_OK(rig, &run);
}

/*
 * A proc or sysfs that is whole somewhere in the namespace would entitle the
 * container's root, or who makes a user namespace in there, to mount one of
 * his own, without any masks.
 */
static int no_proc_inside(struct rig *rig)
{
	RIG_CHECK(rig, mount("p", "/etc", "proc", 0, NULL) < 0);
	RIG_CHECK(rig, mount("s", "/etc", "sysfs", 0, NULL) < 0);
	return 0;
}

static int no_nested_proc_inside(struct rig *rig)
{
	int status;
	pid_t pid;

	RIG_CHECK(rig, !unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
				CLONE_NEWNET));
	pid = fork();
	if (!pid)
		_exit(no_proc_inside(rig));
	waitpid(pid, &status, 0);
	return status;
}

static void test_no_hidden_proc(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = DEV_MOUNT,
		.userns = true,
		.inside = no_proc_inside,
	};

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	RIG_OK(rig, &run);
	run.inside = no_nested_proc_inside;
	for (int i = 0; i < 4; i++) {
		run.no_pivot = i & 1;
		run.userns = i & 2;
		RIG_OK(rig, &run);
	}
	rig_sh("chmod 700 %s", rig->base); /* the root goes on top of "/" */
	run.no_pivot = false;
	RIG_OK(rig, &run);
	run.inside = no_proc_inside;
	RIG_OK(rig, &run);
}

/* ---- locked attributes */

/* A place that the mapped root can reach whatever $TMPDIR is; the mount
 * namespace is private. */
#define LOCKED "/mnt"
#define LOCKED_BIND(dest, source, opt)                                         \
	"{\"destination\":\"" dest "\",\"type\":\"bind\",\"source\":\"" source \
	"\",\"options\":[\"bind\",\"" opt "\"]}"

static bool locked_by_kernel;

static int locked_inside(struct rig *rig)
{
	RIG_CHECK(rig, rig_mount_is("/a", "ro,nosuid,nodev,"));
	RIG_CHECK(rig, rig_mount_is("/b", "rw,nosuid,nodev,noexec,"));
	/* and CAP_SYS_ADMIN in there cannot lift them */
	if (locked_by_kernel)
		RIG_CHECK(rig, mount(NULL, "/b", NULL, MS_REMOUNT | MS_BIND,
				     NULL) < 0);
	return 0;
}

static void test_locked_attributes(void **state)
{
	static const struct {
		const char *good, *suid, *noatime;
	} cases[] = {
#define CASE(source)                                                      \
	{ PROC_MOUNT "," LOCKED_BIND("/a", source, "ro") "," LOCKED_BIND( \
		  "/b", source, "noexec"),                                \
	  LOCKED_BIND("/a", source, "suid"),                              \
	  LOCKED_BIND("/a", source, "noatime") }
		CASE(LOCKED), CASE("../locked"), /* cloned by the parent */
	};
	struct rig *rig = *state;

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	rig_sh("mount -t tmpfs -o nosuid,nodev l " LOCKED " && cd %s && "
	       "mkdir locked && mount --bind " LOCKED " locked && chmod 700 .",
	       rig->base);
	for (size_t i = 0; i < 2; i++) {
		struct rig_run run = {
			.mounts = cases[i].good,
			.userns = true,
			.inside = locked_inside,
		};

		locked_by_kernel = i == 0;
		RIG_OK(rig, &run);
		run.inside = NULL;
		run.mounts = cases[i].suid;
		RIG_REFUSED(rig, &run, -EPERM,
			    "mounts[0].options: cannot clear");
		run.mounts = cases[i].noatime;
		RIG_REFUSED(rig, &run, -EPERM, "mounts[0].options: ");
	}
	assert_int_equal(umount2(LOCKED, MNT_DETACH), 0);
}

/* ---- id-mapped mounts */

/* A user namespace that maps 0.. to @host.., as a descriptor. */
static int userns_make(int host)
{
	char path[64], text[64];
	int sync[2], fd;
	pid_t pid;

	if (pipe2(sync, O_CLOEXEC))
		return -1;
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		char c;

		close(sync[1]);
		_exit(read(sync[0], &c, 1) > 0);
	}
	snprintf(text, sizeof(text), "0 %d 65536\n", host);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	if (rig_write(path, text))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	if (rig_write(path, text))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	close(sync[0]);
	close(sync[1]);
	waitpid(pid, NULL, 0);
	return fd;
}

static bool owned(const char *path, uid_t uid)
{
	struct stat st;

	return !stat(path, &st) && st.st_uid == uid && st.st_gid == uid;
}

static int idmap_inside(struct rig *rig)
{
	RIG_CHECK(rig, owned("/own/file", 5000 + 7));
	RIG_CHECK(rig, owned("/plain/file", 7));
	RIG_CHECK(rig, owned("/own/sub/deep", 9)); /* another mount: not so */
	RIG_CHECK(rig, owned("/all/file", 5000 + 7));
	RIG_CHECK(rig, owned("/all/sub/deep", 5000 + 9));
	RIG_CHECK(rig, strstr(rig_mountinfo("/own"), "ro,") != NULL);
	RIG_CHECK(rig, strstr(rig_mountinfo("/own"), "idmapped") != NULL);
	return 0;
}

#define MAPS                                                                   \
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":65536}]" \
	",\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":65536}]"

static void test_idmap(void **state)
{
	struct rig *rig = *state;
	int fds[] = { -1, -1, -1, -1 };
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/own\",\"type\":\"bind\","
		"\"source\":\"../idm\",\"options\":[\"rbind\",\"idmap\","
		"\"ro\"]," MAPS "},"
		"{\"destination\":\"/plain\",\"type\":\"bind\","
		"\"source\":\"../idm\",\"options\":[\"rbind\"]},"
		"{\"destination\":\"/all\",\"type\":\"bind\","
		"\"source\":\"../idm\",\"options\":[\"rbind\",\"ridmap\"]," MAPS
		"}",
		.mount_userns_fds = fds,
		.inside = idmap_inside,
	};

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && mkdir idm && mount -t tmpfs i idm && touch idm/file "
	       "&& chown 7:7 idm/file && mkdir idm/sub && "
	       "mount -t tmpfs j idm/sub && touch idm/sub/deep && "
	       "chown 9:9 idm/sub/deep",
	       rig->base);
	fds[1] = fds[3] = userns_make(5000);
	assert_true(fds[1] >= 0);
	RIG_OK(rig, &run);
	close(fds[1]);
}

static int idmap_userns_inside(struct rig *rig)
{
	RIG_CHECK(rig, owned("/m/file", 7)); /* as on disk */
	return 0;
}

/* The container's own user namespace serves where a mount has no mappings. */
static void test_idmap_of_the_container(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/m\",\"type\":\"bind\","
		"\"source\":\"../idm\",\"options\":[\"rbind\",\"idmap\"]}",
		.userns = true,
		.inside = idmap_userns_inside,
	};

	RIG_ROOT_ONLY(state);
	own_rootfs(rig);
	rig_sh("cd %s && mkdir idm && mount -t tmpfs i idm && touch idm/file "
	       "&& chown 7:7 idm/file",
	       rig->base);
	run.userns_fd = userns_make(RIG_MAP_HOST);
	assert_true(run.userns_fd >= 0);
	RIG_OK(rig, &run);
	close(run.userns_fd);
	run.userns_fd = 0;
	RIG_REFUSED(rig, &run, -EINVAL, "mounts[1].options: idmap needs");
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_template),
		T(test_out_of_reach),
		T(test_host_network),
		T(test_locked_attributes),
		T(test_no_hidden_proc),
		T(test_idmap),
		T(test_idmap_of_the_container),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
