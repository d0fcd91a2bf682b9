/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/sock.h"
#include "base/str.h"
#include "microvm/proto/proto.h"

/* Questions to the agent in a guest: one stream each. Its answers are data. */

#define ANSWER_MS 10000
#define MAX_ERRNO 4096

/* An errno of the guest's choice; -ENOTSUP is hull's word for "no microVM". */
static int code_of(int told)
{
	return told < 0 && told > -MAX_ERRNO && told != -ENOTSUP ? told : -EIO;
}

static int read_reply(int fd, char **json, struct err *err)
{
	struct proto_msg msg = { 0 };
	struct proto_reply reply;
	char why[512];
	int ret = proto_recv(fd, ANSWER_MS, &msg);

	if (ret == 0 || ret == -EPIPE || ret == -ECONNRESET)
		return err_set(err, -ECONNRESET,
			       "the microVM's agent does not answer");
	if (ret < 0)
		return err_code(err, ret, "no answer of the microVM's agent");
	if (msg.type == PROTO_ERROR) {
		struct err told = { 0 };

		proto_get_err(&msg, &told);
		proto_msg_release(&msg);
		if (err)
			*err = told;
		return code_of(told.code);
	}
	if (msg.type != PROTO_REPLY || msg.len < sizeof(reply)) {
		proto_msg_release(&msg);
		return err_set(err, -EPROTO,
			       "unexpected answer of the microVM's agent");
	}
	memcpy(&reply, msg.data, sizeof(reply));
	ret = 0;
	if (reply.code) {
		snprintf(why, sizeof(why), "%s", msg.data + sizeof(reply));
		proto_clean(why, sizeof(why));
		ret = err_set(err, code_of(reply.code), "in the guest: %s",
			      why);
	} else if (json)
		*json = strndup(msg.data + sizeof(reply),
				msg.len - sizeof(reply));
	proto_msg_release(&msg);
	if (!ret && json && !*json)
		ret = err_set(err, -ENOMEM, "out of memory");
	return ret;
}

static int ask(const struct ct *ct, enum proto_type type, const void *tail,
	       size_t len, char **json, struct err *err)
{
	auto_fd int fd = sock_connect_at(ct->dir_fd, VM_SOCKET);
	int ret;

	if (fd < 0)
		return err_code(err, fd, "cannot reach the microVM");
	ret = proto_send(fd, type, NULL, 0, tail, len);
	if (ret)
		return err_code(err, ret, "cannot ask the microVM's agent");
	return read_reply(fd, json, err);
}

/*
 * JSON of the guest goes into documents of hull's: parsed and written again, so
 * that it is nothing but one well-formed value of the expected type.
 */
static int ask_json(const struct ct *ct, enum proto_type type,
		    enum json_type want, char **json, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	auto_free char *raw = NULL;
	const struct json *v;
	struct json_gen g;
	int ret;

	ret = ask(ct, type, NULL, 0, &raw, err);
	if (ret)
		return ret;
	v = json_parse(&arena, raw, strlen(raw), err);
	if (!v || v->type != want)
		return err_set(err, -EPROTO,
			       "the microVM's agent did not answer with %s",
			       json_type_name(want));
	json_gen_init(&g, &text, false);
	json_gen_value(&g, NULL, v);
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	*json = take_ptr(&text.s);
	return 0;
}

int vm_agent_ps(const struct ct *ct, char **json, struct err *err)
{
	return ask_json(ct, PROTO_PS, JSON_ARRAY, json, err);
}

int vm_agent_stats(const struct ct *ct, char **json, struct err *err)
{
	return ask_json(ct, PROTO_STATS, JSON_OBJECT, json, err);
}

int vm_agent_update(const struct ct *ct, const char *resources, size_t len,
		    struct err *err)
{
	return ask(ct, PROTO_UPDATE, resources, len, NULL, err);
}
