/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "microvm/virtio/devices.h"
#include "oci-tests/unit/microvm/guest.h"

#define RX 0
#define TX 1
#define HDR NET_HDR_BYTES

static const uint8_t mac[6] = { 2, 0, 0, 1, 2, 3 };

/* A datagram socket stands in for the tap: frames with a header. */
struct fixture {
	struct guest g;
	struct loop loop;
	struct virtio_dev *dev;
	int wire;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	guest_init(&f->g);
	if (loop_init(&f->loop, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, ends) < 0)
		return -1;
	f->wire = ends[0];
	f->dev = net_new(&f->g.mem, &f->loop, ends[1], mac, 1400, NULL);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	net_free(f->dev);
	auto_close_fd(&f->wire);
	loop_release(&f->loop);
	mem_release(&f->g.mem);
	free(f);
	return 0;
}

static void kick(struct fixture *f, unsigned int index)
{
	guest_kick(&f->g, index);
	loop_rounds(&f->loop, 3);
}

static void give_room(struct fixture *f, uint16_t head, uint32_t len)
{
	const struct vring_desc buf = { G_DATA + 0x10000ULL * head, len, G_IN,
					0 };

	ring_chain(&f->g.ring[RX], head, &buf, 1);
}

static void arrive(struct fixture *f, uint8_t fill, size_t len)
{
	uint8_t frame[HDR + 2000];

	memset(frame, 0xee, HDR); /* what the host says is not passed on */
	memset(frame + HDR, fill, len);
	assert_int_equal(send(f->wire, frame, HDR + len, 0), HDR + len);
}

static void test_config(void **state)
{
	struct fixture *f = *state;
	uint8_t got[12];
	struct err err = { 0 };

	assert_int_equal(reg_read(&f->g.slot, VIRTIO_MMIO_DEVICE_ID), 1);
	for (unsigned int i = 0; i < 12; i++)
		mmio_read(&f->g.slot, 0x100 + i, &got[i], 1);
	assert_memory_equal(got, mac, 6);
	assert_int_equal(got[10] + 256 * got[11], 1400);
	assert_true(virtio_has(f->dev, VIRTIO_NET_F_MTU));
	/* offloads of what is sent; no merged buffers, no control queue */
	assert_int_equal(f->dev->features & 0xffffff,
			 1 << VIRTIO_NET_F_MTU | 1 << VIRTIO_NET_F_MAC |
				 1 << VIRTIO_NET_F_CSUM |
				 1 << VIRTIO_NET_F_HOST_TSO4 |
				 1 << VIRTIO_NET_F_HOST_TSO6);
	assert_null(net_new(&f->g.mem, &f->loop, -1, mac, 67, &err));
	assert_int_equal(err.code, -EINVAL);
	/* one that would hold the thread of all devices */
	assert_null(net_new(&f->g.mem, &f->loop, open("/dev/zero", O_RDWR), mac,
			    1400, &err));
	assert_string_equal(err.msg, "a tap that waits for frames");
}

static void test_send(void **state)
{
	const struct vring_desc bufs[] = { { G_DATA, 20, G_OUT, 0 },
					   { G_DATA + 100, 52, G_OUT, 0 } };
	struct fixture *f = *state;
	uint8_t got[128], zero[HDR] = { 0 };
	struct vring_used_elem elem;

	/* of the guest's header without offloads nothing is passed on */
	guest_start(&f->g, f->dev, 1ULL << VIRTIO_F_VERSION_1, 16);
	g_fill(&f->g.mem, G_DATA, 0xff, 12);
	g_fill(&f->g.mem, G_DATA + 12, 1, 8);
	g_fill(&f->g.mem, G_DATA + 100, 2, 52);
	ring_chain(&f->g.ring[TX], 0, bufs, 2);
	kick(f, TX);
	assert_int_equal(recv(f->wire, got, sizeof(got), 0), 72);
	assert_memory_equal(got, zero, HDR);
	assert_int_equal(got[HDR], 1);
	assert_int_equal(got[HDR + 7], 1);
	assert_int_equal(got[HDR + 8], 2);
	assert_int_equal(got[71], 2);
	assert_true(ring_get(&f->g.ring[TX], &elem));
	assert_int_equal(elem.len, 0);
}

