/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sabotage.h"
#include "cgroups/internal.h"
#include "spec/spec.h"

#define FIELD "linux.resources.devices"

#define ANY (-1)
#define ALLOW(t, maj, min, r, w, m)        \
	{                                  \
		true, t, maj, min, r, w, m \
	}

/* runc's list (libcontainer/specconv AllowedDevices); its two first rules, of
 * both types, are one here. Making a node is allowed for all devices: it gives
 * nothing as long as opening it is refused. */
/* clang-format off */
static const struct spec_device_rule dev_defaults[] = {
	ALLOW('a', ANY, ANY, false, false, true),
	ALLOW('c', 1, 3, true, true, true),     /* null */
	ALLOW('c', 1, 8, true, true, true),     /* random */
	ALLOW('c', 1, 7, true, true, true),     /* full */
	ALLOW('c', 5, 0, true, true, true),     /* tty */
	ALLOW('c', 1, 5, true, true, true),     /* zero */
	ALLOW('c', 1, 9, true, true, true),     /* urandom */
	ALLOW('c', 136, ANY, true, true, true), /* pts */
	ALLOW('c', 5, 2, true, true, true),     /* ptmx */
	ALLOW('c', 10, 200, true, true, true),  /* net/tun */
};
/* clang-format on */

static bool is_valid(const struct spec_device_rule *r)
{
	return (r->type == 'a' || r->type == 'b' || r->type == 'c') &&
	       r->major >= ANY && r->major <= UINT32_MAX && r->minor >= ANY &&
	       r->minor <= UINT32_MAX;
}

/* Does rule @a speak of every device and access that @b speaks of? */
static bool covers(const struct spec_device_rule *a,
		   const struct spec_device_rule *b)
{
	return (a->type == 'a' || a->type == b->type) &&
	       (a->major == ANY || a->major == b->major) &&
	       (a->minor == ANY || a->minor == b->minor) &&
	       a->read >= b->read && a->write >= b->write &&
	       a->mknod >= b->mknod;
}

/* A later rule that covers this one has the last word; so has no access. */
static bool is_moot(const struct spec_device_rule *rule,
		    const struct spec_device_rule *later, size_t count)
{
	if (!rule->read && !rule->write && !rule->mknod)
		return true;
	for (size_t i = 0; i < count; i++)
		if (covers(&later[i], rule))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct spec_device_rule *x = a, *y = b;

	if (x->type != y->type)
		return x->type - y->type;
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return (y->read + y->write + y->mknod) -
	       (x->read + x->write + x->mknod);
}

/* Leave out what another rule of the same verdict covers: behind one that
 * always decides it would be code without a way to it, which the kernel
 * refuses. Return: how many are left. */
static size_t drop_covered(struct spec_device_rule *list, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!is_moot(&list[i], list, n))
			list[n++] = list[i];
	return n;
}

/* Neighbours that all allow, or all deny, may stand in any order: like beside
 * like makes a shorter program. A wider rule sorts before what it covers.
 * Return: how many rules are left. */
static size_t sort_runs(struct spec_device_rule *list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count; n++)
			if (list[i + n].allow != list[i].allow)
				break;
		memmove(list + kept, list + i, n * sizeof(*list));
		qsort(list + kept, n, sizeof(*list), compare);
		kept += drop_covered(list + kept, n);
	}
	return kept;
}

int cg_dev_normalise(const struct spec_device_rule *rules, size_t count,
		     struct spec_device_rule **out, size_t *out_count,
		     size_t *bad)
{
	struct spec_device_rule *list;
	size_t n = 0;

	*bad = 0;
	if (count > CG_DEV_RULES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < count; i++)
		if (!is_valid(&rules[i])) {
			*bad = i;
			return -EINVAL;
		}
	list = calloc(count + ARRAY_SIZE(dev_defaults), sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = ARRAY_SIZE(dev_defaults); i--;)
		if (!is_moot(&dev_defaults[i], list, n))
			list[n++] = dev_defaults[i];
	for (size_t i = count; i--;)
		if (!is_moot(&rules[i], list, n))
			list[n++] = rules[i];
	/* what is not allowed is denied anyway */
	while (n && !list[n - 1].allow)
		n--;
	*out_count = sort_runs(list, n);
	*out = list;
	return 0;
}

static int apply_program(int cg_fd, const struct spec_device_rule *rules,
			 size_t count, struct err *err)
{
	auto_free struct bpf_insn *insns = NULL;
	auto_fd int prog_fd = -1;
	size_t insn_count;
	int rc = cg_dev_program(rules, count, &insns, &insn_count);

	if (rc < 0)
		return err_code(err, rc, FIELD);
	prog_fd = cg_bpf_load(insns, insn_count);
	/*
	 * No program of theirs is needed to keep a user from devices: he can
	 * make no nodes, and open those that are there as far as he might
	 * outside.
	 */
	if (prog_fd == -EPERM && (geteuid() != 0 || proc_in_userns())) {
		log_info(FIELD ": not for this user to set");
		return 0;
	}
	if (prog_fd < 0)
		return err_at(err, prog_fd, FIELD,
			      "cannot load the device filter (bpf): %s",
			      err_text(prog_fd));
	rc = SABOTAGED("devices_filter") ? 0 : cg_bpf_replace(cg_fd, prog_fd);
	if (rc < 0)
		return err_at(err, rc, FIELD,
			      "cannot attach the device filter (bpf): %s",
			      err_text(rc));
	return 0;
}

int cg_devices_apply(int cg_fd, const struct spec_resources *res,
		     struct err *err)
{
	auto_free struct spec_device_rule *list = NULL;
	size_t count, bad;
	int rc = cg_dev_normalise(res ? res->devices : NULL,
				  res ? res->device_count : 0, &list, &count,
				  &bad);
	char field[64];

	if (rc == -E2BIG)
		return err_at(err, rc, FIELD, "more than %d rules",
			      CG_DEV_RULES_MAX);
	if (rc == -EINVAL) {
		snprintf(field, sizeof(field), FIELD "[%zu]", bad);
		return err_at(err, rc, field,
			      "no such device type or number out of range");
	}
	if (rc < 0)
		return err_code(err, rc, FIELD);
	return apply_program(cg_fd, list, count, err);
}
