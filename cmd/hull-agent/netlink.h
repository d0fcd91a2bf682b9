/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_AGENT_NETLINK_H
#define HULL_CMD_HULL_AGENT_NETLINK_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

/* rtnetlink(7): just what the agent asks for. The other end is the kernel. */

#define NL_MSG_MAX 512
#define NL_LINKS_MAX 64
#define NL_MAC_LEN 6

/** struct nl_msg - a request that grows. */
struct nl_msg {
	_Alignas(struct nlmsghdr) char buf[NL_MSG_MAX];
};

struct nl_link {
	int index;
	char name[IF_NAMESIZE];
	uint8_t mac[NL_MAC_LEN];
};

/** nl_open() - Return: descriptor or -errno. */
int nl_open(void);

/**
 * nl_begin() - a request of type RTM_* with its fixed part.
 * @flags: NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK
 */
void nl_begin(struct nl_msg *msg, uint16_t type, uint16_t flags,
	      const void *fixed, size_t len);

/** nl_put() - an attribute. Its sizes are the caller's own: they fit. */
void nl_put(struct nl_msg *msg, uint16_t type, const void *data, size_t len);

/** nl_ask() - send and wait for the answer. Return: 0 or -errno. */
int nl_ask(int fd, struct nl_msg *msg);

/**
 * nl_links() - all interfaces with an Ethernet address.
 *
 * Return: their number, or -errno (-E2BIG: more than NL_LINKS_MAX).
 */
int nl_links(int fd, struct nl_link *links);

#endif
