/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_NET_HULL_NET_H
#define HULL_CMD_HULL_NET_HULL_NET_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "cmd/hull-net/net.h"

struct err;

/*
 * hull-net: what hull asks of rtnetlink in a network namespace. Started with
 * the namespace as descriptor 3; not for use by hand.
 */
#define REPLY_BYTES 65536 /* more than the kernel puts into one message */

/** struct nl - a socket of rtnetlink and its buffer. */
struct nl {
	struct mnl_socket *sock;
	unsigned int seq;
	char buf[REPLY_BYTES];
};

/** nl_open() - in the caller's present namespace. Return: 0 or -errno. */
int nl_open(struct nl *nl);

/** nl_begin() - a request in nl->buf, to be added to. */
struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags,
			  const void *head, size_t head_len);

/** nl_do() - send it and wait for the acknowledgement. Return: 0 or -errno. */
int nl_do(struct nl *nl, struct nlmsghdr *msg);

/** nl_dump() - ask for a list; @visit sees every message. */
int nl_dump(struct nl *nl, uint16_t type, uint8_t family, mnl_cb_t visit,
	    void *arg);

/** nl_dump_of() - the same with a header that says whose list. */
int nl_dump_of(struct nl *nl, uint16_t type, const void *head, size_t head_len,
	       mnl_cb_t visit, void *arg);

/** struct iface - an interface of the container. */
struct iface {
	int index;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	uint16_t mtu;
	bool up;
	bool noarp;
};

/**
 * ifaces_list() - all Ethernet interfaces, by index. Others that are up are an
 * error, since a guest cannot have them; tunnels that the kernel puts into
 * every namespace are down, and passed over.
 *
 * Return: how many, or -errno.
 */
int ifaces_list(struct nl *nl, struct iface *list, int room, struct err *err);

/**
 * rules_check() - policy rules other than the kernel's own are an error: a
 * guest has those only.
 *
 * Return: 0 or -errno (-ENOTSUP).
 */
int rules_check(struct nl *nl, struct err *err);

/**
 * ifaces_json() - START's "network" (microvm/proto/proto.h).
 * @first_slot: of the first one
 */
int ifaces_json(struct nl *nl, const struct iface *list, int count,
		int first_slot, struct strbuf *out, struct err *err);

/**
 * tap_make() - a tap beside @iface whose frames go to it, and the other way
 * round. It lives as long as the descriptor.
 * @tun_fd: /dev/net/tun, taken; becomes the tap
 *
 * Return: 0 or -errno.
 */
int tap_make(struct nl *nl, const struct iface *iface, int number, int tun_fd,
	     struct err *err);

/** tap_is_one() - is this RTM_NEWLINK about a tap that tap_make() has made? */
bool tap_is_one(const struct nlmsghdr *link);

/**
 * taps_forget() - take away what tap_make() has left on interfaces whose tap is
 * gone: the namespace's own stack receives their frames again.
 *
 * Return: 0 or -errno.
 */
int taps_forget(struct nl *nl, struct err *err);

/** netns_enter() - go where NETNS_FD leads. Return: 0 or -errno. */
int netns_enter(void);

/** net_stats(), net_attach(), net_detach() - what it does; exit statuses. */
int net_stats(void);
int net_attach(const char *first_slot, const char *slots);
int net_detach(void);

#endif
