/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "cgroups/plan.h"
#include "spec/spec.h"

#define FIELD "linux.resources.hugepageLimits[%zu].pageSize"

/* The text becomes part of a file name. */
static bool is_page_size(const char *s)
{
	if (!s || !isdigit((unsigned char)*s))
		return false;
	while (isalnum((unsigned char)*s))
		s++;
	return !*s;
}

/*
 * Usage and reservation are limited both: with the first alone a process gets
 * SIGBUS when it touches a page, with the second mmap(2) fails in time
 * (config-linux.md, "Huge page limits"). The second came with Linux 5.7.
 */
static int plan_hugetlb(struct cg_plan *plan, const struct spec_resources *res,
			const char *suffix, struct err *err)
{
	for (size_t i = 0; i < res->hugepage_count; i++) {
		const struct spec_hugepage *page = &res->hugepages[i];
		const char *field = cg_plan_text(plan, FIELD, i);
		const char *size = page->page_size;

		if (!is_page_size(size))
			return err_at(err, -EINVAL, field,
				      "'%s' is not a page size such as 2MB",
				      size ? size : "");
		cg_plan_add(plan, CG_HUGETLB, 0, field,
			    cg_plan_text(plan, "hugetlb.%s.%s", size, suffix),
			    "%" PRIu64, page->limit_bytes);
		cg_plan_add(
			plan, CG_HUGETLB, CGW_OPTIONAL, field,
			cg_plan_text(plan, "hugetlb.%s.rsvd.%s", size, suffix),
			"%" PRIu64, page->limit_bytes);
	}
	return cg_plan_status(plan, err);
}

int cg_hugetlb_plan_v2(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err)
{
	return plan_hugetlb(plan, res, "max", err);
}

int cg_hugetlb_plan_v1(struct cg_plan *plan, const struct spec_resources *res,
		       struct err *err)
{
	return plan_hugetlb(plan, res, "limit_in_bytes", err);
}
