/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

static bool is_node(const char *path, mode_t mode, dev_t dev, uid_t uid,
		    gid_t gid)
{
	struct stat st;

	return !lstat(path, &st) && st.st_mode == mode && st.st_rdev == dev &&
	       st.st_uid == uid && st.st_gid == gid;
}

static int listed_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig,
		  is_node("/dev/null", S_IFCHR | 0600, makedev(1, 3), 0, 0));
	RIG_CHECK(rig, is_node("/dev/net/tun", S_IFCHR | 0666, makedev(10, 200),
			       0, 0));
	RIG_CHECK(rig,
		  is_node("/dev/blk", S_IFBLK | 0640, makedev(7, 0), 1, 2));
	RIG_CHECK(rig, is_node("/opt/a/fifo", S_IFIFO | 0622, 0, 5, 0));
	RIG_CHECK(rig, !stat("/dev/net", &st) && (st.st_mode & 07777) == 0755);
	RIG_CHECK(rig, !lstat("/dev/ptmx", &st) && S_ISLNK(st.st_mode));
	return 0;
}

static void test_listed_devices(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT "," DEV_MOUNT,
		.linux_ = ",\"devices\":["
			  "{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,"
			  "\"minor\":3,\"fileMode\":384},"
			  "{\"path\":\"/dev/net/tun\",\"type\":\"c\","
			  "\"major\":10,\"minor\":200,\"fileMode\":8630},"
			  "{\"path\":\"/dev/blk\",\"type\":\"b\",\"major\":7,"
			  "\"minor\":0,\"fileMode\":416,\"uid\":1,\"gid\":2},"
			  "{\"path\":\"/dev/ptmx\",\"type\":\"c\",\"major\":5,"
			  "\"minor\":2},"
			  "{\"path\":\"/opt/a/fifo\",\"type\":\"p\","
			  "\"fileMode\":402,\"uid\":5}]",
		.inside = listed_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
}

#define ONE_DEVICE                                                       \
	",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1," \
	"\"minor\":5}]"

static int present_inside(struct rig *rig)
{
	RIG_CHECK(rig, is_node("/dev/x", S_IFCHR | 0644, makedev(1, 5), 0, 0));
	RIG_CHECK(rig,
		  is_node("/dev/full", S_IFCHR | 0666, makedev(1, 7), 0, 0));
	return 0;
}

/* Without a mount on /dev the image's own directory is filled. */
static void test_image_dev(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT,
		.linux_ = ONE_DEVICE,
		.inside = present_inside,
	};

	RIG_ROOT_ONLY(state);
	rig_sh("cd %s && mkdir dev && mknod -m 644 dev/x c 1 5 && touch dev/fd",
	       rig->root);
	RIG_OK(rig, &run);
	rig_sh("cd %s && rm dev/x && mknod dev/x c 1 3", rig->root);
	RIG_REFUSED(rig, &run, -EEXIST, "linux.devices[0]: ");
	rig_sh("cd %s && rm dev/x && mknod dev/x b 1 5", rig->root);
	RIG_REFUSED(rig, &run, -EEXIST, "linux.devices[0]: ");
	rig_sh("cd %s && rm dev/x && ln -s zero dev/x", rig->root);
	RIG_REFUSED(rig, &run, -EEXIST, "linux.devices[0]: ");
	rig_sh("cd %s && rm dev/x dev/tty && touch dev/tty", rig->root);
	RIG_REFUSED(rig, &run, -EEXIST, "'/dev/tty'");
}

static int over_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, rig_text("/dev/null", "host\n"));
	RIG_CHECK(rig, rig_text("/dev/x", "host\n"));
	RIG_CHECK(rig,
		  !stat("/dev/random", &st) && st.st_rdev == makedev(1, 9));
	return 0;
}

