/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "base/log.h"
#include "cmd/hull-agent/agent.h"
#include "cmd/hull-agent/net.h"
#include "spec/spec.h"

#define NS_PER_S 1000000000
#define INSN_DIGITS (2 * sizeof(struct sock_filter))

static int get_str(const struct json *obj, const char *key, const char **out,
		   struct err *err)
{
	const struct json *v = json_get(obj, key);

	if (!v)
		return 0;
	if (v->type != JSON_STRING)
		return err_at(err, -EINVAL, key, "expected a string, got %s",
			      json_type_name(v->type));
	*out = v->text;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int get_filter(struct arena *arena, const struct json *doc,
		      struct start *out, struct err *err)
{
	const char *text = NULL;
	uint64_t *insns;
	size_t len;
	int ret = get_str(doc, "seccompFilter", &text, err);

	if (ret || !text)
		return ret;
	len = strlen(text);
	if (!len || len % INSN_DIGITS || len / INSN_DIGITS > BPF_MAXINSNS)
		return err_at(err, -EINVAL, "seccompFilter",
			      "is no whole number of instructions");
	insns = arena_array(arena, len / INSN_DIGITS, sizeof(*insns));
	if (!insns)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < len; i++) {
		int digit = hex_value(text[i]);

		if (digit < 0)
			return err_at(err, -EINVAL, "seccompFilter",
				      "is not hexadecimal");
		insns[i / INSN_DIGITS] <<= 4;
		insns[i / INSN_DIGITS] |= (unsigned int)digit;
	}
	out->filter = insns;
	out->filter_len = (unsigned short)(len / INSN_DIGITS);
	return 0;
}

int start_parse(struct arena *arena, const char *text, size_t len,
		struct start *out, struct err *err)
{
	const struct json *doc = json_parse(arena, text, len, err);
	const struct json *config, *time_ns, *ring;
	int ret;

	*out = (struct start){ .id = AGENT_ID };
	if (!doc)
		return -EINVAL;
	config = json_get(doc, "config");
	if (!config || config->type != JSON_OBJECT)
		return err_at(err, -EINVAL, "config", "is not an object");
	out->config = text + config->begin;
	out->config_len = config->end - config->begin;
	out->network = json_get(doc, "network");
	if (out->network && out->network->type != JSON_ARRAY)
		return err_at(err, -EINVAL, "network", "is not an array");
	out->rlimits = json_get(doc, "rlimits");
	if (out->rlimits && out->rlimits->type != JSON_ARRAY)
		return err_at(err, -EINVAL, "rlimits", "is not an array");
	ret = get_str(doc, "id", &out->id, err);
	if (!ret)
		ret = get_str(doc, "hostname", &out->hostname, err);
	if (!ret)
		ret = get_filter(arena, doc, out, err);
	if (ret)
		return ret;
	ring = json_get(doc, "newKeyring");
	if (ring && ring->type != JSON_BOOL)
		return err_at(err, -EINVAL, "newKeyring", "is not a boolean");
	out->no_new_keyring = ring && !ring->boolean;
	time_ns = json_get(doc, "hostTimeNs");
	if (time_ns && json_i64(time_ns, &out->time_ns))
		return err_at(err, -EINVAL, "hostTimeNs", "is not a number");
	return 0;
}

/* A test on an ordinary machine leaves its clock and name alone. */
static int set_identity(const struct start *start, struct err *err)
{
	struct timespec ts = { .tv_sec = start->time_ns / NS_PER_S,
			       .tv_nsec = start->time_ns % NS_PER_S };

	if (start->time_ns > 0 && clock_settime(CLOCK_REALTIME, &ts) < 0)
		return err_sys(err, "cannot set the guest's clock");
	if (start->hostname &&
	    sethostname(start->hostname, strlen(start->hostname)) < 0)
		return err_sys(err, "cannot set the guest's host name");
	return 0;
}

/*
 * What the workload's process inherits is set on this one. A value that this
 * kernel does not take is none that somebody has asked for.
 */
static int inherit_limits(const struct json *list, struct err *err)
{
	for (const struct json *v = list ? list->child : NULL; v; v = v->next) {
		const struct json *type = json_get(v, "type");
		const struct json *soft = json_get(v, "soft");
		const struct json *hard = json_get(v, "hard");
		struct rlimit limit;
		int which = type && type->type == JSON_STRING
				    ? spec_rlimit_number(type->text)
				    : -EINVAL;
		uint64_t s, h;

		if (which < 0 || !soft || !hard || json_u64(soft, &s) ||
		    json_u64(hard, &h))
			return err_at(err, -EINVAL, "rlimits",
				      "is no list of limits");
		limit = (struct rlimit){ s, h };
		if (setrlimit((__rlimit_resource_t)which, &limit) < 0)
			log_warn("%s: %s", type->text, err_text(-errno));
	}
	return 0;
}

int start_prepare(const struct agent *a, const struct start *start,
		  struct err *err)
{
	auto_fd int dir_fd = -1;
	int ret = 0;

	if (!a->unix_dir)
		ret = set_identity(start, err);
	if (!ret && start->network)
		ret = net_apply(start->network, err);
	if (!ret)
		ret = inherit_limits(start->rlimits, err);
	if (ret)
		return ret;
	dir_fd = open(a->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(err, "cannot open '%s'", a->bundle);
	ret = io_replace(dir_fd, "config.json", start->config,
			 start->config_len, 0600);
	return ret ? err_code(err, ret, "cannot write config.json") : 0;
}
