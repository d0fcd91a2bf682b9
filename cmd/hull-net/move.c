/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * linux.netDevices (config-linux.md, "Network Devices"): interfaces of this
 * namespace go into the container's, with their permanent global addresses,
 * and are set up there.
 */

#define ADDRS_MAX 256
#define REPLY_BYTES 65536
#define ADDR_BYTES 512

/* One address as the kernel told it: header and attributes, to be told back. */
struct addr {
	unsigned int len;
	char data[ADDR_BYTES];
};

struct move {
	struct mnl_socket *here;  /* in the namespace that hull runs in */
	struct mnl_socket *there; /* in the container's */
	int index;
	const char *from;
	const char *to;
	size_t addr_count;
	struct addr addrs[ADDRS_MAX];
	bool too_many;
};

static char buf[REPLY_BYTES];

static int ask(struct mnl_socket *nl, struct nlmsghdr *msg, mnl_cb_t call,
	       void *arg)
{
	static unsigned int seq;
	char reply[8192];
	int ret = 1;

	msg->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return -1;
	while (ret > 0) {
		ssize_t n =
			mnl_socket_recvfrom(nl, call ? buf : reply,
					    call ? sizeof(buf) : sizeof(reply));

		if (n < 0)
			return -1;
		ret = mnl_cb_run(call ? buf : reply, (size_t)n, seq,
				 mnl_socket_get_portid(nl), call, arg);
	}
	return ret;
}

static int on_addr_attr(const struct nlattr *attr, void *data)
{
	uint32_t *flags = data;

	if (mnl_attr_get_type(attr) == IFA_FLAGS &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*flags = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* A label begins with the interface's name: a new name brings a new one. */
static void keep_addr(const struct move *m, const struct nlmsghdr *msg,
		      struct addr *a)
{
	struct nlmsghdr *copy = mnl_nlmsg_put_header(a->data);
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr;

	copy->nlmsg_type = msg->nlmsg_type;
	memcpy(mnl_nlmsg_put_extra_header(copy, sizeof(*ifa)), ifa,
	       sizeof(*ifa));
	mnl_attr_for_each(attr, msg, sizeof(*ifa))
	{
		if (mnl_attr_get_type(attr) != IFA_LABEL ||
		    !strcmp(m->from, m->to))
			mnl_attr_put(copy, mnl_attr_get_type(attr),
				     mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
	}
	a->len = copy->nlmsg_len;
}

static int on_addr(const struct nlmsghdr *msg, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);
	struct move *m = data;
	uint32_t flags = ifa->ifa_flags;

	if (msg->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != m->index ||
	    ifa->ifa_scope != RT_SCOPE_UNIVERSE)
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*ifa), on_addr_attr, &flags);
	if (!(flags & IFA_F_PERMANENT))
		return MNL_CB_OK;
	if (m->addr_count == ADDRS_MAX || msg->nlmsg_len > ADDR_BYTES) {
		m->too_many = true;
		return MNL_CB_OK;
	}
	keep_addr(m, msg, &m->addrs[m->addr_count++]);
	return MNL_CB_OK;
}

static int read_addrs(struct move *m)
{
	char ask_buf[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(ask_buf);
	struct ifaddrmsg *ifa;

	msg->nlmsg_type = RTM_GETADDR;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(msg, sizeof(*ifa));
	ifa->ifa_family = AF_UNSPEC;
	m->addr_count = 0;
	return ask(m->here, msg, on_addr, m);
}

static struct nlmsghdr *link_msg(char *space, int index, unsigned int up)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(space);
	struct ifinfomsg *info;

	msg->nlmsg_type = RTM_NEWLINK;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	info->ifi_flags = up;
	info->ifi_change = up;
	return msg;
}

/* Moved and renamed in one step: there is no moment with another's name. */
static int send_over(struct move *m)
{
	char space[512];
	struct nlmsghdr *msg = link_msg(space, m->index, 0);

	mnl_attr_put_u32(msg, IFLA_NET_NS_FD, NETNS_FD);
	mnl_attr_put_strz(msg, IFLA_IFNAME, m->to);
	return ask(m->here, msg, NULL, NULL);
}

