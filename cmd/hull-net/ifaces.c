/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/hull-net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* What is there in the namespace, and how the guest is told. */

struct listing {
	struct iface *list;
	int room;
	int count;
	struct err *err;
};

static int on_link_attr(const struct nlattr *attr, void *data)
{
	struct iface *iface = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		snprintf(iface->name, sizeof(iface->name), "%s",
			 mnl_attr_get_str(attr));
		break;
	case IFLA_MTU:
		iface->mtu = mnl_attr_get_u32(attr) > UINT16_MAX
				     ? UINT16_MAX
				     : (uint16_t)mnl_attr_get_u32(attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(iface->mac))
			memcpy(iface->mac, mnl_attr_get_payload(attr),
			       sizeof(iface->mac));
		break;
	}
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct listing *l = data;
	struct iface one = { .index = info->ifi_index,
			     .up = info->ifi_flags & IFF_UP,
			     .noarp = info->ifi_flags & IFF_NOARP };
	bool ether = info->ifi_type == ARPHRD_ETHER;

	if (msg->nlmsg_type != RTM_NEWLINK || l->err->code ||
	    info->ifi_flags & IFF_LOOPBACK)
		return MNL_CB_OK;
	if (tap_is_one(msg)) {
		err_set(l->err, -EBUSY,
			"another microVM has the interfaces of this network "
			"namespace");
		return MNL_CB_OK;
	}
	mnl_attr_parse(msg, sizeof(*info), on_link_attr, &one);
	if (!ether || info->ifi_flags & IFF_POINTOPOINT) {
		if (one.up)
			err_set(l->err, -ENOTSUP,
				"interface '%s' is %s: a microVM cannot have "
				"it",
				one.name,
				ether ? "point-to-point"
				      : "not an Ethernet interface");
		return MNL_CB_OK;
	}
	if (l->count == l->room) {
		err_set(l->err, -E2BIG,
			"more than %d interfaces: a microVM cannot have them",
			l->room);
		return MNL_CB_OK;
	}
	l->list[l->count++] = one;
	return MNL_CB_OK;
}

/* The guest knows them by their addresses. */
static int check_macs(const struct listing *l, struct err *err)
{
	for (int i = 0; i < l->count; i++)
		for (int k = 0; k < i; k++)
			if (!memcmp(l->list[i].mac, l->list[k].mac, 6))
				return err_set(err, -ENOTSUP,
					       "interfaces '%s' and '%s' have "
					       "the same address: a microVM "
					       "cannot have both",
					       l->list[k].name,
					       l->list[i].name);
	return 0;
}

int ifaces_list(struct nl *nl, struct iface *list, int room, struct err *err)
{
	struct err why = { 0 };
	struct listing l = { .list = list, .room = room, .err = &why };
	int ret = nl_dump(nl, RTM_GETLINK, AF_UNSPEC, on_link, &l);

	if (ret)
		return err_code(err, ret, "cannot list the interfaces");
	if (!why.code)
		check_macs(&l, &why);
	if (why.code)
		*err = why;
	return why.code ? why.code : l.count;
}

/* ---- JSON */

/**
 * struct writer - one list of one interface.
 * @first: nothing written yet
 * @why: set when there is something that the guest cannot be given
 */
struct writer {
	const struct iface *iface;
	struct strbuf *out;
	bool first;
	struct err why;
};

static void open_object(struct writer *w)
{
	strbuf_add(w->out, w->first ? "{" : ",{");
	w->first = false;
}

static void add_ip(struct strbuf *out, const char *key, int family,
		   const struct nlattr *attr, const char *after)
{
	size_t len = family == AF_INET ? 4 : 16;
	char text[INET6_ADDRSTRLEN] = "";

	if (attr && mnl_attr_get_payload_len(attr) == len)
		inet_ntop(family, mnl_attr_get_payload(attr), text,
			  sizeof(text));
	if (text[0])
		strbuf_addf(out, "\"%s\":\"%s%s\",", key, text, after);
}

