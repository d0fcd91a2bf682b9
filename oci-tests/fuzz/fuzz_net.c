/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

#include "microvm/virtio/devices.h"
#include "microvm/virtio/netoff.h"
#include "oci-tests/fuzz/device.h"

#define RX 0

struct wire {
	struct virtio_dev *dev;
	int fd;
};

/* What the host's kernel is asked to do is within the frame. */
static void check_frame(const uint8_t *frame, size_t len)
{
	struct virtio_net_hdr_v1 hdr;

	memcpy(&hdr, frame, sizeof(hdr));
	len -= sizeof(hdr);
	fuzz_check(!(hdr.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	fuzz_check(!hdr.num_buffers);
	if (hdr.flags)
		fuzz_check(hdr.csum_start >= 14 &&
			   hdr.csum_start + hdr.csum_offset + 2U <= len);
	if (hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		fuzz_check(!hdr.gso_size && !hdr.hdr_len);
	else
		fuzz_check(hdr.flags && hdr.gso_size >= NETOFF_MIN_SEGMENT &&
			   hdr.hdr_len >= hdr.csum_start + 20 &&
			   hdr.hdr_len < len);
}

/* A frame comes, or all that were sent are looked at. */
static void wire_host(void *arg, struct guest *g, struct tape *t)
{
	const struct wire *wire = arg;
	uint8_t frame[2048];
	size_t len = tape_u16(t) % sizeof(frame);
	ssize_t got;

	(void)g;
	while ((got = recv(wire->fd, frame, sizeof(frame), MSG_TRUNC)) > 0) {
		fuzz_check(got >= NET_HDR_BYTES + 14);
		check_frame(frame, (size_t)got);
	}
	memset(frame, 0x5a, sizeof(frame));
	tape_bytes(t, frame, len < 32 ? len : 32);
	if (len && send(wire->fd, frame, len, 0) < 0)
		return; /* full */
	virtio_notify(wire->dev, RX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	struct wire wire;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, ends) < 0)
		g_die("no socket");
	wire.fd = ends[0];
	wire.dev = net_new(mem, NULL, ends[1], mac, 1500, NULL);
	fuzz_check(wire.dev);
	fuzz_device(&t, wire.dev, wire_host, &wire);
	net_free(wire.dev);
	close(ends[0]);
	return 0;
}
