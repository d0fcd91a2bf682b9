/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json/json.h"
#include "cmd/hull-agent/netlink.h"
#include "cmd/hull-agent/netval.h"
#include "cmd/hull-agent/route.h"

#define SLOT_DRIVER "/sys/bus/platform/drivers/virtio-mmio"

/**
 * struct net - the work in progress.
 * @index: of the interface that @nif is about
 * @at: its place in the message, for errors
 */
struct net {
	int fd;
	const struct json *nif;
	int index;
	struct netval_at at;
};

/* ---- devices and names */

/*
 * The slots are empty while the kernel boots, and filled when the container is
 * started: then the driver has to look again.
 */
static int bind_slot(int dir_fd, const struct json *nif,
		     const struct netval_at *at, struct err *err)
{
	uint32_t slot = 0;
	char name[32];
	int ret;

	ret = netval_u32(nif, "slot", UINT16_MAX, &slot, at, err);
	if (ret <= 0)
		return ret;
	if (dir_fd < 0)
		return err_set(err, -ENOENT,
			       "this kernel has no virtio-mmio driver");
	snprintf(name, sizeof(name), "virtio-mmio.%u", slot);
	ret = io_write_text(dir_fd, "bind", name);
	if (ret && ret != -EBUSY)
		return err_code(err, ret, "cannot bring '%s' up", name);
	return 0;
}

