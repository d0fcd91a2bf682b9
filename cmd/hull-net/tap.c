/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/hull-net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "microvm/virtio/devices.h"

/*
 * Frames cross over at the ingress hook of each of the two: what the
 * container's interface receives never reaches the namespace's own stack, whose
 * addresses are the guest's from now on.
 */

#define NAME "hull-vm" /* and a number */
#define KIND "tun"
#define PRIORITY 1
#define HANDLE 0x4c4c5548 /* "HULL": whose redirect it is */
#define LINKS_MAX 4096

static int del_clsact(struct nl *nl, int index)
{
	struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = index,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	struct nlmsghdr *msg;

	msg = nl_begin(nl, RTM_DELQDISC, 0, &head, sizeof(head));
	mnl_attr_put_strz(msg, TCA_KIND, "clsact");
	return nl_do(nl, msg);
}

static int add_clsact(struct nl *nl, int index)
{
	struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = index,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	struct nlmsghdr *msg;

	/* what an earlier container of the same namespace has left */
	del_clsact(nl, index);
	msg = nl_begin(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &head,
		       sizeof(head));
	mnl_attr_put_strz(msg, TCA_KIND, "clsact");
	return nl_do(nl, msg);
}

static int add_redirect(struct nl *nl, int from, int to)
{
	struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = from,
		.tcm_handle = HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL)),
	};
	const struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = (uint32_t)to,
	};
	struct nlattr *options, *actions, *action, *parms;
	struct nlmsghdr *msg;

	msg = nl_begin(nl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &head,
		       sizeof(head));
	mnl_attr_put_strz(msg, TCA_KIND, "matchall");
	options = mnl_attr_nest_start(msg, TCA_OPTIONS);
	actions = mnl_attr_nest_start(msg, TCA_MATCHALL_ACT);
	action = mnl_attr_nest_start(msg, 1);
	mnl_attr_put_strz(msg, TCA_ACT_KIND, "mirred");
	parms = mnl_attr_nest_start(msg, TCA_ACT_OPTIONS);
	mnl_attr_put(msg, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(msg, parms);
	mnl_attr_nest_end(msg, action);
	mnl_attr_nest_end(msg, actions);
	mnl_attr_nest_end(msg, options);
	return nl_do(nl, msg);
}

static int join(struct nl *nl, const struct iface *iface, int tap,
		struct err *err)
{
	const int ends[] = { iface->index, tap };

	for (int i = 0; i < 2; i++) {
		int ret = add_clsact(nl, ends[i]);

		if (ret)
			return err_code(err, ret,
					"cannot add the queueing discipline "
					"'clsact' for '%s'",
					iface->name);
	}
	for (int i = 0; i < 2; i++) {
		int ret = add_redirect(nl, ends[i], ends[!i]);

		if (ret)
			return err_code(err, ret,
					"cannot redirect the frames of '%s'",
					iface->name);
	}
	return 0;
}

/* Not up before it is joined: nothing of the namespace shall go out there. */
static int bring_up(struct nl *nl, const struct iface *iface, int tap,
		    struct err *err)
{
	struct ifinfomsg head = {
		.ifi_index = tap,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nlmsghdr *msg;
	int ret;

	msg = nl_begin(nl, RTM_NEWLINK, 0, &head, sizeof(head));
	mnl_attr_put_u32(msg, IFLA_MTU, iface->mtu);
	ret = nl_do(nl, msg);
	return ret ? err_code(err, ret, "cannot bring up the tap of '%s'",
			      iface->name)
		   : 0;
}

int tap_make(struct nl *nl, const struct iface *iface, int number, int tun_fd,
	     struct err *err)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = NET_HDR_BYTES;
	int tap, ret;

