/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/hull-net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int nl_open(struct nl *nl)
{
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags,
			  const void *head, size_t head_len)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(nl->buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = ++nl->seq;
	memcpy(mnl_nlmsg_put_extra_header(msg, head_len), head, head_len);
	return msg;
}

static int converse(struct nl *nl, struct nlmsghdr *msg, mnl_cb_t visit,
		    void *arg)
{
	unsigned int port = mnl_socket_get_portid(nl->sock);
	int ret = MNL_CB_OK;

	if (mnl_socket_sendto(nl->sock, msg, msg->nlmsg_len) < 0)
		return -errno;
	while (ret > MNL_CB_STOP) {
		ssize_t n =
			mnl_socket_recvfrom(nl->sock, nl->buf, sizeof(nl->buf));

		if (n < 0)
			return -errno;
		ret = mnl_cb_run(nl->buf, (size_t)n, nl->seq, port, visit, arg);
	}
	return ret < 0 ? -errno : 0;
}

int nl_do(struct nl *nl, struct nlmsghdr *msg)
{
	msg->nlmsg_flags |= NLM_F_ACK;
	return converse(nl, msg, NULL, NULL);
}

int nl_dump(struct nl *nl, uint16_t type, uint8_t family, mnl_cb_t visit,
	    void *arg)
{
	/* the family is the first byte of whatever follows; the kernel takes
	 * the longest form for all */
	struct ifinfomsg head = { .ifi_family = family };

	return nl_dump_of(nl, type, &head, sizeof(head), visit, arg);
}

int nl_dump_of(struct nl *nl, uint16_t type, const void *head, size_t head_len,
	       mnl_cb_t visit, void *arg)
{
	return converse(nl, nl_begin(nl, type, NLM_F_DUMP, head, head_len),
			visit, arg);
}
