/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	for (const struct json *v = obj->child; v; v = v->next)
		if (!strcmp(v->key, key))
			return v;
	return NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",     [JSON_BOOL] = "boolean",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string",
		[JSON_ARRAY] = "array",   [JSON_OBJECT] = "object",
	};

	return names[type];
}

int json_u64(const struct json *v, uint64_t *out)
{
	if (!v || v->type != JSON_NUMBER)
		return -EINVAL;
	/* a whole number below the range, not a wrong form */
	if (v->text[0] == '-' && !v->text[strspn(v->text, "-0123456789")])
		return -ERANGE;
	return num_u64(v->text, out);
}

int json_i64(const struct json *v, int64_t *out)
{
	if (!v || v->type != JSON_NUMBER)
		return -EINVAL;
	return num_i64(v->text, out);
}