	snprintf(req.ifr_name, sizeof(req.ifr_name), NAME "%d", number);
	/* offloads off: whole frames, with their checksums */
	if (ioctl(tun_fd, TUNSETIFF, &req) < 0 ||
	    ioctl(tun_fd, TUNSETVNETHDRSZ, &header) < 0 ||
	    ioctl(tun_fd, TUNSETOFFLOAD, 0) < 0)
		return err_sys(err, "cannot make a tap for '%s'", iface->name);
	tap = (int)if_nametoindex(req.ifr_name);
	if (!tap)
		return err_sys(err, "cannot find the tap of '%s'", iface->name);
	ret = join(nl, iface, tap, err);
	return ret ? ret : bring_up(nl, iface, tap, err);
}

/* ---- those that are there */

static int on_kind(const struct nlattr *attr, void *data)
{
	bool *ours = data;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*ours = !strcmp(mnl_attr_get_str(attr), KIND);
	return MNL_CB_OK;
}

struct look {
	bool name;
	bool kind;
};

static int on_look(const struct nlattr *attr, void *data)
{
	struct look *look = data;

	if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		look->name = !strncmp(mnl_attr_get_str(attr), NAME,
				      sizeof(NAME) - 1);
	else if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
		mnl_attr_parse_nested(attr, on_kind, &look->kind);
	return MNL_CB_OK;
}

/* The workload cannot make one of this name: hull's side is not its own. */
bool tap_is_one(const struct nlmsghdr *link)
{
	struct look look = { 0 };

	mnl_attr_parse(link, sizeof(struct ifinfomsg), on_look, &look);
	return look.name && look.kind;
}

/* ---- afterwards */

static int on_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **of = data;

	if (mnl_attr_get_type(attr) <= TCA_MAX)
		of[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

/* Of @nest, the attribute @type; NULL also for no @nest. */
static const struct nlattr *inside(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *of[TCA_MAX + 1] = { NULL };

	if (nest)
		mnl_attr_parse_nested(nest, on_attr, of);
	return of[type];
}

/* The kernel shows a redirect whose interface is gone as one to number 0. */
static int on_filter(const struct nlmsghdr *msg, void *data)
{
	const struct tcmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *of[TCA_MAX + 1] = { NULL };
	const struct nlattr *attr;
	const struct tc_mirred *mirred;
	bool *dead = data;

	if (msg->nlmsg_type != RTM_NEWTFILTER || head->tcm_handle != HANDLE)
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*head), on_attr, of);
	attr = inside(of[TCA_OPTIONS], TCA_MATCHALL_ACT);
	attr = inside(inside(attr, 1), TCA_ACT_OPTIONS);
	attr = inside(attr, TCA_MIRRED_PARMS);
	if (!of[TCA_KIND] ||
	    strcmp(mnl_attr_get_str(of[TCA_KIND]), "matchall") || !attr ||
	    mnl_attr_get_payload_len(attr) < sizeof(*mirred))
		return MNL_CB_OK;
	mirred = mnl_attr_get_payload(attr);
	*dead = *dead || !mirred->ifindex;
	return MNL_CB_OK;
}

struct links {
	size_t count;
	int index[LINKS_MAX];
};

static int on_link(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct links *links = data;

	if (msg->nlmsg_type == RTM_NEWLINK && links->count < LINKS_MAX)
		links->index[links->count++] = info->ifi_index;
	return MNL_CB_OK;
}

static int forget(struct nl *nl, int index, struct err *err)
{
	const struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = index,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	};
	bool dead = false;
	int ret = nl_dump_of(nl, RTM_GETTFILTER, &head, sizeof(head), on_filter,
			     &dead);

	if (!ret && dead)
		ret = del_clsact(nl, index);
	/* it may have gone meanwhile */
	return ret && ret != -ENODEV
		       ? err_code(err, ret, "cannot give interface %d back",
				  index)
		       : 0;
}

int taps_forget(struct nl *nl, struct err *err)
{
	struct links links = { 0 };
	int ret = nl_dump(nl, RTM_GETLINK, AF_UNSPEC, on_link, &links);

	if (ret)
		return err_code(err, ret, "cannot list the interfaces");
	for (size_t i = 0; i < links.count; i++) {
		int rc = forget(nl, links.index[i], err);

		ret = ret ? ret : rc;
	}
	return ret;
}
