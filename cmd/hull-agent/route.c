/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/route.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/json/json.h"
#include "cmd/hull-agent/netlink.h"
#include "cmd/hull-agent/netval.h"

/**
 * struct route - one of them.
 * @metrics: by RTAX_*; 0: none, as the kernel has it
 */
struct route {
	struct netval_ip dst, gateway, src;
	uint32_t prefix, metric, scope, family, tos;
	uint32_t metrics[RTAX_MAX + 1];
	bool has_dst, has_gateway, has_src, has_metric, onlink;
};

/* Numbers only: the kernel takes a congestion control algorithm by its name. */
static int read_metrics(const struct json *v, struct route *r,
			const struct netval_at *at, struct err *err)
{
	const struct json *one;
	int ret = netval_list(v, "metrics", &one, at, err);

	for (; !ret && one; one = one->next) {
		uint32_t index = 0, value = 0;

		ret = netval_u32(one, "index", RTAX_MAX, &index, at, err);
		if (ret > 0)
			ret = netval_u32(one, "value", UINT32_MAX, &value, at,
					 err);
		if (ret < 0)
			return ret;
		if (!ret || !index || index == RTAX_CC_ALGO)
			return netval_bad(at, "metrics", -EINVAL,
					  "is not a list of metrics", err);
		r->metrics[index] = value;
		ret = 0;
	}
	return ret;
}

static int read_route(const struct json *v, struct route *r,
		      const struct netval_at *at, struct err *err)
{
	int ret;

	*r = (struct route){ 0 };
	ret = netval_subnet(v, "dst", &r->dst, &r->prefix, at, err);
	r->has_dst = ret > 0;
	if (ret >= 0)
		ret = netval_ip(v, "gateway", &r->gateway, at, err);
	r->has_gateway = ret > 0;
	if (ret >= 0)
		ret = netval_ip(v, "src", &r->src, at, err);
	r->has_src = ret > 0;
	if (ret >= 0)
		ret = netval_u32(v, "metric", UINT32_MAX, &r->metric, at, err);
	r->has_metric = ret > 0;
	if (ret >= 0)
		ret = netval_bool(v, "onlink", &r->onlink, at, err);
	if (ret >= 0)
		ret = netval_u32(v, "family", 6, &r->family, at, err);
	if (ret >= 0)
		ret = netval_u32(v, "tos", UINT8_MAX, &r->tos, at, err);
	if (ret >= 0)
		ret = read_metrics(v, r, at, err);
	if (ret < 0)
		return ret;
	r->family = r->has_dst       ? r->dst.family
		    : r->has_gateway ? r->gateway.family
		    : r->family == 6 ? AF_INET6
				     : AF_INET;
	if ((r->has_gateway && r->gateway.family != r->family) ||
	    (r->has_src && r->src.family != r->family))
		return netval_bad(at, "", -EINVAL, "mixes address families",
				  err);
	r->scope = r->has_gateway || r->family == AF_INET6 ? RT_SCOPE_UNIVERSE
							   : RT_SCOPE_LINK;
	ret = netval_scope(v, "scope", &r->scope, at, err);
	return ret < 0 ? ret : 0;
}

static void put_metrics(struct nl_msg *msg, const struct route *r)
{
	struct {
		struct rtattr head;
		uint32_t value;
	} list[RTAX_MAX];
	size_t count = 0;

	for (uint16_t i = 1; i <= RTAX_MAX; i++) {
		if (!r->metrics[i])
			continue;
		list[count].head = (struct rtattr){
			.rta_len = sizeof(*list),
			.rta_type = i,
		};
		list[count++].value = r->metrics[i];
	}
	if (count)
		nl_put(msg, RTA_METRICS, list, count * sizeof(*list));
}

/* The kernel has made one itself with the interface's address. */
static int drop_kernels(int fd, int index, const struct route *r)
{
	struct rtmsg info = {
		.rtm_family = (uint8_t)r->family,
		.rtm_dst_len = r->has_dst ? (uint8_t)r->prefix : 0,
		.rtm_tos = (uint8_t)r->tos,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_KERNEL,
		.rtm_scope = RT_SCOPE_NOWHERE,
	};
	struct nl_msg msg;

	nl_begin(&msg, RTM_DELROUTE, 0, &info, sizeof(info));
	if (info.rtm_dst_len)
		nl_put(&msg, RTA_DST, r->dst.bytes, r->dst.len);
	if (r->has_metric)
		nl_put(&msg, RTA_PRIORITY, &r->metric, sizeof(r->metric));
	nl_put(&msg, RTA_OIF, &index, sizeof(index));
	return nl_ask(fd, &msg);
}

static int send_route(int fd, int index, const struct route *r)
{
	struct rtmsg info = {
		.rtm_family = (uint8_t)r->family,
		.rtm_dst_len = r->has_dst ? (uint8_t)r->prefix : 0,
		.rtm_tos = (uint8_t)r->tos,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = (uint8_t)r->scope,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0,
	};
	struct nl_msg msg;

	nl_begin(&msg, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &info,
		 sizeof(info));
	if (info.rtm_dst_len)
		nl_put(&msg, RTA_DST, r->dst.bytes, r->dst.len);
	if (r->has_gateway)
		nl_put(&msg, RTA_GATEWAY, r->gateway.bytes, r->gateway.len);
	if (r->has_src)
		nl_put(&msg, RTA_PREFSRC, r->src.bytes, r->src.len);
	if (r->has_metric)
		nl_put(&msg, RTA_PRIORITY, &r->metric, sizeof(r->metric));
	nl_put(&msg, RTA_OIF, &index, sizeof(index));
	put_metrics(&msg, r);
	return nl_ask(fd, &msg);
}

int route_add(int fd, int index, const struct json *v, bool gateways,
	      const struct netval_at *at, struct err *err)
{
	struct route r;
	int ret = read_route(v, &r, at, err);

	if (ret || r.has_gateway != gateways)
		return ret;
	ret = send_route(fd, index, &r);
	/* that of the host stands in the place of the kernel's own */
	if (ret == -EEXIST && !drop_kernels(fd, index, &r))
		ret = send_route(fd, index, &r);
	if (ret == -EEXIST)
		ret = 0;
	return ret ? netval_bad(at, "", ret, "cannot set the route", err) : 0;
}
