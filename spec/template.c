/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

#include <errno.h>

#include "base/auto.h"
#include "base/json/json.h"
#include "base/str.h"

/* What `runc spec` writes (libcontainer/specconv/example.go), as tables. */

static const char *const caps[] = {
	"CAP_AUDIT_WRITE",
	"CAP_KILL",
	"CAP_NET_BIND_SERVICE",
	NULL,
};

static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
	NULL,
};

static const char *const args[] = { "sh", NULL };

static const char *const masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/sys/firmware",
	"/sys/devices/virtual/powercap", /* a power side channel: containerd */
	"/proc/scsi",
	NULL,
};

static const char *const readonly_paths[] = {
	"/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger", NULL,
};

/* For whom a row is. */
enum { ROOT = 1, USER = 2, BOTH = ROOT | USER };

#define OPTIONS_MAX 7

/* clang-format off */
static const struct {
	int who;
	const char *destination;
	const char *type;
	const char *source;
	const char *options[OPTIONS_MAX + 1];
} mounts[] = {
	{ BOTH, "/proc", "proc", "proc", { NULL } },
	{ BOTH, "/dev", "tmpfs", "tmpfs",
	  { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ ROOT, "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
	    "gid=5" } },
	/* group 5 has no counterpart among the ids of a single user */
	{ USER, "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666",
	    "mode=0620" } },
	{ BOTH, "/dev/shm", "tmpfs", "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ BOTH, "/dev/mqueue", "mqueue", "mqueue",
	  { "nosuid", "noexec", "nodev" } },
	{ ROOT, "/sys", "sysfs", "sysfs",
	  { "nosuid", "noexec", "nodev", "ro" } },
	/* the kernel ties a fresh sysfs to a network namespace of one's own */
	{ USER, "/sys", "none", "/sys",
	  { "rbind", "nosuid", "noexec", "nodev", "ro" } },
	{ BOTH, "/sys/fs/cgroup", "cgroup", "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

static const struct {
	int who;
	enum spec_ns_type type;
} namespaces[] = {
	{ BOTH, SPEC_NS_PID },
	{ ROOT, SPEC_NS_NETWORK },
	{ BOTH, SPEC_NS_IPC },
	{ BOTH, SPEC_NS_UTS },
	{ BOTH, SPEC_NS_MOUNT },
	{ BOTH, SPEC_NS_CGROUP },
	{ USER, SPEC_NS_USER },
};
/* clang-format on */

static void gen_strings(struct json_gen *g, const char *key,
			const char *const *list)
{
	json_gen_array(g, key);
	for (; *list; list++)
		json_gen_str(g, NULL, *list);
	json_gen_end_array(g);
}

static void gen_process(struct json_gen *g)
{
	json_gen_object(g, "process");
	json_gen_bool(g, "terminal", true);
	json_gen_object(g, "user");
	json_gen_u64(g, "uid", 0);
	json_gen_u64(g, "gid", 0);
	json_gen_end_object(g);
	gen_strings(g, "args", args);
	gen_strings(g, "env", env);
	json_gen_str(g, "cwd", "/");
	json_gen_object(g, "capabilities");
	gen_strings(g, "bounding", caps);
	gen_strings(g, "effective", caps);
	gen_strings(g, "permitted", caps);
	json_gen_end_object(g);
	json_gen_array(g, "rlimits");
	json_gen_object(g, NULL);
	json_gen_str(g, "type", "RLIMIT_NOFILE");
	json_gen_u64(g, "hard", 1024);
	json_gen_u64(g, "soft", 1024);
	json_gen_end_object(g);
	json_gen_end_array(g);
	json_gen_bool(g, "noNewPrivileges", true);
	json_gen_end_object(g);
}

static void gen_mounts(struct json_gen *g, int who)
{
	json_gen_array(g, "mounts");
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (!(mounts[i].who & who))
			continue;
		json_gen_object(g, NULL);
		json_gen_str(g, "destination", mounts[i].destination);
		json_gen_str(g, "type", mounts[i].type);
		json_gen_str(g, "source", mounts[i].source);
		if (mounts[i].options[0])
			gen_strings(g, "options", mounts[i].options);
		json_gen_end_object(g);
	}
	json_gen_end_array(g);
}

static void gen_id_map(struct json_gen *g, const char *key, uint32_t id)
{
	json_gen_array(g, key);
	json_gen_object(g, NULL);
	json_gen_u64(g, "containerID", 0);
	json_gen_u64(g, "hostID", id);
	json_gen_u64(g, "size", 1);
	json_gen_end_object(g);
	json_gen_end_array(g);
}

static void gen_resources(struct json_gen *g)
{
	json_gen_object(g, "resources");
	json_gen_array(g, "devices");
	json_gen_object(g, NULL);
	json_gen_bool(g, "allow", false);
	json_gen_str(g, "access", "rwm");
	json_gen_end_object(g);
	json_gen_end_array(g);
	json_gen_end_object(g);
}

static void gen_linux(struct json_gen *g, int who, uid_t uid, gid_t gid)
{
	json_gen_object(g, "linux");
	if (who == USER) {
		gen_id_map(g, "uidMappings", uid);
		gen_id_map(g, "gidMappings", gid);
	} else {
		gen_resources(g);
	}
	json_gen_array(g, "namespaces");
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (!(namespaces[i].who & who))
			continue;
		json_gen_object(g, NULL);
		json_gen_str(g, "type", spec_ns_names[namespaces[i].type]);
		json_gen_end_object(g);
	}
	json_gen_end_array(g);
	gen_strings(g, "maskedPaths", masked_paths);
	gen_strings(g, "readonlyPaths", readonly_paths);
	json_gen_end_object(g);
}

int spec_template(bool rootless, uid_t uid, gid_t gid, char **out)
{
	const int who = rootless ? USER : ROOT;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct json_gen g;

	json_gen_init(&g, &text, true);
	json_gen_object(&g, NULL);
	json_gen_str(&g, "ociVersion", "1.3.0");
	gen_process(&g);
	json_gen_object(&g, "root");
	json_gen_str(&g, "path", "rootfs");
	json_gen_bool(&g, "readonly", true);
	json_gen_end_object(&g);
	json_gen_str(&g, "hostname", "hull");
	gen_mounts(&g, who);
	gen_linux(&g, who, uid, gid);
	json_gen_end_object(&g);
	strbuf_add(&text, "\n");
	if (!strbuf_ok(&text))
		return -ENOMEM;
	*out = take_ptr(&text.s);
	return 0;
}
