/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "oci-tests/unit/libcontainer/lab.h"

/*
 * Damaged state files (S15). A sentinel owns the pid in each of them: whatever
 * the file says, it must not be signalled, and `delete -f` ends clean.
 */

static int tried;

static void expect_broken(const struct lab *lab, pid_t sentinel,
			  const char *what)
{
	struct hull_state *list = NULL;
	struct err err = { 0 };
	size_t count = 0;
	int ret;

	tried++;
	ret = hull_list(&lab->ctx, &list, &count, &err);
	if (ret || count != 1 || !list[0].problem || list[0].pid)
		fail_msg("%s: list: %d, %zu", what, ret, count);
	hull_state_release(&list[0]);
	free(list);
	ret = hull_kill(&lab->ctx, "k1", SIGKILL, false, &err);
	if (ret != -EBADMSG && ret != -ESRCH)
		fail_msg("%s: kill: %d", what, ret);
	if (hull_kill(&lab->ctx, "k1", SIGTERM, true, NULL) == 0 &&
	    lab_exists(lab, "k1", "state.json"))
		fail_msg("%s: kill --all", what);
	if (hull_pause(&lab->ctx, "k1", NULL) != -EBADMSG ||
	    hull_wait(&lab->ctx, "k1", &ret, NULL) != -EBADMSG)
		fail_msg("%s: pause or wait", what);
	lab_delete(lab, "k1");
	if (!lab_lives(sentinel))
		fail_msg("%s: the sentinel is dead", what);
}

/* A container's directory as a sound one has it. */
static void remake(const struct lab *lab)
{
	char path[PATH_MAX];

	lab_path(lab, "k1", NULL, path);
	assert_int_equal(mkdir(path, 0700), 0);
	lab_write(lab, "k1", "config.json", "{}", 2);
}

static void mutate(const struct lab *lab, const char *text, size_t len,
		   pid_t sentinel, const char *what)
{
	remake(lab);
	lab_write(lab, "k1", "state.json", text, len);
	expect_broken(lab, sentinel, what);
}

static char *sound_text(const struct lab *lab, pid_t pid, size_t *len)
{
	char *text;

	lab_make(lab, "k1", pid, true);
	text = lab_read(lab, "k1", "state.json", len);
	assert_int_equal(lab_status(lab, "k1"), HULL_RUNNING);
	lab_write(lab, "k1", "state.json", "", 0);
	lab_delete(lab, "k1");
	return text;
}

static void test_truncated(void **state)
{
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char what[64];
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (size_t i = 0; i < len; i++) {
		snprintf(what, sizeof(what), "cut at %zu", i);
		mutate(lab, text, i, sentinel, what);
	}
	lab_end(sentinel);
}

static void test_flipped(void **state)
{
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char what[64];
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		snprintf(what, sizeof(what), "bit %zu", bit);
		mutate(lab, text, len, sentinel, what);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = was == 'x' ? 'y' : 'x';
		snprintf(what, sizeof(what), "byte %zu", i);
		mutate(lab, text, len, sentinel, what);
		text[i] = was;
	}
	lab_end(sentinel);
}

/* A byte too many, or one missing. */
static void test_shifted(void **state)
{
	static const char added[] = "0\"}";
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char out[4096], what[64];
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (size_t i = 0; i < len; i++) {
		memcpy(out, text, i);
		memcpy(out + i, text + i + 1, len - i - 1);
		snprintf(what, sizeof(what), "without byte %zu", i);
		mutate(lab, out, len - 1, sentinel, what);
		memcpy(out + i + 1, text + i, len - i);
		for (size_t k = 0; k < sizeof(added) - 1; k++) {
			out[i] = added[k];
			snprintf(what, sizeof(what), "with %c at %zu", added[k],
				 i);
			mutate(lab, out, len + 1, sentinel, what);
		}
	}
	lab_end(sentinel);
}

