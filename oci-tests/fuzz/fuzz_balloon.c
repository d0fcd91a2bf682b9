/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "microvm/virtio/devices.h"
#include "oci-tests/fuzz/device.h"

static void target_host(void *arg, struct guest *g, struct tape *t)
{
	(void)g;
	balloon_set(arg, tape_u64(t));
	fuzz_check(balloon_actual(arg) <= FUZZ_LOW + FUZZ_HIGH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape t = { data, size };
	const struct guest_mem *mem = fuzz_mem();
	struct virtio_dev *dev = balloon_new(mem, NULL, NULL);
	struct stat st;

	fuzz_check(dev);
	fuzz_device(&t, dev, target_host, dev);
	balloon_free(dev);
	/* holes, but as large as it was */
	fuzz_check(!fstat(mem->fd, &st) &&
		   (uint64_t)st.st_size == FUZZ_LOW + FUZZ_HIGH);
	return 0;
}
