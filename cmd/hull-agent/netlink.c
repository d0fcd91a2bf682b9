/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-agent/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/auto.h"

#define ANSWER_MAX 32768 /* the kernel's own limit of a dump's message */

int nl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static struct nlmsghdr *head(struct nl_msg *msg)
{
	return (struct nlmsghdr *)msg->buf;
}

void nl_begin(struct nl_msg *msg, uint16_t type, uint16_t flags,
	      const void *fixed, size_t len)
{
	memset(msg, 0, sizeof(*msg));
	*head(msg) = (struct nlmsghdr){
		.nlmsg_len = NLMSG_SPACE((uint32_t)len),
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
	};
	memcpy(NLMSG_DATA(head(msg)), fixed, len);
}

void nl_put(struct nl_msg *msg, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attr =
		(struct rtattr *)(msg->buf + head(msg)->nlmsg_len);

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), data, len);
	head(msg)->nlmsg_len += RTA_SPACE((uint32_t)len);
}

static int send_msg(int fd, struct nl_msg *msg)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(fd, msg->buf, head(msg)->nlmsg_len, 0,
		   (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

int nl_ask(int fd, struct nl_msg *msg)
{
	_Alignas(struct nlmsghdr) char buf[NL_MSG_MAX * 2];
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	const struct nlmsgerr *answer;
	ssize_t n;
	int ret;

	ret = send_msg(fd, msg);
	if (ret)
		return ret;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*answer)) ||
	    h->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	answer = NLMSG_DATA(h);
	return answer->error;
}

/* Return: true for an Ethernet interface. */
static bool read_link(struct nlmsghdr *h, struct nl_link *out)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	struct rtattr *attr = IFLA_RTA(info);
	size_t left = IFLA_PAYLOAD(h);
	bool has_mac = false;

	*out = (struct nl_link){ .index = info->ifi_index };
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		size_t len = RTA_PAYLOAD(attr);

		if (attr->rta_type == IFLA_IFNAME && len <= sizeof(out->name)) {
			memcpy(out->name, RTA_DATA(attr), len);
		} else if (attr->rta_type == IFLA_ADDRESS &&
			   len == NL_MAC_LEN) {
			memcpy(out->mac, RTA_DATA(attr), len);
			has_mac = true;
		}
	}
	return has_mac && info->ifi_type == ARPHRD_ETHER;
}

/* Return: 1 at the end of the list, 0, or -errno. */
static int read_links(char *buf, size_t len, struct nl_link *links, int *count)
{
	struct nlmsghdr *h = (struct nlmsghdr *)buf;

	for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		struct nl_link link;

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (h->nlmsg_type != RTM_NEWLINK || !read_link(h, &link))
			continue;
		if (*count == NL_LINKS_MAX)
			return -E2BIG;
		links[(*count)++] = link;
	}
	return 0;
}

int nl_links(int fd, struct nl_link *links)
{
	static const struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	auto_free char *buf = malloc(ANSWER_MAX);
	struct nl_msg msg;
	int count = 0, ret;

	if (!buf)
		return -ENOMEM;
	nl_begin(&msg, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	head(&msg)->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	ret = send_msg(fd, &msg);
	while (!ret) {
		ssize_t n = recv(fd, buf, ANSWER_MAX, 0);

		ret = n < 0 ? -errno
			    : read_links(buf, (size_t)n, links, &count);
	}
	return ret < 0 ? ret : count;
}