/* A TCP segment of 1000 bytes over IPv4, its header before it. */
static void put_segment(struct fixture *f, uint16_t csum_start)
{
	const struct virtio_net_hdr_v1 hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 400,
		.hdr_len = 9999, /* not believed */
		.csum_start = csum_start,
		.csum_offset = 16,
	};
	const uint8_t head[54] = {
		[0] = 0xff, [12] = 8,    [14] = 0x45, [16] = 4,
		[17] = 16,  [22] = 64,   [23] = 6,    [26] = 10,
		[30] = 10,  [46] = 0x50, [47] = 0x10
	};

	g_put(&f->g.mem, G_DATA, &hdr, sizeof(hdr));
	g_put(&f->g.mem, G_DATA + HDR, head, sizeof(head));
	g_fill(&f->g.mem, G_DATA + HDR + sizeof(head), 7, 1000);
}

static void send_segment(struct fixture *f)
{
	/* cut within the copied beginning, and after it */
	const struct vring_desc bufs[] = {
		{ G_DATA, HDR + 20, G_OUT, 0 },
		{ G_DATA + HDR + 20, 300, G_OUT, 0 },
		{ G_DATA + HDR + 320, 734, G_OUT, 0 },
	};

	ring_chain(&f->g.ring[TX], 0, bufs, 3);
	kick(f, TX);
	assert_false(guest_needs_reset(&f->g));
}

/* What is asked of the host is passed on, made anew; or nothing is. */
static void test_send_offload(void **state)
{
	static const struct virtio_net_hdr_v1 want = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 400,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16,
	};
	struct fixture *f = *state;
	uint8_t got[2000], frame[1054];

	put_segment(f, 34);
	send_segment(f);
	assert_int_equal(recv(f->wire, got, sizeof(got), 0), HDR + 1054);
	assert_memory_equal(got, &want, HDR);
	g_get(&f->g.mem, G_DATA + HDR, frame, sizeof(frame));
	assert_memory_equal(got + HDR, frame, sizeof(frame));
	/* lost, without harm to the device */
	put_segment(f, 35);
	send_segment(f);
	assert_int_equal(recv(f->wire, got, sizeof(got), 0), -1);
	/* a driver that knows nothing of this may leave anything there */
	guest_start(&f->g, f->dev,
		    1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_CSUM |
			    1ULL << VIRTIO_NET_F_HOST_TSO6,
		    16);
	put_segment(f, 34);
	send_segment(f);
	assert_int_equal(recv(f->wire, got, sizeof(got), 0), HDR + 1054);
	assert_int_equal(got[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(got[1], VIRTIO_NET_HDR_GSO_NONE);
}

static void test_send_odd(void **state)
{
	static const struct {
		uint32_t len;
		bool needs_reset;
	} cases[] = { { 0, true },
		      { 11, true },
		      { 12, false },
		      { 25, false },
		      { 12 + 65557 + 1, false },
		      { 0x800000, false } };
	struct fixture *f = *state;
	uint8_t got[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct vring_desc buf = { G_DATA, cases[i].len, G_OUT,
						0 };

		guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
		ring_chain(&f->g.ring[TX], 0, &buf, 1);
		kick(f, TX);
		assert_int_equal(guest_needs_reset(&f->g),
				 cases[i].needs_reset);
		assert_int_equal(ring_used_idx(&f->g.ring[TX]),
				 !cases[i].needs_reset);
	}
	assert_int_equal(recv(f->wire, got, sizeof(got), 0), -1);
}

static void test_receive(void **state)
{
	static const struct virtio_net_hdr_v1 want = { .num_buffers = 1 };
	const struct vring_desc bufs[] = { { G_DATA, 5, G_IN, 0 },
					   { G_DATA + 100, 30, G_IN, 0 },
					   { G_DATA + 200, 1500, G_IN, 0 } };
	struct fixture *f = *state;
	struct vring_used_elem elem;
	uint8_t got[HDR];

	ring_chain(&f->g.ring[RX], 0, bufs, 3);
	kick(f, RX);
	arrive(f, 7, 60);
	loop_rounds(&f->loop, 3);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, HDR + 60);
	g_get(&f->g.mem, G_DATA, got, 5);
	g_get(&f->g.mem, G_DATA + 100, got + 5, 7);
	assert_memory_equal(got, &want, HDR);
	g_get(&f->g.mem, G_DATA + 200 + 36, got, 2);
	assert_int_equal(got[0], 7);
	assert_int_equal(got[1], 0); /* not a byte more than arrived */
}

