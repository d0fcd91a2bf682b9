/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/helper.h"
#include "base/json/json.h"
#include "base/str.h"
#include "libcontainer/features_seccomp.h"
#include "libcontainer/process/process.h"
#include "libcontainer/vm.h"
#include "namespaces/ns.h"
#include "rootfs/rootfs.h"
#include "spec/spec.h"

/* runtime-spec features.md and features-linux.md: absent means unknown, false
 * or empty means known not to be there. */

#define OCI_MIN "1.0.0"
#define OCI_MAX "1.3.0"

static void gen_list(struct json_gen *g, const char *key,
		     const char *const *names)
{
	json_gen_array(g, key);
	for (; *names; names++)
		json_gen_str(g, NULL, *names);
	json_gen_end_array(g);
}

static void gen_enabled(struct json_gen *g, const char *key, bool enabled)
{
	json_gen_object(g, key);
	json_gen_bool(g, "enabled", enabled);
	json_gen_end_object(g);
}

/* A kernel built without one has no file for it. */
static void gen_namespaces(struct json_gen *g)
{
	char path[64];

	json_gen_array(g, "namespaces");
	for (size_t i = 0; i < SPEC_NS_TYPES; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s",
			 ns_types[i].file);
		if (!access(path, F_OK))
			json_gen_str(g, NULL, spec_ns_names[ns_types[i].type]);
	}
	json_gen_end_array(g);
}

static void gen_capabilities(struct json_gen *g)
{
	int last = process_last_cap();

	json_gen_array(g, "capabilities");
	for (int i = 0; i <= last && spec_cap_name((unsigned int)i); i++)
		json_gen_str(g, NULL, spec_cap_name((unsigned int)i));
	json_gen_end_array(g);
}

static void gen_cgroup(struct json_gen *g)
{
	auto_fd int helper_fd = helper_open("hull-systemd");

	json_gen_object(g, "cgroup");
	json_gen_bool(g, "v1", true); /* controllers, beside a cgroup2 tree */
	json_gen_bool(g, "v2", true);
	json_gen_bool(g, "systemd", helper_fd >= 0);
	json_gen_bool(g, "systemdUser", helper_fd >= 0);
	json_gen_bool(g, "rdma", true);
	json_gen_end_object(g);
}

/* Linux 5.12, with mount_setattr(2) itself. Whatever else it has to say about
 * these arguments (EPERM, EBADF, EINVAL), it is there. */
static bool kernel_has_idmap(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	return mount_setattr(-1, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 ||
	       errno != ENOSYS;
}

static void gen_linux(struct json_gen *g)
{
	json_gen_object(g, "linux");
	gen_namespaces(g);
	gen_capabilities(g);
	gen_cgroup(g);
	features_seccomp(g);
	gen_enabled(g, "apparmor", process_apparmor_enabled());
	gen_enabled(g, "selinux", process_selinux_enabled());
	json_gen_object(g, "intelRdt");
	json_gen_bool(g, "enabled", true);
	json_gen_bool(g, "schemata", true);
	json_gen_bool(g, "monitoring", true);
	json_gen_end_object(g);
	json_gen_object(g, "memoryPolicy");
	gen_list(g, "modes", spec_mempolicy_modes);
	gen_list(g, "flags", spec_mempolicy_flags);
	json_gen_end_object(g);
	json_gen_object(g, "mountExtensions");
	gen_enabled(g, "idmap", kernel_has_idmap());
	json_gen_end_object(g);
	gen_enabled(g, "netDevices", true);
	json_gen_end_object(g);
}

static bool has_file(enum vm_file file, struct err *why)
{
	auto_fd int fd = vm_open_file(file, why);

	return fd >= 0;
}

/*
 * Not of the specification, whose readers pass over what they do not know: can
 * a microVM be had here, and if not, why.
 */
static void gen_vm(struct json_gen *g)
{
	static const char *const devices[] = { "console", "fs",  "vsock",
					       "net",     "blk", "rng",
					       "balloon", NULL };
	auto_fd int kvm_fd = -1;
	struct err why = { 0 };

	kvm_fd = vm_open_kvm(&why);
	json_gen_object(g, "vm");
	json_gen_bool(g, "enabled",
		      kvm_fd >= 0 && has_file(VM_FILE_VMM, &why) &&
			      has_file(VM_FILE_NET, &why) &&
			      has_file(VM_FILE_KERNEL, &why) &&
			      has_file(VM_FILE_INITRD, &why));
	if (why.code)
		json_gen_str(g, "reason", why.msg);
	json_gen_str(g, "backend", "kvm");
	gen_list(g, "devices", devices);
	json_gen_end_object(g);
}

static void gen_annotations(struct json_gen *g)
{
	char libseccomp[48];

	features_libseccomp(libseccomp, sizeof(libseccomp));
	json_gen_object(g, "annotations");
	json_gen_str(g, "run.hull.version", HULL_VERSION);
	json_gen_str(g, "run.hull.isolation", "process,vm");
	json_gen_str(g, "io.github.seccomp.libseccomp.version", libseccomp);
	json_gen_end_object(g);
}

int hull_features(char **json, struct err *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct json_gen g;

	json_gen_init(&g, &text, true);
	json_gen_object(&g, NULL);
	json_gen_str(&g, "ociVersionMin", OCI_MIN);
	json_gen_str(&g, "ociVersionMax", OCI_MAX);
	gen_list(&g, "hooks", spec_hook_names);
	gen_list(&g, "mountOptions", rootfs_option_names());
	gen_linux(&g);
	gen_vm(&g);
	gen_annotations(&g);
	json_gen_array(&g, "potentiallyUnsafeConfigAnnotations");
	json_gen_str(&g, NULL, "org.systemd.property.");
	json_gen_end_array(&g);
	json_gen_end_object(&g);
	strbuf_add(&text, "\n");
	if (!strbuf_ok(&text))
		return err_set(err, -ENOMEM, "out of memory");
	*json = take_ptr(&text.s);
	return 0;
}
