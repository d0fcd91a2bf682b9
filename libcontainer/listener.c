/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/listener.h"

#include <errno.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/sock.h"
#include "base/str.h"
#include "libcontainer/process/process.h"
#include "spec/spec.h"

int listener_connect(const struct spec_seccomp *profile, struct err *err)
{
	int fd;

	if (!profile->set || !spec_seccomp_notifies(profile))
		return -ENODATA;
	fd = sock_connect(profile->listener_path);
	if (fd < 0)
		return err_at(err, fd, "linux.seccomp.listenerPath",
			      "failed to connect with seccomp agent '%s': %s",
			      profile->listener_path, err_text(fd));
	return fd;
}

int listener_payload(const char *oci_version,
		     const struct spec_seccomp *profile, pid_t pid,
		     const char *state, struct seccomp_notify *out,
		     struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct json_gen g;

	json_gen_init(&g, &text, false);
	json_gen_object(&g, NULL);
	json_gen_str(&g, "ociVersion", oci_version);
	json_gen_array(&g, "fds");
	json_gen_str(&g, NULL, "seccompFd");
	json_gen_end_array(&g);
	json_gen_i64(&g, "pid", pid);
	if (profile->listener_metadata)
		json_gen_str(&g, "metadata", profile->listener_metadata);
	/* a finished document: goes in as it is */
	strbuf_add(&text, ",\"state\":");
	strbuf_add(&text, state);
	strbuf_add(&text, "}");
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	out->len = text.len;
	out->payload = take_ptr(&text.s);
	return 0;
}
