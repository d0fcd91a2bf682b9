/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-tests/unit/process/child.h"

#include <linux/keyctl.h>
#include <regex.h>

#include "base/proc.h"

/* ---- labels of security modules */
static void test_labels_without_module(void **state)
{
	const struct spec_process process = {
		.apparmor_profile = "unconfined",
		.selinux_label = "system_u:system_r:container_t:s0",
	};
	const struct process_ctx ctx = { .process = &process };
	struct err err = { 0 };

	(void)state;
	if (process_apparmor_enabled() || process_selinux_enabled())
		SKIP("a security module is on");
	assert_int_equal(process_check(&ctx, &err), -EOPNOTSUPP);
	assert_string_equal(err.field, "process.apparmorProfile");
	assert_string_equal(err.msg,
			    "process.apparmorProfile: 'unconfined' cannot be "
			    "applied: AppArmor is disabled or not supported\n"
			    "process.selinuxLabel: "
			    "'system_u:system_r:container_t:s0' cannot be "
			    "applied: SELinux is disabled or not supported");
}

static void test_empty_is_unset(void **state)
{
	const struct spec_process process = { .apparmor_profile = "",
					      .selinux_label = "" };
	const struct process_ctx ctx = { .process = &process };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(process_check(&ctx, &err), 0);
}

/* Never passed over in silence; and Podman finds its pattern. */
static void write_label(void *arg)
{
	const struct spec_process process = {
		.apparmor_profile = arg ? "hull-no-such-profile" : NULL,
		.selinux_label = arg ? NULL : "hull:no:such:label",
	};
	struct process_ctx ctx = { .process = &process };
	struct err err = { 0 };
	regex_t pattern;

	CHECK(!regcomp(&pattern, "`/proc/[a-z0-9-].+/attr.*/exec`",
		       REG_EXTENDED | REG_NOSUB));
	ctx.proc_fd = proc_root_open();
	CHECK(process_apply(&ctx, &err) < 0);
	CHECK(!strcmp(err.stage, "label"));
	CHECK(!regexec(&pattern, err.msg, 0, NULL, 0));
	CHECK(!strcmp(err.field, arg ? "process.apparmorProfile"
				     : "process.selinuxLabel"));
	regfree(&pattern);
}

static void test_label_refused_by_kernel(void **state)
{
	(void)state;
	child_ok(write_label, state);
	child_ok(write_label, NULL);
}

/* ---- session keyring (C08) */
static void describe(char *text, size_t size)
{
	long n = sys_keyctl(KEYCTL_DESCRIBE,
			    (unsigned long)KEY_SPEC_SESSION_KEYRING,
			    (unsigned long)text, size - 1);

	CHECK(n > 0);
	text[n] = '\0';
}

static void join(const char *name, bool is_exec, bool userns)
{
	const struct spec_process process = { 0 };
	const struct process_ctx ctx = {
		.process = &process,
		.proc_fd = -1,
		.keyring = name,
		.is_exec = is_exec,
		.userns = userns,
	};
	struct err err = { 0 };

	CHECK_OK(process_apply(&ctx, &err), &err);
}

static void new_keyring(void *arg)
{
	const bool userns = arg;
	char name[64], text[256] = "";
	unsigned int perm;

	if (sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0)
		_exit(CHILD_SKIP);
	snprintf(name, sizeof(name), "_ses.hull-unit-%d", getpid());
	join(name, false, userns);
	describe(text, sizeof(text));
	CHECK(!strcmp(strrchr(text, ';') + 1, name));
	CHECK(sscanf(text, "keyring;%*d;%*d;%x;", &perm) == 1);
	CHECK(perm & (userns ? 0x8 : 0x80000));
	CHECK((perm & ~(userns ? 0x8u : 0x80000u)) == 0x3f130000);
}

static void joined_keyring(void *arg)
{
	char name[64], text[256] = "";
	long first, second;

	(void)arg;
	if (sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0)
		_exit(CHILD_SKIP);
	snprintf(name, sizeof(name), "_ses.hull-unit-%d", getpid());
	join(name, false, false);
	first = sys_keyctl(KEYCTL_GET_KEYRING_ID,
			   (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	join(name, true, false);
	second = sys_keyctl(KEYCTL_GET_KEYRING_ID,
			    (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	CHECK(first > 0 && first == second);
	/* --no-new-keyring: the caller's own stays */
	join(NULL, false, false);
	describe(text, sizeof(text));
	CHECK(!strcmp(strrchr(text, ';') + 1, name));
}

static void test_keyring(void **state)
{
	(void)state;
	NEED_ROOT();
	child_ok(new_keyring, NULL);
	child_ok(new_keyring, state);
	child_ok(joined_keyring, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels_without_module),
		cmocka_unit_test(test_empty_is_unset),
		cmocka_unit_test(test_label_refused_by_kernel),
		cmocka_unit_test(test_keyring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