/* With the sum put right: each member is checked for itself. */
static size_t resum(char *text, size_t size)
{
	char *sum = strstr(text, ",\"sum\"");
	uint64_t h = 0xcbf29ce484222325u;

	assert_non_null(sum);
	for (const char *p = text; p < sum; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	snprintf(sum, size - (size_t)(sum - text),
		 ",\"sum\":\"%016" PRIx64 "\"}\n", h);
	return strlen(text);
}

static const char *const swaps[] = {
	"null",
	"true",
	"\"\"",
	"\"x\"",
	"[]",
	"{}",
	"-1",
	"1.5",
	"1e300",
	"18446744073709551616",
	"99999999999999999999999999999",
};

/* Replace the value of "key": by another. */
static void replace(char *out, size_t size, const char *text, const char *key,
		    const char *value)
{
	const char *at = strstr(text, key), *end;
	int depth = 0;

	assert_non_null(at);
	at += strlen(key);
	for (end = at; depth || !strchr(",}", *end); end++)
		depth += *end == '{' ? 1 : *end == '}' ? -1 : 0;
	snprintf(out, size, "%.*s%s%s", (int)(at - text), text, value, end);
}

/* What is no damage: a string where a string belongs, an odd time. */
static bool is_fine(const char *key, const char *value)
{
	if (!strcmp(value, "\"\"") || !strcmp(value, "\"x\""))
		return !strcmp(key, "\"ociVersion\":") ||
		       !strcmp(key, "\"bundle\":") ||
		       !strcmp(key, "\"rootfs\":") ||
		       (!strcmp(key, "\"path\":") && !value[2]);
	if (!strcmp(value, "-1"))
		return !strcmp(key, "\"created\":") ||
		       !strcmp(key, "\"started\":");
	if (!strcmp(value, "true"))
		return !strcmp(key, "\"letGo\":");
	return false;
}

static void test_types(void **state)
{
	static const char *const keys[] = {
		"\"hull\":",    "\"id\":",        "\"ociVersion\":",
		"\"bundle\":",  "\"rootfs\":",    "\"created\":",
		"\"started\":", "\"owner\":",     "\"pid\":",
		"\"letGo\":",   "\"startTime\":", "\"namespaces\":",
		"\"cgroup\":",  "\"manager\":",   "\"mode\":",
		"\"v1\":",      "\"path\":",
	};
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char out[4096], what[128];
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		for (size_t v = 0; v < ARRAY_SIZE(swaps); v++) {
			if (is_fine(keys[k], swaps[v]))
				continue;
			replace(out, sizeof(out), text, keys[k], swaps[v]);
			len = resum(out, sizeof(out));
			snprintf(what, sizeof(what), "%s%s", keys[k], swaps[v]);
			mutate(lab, out, len, sentinel, what);
		}
	}
	lab_end(sentinel);
}

static void test_values(void **state)
{
	static const char *const bad[][2] = {
		{ "\"pid\":", "1" },
		{ "\"pid\":", "4194305" },
		{ "\"startTime\":", "0" },
		{ "\"hull\":", "2" },
		{ "\"id\":", "\"k2\"" },
		{ "\"namespaces\":", "1" },
		{ "\"namespaces\":", "4294967295" },
		{ "\"manager\":", "3" },
		{ "\"mode\":", "3" },
		{ "\"v1\":", "64" },
		{ "\"path\":", "\"/\"" },
		{ "\"path\":", "\"/x\"" }, /* with the manager "disabled" */
		{ "\"manager\":", "0" },   /* with the path "" */
		{ "\"cgroup\":",
		  "{\"manager\":0,\"mode\":0,\"v1\":0,\"path\":\"/\"}" },
		{ "\"cgroup\":",
		  "{\"manager\":0,\"mode\":0,\"v1\":0,\"path\":\"x\"}" },
		{ "\"cgroup\":",
		  "{\"manager\":0,\"mode\":0,\"v1\":0,\"path\":\"/a/../b\"}" },
		{ "\"cgroup\":",
		  "{\"manager\":0,\"mode\":0,\"v1\":0,\"path\":\"/a/\"}" },
		{ "\"cgroup\":",
		  "{\"manager\":0,\"mode\":0,\"v1\":0,\"path\":\"//a\"}" },
	};
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char out[4096], what[128];
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		replace(out, sizeof(out), text, bad[i][0], bad[i][1]);
		len = resum(out, sizeof(out));
		snprintf(what, sizeof(what), "%s%s", bad[i][0], bad[i][1]);
		mutate(lab, out, len, sentinel, what);
	}
	lab_end(sentinel);
}

