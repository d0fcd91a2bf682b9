/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/netval.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/num.h"

int netval_bad(const struct netval_at *at, const char *key, int code,
	       const char *why, struct err *err)
{
	char field[128];
	int n;

	n = snprintf(field, sizeof(field), "%s[%zu]", at->list, at->index);
	if (at->item)
		n += snprintf(field + n, sizeof(field) - (size_t)n, ".%s[%zu]",
			      at->item, at->item_index);
	if (*key)
		snprintf(field + n, sizeof(field) - (size_t)n, ".%s", key);
	if (code == -EINVAL)
		return err_at(err, code, field, "%s", why);
	return err_at(err, code, field, "%s: %s", why, err_text(code));
}

int netval_list(const struct json *obj, const char *key,
		const struct json **first, const struct netval_at *at,
		struct err *err)
{
	const struct json *v = json_get(obj, key);

	*first = NULL;
	if (v && v->type != JSON_ARRAY)
		return netval_bad(at, key, -EINVAL, "is not an array", err);
	if (v)
		*first = v->child;
	return 0;
}

int netval_u32(const struct json *obj, const char *key, uint32_t max,
	       uint32_t *out, const struct netval_at *at, struct err *err)
{
	const struct json *v = json_get(obj, key);
	uint64_t n;

	if (!v)
		return 0;
	if (json_u64(v, &n) || n > max)
		return netval_bad(at, key, -EINVAL, "is not such a number",
				  err);
	*out = (uint32_t)n;
	return 1;
}

int netval_bool(const struct json *obj, const char *key, bool *out,
		const struct netval_at *at, struct err *err)
{
	const struct json *v = json_get(obj, key);

	if (!v)
		return 0;
	if (v->type != JSON_BOOL)
		return netval_bad(at, key, -EINVAL, "is not a boolean", err);
	*out = v->boolean;
	return 1;
}

int netval_str(const struct json *obj, const char *key, const char **out,
	       const struct netval_at *at, struct err *err)
{
	const struct json *v = json_get(obj, key);

	if (!v)
		return 0;
	if (v->type != JSON_STRING)
		return netval_bad(at, key, -EINVAL, "is not a string", err);
	*out = v->text;
	return 1;
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c | 0x20) : NULL;

	return p ? (int)(p - digits) : -1;
}

int netval_mac(const struct json *obj, const char *key, uint8_t *out,
	       const struct netval_at *at, struct err *err)
{
	const char *s = NULL;
	int ret = netval_str(obj, key, &s, at, err);
	bool good = ret > 0 && strlen(s) == 17;

	if (ret <= 0)
		return ret;
	for (size_t i = 0; good && i < 6; i++) {
		int high = hex(s[3 * i]), low = hex(s[3 * i + 1]);

		good = high >= 0 && low >= 0 && (i == 5 || s[3 * i + 2] == ':');
		out[i] = (uint8_t)(high << 4 | low);
	}
	return good ? 1
		    : netval_bad(at, key, -EINVAL, "is not a MAC address", err);
}

static bool parse_ip(const char *s, struct netval_ip *out)
{
	*out = (struct netval_ip){ .family = AF_INET, .len = 4 };
	if (inet_pton(AF_INET, s, out->bytes) == 1)
		return true;
	*out = (struct netval_ip){ .family = AF_INET6, .len = 16 };
	return inet_pton(AF_INET6, s, out->bytes) == 1;
}

int netval_ip(const struct json *obj, const char *key, struct netval_ip *out,
	      const struct netval_at *at, struct err *err)
{
	const char *s = NULL;
	int ret = netval_str(obj, key, &s, at, err);

	if (ret > 0 && !parse_ip(s, out))
		return netval_bad(at, key, -EINVAL, "is not an IP address",
				  err);
	return ret;
}

int netval_subnet(const struct json *obj, const char *key,
		  struct netval_ip *out, uint32_t *prefix,
		  const struct netval_at *at, struct err *err)
{
	const char *s = NULL, *slash;
	int ret = netval_str(obj, key, &s, at, err);
	char ip[64];

	if (ret <= 0 || !strcmp(s, "default"))
		return ret < 0 ? ret : 0;
	slash = strchr(s, '/');
	if (!slash || (size_t)(slash - s) >= sizeof(ip))
		return netval_bad(at, key, -EINVAL, "is not a subnet", err);
	memcpy(ip, s, (size_t)(slash - s));
	ip[slash - s] = '\0';
	if (!parse_ip(ip, out) || num_u32(slash + 1, prefix) ||
	    *prefix > out->len * 8U)
		return netval_bad(at, key, -EINVAL, "is not a subnet", err);
	return 1;
}

int netval_scope(const struct json *obj, const char *key, uint32_t *out,
		 const struct netval_at *at, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t scope;
	} names[] = { { "global", RT_SCOPE_UNIVERSE },
		      { "site", RT_SCOPE_SITE },
		      { "link", RT_SCOPE_LINK },
		      { "host", RT_SCOPE_HOST } };
	const struct json *v = json_get(obj, key);

	if (!v || v->type != JSON_STRING)
		return netval_u32(obj, key, UINT8_MAX, out, at, err);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].name, v->text))
			continue;
		*out = names[i].scope;
		return 1;
	}
	return netval_bad(at, key, -EINVAL, "is not a scope", err);
}
