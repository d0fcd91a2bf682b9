/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "spec/report.h"

/*
 * "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are the same file. As with
 * sysctl(8), the first separator tells which of the two forms it is: in the
 * form with slashes a dot belongs to a name ("net/ipv4/conf/eth0.1/rp_filter"),
 * in the form with dots a slash stands for that dot.
 */
static int file_name(const char *key, struct strbuf *out)
{
	size_t first = strcspn(key, "./");
	bool dotted = key[first] == '.';

	strbuf_add(out, "sys/");
	for (const char *s = key; *s; s++) {
		char c = *s;

		if (dotted && c == '.')
			c = '/';
		else if (dotted && c == '/')
			c = '.';
		strbuf_addn(out, &c, 1);
	}
	if (!strbuf_ok(out))
		return -ENOMEM;
	/* "net.//.kernel.core_pattern" must not pass for one of net's */
	if (SABOTAGED("sysctl_form"))
		return 0;
	return strstr(out->s, "/../") || str_ends(out->s, "/..") ? -EINVAL : 0;
}

static int write_one(int proc_fd, int *private_fd, const char *path,
		     const char *value)
{
	int ret;

	if (*private_fd >= 0)
		return proc_write(*private_fd, path, value);
	ret = proc_write(proc_fd, path, value);
	if (ret != -EXDEV && ret != -EROFS)
		return ret;
	/* an outer runtime has covered the host's /proc/sys */
	*private_fd = proc_private_open();
	return *private_fd < 0 ? ret : proc_write(*private_fd, path, value);
}

int process_sysctls(int proc_fd, const struct spec_linux *linux_,
		    struct err *err)
{
	const struct spec_path top = SPEC_PATH_KEY(NULL, "linux");
	const struct spec_path list = SPEC_PATH_KEY(&top, "sysctl");
	auto_fd int private_fd = -1;

	for (size_t i = 0; i < linux_->sysctl_count; i++) {
		const char *key = linux_->sysctls[i].key;
		const char *value = linux_->sysctls[i].value;
		const struct spec_path here = SPEC_PATH_KEY(&list, key);
		auto_strbuf struct strbuf path = STRBUF_INIT;
		char field[256];
		int ret;

		ret = file_name(key, &path);
		if (!ret)
			ret = write_one(proc_fd, &private_fd, path.s, value);
		if (!ret)
			continue;
		spec_path_text(&here, field, sizeof(field));
		return err_at(err, ret, field, "cannot write '%s': %s", value,
			      err_text(ret));
	}
	return 0;
}
