/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/sabotage.h"
#include "base/str.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* Relations between parts of config.json that lie apart. */

#define HOST_NAME_LEN_MAX 64 /* __NEW_UTS_LEN, linux/utsname.h */
#define ID_MAPS_MAX 340      /* user_namespaces(7) */
#define SYSCTL_KEY_MAX 256

static const struct spec_path linux_path = { .key = "linux" };

static void check_name(struct spec_ctx *ctx, const struct spec *spec,
		       const char *key, const char *name)
{
	struct spec_path here = SPEC_PATH_KEY(NULL, key);

	if (!name)
		return;
	if (strlen(name) > HOST_NAME_LEN_MAX)
		spec_problem(ctx, &here, "longer than %d bytes",
			     HOST_NAME_LEN_MAX);
	if (!ctx->ns_unsure && !spec_namespace(spec, SPEC_NS_UTS) &&
	    !SABOTAGED("hostname_namespace"))
		spec_problem(ctx, &here,
			     "cannot be set without a uts namespace in "
			     "linux.namespaces");
}

static bool overlaps(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return (uint64_t)a < (uint64_t)b + b_size &&
	       (uint64_t)b < (uint64_t)a + a_size;
}

/* The kernel would refuse the whole map with EINVAL. */
static void check_id_maps(struct spec_ctx *ctx, const struct spec_path *path,
			  const struct spec_id_map *maps, size_t count)
{
	if (count > ID_MAPS_MAX) {
		spec_problem(ctx, path, "%zu entries, the kernel takes %d",
			     count, ID_MAPS_MAX);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct spec_path here = SPEC_PATH_INDEX(path, i);
		const struct spec_id_map *a = &maps[i];

		for (size_t j = 0; j < i; j++) {
			const struct spec_id_map *b = &maps[j];

			if (!overlaps(a->container_id, a->size, b->container_id,
				      b->size) &&
			    !overlaps(a->host_id, a->size, b->host_id, b->size))
				continue;
			spec_problem(ctx, &here, "overlaps with entry %zu", j);
			break;
		}
	}
}

static void check_user_maps(struct spec_ctx *ctx, const struct spec *spec,
			    const char *key, const struct spec_id_map *maps,
			    size_t count)
{
	const struct spec_namespace *ns = spec_namespace(spec, SPEC_NS_USER);
	struct spec_path here = SPEC_PATH_KEY(&linux_path, key);

	check_id_maps(ctx, &here, maps, count);
	if (ctx->ns_unsure)
		return;
	if (!ns && count)
		spec_problem(ctx, &here,
			     "given, but there is no user namespace in "
			     "linux.namespaces");
	if (ns && !ns->path && !count)
		spec_problem(ctx, &here,
			     "user namespaces enabled, but no user mappings "
			     "found");
}

static void check_time(struct spec_ctx *ctx, const struct spec *spec)
{
	const struct spec_namespace *ns = spec_namespace(spec, SPEC_NS_TIME);
	struct spec_path here = SPEC_PATH_KEY(&linux_path, "timeOffsets");

	if (ctx->ns_unsure)
		return;
	if (!spec->linux_.monotonic.set && !spec->linux_.boottime.set)
		return;
	if (!ns)
		spec_problem(ctx, &here,
			     "cannot be set without a time namespace in "
			     "linux.namespaces");
	else if (ns->path)
		spec_problem(ctx, &here,
			     "cannot be set in a time namespace that is "
			     "joined by its path");
}

static void check_net_devices(struct spec_ctx *ctx, const struct spec *spec)
{
	struct spec_path here = SPEC_PATH_KEY(&linux_path, "netDevices");

	if (spec->linux_.net_device_count && !ctx->ns_unsure &&
	    !spec_namespace(spec, SPEC_NS_NETWORK))
		spec_problem(ctx, &here,
			     "cannot be set without a network namespace in "
			     "linux.namespaces");
}

