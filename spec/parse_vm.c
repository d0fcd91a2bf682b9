/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "spec/fields.h"
#include "spec/spec.h"

/* config-vm.md. The kernel's path may be left out: hull brings its own. */

#define VCPUS_MAX 64 /* of a machine of hull-vmm: microvm/kvm/arch.h */

/* hull-vmm makes machines of up to 1 TiB: microvm/mem/mem.h */
#define MEMORY_MAX (INT64_C(1) << 40)

#define NO_XEN "only Xen has this: hull's machines are KVM's"

/* Formats are never probed for: an image's first bytes are the guest's. */
static const char *check_format(const char *s)
{
	return strcmp(s, "raw") ? "only \"raw\" images can be used" : NULL;
}

static const char *check_param(const char *s)
{
	return strchr(s, '\n') ? "a line break in a kernel parameter" : NULL;
}

/* clang-format off */
static const struct spec_field kernel_fields[] = {
	{ .name = "path", .kind = SPEC_STRING, .flags = SPEC_ABSOLUTE,
	  SPEC_AT(struct spec_vm, kernel_path) },
	{ .name = "parameters", .kind = SPEC_STRINGS,
	  SPEC_AT(struct spec_vm, kernel_params),
	  SPEC_AUX(struct spec_vm, kernel_param_count),
	  .check = check_param },
	{ .name = "initrd", .kind = SPEC_STRING,
	  .flags = SPEC_ABSOLUTE | SPEC_EMPTY_UNSET,
	  SPEC_AT(struct spec_vm, initrd_path) },
};

static const struct spec_field image_fields[] = {
	{ .name = "path", .kind = SPEC_STRING,
	  .flags = SPEC_REQUIRED | SPEC_ABSOLUTE,
	  SPEC_AT(struct spec_vm, image_path) },
	{ .name = "format", .kind = SPEC_STRING, .flags = SPEC_REQUIRED,
	  SPEC_AT(struct spec_vm, image_format), .check = check_format },
};

static const struct spec_field hw_fields[] = {
	{ .name = "deviceTree", .kind = SPEC_REFUSE,
	  .text = "hull makes the description of its machine itself" },
	{ .name = "vcpus", .kind = SPEC_OPT_UINT, .flags = SPEC_ZERO_UNSET,
	  SPEC_RANGE(0, VCPUS_MAX), SPEC_AT(struct spec_vm, vcpus) },
	{ .name = "memory", .kind = SPEC_OPT_UINT, .flags = SPEC_ZERO_UNSET,
	  SPEC_RANGE(0, MEMORY_MAX), SPEC_AT(struct spec_vm, memory_bytes) },
	{ .name = "dtdevs", .kind = SPEC_REFUSE, .text = NO_XEN },
	{ .name = "iomems", .kind = SPEC_REFUSE, .text = NO_XEN },
	{ .name = "irqs", .kind = SPEC_REFUSE, .text = NO_XEN },
};
/* clang-format on */

static const struct spec_table kernel_table = {
	SPEC_ROWS(kernel_fields),
	.size = sizeof(struct spec_vm),
};

static const struct spec_table image_table = {
	SPEC_ROWS(image_fields),
	.size = sizeof(struct spec_vm),
};

static const struct spec_table hw_table = {
	SPEC_ROWS(hw_fields),
	.size = sizeof(struct spec_vm),
};

/* clang-format off */
static const struct spec_field vm_fields[] = {
	{ .name = "hypervisor", .kind = SPEC_REFUSE, .flags = SPEC_ZERO_TOO,
	  .text = "hull brings its own virtual machine monitor" },
	{ .name = "kernel", .kind = SPEC_OBJECT, .table = &kernel_table,
	  SPEC_HERE },
	{ .name = "image", .kind = SPEC_OBJECT, .table = &image_table,
	  SPEC_HERE },
	{ .name = "hwConfig", .kind = SPEC_OBJECT, .table = &hw_table,
	  SPEC_HERE },
};
/* clang-format on */

const struct spec_table spec_table_vm = {
	SPEC_ROWS(vm_fields),
	.size = sizeof(struct spec_vm),
};