static void add_mac(struct strbuf *out, const uint8_t *mac)
{
	strbuf_addf(out, "\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0],
		    mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static bool is_ip(int family)
{
	return family == AF_INET || family == AF_INET6;
}

struct attrs {
	const struct nlattr *of[RTA_MAX + 1];
};

static int on_attr(const struct nlattr *attr, void *data)
{
	struct attrs *attrs = data;
	unsigned int type = mnl_attr_get_type(attr);

	if (type <= RTA_MAX)
		attrs->of[type] = attr;
	return MNL_CB_OK;
}

/* The kernel of the guest makes link-local addresses of its own, from the same
 * MAC, but not other ones that are there. */
static int on_address(const struct nlmsghdr *msg, void *data)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(msg);
	struct writer *w = data;
	struct attrs a = { 0 };
	const struct nlattr *local, *remote;
	size_t len;

	if (msg->nlmsg_type != RTM_NEWADDR ||
	    (int)info->ifa_index != w->iface->index || !is_ip(info->ifa_family))
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*info), on_attr, &a);
	local = a.of[IFA_LOCAL] ? a.of[IFA_LOCAL] : a.of[IFA_ADDRESS];
	remote = a.of[IFA_ADDRESS];
	if (!local)
		return MNL_CB_OK;
	len = mnl_attr_get_payload_len(local);
	open_object(w);
	add_ip(w->out, "address", info->ifa_family, local, "");
	if (remote && mnl_attr_get_payload_len(remote) == len &&
	    memcmp(mnl_attr_get_payload(remote), mnl_attr_get_payload(local),
		   len) != 0)
		add_ip(w->out, "peer", info->ifa_family, remote, "");
	add_ip(w->out, "broadcast", info->ifa_family, a.of[IFA_BROADCAST], "");
	strbuf_addf(w->out, "\"prefix\":%d,\"scope\":%d}", info->ifa_prefixlen,
		    info->ifa_scope);
	return MNL_CB_OK;
}

/*
 * Routes that somebody has made. Those that come with an address (protocol
 * kernel) the guest's kernel makes as well.
 */
static bool is_wanted(const struct rtmsg *info, const struct attrs *a,
		      const struct iface *iface)
{
	return is_ip(info->rtm_family) && info->rtm_type == RTN_UNICAST &&
	       info->rtm_table == RT_TABLE_MAIN &&
	       info->rtm_protocol != RTPROT_KERNEL &&
	       !(info->rtm_flags & RTM_F_CLONED) && a->of[RTA_OIF] &&
	       mnl_attr_get_u32(a->of[RTA_OIF]) == (uint32_t)iface->index;
}

/* A route that would be lost, or lead elsewhere, is no route to start with. */
static const char *not_for_guests(const struct rtmsg *info,
				  const struct attrs *a)
{
	if (!is_ip(info->rtm_family) || info->rtm_protocol == RTPROT_KERNEL ||
	    (info->rtm_flags & RTM_F_CLONED) ||
	    info->rtm_table == RT_TABLE_LOCAL)
		return NULL;
	if (info->rtm_table != RT_TABLE_MAIN)
		return "of another table than main";
	if (info->rtm_type != RTN_UNICAST)
		return "that leads nowhere (blackhole, unreachable, prohibit)";
	if (a->of[RTA_MULTIPATH] || !a->of[RTA_OIF])
		return "with several next hops";
	if (a->of[RTA_VIA])
		return "by a gateway of the other family";
	if (a->of[RTA_ENCAP])
		return "with an encapsulation";
	if (info->rtm_src_len)
		return "for some sources only";
	return NULL;
}

