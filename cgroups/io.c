/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/err.h"
#include "cgroups/convert.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

#define WEIGHT "linux.resources.blockIO.weight"
#define WEIGHT_DEVICE "linux.resources.blockIO.weightDevice"

/* clang-format off */
static const struct io_throttle {
	const char *field;
	const char *v2_key;  /* in io.max */
	const char *v1_file;
} io_throttles[SPEC_THROTTLE_KINDS] = {
	[SPEC_THROTTLE_READ_BPS] = {
		"linux.resources.blockIO.throttleReadBpsDevice",
		"rbps", "blkio.throttle.read_bps_device",
	},
	[SPEC_THROTTLE_WRITE_BPS] = {
		"linux.resources.blockIO.throttleWriteBpsDevice",
		"wbps", "blkio.throttle.write_bps_device",
	},
	[SPEC_THROTTLE_READ_IOPS] = {
		"linux.resources.blockIO.throttleReadIOPSDevice",
		"riops", "blkio.throttle.read_iops_device",
	},
	[SPEC_THROTTLE_WRITE_IOPS] = {
		"linux.resources.blockIO.throttleWriteIOPSDevice",
		"wiops", "blkio.throttle.write_iops_device",
	},
};
/* clang-format on */

/* The number that means "no limit" in the kernel's 32 bits for operations:
 * io.max takes more for it, cgroup v1 would cut the upper bits off. */
static uint64_t v1_rate(enum spec_throttle_kind kind, uint64_t rate)
{
	bool is_iops = kind == SPEC_THROTTLE_READ_IOPS ||
		       kind == SPEC_THROTTLE_WRITE_IOPS;

	return is_iops && rate > UINT32_MAX ? UINT32_MAX : rate;
}

static bool has_weight(const struct spec_block_io *io)
{
	return io->weight.set && io->weight.v;
}

const char *cg_io_wanted(const struct spec_resources *res)
{
	const struct spec_block_io *io = &res->block_io;

	if (has_weight(io))
		return WEIGHT;
	for (size_t i = 0; i < io->weight_device_count; i++)
		if (io->weight_devices[i].weight)
			return WEIGHT_DEVICE;
	for (size_t k = 0; k < SPEC_THROTTLE_KINDS; k++)
		if (io->throttle_count[k])
			return io_throttles[k].field;
	return NULL;
}

/*
 * The BFQ scheduler has a file of its own, in v1 units; everything else that
 * knows weights (io.cost) listens to io.weight.
 */
static void plan_weights_v2(struct cg_plan *plan,
			    const struct spec_block_io *io)
{
	if (has_weight(io)) {
		cg_plan_add(plan, CG_IO, CGW_ELSE, WEIGHT, "io.bfq.weight",
			    "%" PRIu64, io->weight.v);
		cg_plan_add(plan, CG_IO, 0, WEIGHT, "io.weight", "%" PRIu64,
			    cg_io_weight_from_blkio(io->weight.v));
	}
	for (size_t i = 0; i < io->weight_device_count; i++) {
		const struct spec_weight_device *d = &io->weight_devices[i];
		const char *field =
			cg_plan_text(plan, WEIGHT_DEVICE "[%zu]", i);

		if (!d->weight)
			continue;
		cg_plan_add(plan, CG_IO, CGW_ELSE, field, "io.bfq.weight",
			    "%u:%u %u", d->major, d->minor, d->weight);
		cg_plan_add(plan, CG_IO, 0, field, "io.weight",
			    "%u:%u %" PRIu64, d->major, d->minor,
			    cg_io_weight_from_blkio(d->weight));
	}
}

static void plan_weights_v1(struct cg_plan *plan,
			    const struct spec_block_io *io)
{
	if (has_weight(io)) {
		cg_plan_add(plan, CG_IO, CGW_ELSE, WEIGHT, "blkio.weight",
			    "%" PRIu64, io->weight.v);
		cg_plan_add(plan, CG_IO, 0, WEIGHT, "blkio.bfq.weight",
			    "%" PRIu64, io->weight.v);
	}
	for (size_t i = 0; i < io->weight_device_count; i++) {
		const struct spec_weight_device *d = &io->weight_devices[i];
		const char *field =
			cg_plan_text(plan, WEIGHT_DEVICE "[%zu]", i);

		if (!d->weight)
			continue;
		cg_plan_add(plan, CG_IO, CGW_ELSE, field, "blkio.weight_device",
			    "%u:%u %u", d->major, d->minor, d->weight);
		cg_plan_add(plan, CG_IO, 0, field, "blkio.bfq.weight_device",
			    "%u:%u %u", d->major, d->minor, d->weight);
	}
}

int cg_io_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		  struct err *err)
{
	const struct spec_block_io *io = &res->block_io;

	plan_weights_v2(plan, io);
	for (size_t k = 0; k < SPEC_THROTTLE_KINDS; k++) {
		const struct io_throttle *row = &io_throttles[k];

		for (size_t i = 0; i < io->throttle_count[k]; i++) {
			const struct spec_throttle *t = &io->throttle[k][i];
			const char *field =
				cg_plan_text(plan, "%s[%zu]", row->field, i);

			/* v1 took 0 for "no limit"; v2 has a word for it */
			if (t->rate)
				cg_plan_add(plan, CG_IO, 0, field, "io.max",
					    "%u:%u %s=%" PRIu64, t->major,
					    t->minor, row->v2_key, t->rate);
			else
				cg_plan_add(plan, CG_IO, 0, field, "io.max",
					    "%u:%u %s=max", t->major, t->minor,
					    row->v2_key);
		}
	}
	return cg_plan_status(plan, err);
}

int cg_io_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		  struct err *err)
{
	const struct spec_block_io *io = &res->block_io;

	plan_weights_v1(plan, io);
	for (size_t k = 0; k < SPEC_THROTTLE_KINDS; k++) {
		const struct io_throttle *row = &io_throttles[k];

		for (size_t i = 0; i < io->throttle_count[k]; i++) {
			const struct spec_throttle *t = &io->throttle[k][i];
			const char *field =
				cg_plan_text(plan, "%s[%zu]", row->field, i);

			cg_plan_add(plan, CG_IO, 0, field, row->v1_file,
				    "%u:%u %" PRIu64, t->major, t->minor,
				    v1_rate(k, t->rate));
		}
	}
	return cg_plan_status(plan, err);
}
