/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_FSDEV_H
#define HULL_MICROVM_VIRTIO_FSDEV_H

#include <stdint.h>

#include "microvm/virtio/queue.h"

/*
 * Between the VMM and the fs server: SEQPACKET messages of struct fsdev_msg.
 * FSDEV_START carries, by SCM_RIGHTS, one kick eventfd per queue and then the
 * interrupt's eventfd. Each message is answered by the same type (status in
 * @status) within FSDEV_ANSWER_MS; a server that does not answer is dead.
 * FSDEV_BROKEN comes unasked and without an answer, once after a start at most.
 */
#define FSDEV_QUEUES 2 /* hiprio, request */
#define FSDEV_ANSWER_MS 5000

enum fsdev_type {
	FSDEV_START = 1, /* serve these queues */
	FSDEV_STOP,      /* stop, touch guest memory no more */
	FSDEV_BROKEN,    /* the guest broke a queue: it has to reset */
};

struct fsdev_msg {
	uint32_t type;
	int32_t status; /* 0 or -errno, in answers */
	struct vq_setup queue[FSDEV_QUEUES];
};

#endif
