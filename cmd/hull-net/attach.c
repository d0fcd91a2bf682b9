/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-net/hull-net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sock.h"
#include "libcontainer/vm_net.h"

#define REPORT_FD 4

static int say(struct vm_net_msg *msg, int fd)
{
	msg->magic = VM_NET_MAGIC;
	return sock_send(REPORT_FD, msg, sizeof(*msg), &fd, fd >= 0 ? 1 : 0);
}

/* Opened inside: a tap belongs to the namespace that its file was opened in.
 * The VMM reads until there is nothing more, and must not wait then. */
static int open_tuns(int fds[VM_MAX_NETS], int count, struct err *err)
{
	for (int i = 0; i < count; i++) {
		fds[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] < 0)
			return err_sys(err, "cannot open '/dev/net/tun'");
	}
	return 0;
}

static int send_taps(struct nl *nl, const struct iface *list, int count,
		     struct err *err)
{
	int tuns[VM_MAX_NETS];
	int ret = open_tuns(tuns, count, err);

	for (int i = 0; !ret && i < count; i++) {
		struct vm_net_msg msg = { .kind = VM_NET_TAP };

		ret = tap_make(nl, &list[i], i, tuns[i], err);
		if (ret)
			break;
		memcpy(msg.net.mac, list[i].mac, sizeof(msg.net.mac));
		msg.net.mtu = list[i].mtu;
		ret = say(&msg, tuns[i]);
		if (ret)
			err_code(err, ret, "cannot hand a tap over");
	}
	return ret;
}

static int send_json(const struct strbuf *json, struct err *err)
{
	struct vm_net_msg msg = { .kind = VM_NET_END };
	auto_fd int fd = memfd_create("hull-net", MFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return err_sys(err, "cannot make a memfd");
	if (json->len > VM_NET_JSON_MAX)
		return err_set(err, -EFBIG,
			       "too many routes for a microVM (%zu bytes)",
			       json->len);
	ret = io_write_full(fd, json->s, json->len);
	if (!ret && lseek(fd, 0, SEEK_SET) < 0)
		ret = -errno;
	if (!ret)
		ret = say(&msg, fd);
	return ret ? err_code(err, ret, "cannot hand the network over") : 0;
}

static int open_inside(struct nl *nl, struct err *err)
{
	int ret = netns_enter();

	if (ret)
		return err_code(err, ret, "cannot enter the network namespace");
	ret = nl_open(nl);
	return ret ? err_code(err, ret, "cannot open a netlink socket") : 0;
}

/* Described before it is changed. */
static int attach(int first_slot, int slots, struct err *err)
{
	auto_strbuf struct strbuf json = STRBUF_INIT;
	struct iface list[VM_MAX_NETS];
	static struct nl nl;
	int count, ret;

	ret = open_inside(&nl, err);
	if (ret)
		return ret;
	count = ifaces_list(&nl, list, slots, err);
	if (count < 0)
		return count;
	ret = ifaces_json(&nl, list, count, first_slot, &json, err);
	if (!ret)
		ret = send_taps(&nl, list, count, err);
	return ret ? ret : send_json(&json, err);
}

int net_attach(const char *first_slot, const char *slots)
{
	struct vm_net_msg msg = { .kind = VM_NET_ERROR };
	uint32_t first = 0, room = 0;

	if (num_u32(first_slot, &first) || num_u32(slots, &room) ||
	    room > VM_MAX_NETS || first > VM_SLOTS)
		return 2;
	if (!attach((int)first, (int)room, &msg.err))
		return 0;
	say(&msg, -1);
	return 1;
}

int net_detach(void)
{
	struct vm_net_msg msg = { .kind = VM_NET_ERROR };
	static struct nl nl;
	int ret = open_inside(&nl, &msg.err);

	if (!ret)
		ret = taps_forget(&nl, &msg.err);
	if (!ret)
		msg.kind = VM_NET_END;
	return say(&msg, -1) || ret ? 1 : 0;
}