/* The pid is the sentinel's, the start time is not: a pid used again. */
static void test_recycled_pid(void **state)
{
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	auto_free char *text = NULL;
	char out[4096], time[32];
	struct err err = { 0 };
	size_t len;

	text = sound_text(lab, sentinel, &len);
	for (int delta = -1; delta <= 1; delta += 2) {
		snprintf(time, sizeof(time), "%llu",
			 (unsigned long long)lab_start_time(sentinel) +
				 (unsigned long long)delta);
		replace(out, sizeof(out), text, "\"startTime\":", time);
		len = resum(out, sizeof(out));
		remake(lab);
		lab_write(lab, "k1", "state.json", out, len);
		assert_int_equal(lab_status(lab, "k1"), HULL_STOPPED);
		assert_int_equal(hull_kill(&lab->ctx, "k1", 9, false, &err),
				 -ESRCH);
		assert_string_equal(err.msg, "container not running");
		assert_int_equal(hull_kill(&lab->ctx, "k1", 9, true, NULL), 0);
		assert_int_equal(hull_delete(&lab->ctx, "k1", delta > 0, NULL),
				 0);
		assert_true(lab_lives(sentinel));
	}
	lab_end(sentinel);
}

static void make_special(const char *path, int kind)
{
	int fd;

	switch (kind) {
	case 0:
		assert_int_equal(mkfifo(path, 0600), 0);
		break;
	case 1:
		assert_int_equal(symlink("/etc/passwd", path), 0);
		break;
	case 2:
		assert_int_equal(symlink("config.json", path), 0);
		break;
	case 3:
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	case 4: /* sparse */
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(ftruncate(fd, (off_t)1 << 33), 0);
		close(fd);
		break;
	case 5:
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		close(fd);
		assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
		break;
	default:
		assert_int_equal(mknod(path, S_IFCHR | 0600, 0x105), 0);
		break;
	}
}

static void test_special_files(void **state)
{
	const struct lab *lab = *state;
	pid_t sentinel = lab_sleeper();
	char path[PATH_MAX], what[32];

	for (int kind = 0; kind < (geteuid() ? 6 : 7); kind++) {
		snprintf(what, sizeof(what), "kind %d", kind);
		remake(lab);
		lab_path(lab, "k1", "state.json", path);
		make_special(path, kind);
		expect_broken(lab, sentinel, what);
		/* and the same for the other names */
		lab_make(lab, "k1", 0, false);
		lab_path(lab, "k1", "config.json", path);
		make_special(path, kind);
		lab_path(lab, "k1", "gate.sock", path);
		make_special(path, kind);
		assert_int_equal(lab_status(lab, "k1"), HULL_STOPPED);
		lab_delete(lab, "k1");
	}
	lab_end(sentinel);
}

static void test_foreign_owner(void **state)
{
	const struct lab *lab = *state;
	auto_free char *text = NULL;
	char path[PATH_MAX];
	pid_t sentinel;
	size_t len;

	if (geteuid() != 0)
		skip();
	sentinel = lab_sleeper();
	text = sound_text(lab, sentinel, &len);
	for (int i = 0; i < 2; i++) {
		remake(lab);
		lab_write(lab, "k1", "state.json", text, len);
		lab_path(lab, "k1", i ? NULL : "state.json", path);
		assert_int_equal(chown(path, 1234, 1234), 0);
		expect_broken(lab, sentinel, "owner");
	}
	lab_end(sentinel);
}

static void test_count(void **state)
{
	(void)state;
	assert_true(tried >= 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_truncated),     LAB_TEST(test_flipped),
		LAB_TEST(test_shifted),       LAB_TEST(test_types),
		LAB_TEST(test_values),        LAB_TEST(test_recycled_pid),
		LAB_TEST(test_special_files), LAB_TEST(test_foreign_owner),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
