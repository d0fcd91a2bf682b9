/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "libcontainer/process/steps.h"

/*
 * securityfs is no witness: Podman unmounts it for the runtime when a container
 * has a user namespace, and profiles are applied through procfs.
 */
bool process_apparmor_enabled(void)
{
	auto_fd int fd = -1;
	char answer = 'N';

	fd = open("/sys/module/apparmor/parameters/enabled",
		  O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

bool process_selinux_enabled(void)
{
	auto_fd int fd =
		open("/sys/fs/selinux", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && path_is_fs(fd, SELINUX_MAGIC);
}

static bool is_set(const char *label)
{
	return label && *label;
}

int lsm_check(const struct process_ctx *ctx, struct err *err)
{
	const struct spec_process *process = ctx->process;
	int ret = 0;

	if (SABOTAGED("lsm_enabled"))
		return 0;
	if (is_set(process->apparmor_profile) && !process_apparmor_enabled())
		ret = err_add(err, -EOPNOTSUPP, "process.apparmorProfile",
			      "'%s' cannot be applied: AppArmor is disabled or "
			      "not supported",
			      process->apparmor_profile);
	if (is_set(process->selinux_label) && !process_selinux_enabled())
		ret = err_add(err, -EOPNOTSUPP, "process.selinuxLabel",
			      "'%s' cannot be applied: SELinux is disabled or "
			      "not supported",
			      process->selinux_label);
	return ret;
}

/* Podman looks for the attribute's path in back quotes. */
static int attr_error(struct err *err, int code, const char *field,
		      const char *attr)
{
	return err_at(err, code, field, "cannot write `/proc/%s`: %s", attr,
		      err_text(code));
}

/*
 * Linux 5.8 gave each LSM a directory of its own; the file directly in attr/
 * belongs to the first LSM that wants it, which on a stacked system may be
 * another one.
 */
static int apply_apparmor(const struct process_ctx *ctx, struct err *err)
{
	static const char field[] = "process.apparmorProfile";
	static const char own[] = "self/attr/apparmor/exec";
	static const char old[] = "self/attr/exec";
	auto_strbuf struct strbuf text = STRBUF_INIT;
	const char *attr = own;
	int ret;

	strbuf_addf(&text, "exec %s", ctx->process->apparmor_profile);
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	ret = proc_write(ctx->proc_fd, attr, text.s);
	if (ret == -ENOENT) {
		attr = old;
		ret = proc_write(ctx->proc_fd, attr, text.s);
	}
	return ret ? attr_error(err, ret, field, attr) : 0;
}

int step_label(struct apply *a, struct err *err)
{
	static const char attr[] = "self/attr/exec";
	const struct process_ctx *ctx = a->ctx;
	int ret = 0;

	if (is_set(ctx->process->apparmor_profile))
		ret = apply_apparmor(ctx, err);
	if (ret || !is_set(ctx->process->selinux_label))
		return ret;
	ret = proc_write(ctx->proc_fd, attr, ctx->process->selinux_label);
	return ret ? attr_error(err, ret, "process.selinuxLabel", attr) : 0;
}

int lsm_keyring_label(int proc_fd, const char *label, struct err *err)
{
	static const char attr[] = "self/attr/keycreate";
	int ret;

	/* an empty line resets; nothing at all would not reach the LSM */
	ret = proc_write(proc_fd, attr, label ? label : "\n");
	return ret ? attr_error(err, ret, "process.selinuxLabel", attr) : 0;
}
