/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "microvm/virtio/devices.h"
#include "oci-tests/fuzz/device.h"

#define RX 0

struct pipes {
	struct virtio_dev *dev;
	int in;
	int out;
};

/* Somebody types, and reads what came. */
static void pipes_host(void *arg, struct guest *g, struct tape *t)
{
	const struct pipes *p = arg;
	uint8_t buf[256], len = tape_u8(t);

	(void)g;
	while (read(p->out, buf, sizeof(buf)) > 0)
		;
	tape_bytes(t, buf, len < 16 ? len : 16);
	if (len && write(p->in, buf, len) < 0)
		return; /* full */
	virtio_notify(p->dev, RX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	struct pipes p;
	int in[2], out[2];
	uint8_t how = tape_u8(&t);

	if (pipe2(in, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		g_die("no pipes");
	p.in = in[1];
	p.out = out[0];
	p.dev = console_new(mem, NULL, in[0], out[1], how & 1 ? 100 : 1 << 20,
			    NULL);
	fuzz_check(p.dev);
	fuzz_device(&t, p.dev, pipes_host, &p);
	console_free(p.dev);
	close(p.in);
	close(p.out);
	return 0;
}
