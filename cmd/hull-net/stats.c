/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

#include "cmd/hull-net/hull-net.h"

/* Counters for `events`: one JSON array to standard output. */

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

/* The loopback's traffic leaves no container, and what goes through a microVM's
 * tap is counted at the interface that it serves: they are not listed. */
static int on_link(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct link link = { 0 };
	bool *first = data;

	if (msg->nlmsg_type != RTM_NEWLINK || info->ifi_flags & IFF_LOOPBACK ||
	    tap_is_one(msg))
		return MNL_CB_OK;
	mnl_attr_parse(msg, sizeof(*info), on_attr, &link);
	if (!link.name[0] || !link.has_stats)
		return MNL_CB_OK;
	print_link(link.name, &link.stats, *first);
	*first = false;
	return MNL_CB_OK;
}

int net_stats(void)
{
	static struct nl nl;
	bool first = true;

	if (netns_enter() < 0) {
		perror("hull-net: cannot enter the network namespace");
		return 1;
	}
	if (nl_open(&nl) < 0) {
		perror("hull-net: cannot open a netlink socket");
		return 1;
	}
	putchar('[');
	if (nl_dump(&nl, RTM_GETLINK, AF_UNSPEC, on_link, &first) < 0) {
		perror("hull-net: cannot list the interfaces");
		return 1;
	}
	putchar(']');
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