/* V15: a frame that does not fit is dropped whole, and the next one comes. */
static void test_receive_too_large(void **state)
{
	struct fixture *f = *state;
	struct vring_used_elem elem;

	give_room(f, 0, HDR + 100);
	give_room(f, 1, HDR + 100);
	kick(f, RX);
	arrive(f, 1, 101);
	arrive(f, 2, 100);
	arrive(f, 3, 2000);
	arrive(f, 4, 14);
	loop_rounds(&f->loop, 5);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, HDR + 100);
	assert_true(ring_get(&f->g.ring[RX], &elem));
	assert_int_equal(elem.len, HDR + 14);
	assert_false(ring_get(&f->g.ring[RX], &elem));
}

/* V14, V12: no room for a header at all */
static void test_receive_short(void **state)
{
	static const uint32_t lens[] = { 0, 1, 11 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
		give_room(f, 0, lens[i]);
		kick(f, RX);
		assert_true(guest_needs_reset(&f->g));
		arrive(f, 1, 60);
		loop_rounds(&f->loop, 3);
		assert_int_equal(ring_used_idx(&f->g.ring[RX]), 0);
	}
}

/* V04, V07: no room, and frames without end: the loop sleeps; then room. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	struct timespec before, after;
	uint8_t frame[HDR + 60] = { 0 };
	unsigned int waiting = 0;

	kick(f, RX);
	while (send(f->wire, frame, sizeof(frame), 0) > 0)
		waiting++;
	assert_true(waiting > 4);
	loop_rounds(&f->loop, 3);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(epoll_wait(f->loop.epoll_fd,
				    &(struct epoll_event){ 0 }, 1, 200),
			 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_in_range((after.tv_sec - before.tv_sec) * 1000000000 +
				after.tv_nsec - before.tv_nsec,
			0, 20000000);
	for (uint16_t i = 0; i < 4; i++)
		give_room(f, i, 1526);
	kick(f, RX);
	assert_int_equal(ring_used_idx(&f->g.ring[RX]), 4);
	/* full again: asleep again, and a kick is what wakes it */
	assert_int_equal(
		epoll_wait(f->loop.epoll_fd, &(struct epoll_event){ 0 }, 1, 20),
		0);
	give_room(f, 0, 1526);
	kick(f, RX);
	assert_int_equal(ring_used_idx(&f->g.ring[RX]), 5);
}

static void test_wire_gone(void **state)
{
	const struct vring_desc buf = { G_DATA, 100, G_OUT, 0 };
	struct fixture *f = *state;

	give_room(f, 0, 1526);
	kick(f, RX);
	auto_close_fd(&f->wire);
	loop_rounds(&f->loop, 3);
	assert_int_equal(
		epoll_wait(f->loop.epoll_fd, &(struct epoll_event){ 0 }, 1, 20),
		0);
	/* frames are lost, as on a wire */
	signal(SIGPIPE, SIG_IGN); /* of the socket; a tap has none */
	ring_chain(&f->g.ring[TX], 0, &buf, 1);
	kick(f, TX);
	assert_int_equal(ring_used_idx(&f->g.ring[TX]), 1);
	assert_false(guest_needs_reset(&f->g));
}