/* The guest's kernel checks the values, as this one has. */
static int on_metric(const struct nlattr *attr, void *data)
{
	struct writer *w = data;
	unsigned int type = mnl_attr_get_type(attr);

	if (type == RTAX_CC_ALGO || type > RTAX_MAX ||
	    mnl_attr_get_payload_len(attr) != sizeof(uint32_t)) {
		err_set(&w->why, -ENOTSUP,
			"a route with a %s is there: a microVM cannot have it",
			type == RTAX_CC_ALGO
				? "congestion control algorithm of its own"
				: "metric that is not known");
		return MNL_CB_OK;
	}
	open_object(w);
	strbuf_addf(w->out, "\"index\":%u,\"value\":%u}", type,
		    mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static void add_metrics(struct writer *w, const struct nlattr *metrics)
{
	if (!metrics)
		return;
	strbuf_add(w->out, "\"metrics\":[");
	w->first = true;
	mnl_attr_parse_nested(metrics, on_metric, w);
	w->first = false; /* of the routes */
	strbuf_add(w->out, "],");
}

static int on_route(const struct nlmsghdr *msg, void *data)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(msg);
	struct writer *w = data;
	struct attrs a = { 0 };
	const char *no;
	char prefix[8];
	int family;

	if (msg->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*info), on_attr, &a);
	no = not_for_guests(info, &a);
	if (no && !w->why.code)
		err_set(&w->why, -ENOTSUP,
			"a route %s is there: a microVM cannot have it", no);
	if (no || !is_wanted(info, &a, w->iface))
		return MNL_CB_OK;
	family = info->rtm_family;
	snprintf(prefix, sizeof(prefix), "/%d", info->rtm_dst_len);
	open_object(w);
	add_ip(w->out, "dst", family, a.of[RTA_DST], prefix);
	add_ip(w->out, "gateway", family, a.of[RTA_GATEWAY], "");
	add_ip(w->out, "src", family, a.of[RTA_PREFSRC], "");
	if (a.of[RTA_PRIORITY])
		strbuf_addf(w->out, "\"metric\":%u,",
			    mnl_attr_get_u32(a.of[RTA_PRIORITY]));
	if (info->rtm_flags & RTNH_F_ONLINK)
		strbuf_add(w->out, "\"onlink\":true,");
	if (info->rtm_tos)
		strbuf_addf(w->out, "\"tos\":%u,", info->rtm_tos);
	add_metrics(w, a.of[RTA_METRICS]);
	strbuf_addf(w->out, "\"scope\":%d,\"family\":%d}", info->rtm_scope,
		    family == AF_INET ? 4 : 6);
	return MNL_CB_OK;
}

static int on_neighbour(const struct nlmsghdr *msg, void *data)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(msg);
	struct writer *w = data;
	struct attrs a = { 0 };

	if (msg->nlmsg_type != RTM_NEWNEIGH ||
	    info->ndm_ifindex != w->iface->index ||
	    !(info->ndm_state & NUD_PERMANENT) || !is_ip(info->ndm_family) ||
	    info->ndm_type == RTN_MULTICAST || info->ndm_type == RTN_BROADCAST)
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*info), on_attr, &a);
	if (!a.of[NDA_DST] || !a.of[NDA_LLADDR] ||
	    mnl_attr_get_payload_len(a.of[NDA_LLADDR]) != 6)
		return MNL_CB_OK;
	open_object(w);
	add_ip(w->out, "address", info->ndm_family, a.of[NDA_DST], "");
	add_mac(w->out, mnl_attr_get_payload(a.of[NDA_LLADDR]));
	strbuf_add(w->out, "}");
	return MNL_CB_OK;
}

static const struct {
	const char *key;
	uint16_t request;
	mnl_cb_t visit;
} lists[] = {
	{ "addresses", RTM_GETADDR, on_address },
	{ "routes", RTM_GETROUTE, on_route },
	{ "neighbours", RTM_GETNEIGH, on_neighbour },
};

static int iface_json(struct nl *nl, const struct iface *iface, int slot,
		      struct strbuf *out, struct err *err)
{
	strbuf_addf(out, "{\"slot\":%d,\"name\":", slot);
	strbuf_add_json_string(out, iface->name);
	strbuf_add(out, ",");
	add_mac(out, iface->mac);
	strbuf_addf(out, ",\"mtu\":%u,\"up\":%s", iface->mtu,
		    iface->up ? "true" : "false");
	if (iface->noarp)
		strbuf_add(out, ",\"noarp\":true");
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct writer w = { .iface = iface, .out = out, .first = true };
		int ret;

		strbuf_addf(out, ",\"%s\":[", lists[i].key);
		ret = nl_dump(nl, lists[i].request, AF_UNSPEC, lists[i].visit,
			      &w);
		if (ret)
			return err_code(err, ret, "cannot list the %s of '%s'",
					lists[i].key, iface->name);
		if (w.why.code) {
			*err = w.why;
			return w.why.code;
		}
		strbuf_add(out, "]");
	}
	strbuf_add(out, "}");
	return 0;
}

int ifaces_json(struct nl *nl, const struct iface *list, int count,
		int first_slot, struct strbuf *out, struct err *err)
{
	int ret = count ? rules_check(nl, err) : 0;

	strbuf_add(out, "[");
	for (int i = 0; !ret && i < count; i++) {
		if (i)
			strbuf_add(out, ",");
		ret = iface_json(nl, &list[i], first_slot + i, out, err);
	}
	strbuf_add(out, "]");
	if (!ret && !strbuf_ok(out))
		ret = err_set(err, -ENOMEM, "out of memory");
	return ret;
}
