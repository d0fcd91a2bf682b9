/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_VM_NET_H
#define HULL_LIBCONTAINER_VM_NET_H

#include <stdint.h>

#include "base/err.h"
#include "microvm/vmm.h"

/*
 * `hull-net attach`: descriptor 3 is the network namespace, 4 one end of a
 * SOCK_SEQPACKET pair on which it says, message by message, what it has done:
 * one VM_NET_TAP for each interface in the order of their slots, then
 * VM_NET_END; or VM_NET_ERROR at any time. `hull-net detach`, with the same
 * descriptors, gives the interfaces back to the namespace once their taps are
 * gone, and says VM_NET_END with nothing attached, or VM_NET_ERROR.
 */
enum vm_net_kind {
	VM_NET_TAP,   /* @net; the tap is attached */
	VM_NET_END,   /* START's "network" array attached, as a memfd */
	VM_NET_ERROR, /* @err */
};

#define VM_NET_MAGIC 0x54454e48u /* "HNET" */
#define VM_NET_JSON_MAX (512U << 10)

struct vm_net_msg {
	uint32_t magic;
	uint32_t kind;
	struct vm_net net;
	struct err err;
};

#endif
