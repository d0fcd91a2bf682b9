/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config.md, top level */

/* ".N": a number without leading zeros behind a full stop. */
static const char *skip_number(const char *s)
{
	const size_t digits = *s == '.' ? strspn(s + 1, "0123456789") : 0;

	if (!digits || (digits > 1 && s[1] == '0'))
		return NULL;
	return s + 1 + digits;
}

/* SemVer 2.0.0 of major version 1: "1.3.0", "1.0.2-dev", "1.1.0+build" */
static const char *check_version(const char *s)
{
	const char *end = s[0] == '1' ? skip_number(s + 1) : NULL;

	if (end)
		end = skip_number(end);
	if (end && !*end)
		return NULL;
	if (end && (*end == '-' || *end == '+') && end[1]) {
		while (isalnum((unsigned char)*end) || strchr("-+.", *end))
			if (!*end++)
				return NULL;
	}
	return "expected a version 1.x.y of the runtime specification";
}

static const char *check_not_empty(const char *key)
{
	return *key ? NULL : "an empty name";
}

/* clang-format off */
static const struct spec_field root_fields[] = {
	{ .name = "path", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_NOT_EMPTY,
	  SPEC_AT(struct spec, root_path) },
	{ .name = "readonly", .kind = SPEC_BOOL,
	  SPEC_AT(struct spec, root_readonly) },
};

static const struct spec_table root_table = {
	SPEC_ROWS(root_fields),
	.size = sizeof(struct spec),
};

static const struct spec_field config_fields[] = {
	{ .name = "ociVersion", .kind = SPEC_STRING, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec, oci_version), .check = check_version },
	{ .name = "process", .kind = SPEC_OBJECT,
	  .table = &spec_table_process,
	  SPEC_AT(struct spec, process), SPEC_AUX(struct spec, has_process) },
	{ .name = "root", .kind = SPEC_OBJECT, .flags = SPEC_REQUIRED,
	  .table = &root_table, SPEC_HERE },
	{ .name = "hostname", .kind = SPEC_STRING, .flags = SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec, hostname) },
	{ .name = "domainname", .kind = SPEC_STRING,
	  .flags = SPEC_EMPTY_UNSET, SPEC_AT(struct spec, domainname) },
	{ .name = "mounts", .kind = SPEC_OBJECTS, .table = &spec_table_mount,
	  SPEC_AT(struct spec, mounts), SPEC_AUX(struct spec, mount_count) },
	{ .name = "hooks", .kind = SPEC_OBJECT, .table = &spec_table_hooks,
	  SPEC_AT(struct spec, hooks) },
	{ .name = "annotations", .kind = SPEC_PAIRS,
	  SPEC_AT(struct spec, annotations),
	  SPEC_AUX(struct spec, annotation_count),
	  .check_key = check_not_empty },
	{ .name = "linux", .kind = SPEC_OBJECT, .table = &spec_table_linux,
	  SPEC_AT(struct spec, linux_) },
	{ .name = "vm", .kind = SPEC_OBJECT, .table = &spec_table_vm,
	  SPEC_AT(struct spec, vm), SPEC_AUX(struct spec, vm.set) },
	{ .name = "solaris", .kind = SPEC_IGNORE },
	{ .name = "windows", .kind = SPEC_IGNORE },
	{ .name = "freebsd", .kind = SPEC_IGNORE },
	{ .name = "zos", .kind = SPEC_IGNORE },
};
/* clang-format on */

const struct spec_table spec_table_root = {
	SPEC_ROWS(config_fields),
	.size = sizeof(struct spec),
};

/* A run over one document: the struct, or NULL with @err filled in. */
static void *run(struct spec_ctx *ctx, const struct spec_path *path, size_t len,
		 const struct spec_table *table)
{
	const struct json *root;
	void *at;

	root = json_parse(ctx->arena, ctx->text, len, ctx->err);
	if (!root) {
		ctx->problems++;
		return NULL;
	}
	at = spec_alloc(ctx, 1, table->size);
	if (!at || !spec_is_type(ctx, path, root, JSON_OBJECT))
		return NULL;
	spec_defaults(table, at);
	spec_object(ctx, path, root, table, at);
	return at;
}

/* True when all went well; hands the warnings or the problems over. */
static bool conclude(const struct spec_ctx *ctx,
		     const struct spec_warning **warnings, struct err *err)
{
	if (warnings)
		*warnings = ctx->warnings;
	if (ctx->no_memory)
		err_set(err, -ENOMEM,
			"out of memory while reading a "
			"configuration");
	else if (ctx->problems && err)
		*err = *ctx->err;
	return !ctx->no_memory && !ctx->problems;
}

const struct spec *spec_parse(struct arena *arena, const char *text, size_t len,
			      const struct spec_warning **warnings,
			      struct err *err)
{
	struct err problems = { 0 };
	struct spec_ctx ctx = { .arena = arena,
				.text = text,
				.err = &problems };
	struct spec *spec = run(&ctx, NULL, len, &spec_table_root);

	/* who names no capabilities gets none, as in runc and crun; a process
	 * for exec gets the container's then */
	if (spec)
		spec->process.caps.set = true;
	if (spec && !ctx.no_memory)
		spec_validate(&ctx, spec);
	return conclude(&ctx, warnings, err) ? spec : NULL;
}

const struct spec_process *spec_parse_process(struct arena *arena,
					      const char *text, size_t len,
					      const struct spec_warning **warn,
					      struct err *err)
{
	const struct spec_path path = { .key = "process" };
	struct err problems = { 0 };
	struct spec_ctx ctx = { .arena = arena,
				.text = text,
				.err = &problems };
	const struct spec_process *process =
		run(&ctx, &path, len, &spec_table_process);

	return conclude(&ctx, warn, err) ? process : NULL;
}

const struct spec_resources *
spec_parse_resources(struct arena *arena, const char *text, size_t len,
		     const struct spec_warning **warn, struct err *err)
{
	const struct spec_path path = { .key = "resources" };
	struct err problems = { 0 };
	struct spec_ctx ctx = { .arena = arena,
				.text = text,
				.err = &problems };
	const struct spec_resources *resources =
		run(&ctx, &path, len, &spec_table_resources);

	return conclude(&ctx, warn, err) ? resources : NULL;
}

const char *spec_annotation(const struct spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->annotation_count; i++)
		if (!strcmp(spec->annotations[i].key, key))
			return spec->annotations[i].value;
	return NULL;
}

const struct spec_namespace *spec_namespace(const struct spec *spec,
					    enum spec_ns_type type)
{
	for (size_t i = 0; i < spec->linux_.namespace_count; i++)
		if (spec->linux_.namespaces[i].type == type)
			return &spec->linux_.namespaces[i];
	return NULL;
}