/* "docker run -v /dev/urandom:/dev/random": the mount is what is wanted. */
static void test_mounts_on_devices(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		"," DEV_MOUNT
		",{\"destination\":\"/dev/random\",\"type\":\"bind\","
		"\"source\":\"/dev/urandom\",\"options\":[\"rbind\"]},"
		"{\"destination\":\"/dev/./null\",\"type\":\"bind\","
		"\"source\":\"../marker/file\",\"options\":[\"rbind\"]},"
		"{\"destination\":\"/dev/x\",\"type\":\"bind\","
		"\"source\":\"../marker/file\",\"options\":[\"rbind\"]}",
		.inside = over_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
	run.userns = true;
	rig_sh("chown -R %d:%d %s", RIG_MAP_HOST, RIG_MAP_HOST, rig->root);
	RIG_OK(rig, &run);
	run.linux_ = ONE_DEVICE; /* /dev/x, which is none */
	RIG_REFUSED(rig, &run, -EEXIST, "linux.devices[0]: ");
}

static int ptmx_inside(struct rig *rig)
{
	char text[32];
	ssize_t n = readlink("/dev/ptmx", text, sizeof(text));

	RIG_CHECK(rig, n == 8 && !memcmp(text, "pts/ptmx", 8));
	return 0;
}

static void test_ptmx_is_replaced(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = { .mounts = PROC_MOUNT, .inside = ptmx_inside };

	RIG_ROOT_ONLY(state);
	rig_sh("mkdir %s/dev && mknod %s/dev/ptmx c 5 2", rig->root, rig->root);
	RIG_OK(rig, &run);
	RIG_OK(rig, &run); /* and again over hull's own */
	rig_sh("ln -sf /x %s/dev/ptmx", rig->root);
	RIG_OK(rig, &run);
}

static int bound_inside(struct rig *rig)
{
	RIG_CHECK(rig, access("/dev/null", F_OK) < 0);
	RIG_CHECK(rig, access("/dev/ptmx", F_OK) == 0); /* the marker's */
	RIG_CHECK(rig, access("/dev/fd", F_OK) < 0);
	return 0;
}

static void test_bound_dev_is_left_alone(void **state)
{
	struct rig *rig = *state;
	struct rig_run run = {
		.mounts = PROC_MOUNT
		",{\"destination\":\"/dev/\",\"type\":\"none\","
		"\"source\":\"../marker\",\"options\":[\"rbind\"]}",
		.inside = bound_inside,
	};

	RIG_ROOT_ONLY(state);
	RIG_OK(rig, &run);
	run.linux_ = ONE_DEVICE;
	RIG_REFUSED(rig, &run, -ENOENT, "linux.devices[0]: ");
}

static int cwd_inside(struct rig *rig)
{
	struct stat st;

	RIG_CHECK(rig, !stat("/a/b c", &st) && (st.st_mode & 07777) == 0755);
	return 0;
}

static void test_cwd_is_made(void **state)
{
	static const char json[] =
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
		"\"process\":{\"args\":[\"x\"],\"cwd\":\"%s\"},"
		"\"mounts\":[" PROC_MOUNT "],"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";
	struct rig *rig = *state;
	struct rig_run run = { .inside = cwd_inside };
	char text[2048];

	RIG_ROOT_ONLY(state);
	snprintf(text, sizeof(text), json, "/a/b c");
	if (rig_run_json(rig, &run, text) || rig->out->inside)
		fail_msg("%s %s", rig->out->err.msg, rig->out->note);
	rig_sh("touch %s/file", rig->root);
	snprintf(text, sizeof(text), json, "/file");
	assert_int_equal(rig_run_json(rig, &run, text), -ENOTDIR);
	assert_string_equal(rig->out->err.field, "process.cwd");
	/* F03: no way out through a descriptor that hull holds */
	for (int fd = 3; fd < 12; fd++) {
		char cwd[32];

		snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
		snprintf(text, sizeof(text), json, cwd);
		assert_int_not_equal(rig_run_json(rig, &run, text), 0);
		assert_string_equal(rig->out->err.field, "process.cwd");
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_listed_devices),          T(test_image_dev),
		T(test_mounts_on_devices),       T(test_ptmx_is_replaced),
		T(test_bound_dev_is_left_alone), T(test_cwd_is_made),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
