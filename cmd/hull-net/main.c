/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-net - interface counters of a network namespace. Started by
 * ns_net_stats() with the namespace as descriptor 3 and nothing else; writes
 * one JSON array to stdout. "move" is ns_move_devices()'s. Not for use by hand.
 */
#include "cmd/hull-net/net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REPLY_BYTES 65536 /* more than the kernel puts into one message */

/*
 * Not privileged in the namespace: then it belongs to a user namespace that
 * the caller may enter, as with a container of an ordinary user.
 */
static int enter(void)
{
	int user_fd;

	if (!setns(NETNS_FD, CLONE_NEWNET))
		return 0;
	if (errno != EPERM)
		return -1;
	user_fd = ioctl(NETNS_FD, NS_GET_USERNS);
	if (user_fd < 0 || setns(user_fd, CLONE_NEWUSER) < 0)
		return -1;
	close(user_fd);
	return setns(NETNS_FD, CLONE_NEWNET);
}

/* Names may hold any byte but '/' and blanks (dev_valid_name()). */
static void print_name(const char *name)
{
	putchar('"');
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_link(const char *name, const struct rtnl_link_stats64 *st,
		       bool first)
{
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{ "RxBytes", st->rx_bytes },   { "RxPackets", st->rx_packets },
		{ "RxErrors", st->rx_errors }, { "RxDropped", st->rx_dropped },
		{ "TxBytes", st->tx_bytes },   { "TxPackets", st->tx_packets },
		{ "TxErrors", st->tx_errors }, { "TxDropped", st->tx_dropped },
	};

	printf("%s{\"Name\":", first ? "" : ",");
	print_name(name);
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		printf(",\"%s\":%llu", counters[i].key,
		       (unsigned long long)counters[i].value);
	putchar('}');
}

struct link {
	char name[IFNAMSIZ];
	struct rtnl_link_stats64 stats;
	bool has_stats;
};

static int on_attr(const struct nlattr *attr, void *data)
{
	struct link *link = data;
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
		snprintf(link->name, sizeof(link->name), "%s",
			 mnl_attr_get_str(attr));
	} else if (mnl_attr_get_type(attr) == IFLA_STATS64) {
		/* longer with newer kernels, shorter with older ones */
		if (len > sizeof(link->stats))
			len = sizeof(link->stats);
		memcpy(&link->stats, mnl_attr_get_payload(attr), len);
		link->has_stats = true;
	}
	return MNL_CB_OK;
}

/* The loopback's traffic leaves no container: it is not listed. */
static int on_link(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct link link = { 0 };
	bool *first = data;

	if (msg->nlmsg_type != RTM_NEWLINK || info->ifi_flags & IFF_LOOPBACK)
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*info), on_attr, &link);
	if (!link.name[0] || !link.has_stats)
		return MNL_CB_OK;
	print_link(link.name, &link.stats, *first);
	*first = false;
	return MNL_CB_OK;
}

static int dump_links(struct mnl_socket *nl)
{
	static char buf[REPLY_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *info;
	unsigned int port;
	bool first = true;
	int ret = 1;

	msg->nlmsg_type = RTM_GETLINK;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	msg->nlmsg_seq = 1;
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return -1;
	port = mnl_socket_get_portid(nl);
	while (ret > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			return -1;
		ret = mnl_cb_run(buf, (size_t)n, 1, port, on_link, &first);
	}
	return ret;
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl;

	if (argc > 1 && !strcmp(argv[1], "move"))
		return netdev_move(argc - 2, argv + 2);
	if (enter() < 0) {
		perror("hull-net: cannot enter the network namespace");
		return 1;
	}
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl) {
		perror("hull-net: cannot open a netlink socket");
		return 1;
	}
	putchar('[');
	if (dump_links(nl) < 0) {
		perror("hull-net: cannot list the interfaces");
		return 1;
	}
	putchar(']');
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
