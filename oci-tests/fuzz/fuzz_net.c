/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>

#include "microvm/virtio/devices.h"
#include "oci-tests/fuzz/device.h"

#define RX 0

struct wire {
	struct virtio_dev *dev;
	int fd;
};

/* A frame comes, or all that were sent are looked at. */
static void wire_host(void *arg, struct guest *g, struct tape *t)
{
	const struct wire *wire = arg;
	static const uint8_t zero[NET_HDR_BYTES];
	uint8_t frame[2048];
	size_t len = tape_u16(t) % sizeof(frame);
	ssize_t got;

	(void)g;
	while ((got = recv(wire->fd, frame, sizeof(frame), 0)) > 0)
		fuzz_check(got >= NET_HDR_BYTES + 14 &&
			   !memcmp(frame, zero, sizeof(zero)));
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