/* A tap in a network namespace of our own, up; -1 where that cannot be had. */
static int open_tap(void)
{
	struct ifreq ifr = { .ifr_name = "tap0",
			     .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	auto_fd int tap = -1, sock = -1;
	int hdr = NET_HDR_BYTES;

	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -1;
	tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tap < 0 || sock < 0 || ioctl(tap, TUNSETIFF, &ifr) < 0 ||
	    ioctl(tap, TUNSETVNETHDRSZ, &hdr) < 0 ||
	    ioctl(tap, TUNSETOFFLOAD, 0) < 0)
		return -1;
	ifr.ifr_flags = IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? -1 : take_fd(&tap);
}

/* The host's kernel takes a large segment as it is: one frame, not three. */
static void sent_segment_arrives(struct fixture *f, int ifindex)
{
	struct sockaddr_ll from = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(0x0800),
				    .sll_ifindex = ifindex };
	auto_fd int sock =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       htons(0x0800));
	uint8_t got[2000];

	assert_int_equal(bind(sock, (struct sockaddr *)&from, sizeof(from)), 0);
	put_segment(f, 34);
	send_segment(f);
	assert_int_equal(recv(sock, got, sizeof(got), 0), 1054);
	assert_int_equal(got[14], 0x45);
	assert_int_equal(got[1053], 7);
}

/*
 * The same with the real thing: frames that a packet socket sends on the tap's
 * interface reach the guest, one that is too large does not, and back.
 */
static void test_tap(void **state)
{
	const struct vring_desc out = { G_DATA + 0x80000, HDR + 60, G_OUT, 0 };
	struct fixture *f = *state;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	struct vring_used_elem elem;
	uint8_t frame[1000], got[1000];
	int tap = open_tap();
	auto_fd int sock = -1;

	if (tap < 0)
		skip();
	net_free(f->dev);
	f->dev = net_new(&f->g.mem, &f->loop, tap, mac, 0, NULL);
	guest_start(&f->g, f->dev, G_ALL_FEATURES, 16);
	sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      htons(0x88b5));
	to.sll_ifindex = (int)if_nametoindex("tap0");
	to.sll_protocol = htons(0x88b5);
	assert_int_equal(bind(sock, (struct sockaddr *)&to, sizeof(to)), 0);

	memset(frame, 0x33, sizeof(frame));
	memcpy(frame, mac, 6);
	frame[12] = 0x88; /* an EtherType for experiments */
	frame[13] = 0xb5;
	for (uint16_t i = 0; i < 8; i++)
		give_room(f, i, HDR + 200);
	kick(f, RX);
	assert_int_equal(send(sock, frame, 201, 0), 201);
	assert_int_equal(send(sock, frame, 200, 0), 200);
	/* the kernel's own frames (IPv6) come between them */
	for (int i = 0;; i++) {
		assert_true(i < 50);
		loop_rounds(&f->loop, 3);
		if (!ring_get(&f->g.ring[RX], &elem))
			continue;
		g_get(&f->g.mem, G_DATA + 0x10000ULL * elem.id + HDR, got, 200);
		if (got[12] == 0x88)
			break;
	}
	assert_int_equal(elem.len, HDR + 200);
	assert_memory_equal(got, frame, 200);

	memset(frame, 0xff, 6);
	g_fill(&f->g.mem, out.addr, 0, HDR);
	g_put(&f->g.mem, out.addr + HDR, frame, 60);
	ring_chain(&f->g.ring[TX], 0, &out, 1);
	kick(f, TX);
	assert_int_equal(recv(sock, got, sizeof(got), 0), 60);
	assert_memory_equal(got, frame, 60);
	sent_segment_arrives(f, (int)to.sll_ifindex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_offload, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_send_odd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive_too_large, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_receive_short, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tap, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