static int bind_slots(const struct json *network, struct err *err)
{
	auto_fd int dir_fd =
		open(SLOT_DRIVER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct netval_at at = { .list = "network" };
	int ret = 0;

	for (const struct json *nif = network->child; !ret && nif;
	     nif = nif->next, at.index++)
		ret = bind_slot(dir_fd, nif, &at, err);
	return ret;
}

static int set_link(struct net *n, uint16_t attr, const void *data, size_t len,
		    unsigned int flags)
{
	struct ifinfomsg info = { .ifi_index = n->index,
				  .ifi_flags = flags,
				  .ifi_change = flags };
	struct nl_msg msg;

	nl_begin(&msg, RTM_NEWLINK, 0, &info, sizeof(info));
	if (attr != IFLA_UNSPEC)
		nl_put(&msg, attr, data, len);
	return nl_ask(n->fd, &msg);
}

static int set_name(struct net *n, const char *name, struct err *err)
{
	int ret = set_link(n, IFLA_IFNAME, name, strlen(name) + 1, 0);

	return ret ? err_code(err, ret, "cannot name an interface '%s'", name)
		   : 0;
}

/* Return: the interface with this entry's MAC, or NULL with @err. */
static const struct nl_link *find_link(const struct net *n,
				       const struct nl_link *links, int count,
				       struct err *err)
{
	uint8_t mac[NL_MAC_LEN];
	int ret = netval_mac(n->nif, "mac", mac, &n->at, err);

	if (!ret)
		netval_bad(&n->at, "mac", -EINVAL, "is required", err);
	if (ret <= 0)
		return NULL;
	for (int i = 0; i < count; i++) {
		if (!memcmp(links[i].mac, mac, sizeof(mac)))
			return &links[i];
	}
	netval_bad(&n->at, "mac", -ENODEV, "there is no such interface", err);
	return NULL;
}

static int find_name(const struct net *n, const char **name, struct err *err)
{
	int ret = netval_str(n->nif, "name", name, &n->at, err);

	if (ret < 0)
		return ret;
	if (!ret || !**name || strlen(*name) >= IF_NAMESIZE)
		return netval_bad(&n->at, "name", -EINVAL,
				  "is not an interface's name", err);
	return 0;
}

/*
 * Two rounds, as a name may be another's until that has got its own: first one
 * that nobody wants.
 */
static int name_round(struct net *n, const struct json *network, bool final,
		      struct err *err)
{
	struct nl_link links[NL_LINKS_MAX];
	int count = nl_links(n->fd, links), ret = 0;

	if (count < 0)
		return err_code(err, count, "cannot list the interfaces");
	n->at = (struct netval_at){ .list = "network" };
	for (n->nif = network->child; !ret && n->nif;
	     n->nif = n->nif->next, n->at.index++) {
		const struct nl_link *link = find_link(n, links, count, err);
		const char *name = NULL;
		char spare[IF_NAMESIZE];

		if (!link)
			return -ENODEV;
		n->index = link->index;
		ret = find_name(n, &name, err);
		if (ret || !strcmp(name, link->name))
			continue;
		snprintf(spare, sizeof(spare), "hull.%u",
			 (unsigned int)n->at.index);
		ret = set_name(n, final ? name : spare, err);
	}
	return ret;
}

/* ---- addresses */

static int add_address(struct net *n, const struct json *v, struct err *err)
{
	struct ifaddrmsg info = { .ifa_index = (unsigned int)n->index };
	struct netval_ip ip, peer, broadcast;
	uint32_t prefix = 0, scope = RT_SCOPE_UNIVERSE, flags = IFA_F_NODAD;
	struct nl_msg msg;
	int ret, has_peer = 0, has_broadcast = 0;

	ret = netval_ip(v, "address", &ip, &n->at, err);
	if (ret > 0)
		ret = netval_u32(v, "prefix", ip.len * 8, &prefix, &n->at, err);
	if (!ret)
		return netval_bad(&n->at, "address", -EINVAL,
				  "an address and its prefix are required",
				  err);
	if (ret > 0)
		ret = netval_scope(v, "scope", &scope, &n->at, err);
	if (ret >= 0)
		ret = has_peer = netval_ip(v, "peer", &peer, &n->at, err);
	if (ret >= 0)
		ret = has_broadcast =
			netval_ip(v, "broadcast", &broadcast, &n->at, err);
	if (ret < 0)
		return ret;
	info.ifa_family = ip.family;
	info.ifa_prefixlen = (uint8_t)prefix;
	info.ifa_scope = (uint8_t)scope;
	nl_begin(&msg, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info,
		 sizeof(info));
	nl_put(&msg, IFA_LOCAL, ip.bytes, ip.len);
	nl_put(&msg, IFA_ADDRESS, has_peer ? peer.bytes : ip.bytes, ip.len);
	if (has_broadcast && ip.family == AF_INET)
		nl_put(&msg, IFA_BROADCAST, broadcast.bytes, broadcast.len);
	if (ip.family == AF_INET6)
		nl_put(&msg, IFA_FLAGS, &flags, sizeof(flags));
	ret = nl_ask(n->fd, &msg);
	return ret == -EEXIST ? 0
	       : ret ? netval_bad(&n->at, "", ret, "cannot set the address",
				  err)
		     : 0;
}

static int add_neighbour(struct net *n, const struct json *v, struct err *err)
{
	struct ndmsg info = { .ndm_ifindex = n->index,
			      .ndm_state = NUD_PERMANENT };
	uint8_t mac[NL_MAC_LEN];
	struct netval_ip ip;
	struct nl_msg msg;
	int ret;

	ret = netval_ip(v, "address", &ip, &n->at, err);
	if (ret > 0)
		ret = netval_mac(v, "mac", mac, &n->at, err);
	if (ret <= 0)
		return ret ? ret
			   : netval_bad(&n->at, "", -EINVAL,
					"an address and a mac are required",
					err);
	info.ndm_family = ip.family;
	nl_begin(&msg, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &info,
		 sizeof(info));
	nl_put(&msg, NDA_DST, ip.bytes, ip.len);
	nl_put(&msg, NDA_LLADDR, mac, sizeof(mac));
	ret = nl_ask(n->fd, &msg);
	return ret ? netval_bad(&n->at, "", ret, "cannot set the neighbour",
				err)
		   : 0;
}

/* ---- routes */

/* A gateway must be reachable by a route that is there already. */
static int add_routes(struct net *n, bool gateways, struct err *err)
{
	const struct json *list;
	int ret = netval_list(n->nif, "routes", &list, &n->at, err);

	n->at.item = "routes";
	n->at.item_index = 0;
	for (; !ret && list; list = list->next, n->at.item_index++)
		ret = route_add(n->fd, n->index, list, gateways, &n->at, err);
	n->at.item = NULL;
	return ret;
}

/* ---- an interface */

static int each(struct net *n, const char *key,
		int (*add)(struct net *, const struct json *, struct err *),
		struct err *err)
{
	const struct json *list;
	int ret = netval_list(n->nif, key, &list, &n->at, err);

	n->at.item = key;
	n->at.item_index = 0;
	for (; !ret && list; list = list->next, n->at.item_index++)
		ret = add(n, list, err);
	n->at.item = NULL;
	return ret;
}

/* Before it is up: the kernel looks for no neighbour then. */
static int set_noarp(struct net *n, struct err *err)
{
	bool noarp = false;
	int ret = netval_bool(n->nif, "noarp", &noarp, &n->at, err);

	if (ret < 0 || !noarp)
		return ret < 0 ? ret : 0;
	ret = set_link(n, IFLA_UNSPEC, NULL, 0, IFF_NOARP);
	return ret ? netval_bad(&n->at, "noarp", ret, "cannot be set", err) : 0;
}

static int set_up(struct net *n, struct err *err)
{
	uint32_t mtu = 0;
	bool up = true;
	int ret;

	ret = netval_u32(n->nif, "mtu", UINT16_MAX, &mtu, &n->at, err);
	if (ret > 0) {
		ret = set_link(n, IFLA_MTU, &mtu, sizeof(mtu), 0);
		if (ret)
			return netval_bad(&n->at, "mtu", ret, "cannot be set",
					  err);
	}
	if (ret >= 0)
		ret = set_noarp(n, err);
	if (ret >= 0)
		ret = each(n, "addresses", add_address, err);
	if (ret >= 0)
		ret = netval_bool(n->nif, "up", &up, &n->at, err);
	if (ret < 0 || !up)
		return ret < 0 ? ret : 0;
	ret = set_link(n, IFLA_UNSPEC, NULL, 0, IFF_UP);
	if (ret)
		return netval_bad(&n->at, "up", ret, "cannot bring it up", err);
	ret = each(n, "neighbours", add_neighbour, err);
	return ret ? ret : add_routes(n, false, err);
}

static int set_gateways(struct net *n, struct err *err)
{
	bool up = true;
	int ret = netval_bool(n->nif, "up", &up, &n->at, err);

	if (ret < 0 || !up)
		return ret < 0 ? ret : 0;
	return add_routes(n, true, err);
}

static int for_all(struct net *n, const struct json *network,
		   int (*step)(struct net *, struct err *), struct err *err)
{
	struct nl_link links[NL_LINKS_MAX];
	int count = nl_links(n->fd, links), ret = 0;

	if (count < 0)
		return err_code(err, count, "cannot list the interfaces");
	n->at = (struct netval_at){ .list = "network" };
	for (n->nif = network->child; !ret && n->nif;
	     n->nif = n->nif->next, n->at.index++) {
		const struct nl_link *link = find_link(n, links, count, err);

		if (!link)
			return -ENODEV;
		n->index = link->index;
		ret = step(n, err);
	}
	return ret;
}

int net_apply(const struct json *network, struct err *err)
{
	struct net n = { .fd = -1 };
	auto_fd int fd = -1;
	int ret;

	if (!network->count)
		return 0;
	ret = bind_slots(network, err);
	if (ret)
		return ret;
	fd = nl_open();
	if (fd < 0)
		return err_code(err, fd, "cannot open a netlink socket");
	n.fd = fd;
	ret = name_round(&n, network, false, err);
	if (!ret)
		ret = name_round(&n, network, true, err);
	if (!ret)
		ret = for_all(&n, network, set_up, err);
	return ret ? ret : for_all(&n, network, set_gateways, err);
}
