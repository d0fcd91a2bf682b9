/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "cgroups/systemd.h"

void sd_props_init(struct sd_props *props)
{
	*props = (struct sd_props){ 0 };
	props->tail = &props->first;
}

void sd_props_release(struct sd_props *props)
{
	arena_release(&props->arena);
	sd_props_init(props);
}

int sd_props_status(const struct sd_props *props, struct err *err)
{
	if (props->failed)
		return err_code(err, -ENOMEM, "properties of the scope");
	return 0;
}

static const char *copy(struct sd_props *props, const char *text)
{
	const char *out = arena_strndup(&props->arena, text, strlen(text));

	if (!out)
		props->failed = true;
	return out ? out : "";
}

void sd_props_list(struct sd_props *props, unsigned since, const char *name,
		   const char *sig, const char *const *values, size_t count)
{
	struct sd_prop *p = arena_alloc(&props->arena, sizeof(*p));

	if (p)
		p->values = arena_array(&props->arena, count + 1,
					sizeof(*p->values));
	if (!p || !p->values) {
		props->failed = true;
		return;
	}
	p->name = copy(props, name);
	p->since = since;
	p->sig = copy(props, sig);
	p->count = count;
	for (size_t i = 0; i < count; i++)
		p->values[i] = copy(props, values[i]);
	*props->tail = p;
	props->tail = &p->next;
}

void sd_props_add(struct sd_props *props, unsigned since, const char *name,
		  const char *sig, const char *fmt, ...)
{
	auto_free char *text = NULL;
	const char *value;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		text = NULL;
		props->failed = true;
		return;
	}
	value = text;
	sd_props_list(props, since, name, sig, &value, 1);
}

void sd_props_base(struct sd_props *props, const struct cg_place *place,
		   const char *id)
{
	static const char *const on[] = {
		"Delegate",     "CPUAccounting",   "MemoryAccounting",
		"IOAccounting", "TasksAccounting",
	};
	char slice[SD_UNIT_MAX];

	sd_props_add(props, 0, "Description", "s", "hull container %s", id);
	sd_props_add(props, 0, "Slice", "s", "%s", sd_slice_of(place, slice));
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		sd_props_add(props, 0, on[i], "b", "true");
	/* at shutdown the engine ends its containers, and not systemd first */
	sd_props_add(props, 0, "DefaultDependencies", "b", "false");
	/* the name is free again also after an end by the OOM killer */
	sd_props_add(props, 236, "CollectMode", "s", "inactive-or-failed");
}