/* runc wants the same: without one they would hide the host's own files */
static void check_paths(struct spec_ctx *ctx, const struct spec *spec,
			const char *key, size_t count)
{
	struct spec_path here = SPEC_PATH_KEY(&linux_path, key);

	if (!count || ctx->ns_unsure || spec_namespace(spec, SPEC_NS_MOUNT) ||
	    SABOTAGED("mount_namespace"))
		return;
	spec_problem(ctx, &here,
		     "cannot be set without a mount namespace in "
		     "linux.namespaces");
}

static const char *find_option(const struct spec_mount *m)
{
	for (size_t i = 0; i < m->option_count; i++)
		if (!strcmp(m->options[i], "idmap") ||
		    !strcmp(m->options[i], "ridmap"))
			return m->options[i];
	return NULL;
}

/* config.md, "Linux mount options": idmap */
static void check_mount(struct spec_ctx *ctx, const struct spec *spec,
			const struct spec_mount *m,
			const struct spec_path *path)
{
	struct spec_path uids = SPEC_PATH_KEY(path, "uidMappings");
	struct spec_path gids = SPEC_PATH_KEY(path, "gidMappings");
	struct spec_path options = SPEC_PATH_KEY(path, "options");
	const char *option = find_option(m);

	check_id_maps(ctx, &uids, m->uid_maps, m->uid_map_count);
	check_id_maps(ctx, &gids, m->gid_maps, m->gid_map_count);
	if (!option || m->uid_map_count || ctx->ns_unsure ||
	    spec_namespace(spec, SPEC_NS_USER))
		return;
	spec_problem(ctx, &options,
		     "\"%s\" needs uidMappings and gidMappings, or a user "
		     "namespace",
		     option);
}

static void check_mounts(struct spec_ctx *ctx, const struct spec *spec)
{
	struct spec_path list = SPEC_PATH_KEY(NULL, "mounts");

	for (size_t i = 0; i < spec->mount_count; i++) {
		struct spec_path here = SPEC_PATH_INDEX(&list, i);

		check_mount(ctx, spec, &spec->mounts[i], &here);
	}
}

/* clang-format off */
static const struct sysctl_rule {
	const char *name; /* ends in '.': every key below it */
	enum spec_ns_type ns;
	const char *refuse; /* never allowed, and why */
} sysctl_rules[] = {
	{ .name = "kernel.msgmax", .ns = SPEC_NS_IPC },
	{ .name = "kernel.msgmnb", .ns = SPEC_NS_IPC },
	{ .name = "kernel.msgmni", .ns = SPEC_NS_IPC },
	{ .name = "kernel.sem", .ns = SPEC_NS_IPC },
	{ .name = "kernel.shmall", .ns = SPEC_NS_IPC },
	{ .name = "kernel.shmmax", .ns = SPEC_NS_IPC },
	{ .name = "kernel.shmmni", .ns = SPEC_NS_IPC },
	{ .name = "kernel.shm_rmid_forced", .ns = SPEC_NS_IPC },
	{ .name = "fs.mqueue.", .ns = SPEC_NS_IPC },
	{ .name = "net.", .ns = SPEC_NS_NETWORK },
	{ .name = "user.", .ns = SPEC_NS_USER },
	{ .name = "kernel.hostname",
	  .refuse = "use the property \"hostname\"" },
	/* Docker's --domainname */
	{ .name = "kernel.domainname", .ns = SPEC_NS_UTS },
};
/* clang-format on */

/*
 * sysctl(8): the separator that comes first is the separator, the other one
 * is an ordinary character ("net/ipv4/conf/eno2.100/rp_filter").
 */
static bool sysctl_dotted(const char *key, char *out, size_t size)
{
	const char *first = strpbrk(key, "./");
	const bool swap = first && *first == '/';
	size_t len = strlen(key);

	if (len >= size)
		return false;
	for (size_t i = 0; i <= len; i++) {
		out[i] = key[i];
		if (swap && (key[i] == '.' || key[i] == '/'))
			out[i] = key[i] == '.' ? '/' : '.';
	}
	return true;
}

