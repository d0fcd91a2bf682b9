/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "spec/fields.h"
#include "spec/spec.h"

/* config-linux.md, "IntelRdt". The names are those of directories in a resctrl
 * file system, whose own are not classes. */

static const char *check_clos(const char *name)
{
	static const char *const own[] = { ".",          "..",       "info",
					   "mon_groups", "mon_data", NULL };

	if (!strcmp(name, "/"))
		return NULL;
	if (strlen(name) > NAME_MAX || strpbrk(name, "/\n"))
		return "is no name of a class of service";
	for (size_t i = 0; own[i]; i++)
		if (!strcmp(name, own[i]))
			return "is no name of a class of service";
	return NULL;
}

static const char *check_line(const char *text)
{
	return strchr(text, '\n') ? "is more than one line" : NULL;
}

static const char *check_bandwidth(const char *text)
{
	if (*text && strncmp(text, "MB:", 3))
		return "does not begin with \"MB:\"";
	return check_line(text);
}

/* clang-format off */
static const struct spec_field rdt_fields[] = {
	{ .name = "closID", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_rdt, clos_id), .check = check_clos },
	{ .name = "schemata", .kind = SPEC_STRINGS, .flags = SPEC_NOT_EMPTY,
	  SPEC_AT(struct spec_rdt, schemata),
	  SPEC_AUX(struct spec_rdt, schemata_count), .check = check_line },
	{ .name = "l3CacheSchema", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_rdt, l3_schema), .check = check_line },
	{ .name = "memBwSchema", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_rdt, mb_schema), .check = check_bandwidth },
	{ .name = "enableMonitoring", .kind = SPEC_BOOL,
	  SPEC_AT(struct spec_rdt, monitoring) },
};
/* clang-format on */

const struct spec_table spec_table_rdt = {
	SPEC_ROWS(rdt_fields),
	.size = sizeof(struct spec_rdt),
	.closed = true,
};
