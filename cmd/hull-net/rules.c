/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/hull-net.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/err.h"

/* Which table a packet is looked up in: ip-rule(8). */

/**
 * struct rule - one of them.
 * @narrow: it does not hold for every packet, or not every route of its table
 */
struct rule {
	uint32_t priority;
	uint32_t table;
	bool narrow;
};

/* The kernel shows no attribute of a selector that is not there. */
static int on_attr(const struct nlattr *attr, void *data)
{
	struct rule *rule = data;

	switch (mnl_attr_get_type(attr)) {
	case FRA_PRIORITY:
		rule->priority = mnl_attr_get_u32(attr);
		break;
	case FRA_TABLE:
		rule->table = mnl_attr_get_u32(attr);
		break;
	case FRA_SUPPRESS_PREFIXLEN:
		if (mnl_attr_get_u32(attr) != UINT32_MAX)
			rule->narrow = true;
		break;
	case FRA_PROTOCOL: /* who has made it */
		break;
	default:
		rule->narrow = true;
	}
	return MNL_CB_OK;
}

static bool is_standard(const struct fib_rule_hdr *head,
			const struct rule *rule)
{
	static const struct {
		uint32_t priority;
		uint32_t table;
	} standard[] = {
		{ 0, RT_TABLE_LOCAL },
		{ 32766, RT_TABLE_MAIN },
		{ 32767, RT_TABLE_DEFAULT },
	};

	if (rule->narrow || head->src_len || head->dst_len || head->tos ||
	    head->action != FR_ACT_TO_TBL || head->flags & FIB_RULE_INVERT)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
		if (rule->priority == standard[i].priority &&
		    rule->table == standard[i].table)
			return true;
	return false;
}

static int on_rule(const struct nlmsghdr *msg, void *data)
{
	const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(msg);
	struct rule rule = { 0 };
	struct err *why = data;

	/* there are lists for the routing of multicast, too */
	if (msg->nlmsg_type != RTM_NEWRULE || why->code ||
	    (head->family != AF_INET && head->family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*head), on_attr, &rule);
	if (!is_standard(head, &rule))
		err_set(why, -ENOTSUP,
			"a policy rule of priority %u is there: a microVM "
			"cannot have it",
			rule.priority);
	return MNL_CB_OK;
}

int rules_check(struct nl *nl, struct err *err)
{
	struct err why = { 0 };
	int ret = nl_dump(nl, RTM_GETRULE, AF_UNSPEC, on_rule, &why);

	/* a kernel without CONFIG_IP_MULTIPLE_TABLES */
	if (ret && ret != -EOPNOTSUPP)
		return err_code(err, ret, "cannot list the policy rules");
	if (why.code)
		*err = why;
	return why.code;
}