/* No component may be empty or lead upwards: "net.//.kernel" is net/../kernel.
 */
static bool sysctl_well_formed(const char *dotted)
{
	for (const char *s = dotted;; s++) {
		const size_t len = strcspn(s, ".");

		if (!len || (len == 1 && s[0] == '/') ||
		    (len == 2 && s[0] == '/' && s[1] == '/'))
			return false;
		s += len;
		if (!*s)
			return true;
	}
}

static const struct sysctl_rule *find_rule(const char *dotted)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_rules); i++) {
		const struct sysctl_rule *rule = &sysctl_rules[i];

		if (str_ends(rule->name, ".") ? str_starts(dotted, rule->name)
					      : !strcmp(dotted, rule->name))
			return rule;
	}
	return NULL;
}

enum spec_ns_type spec_sysctl_namespace(const char *key)
{
	const struct sysctl_rule *rule = NULL;
	char dotted[SYSCTL_KEY_MAX];

	if (sysctl_dotted(key, dotted, sizeof(dotted)))
		rule = find_rule(dotted);
	return rule && !rule->refuse ? rule->ns : SPEC_NS_TYPES;
}

/* Two values for one name: who sets it last would be chance. */
static bool contradicts(const struct spec *spec, const char *dotted,
			const char *value)
{
	return spec->domainname && !strcmp(dotted, "kernel.domainname") &&
	       strcmp(spec->domainname, value) != 0;
}

static void check_sysctl(struct spec_ctx *ctx, const struct spec *spec,
			 size_t i, const struct spec_path *path)
{
	const char *key = spec->linux_.sysctls[i].key;
	const struct sysctl_rule *rule;
	char dotted[SYSCTL_KEY_MAX];

	if (!sysctl_dotted(key, dotted, sizeof(dotted)) ||
	    (!sysctl_well_formed(dotted) && !SABOTAGED("sysctl_form"))) {
		spec_problem(ctx, path, "not the name of a kernel parameter");
		return;
	}
	rule = find_rule(dotted);
	if (SABOTAGED("validate_sysctl"))
		return;
	if (!rule)
		spec_problem(ctx, path,
			     "not in a namespace of its own: it would change "
			     "the host");
	else if (rule->refuse)
		spec_problem(ctx, path, "%s", rule->refuse);
	else if (!ctx->ns_unsure && !spec_namespace(spec, rule->ns))
		spec_problem(ctx, path,
			     "needs a namespace of type \"%s\" in "
			     "linux.namespaces",
			     spec_ns_names[rule->ns]);
	else if (contradicts(spec, dotted, spec->linux_.sysctls[i].value))
		spec_problem(ctx, path, "is not what \"domainname\" says");
}

static void check_sysctls(struct spec_ctx *ctx, const struct spec *spec)
{
	struct spec_path list = SPEC_PATH_KEY(&linux_path, "sysctl");

	for (size_t i = 0; i < spec->linux_.sysctl_count; i++) {
		struct spec_path here =
			SPEC_PATH_KEY(&list, spec->linux_.sysctls[i].key);

		check_sysctl(ctx, spec, i, &here);
	}
}

void spec_validate(struct spec_ctx *ctx, const struct spec *spec)
{
	const struct spec_linux *l = &spec->linux_;

	check_name(ctx, spec, "hostname", spec->hostname);
	check_name(ctx, spec, "domainname", spec->domainname);
	check_user_maps(ctx, spec, "uidMappings", l->uid_maps,
			l->uid_map_count);
	check_user_maps(ctx, spec, "gidMappings", l->gid_maps,
			l->gid_map_count);
	check_time(ctx, spec);
	check_net_devices(ctx, spec);
	check_paths(ctx, spec, "maskedPaths", l->masked_count);
	check_paths(ctx, spec, "readonlyPaths", l->readonly_count);
	check_mounts(ctx, spec);
	check_sysctls(ctx, spec);
}