struct indices {
	size_t count;
	int list[4096];
};

static int on_index(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct indices *all = data;

	if (msg->nlmsg_type == RTM_NEWLINK &&
	    all->count < sizeof(all->list) / sizeof(*all->list))
		all->list[all->count++] = info->ifi_index;
	return MNL_CB_OK;
}

static int read_indices(struct mnl_socket *nl, struct indices *all)
{
	char space[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(space);
	struct ifinfomsg *info;

	msg->nlmsg_type = RTM_GETLINK;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	all->count = 0;
	return ask(nl, msg, on_index, all);
}

/* Names may be templates and indices may change on the way: the interface is
 * the one that was not there before. */
static int arrived(const struct indices *before, const struct indices *after)
{
	for (size_t i = 0; i < after->count; i++) {
		bool old = false;

		for (size_t k = 0; k < before->count; k++)
			old = old || before->list[k] == after->list[i];
		if (!old)
			return after->list[i];
	}
	errno = ENODEV;
	return -1;
}

static int give_addrs(struct move *m, int index)
{
	for (size_t i = 0; i < m->addr_count; i++) {
		struct nlmsghdr *msg = (struct nlmsghdr *)m->addrs[i].data;
		struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);

		msg->nlmsg_flags =
			NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
		msg->nlmsg_pid = 0;
		ifa->ifa_index = (unsigned int)index;
		if (ask(m->there, msg, NULL, NULL) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int complain(const struct move *m, const char *what)
{
	printf("%s '%s' as '%s': %s", what, m->from, m->to, strerror(errno));
	return 1;
}

static int move_one(struct move *m)
{
	static struct indices before, after;
	char space[256];
	int index;

	if (read_addrs(m) < 0)
		return complain(m, "cannot read the addresses of");
	if (m->too_many) {
		errno = E2BIG;
		return complain(m, "cannot keep the addresses of");
	}
	if (read_indices(m->there, &before) < 0 || send_over(m) < 0)
		return complain(m, "cannot move");
	if (read_indices(m->there, &after) < 0)
		return complain(m, "cannot find");
	index = arrived(&before, &after);
	if (index < 0)
		return complain(m, "cannot find");
	if (give_addrs(m, index) < 0)
		return complain(m, "cannot restore the addresses of");
	if (ask(m->there, link_msg(space, index, IFF_UP), NULL, NULL) < 0)
		return complain(m, "cannot bring up");
	return 0;
}

static struct mnl_socket *open_rtnl(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

/* Sockets stay in the namespace that they were opened in. */
static int open_both(struct move *m)
{
	int home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	m->here = open_rtnl();
	if (home_fd < 0 || !m->here || setns(NETNS_FD, CLONE_NEWNET) < 0)
		return -1;
	m->there = open_rtnl();
	return m->there ? home_fd : -1;
}

/* All are looked at before the first is moved. @names: FROM TO FROM TO ... */
int netdev_move(int count, char *const names[])
{
	static struct move m;
	int home_fd = open_both(&m);

	if (home_fd < 0) {
		printf("cannot enter the network namespace: %s",
		       strerror(errno));
		return 1;
	}
	for (int i = 0; i + 1 < count; i += 2) {
		m.from = names[i];
		m.to = names[i + 1];
		if (!strchr(m.to, '%') && if_nametoindex(m.to)) {
			errno = EEXIST;
			return complain(&m, "cannot move");
		}
	}
	if (setns(home_fd, CLONE_NEWNET) < 0) {
		printf("cannot return from the network namespace: %s",
		       strerror(errno));
		return 1;
	}
	for (int i = 0; i + 1 < count; i += 2) {
		m.from = names[i];
		m.to = names[i + 1];
		if (!if_nametoindex(m.from))
			return complain(&m, "cannot move");
	}
	for (int i = 0; i + 1 < count; i += 2) {
		m.from = names[i];
		m.to = names[i + 1];
		m.index = (int)if_nametoindex(m.from);
		if (move_one(&m))
			return 1;
	}
	return 0;
}
