/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/iov.h"

#include <stdint.h>
#include <string.h>

size_t iov_bytes(const struct iovec *iov, unsigned int count)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

size_t iov_read(const struct iovec *iov, unsigned int count, size_t at,
		void *to, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < count && done < len; i++) {
		size_t part = iov[i].iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		if (part > len - done)
			part = len - done;
		memcpy((uint8_t *)to + done,
		       (const uint8_t *)iov[i].iov_base + at, part);
		done += part;
		at = 0;
	}
	return done;
}

size_t iov_write(const struct iovec *iov, unsigned int count, size_t at,
		 const void *from, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < count && done < len; i++) {
		size_t part = iov[i].iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		if (part > len - done)
			part = len - done;
		memcpy((uint8_t *)iov[i].iov_base + at,
		       (const uint8_t *)from + done, part);
		done += part;
		at = 0;
	}
	return done;
}

unsigned int iov_part(const struct iovec *iov, unsigned int count, size_t from,
		      size_t len, struct iovec *to)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < count && len; i++) {
		size_t part = iov[i].iov_len;

		if (from >= part) {
			from -= part;
			continue;
		}
		part -= from;
		if (part > len)
			part = len;
		to[used++] = (struct iovec){ (uint8_t *)iov[i].iov_base + from,
					     part };
		len -= part;
		from = 0;
	}
	return used;
}
