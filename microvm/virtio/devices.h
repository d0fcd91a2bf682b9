/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_VIRTIO_DEVICES_H
#define HULL_MICROVM_VIRTIO_DEVICES_H

#include "microvm/virtio/device.h"

/*
 * Constructors. Descriptors are taken, also on failure. A *_new() returns NULL
 * with @err set; *_free() resets and closes.
 */

/** console: one port (hvc0). @out_fd receives what the guest writes, or -1 to
 * drop it; @in_fd is what it reads, or -1. Output beyond @limit_bytes per
 * second is dropped and counted (a debug log must not fill a disk). */
struct virtio_dev *console_new(const struct guest_mem *mem, struct loop *loop,
			       int in_fd, int out_fd, uint64_t limit_bytes,
			       struct err *err);
void console_free(struct virtio_dev *dev);

/** rng: getrandom(2); at most 64 KiB a request. */
struct virtio_dev *rng_new(const struct guest_mem *mem, struct loop *loop,
			   struct err *err);
void rng_free(struct virtio_dev *dev);

/** blk: a raw image, never probed for a format; @id at most 20 bytes. */
struct virtio_dev *blk_new(const struct guest_mem *mem, struct loop *loop,
			   int image_fd, bool read_only, const char *id,
			   struct err *err);
void blk_free(struct virtio_dev *dev);

/** net: frames from and to a tap opened with IFF_TAP | IFF_NO_PI |
 * IFF_VNET_HDR, non-blocking, with a header of NET_HDR_BYTES
 * (TUNSETVNETHDRSZ) and offloads off (TUNSETOFFLOAD): whole frames come from
 * there; to there go large TCP segments, too. @mtu 0: not told. */
#define NET_HDR_BYTES 12
struct virtio_dev *net_new(const struct guest_mem *mem, struct loop *loop,
			   int tap_fd, const uint8_t mac[6], uint16_t mtu,
			   struct err *err);
void net_free(struct virtio_dev *dev);

/** balloon: inflate, deflate, statistics off, free page reporting on. */
struct virtio_dev *balloon_new(const struct guest_mem *mem, struct loop *loop,
			       struct err *err);
/** balloon_set() - the guest should give back @bytes. */
void balloon_set(struct virtio_dev *dev, uint64_t bytes);
/** balloon_actual() - bytes that it has given back. */
uint64_t balloon_actual(const struct virtio_dev *dev);
void balloon_free(struct virtio_dev *dev);

/**
 * vsock: streams between descriptors of the host and ports of the guest
 * (virtio 1.2, section 5.10). The guest is cid 3, the host cid 2.
 *
 * @accept: the guest connected to host port @port: return a descriptor (taken)
 *          that is the host's end, or -1 to refuse. May be NULL.
 */
struct virtio_dev *vsock_new(const struct guest_mem *mem, struct loop *loop,
			     int (*accept)(void *arg, uint32_t port), void *arg,
			     struct err *err);
/**
 * vsock_connect() - open a stream to a port of the guest. What comes from @fd
 * (a stream socket, pipe or file; made non-blocking) goes to the guest and the
 * other way round; half-closes (shutdown(2), end of file) are carried over in
 * both directions. @fd is taken, and closed when the stream has ended, when
 * the guest refuses or resets, and at reset of the device, when all that the
 * guest had sent is delivered. Before the driver
 * is up the request waits. The caller holds the loop's lock, and ignores or
 * blocks SIGPIPE where pipes are given.
 *
 * Return: 0, -EMFILE (too many streams), -ENOMEM, -errno of fcntl(2).
 */
int vsock_connect(struct virtio_dev *dev, uint32_t port, int fd);
void vsock_free(struct virtio_dev *dev);
#define VSOCK_MAX_STREAMS 1023
#define VSOCK_BUFFER_BYTES 65536U
#define VSOCK_GUEST_CID 3
#define VSOCK_HOST_CID 2

/**
 * fs: the front of virtio-fs. The queues are served by another process
 * (microvm/fs/), told over @server_fd (see microvm/virtio/fsdev.h).
 * @tag: mount tag, at most 36 bytes
 */
struct virtio_dev *fsdev_new(const struct guest_mem *mem, struct loop *loop,
			     int server_fd, const char *tag, struct err *err);
void fsdev_free(struct virtio_dev *dev);

#endif
