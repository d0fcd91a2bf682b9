/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "cgroups/internal.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

#define PIDS "linux.resources.pids.limit"

static const char *pids_wanted(const struct spec_resources *res)
{
	return res->pids_limit.set ? PIDS : NULL;
}

static const char *hugetlb_wanted(const struct spec_resources *res)
{
	return res->hugepage_count ? "linux.resources.hugepageLimits" : NULL;
}

static const char *rdma_wanted(const struct spec_resources *res)
{
	return res->rdma_count ? "linux.resources.rdma" : NULL;
}

int cg_pids_plan(struct cg_plan *plan, const struct spec_resources *res,
		 struct err *err)
{
	const struct opt_i64 *limit = &res->pids_limit;

	if (!limit->set)
		return 0;
	/*
	 * 0 is legal (runtime-spec 1.3), but a cgroup with pids.max 0 cannot
	 * be cloned into at all. 1 allows the first process and no second,
	 * which is what 0 did when processes were moved in; runc too.
	 */
	if (limit->v < 0)
		cg_plan_add(plan, CG_PIDS, 0, PIDS, "pids.max", "max");
	else
		cg_plan_add(plan, CG_PIDS, 0, PIDS, "pids.max", "%" PRId64,
			    limit->v ? limit->v : 1);
	return cg_plan_status(plan, err);
}

int cg_rdma_plan(struct cg_plan *plan, const struct spec_resources *res,
		 struct err *err)
{
	for (size_t i = 0; i < res->rdma_count; i++) {
		const struct spec_rdma *r = &res->rdma[i];
		const char *field = cg_plan_text(
			plan, "linux.resources.rdma[\"%s\"]", r->device);
		const char *handles = "", *objects = "";

		if (strpbrk(r->device, " \t\n"))
			return err_at(err, -EINVAL, field,
				      "a device name has no blanks");
		if (r->handles_set)
			handles = cg_plan_text(plan, " hca_handle=%u",
					       r->handles);
		if (r->objects_set)
			objects = cg_plan_text(plan, " hca_object=%u",
					       r->objects);
		if (*handles || *objects)
			cg_plan_add(plan, CG_RDMA, 0, field, "rdma.max",
				    "%s%s%s", r->device, handles, objects);
	}
	return cg_plan_status(plan, err);
}

/* clang-format off */
const struct cg_ctrl_row cg_ctrl_rows[CG_CTRLS] = {
	[CG_CPU] = { "cpu", "cpu", CG_V1_CPU, cg_cpu_wanted,
		     cg_cpu_plan_v2, cg_cpu_plan_v1 },
	[CG_CPUSET] = { "cpuset", "cpuset", CG_V1_CPUSET, cg_cpuset_wanted,
			cg_cpuset_plan, cg_cpuset_plan },
	[CG_MEMORY] = { "memory", "memory", CG_V1_MEMORY, cg_memory_wanted,
			cg_memory_plan_v2, cg_memory_plan_v1 },
	[CG_PIDS] = { "pids", "pids", CG_V1_PIDS, pids_wanted,
		      cg_pids_plan, cg_pids_plan },
	[CG_IO] = { "io", "blkio", CG_V1_BLKIO, cg_io_wanted,
		    cg_io_plan_v2, cg_io_plan_v1 },
	[CG_HUGETLB] = { "hugetlb", "hugetlb", CG_V1_HUGETLB, hugetlb_wanted,
			 cg_hugetlb_plan_v2, cg_hugetlb_plan_v1 },
	/* no v1 bit: rdma serves from the v2 tree only */
	[CG_RDMA] = { "rdma", NULL, 0, rdma_wanted, cg_rdma_plan, NULL },
};
/* clang-format on */

static bool is_name(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !memcmp(name, text, len);
}

int cg_ctrl_find(const char *name, size_t len)
{
	for (int i = 0; i < CG_CTRLS; i++)
		if (is_name(cg_ctrl_rows[i].name, name, len) ||
		    is_name(cg_ctrl_rows[i].v1_name, name, len))
			return i;
	return -ENOENT;
}

static bool is_mounted_v1(const struct cg_ctrl_row *row)
{
	auto_fd int fd = -1;

	if (!row->v1_bit)
		return false;
	fd = cg_v1_root_open(row->v1_name);
	return fd >= 0;
}

/* What the host offers, read when the first limit asks. */
struct host {
	enum cg_mode mode;
	bool known;
	char v2[CG_CONTROLLERS_MAX];
};

/* Return: 0 (v2), the v1 bit, or -ENOTSUP. */
static int need_one(struct host *host, const struct cg_ctrl_row *row,
		    const char *field, struct err *err)
{
	int rc = 0;

	if (!host->known)
		rc = cg_root_controllers(host->mode, host->v2,
					 sizeof(host->v2));
	if (rc < 0)
		return err_code(err, rc, "cannot read cgroup.controllers");
	host->known = true;
	if (cg_has_word(host->v2, row->name))
		return 0;
	if (host->mode == CG_MODE_HYBRID && is_mounted_v1(row))
		return (int)row->v1_bit;
	return err_at(err, -ENOTSUP, field,
		      "this host has no '%s' cgroup controller", row->name);
}

/* A key of unified{} is a v2 file: it cannot be had from a v1 hierarchy. */
static int check_unified(struct host *host, const struct spec_unified *u,
			 struct err *err)
{
	size_t len = strcspn(u->file, ".");
	int ctrl = cg_ctrl_find(u->file, len);
	char field[256];
	int rc;

	if (ctrl < 0 || !is_name(cg_ctrl_rows[ctrl].name, u->file, len))
		return 0; /* "cgroup.", or seen when it is written */
	snprintf(field, sizeof(field), "linux.resources.unified[\"%s\"]",
		 u->file);
	rc = need_one(host, &cg_ctrl_rows[ctrl], field, err);
	if (rc > 0)
		return err_at(err, -ENOTSUP, field,
			      "controller '%s' is a cgroup v1 hierarchy on "
			      "this host",
			      cg_ctrl_rows[ctrl].name);
	return rc;
}

int cg_needs(enum cg_mode mode, const struct spec_resources *res,
	     uint32_t *v1_mask, struct err *err)
{
	struct host host = { .mode = mode };
	uint32_t mask = 0;

	for (size_t i = 0; i < CG_CTRLS; i++) {
		const struct cg_ctrl_row *row = &cg_ctrl_rows[i];
		const char *field = row->wanted(res);
		int rc = 0;

		if (field)
			rc = need_one(&host, row, field, err);
		if (rc < 0)
			return rc;
		mask |= (uint32_t)rc;
	}
	for (size_t i = 0; i < res->unified_count; i++) {
		int rc = check_unified(&host, &res->unified[i], err);

		if (rc < 0)
			return rc;
	}
	*v1_mask = mask;
	return 0;
}
