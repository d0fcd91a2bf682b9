/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_MICROVM_FS_IOV_H
#define HULL_MICROVM_FS_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/** iov_bytes() - sum of the lengths. */
size_t iov_bytes(const struct iovec *iov, unsigned int count);

/** iov_read() - copy out of the buffers from offset @at on. Return: bytes. */
size_t iov_read(const struct iovec *iov, unsigned int count, size_t at,
		void *to, size_t len);

/** iov_write() - copy into the buffers from offset @at on. Return: bytes. */
size_t iov_write(const struct iovec *iov, unsigned int count, size_t at,
		 const void *from, size_t len);

/**
 * iov_part() - the bytes [from, from + len) as an iovec.
 * @to: room for @count entries
 *
 * Return: number of entries.
 */
unsigned int iov_part(const struct iovec *iov, unsigned int count, size_t from,
		      size_t len, struct iovec *to);

#endif
