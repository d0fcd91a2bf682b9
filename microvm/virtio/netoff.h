/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_NETOFF_H
#define HULL_MICROVM_VIRTIO_NETOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_net_hdr_v1;

/*
 * What a guest leaves to the host with a frame that it sends (virtio 1.2,
 * 5.1.6.2): its checksum, and to cut a large TCP segment into frames. The
 * host's kernel acts on this header, so it is made here, from the frame: the
 * guest's own is looked at, and never passed on.
 */

/* Ethernet, two VLAN tags, IPv6 with some options, the longest TCP header. */
#define NETOFF_HEAD_BYTES 192U
#define NETOFF_MIN_SEGMENT 48U /* shorter ones make frames out of nothing */

/**
 * netoff_header() - the header to send a frame with.
 * @asked: the guest's, copied
 * @head, @head_len: how the frame begins, copied, and sent so: at most
 *                   NETOFF_HEAD_BYTES
 * @frame_len: of all of it, at least 14
 *
 * Return: 0, or -EPROTO: asks for what does not fit the frame.
 */
int netoff_header(const struct virtio_net_hdr_v1 *asked, const uint8_t *head,
		  size_t head_len, size_t frame_len,
		  struct virtio_net_hdr_v1 *hdr);

#endif
