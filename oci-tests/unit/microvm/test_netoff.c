/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "base/auto.h"
#include "microvm/virtio/netoff.h"

#define FRAME 3000U
#define V4 VIRTIO_NET_HDR_GSO_TCPV4
#define V6 VIRTIO_NET_HDR_GSO_TCPV6
#define SUM VIRTIO_NET_HDR_F_NEEDS_CSUM

/* Beginnings of frames. */
enum kind { IPV4, IPV4_VLAN, IPV4_UDP, IPV4_PART, IPV6, IPV6_OPTIONS, KINDS };

static size_t put_ipv4(uint8_t *p, uint8_t proto, uint8_t fragment)
{
	p[0] = 0x46; /* one option */
	p[6] = fragment;
	p[9] = proto;
	return 24;
}

static size_t put_ipv6(uint8_t *p, unsigned int options)
{
	size_t at = 40;

	p[0] = 0x60;
	p[6] = options ? 0 : 6;
	for (; options; options--, at += 16) {
		p[at] = options > 1 ? 60 : 6;
		p[at + 1] = 1;
	}
	return at;
}

/* Return: where the transport's header begins; it has 24 bytes. */
static size_t make(enum kind kind, uint8_t *p)
{
	size_t at = 14;

	memset(p, 0, FRAME);
	if (kind == IPV4_VLAN) {
		p[12] = 0x88;
		p[13] = 0xa8;
		p[16] = 0x81;
		at = 22;
	}
	p[at - 2] = kind < IPV6 ? 0x08 : 0x86;
	p[at - 1] = kind < IPV6 ? 0x00 : 0xdd;
	if (kind < IPV6)
		at += put_ipv4(p + at, kind == IPV4_UDP ? 17 : 6,
			       kind == IPV4_PART ? 0x20 : 0x40);
	else
		at += put_ipv6(p + at, kind == IPV6_OPTIONS ? 3 : 0);
	p[at + 12] = 0x60;
	return at;
}

struct frame {
	uint8_t bytes[FRAME];
	size_t head_len;
	size_t len;
	struct virtio_net_hdr_v1 hdr;
};

/* @asked.csum_start counts from where the transport's header is. */
static int try_it(enum kind kind, struct virtio_net_hdr_v1 asked,
		  struct frame *f)
{
	size_t at = make(kind, f->bytes);

	asked.csum_start = (uint16_t)(asked.csum_start + at);
	if (!f->head_len)
		f->head_len = NETOFF_HEAD_BYTES;
	if (!f->len)
		f->len = FRAME;
	return netoff_header(&asked, f->bytes, f->head_len, f->len, &f->hdr);
}

static void test_nothing_asked(void **state)
{
	static const struct virtio_net_hdr_v1 zero;
	struct frame f = { 0 };

	(void)state;
	/* of the other bits and fields nothing is passed on */
	assert_int_equal(
		try_it(IPV4,
		       (struct virtio_net_hdr_v1){ .flags = 0xff & ~SUM,
						   .hdr_len = 99,
						   .gso_size = 99,
						   .csum_offset = 9,
						   .num_buffers = 9 },
		       &f),
		0);
	assert_memory_equal(&f.hdr, &zero, sizeof(zero));
}

static void test_checksum(void **state)
{
	static const struct {
		uint16_t start;
		uint16_t offset;
		size_t len;
		int want;
	} cases[] = {
		{ 14, 0, 16, 0 },
		{ 14, 0, 15, -EPROTO },
		{ 13, 6, 100, -EPROTO },
		{ 0, 16, 100, -EPROTO },
		{ 90, 8, 100, 0 },
		{ 90, 9, 100, -EPROTO },
		{ 0xffff, 0xffff, 65557, -EPROTO },
	};
	uint8_t head[NETOFF_HEAD_BYTES] = { 0 };
	struct virtio_net_hdr_v1 hdr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct virtio_net_hdr_v1 asked = {
			.flags = 0xff,
			.csum_start = cases[i].start,
			.csum_offset = cases[i].offset,
		};

		assert_int_equal(
			netoff_header(&asked, head, 14, cases[i].len, &hdr),
			cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(hdr.flags, SUM);
		assert_int_equal(hdr.csum_start, cases[i].start);
		assert_int_equal(hdr.csum_offset, cases[i].offset);
	}
}

static void test_segments(void **state)
{
	static const struct {
		enum kind kind;
		uint8_t type;
		int want;
	} cases[] = {
		{ IPV4, V4, 0 },
		{ IPV4, V6, -EPROTO },
		{ IPV4_VLAN, V4, 0 },
		{ IPV4_UDP, V4, -EPROTO },
		{ IPV4_PART, V4, -EPROTO },
		{ IPV6, V6, 0 },
		{ IPV6, V4, -EPROTO },
		{ IPV6_OPTIONS, V6, 0 },
		{ IPV4, VIRTIO_NET_HDR_GSO_UDP, -EPROTO },
		{ IPV4, 5 /* UDP, of virtio 1.2 */, -EPROTO },
		{ IPV4, V4 | VIRTIO_NET_HDR_GSO_ECN, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_net_hdr_v1 asked = { .flags = SUM,
						   .gso_type = cases[i].type,
						   .gso_size = 1448,
						   .csum_offset = 16 };
		struct frame f = { 0 };

		assert_int_equal(try_it(cases[i].kind, asked, &f),
				 cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(f.hdr.gso_type, cases[i].type);
		assert_int_equal(f.hdr.gso_size, 1448);
		assert_int_equal(f.hdr.hdr_len, f.hdr.csum_start + 24);
		/* the sum is a part of it */
		asked.flags = 0;
		assert_int_equal(try_it(cases[i].kind, asked, &f), -EPROTO);
	}
}

/* Where the header does not fit what the frame says. */
static void test_segments_odd(void **state)
{
	static const struct {
		struct virtio_net_hdr_v1 asked;
		size_t len;
		int want;
	} cases[] = {
		{ { .gso_size = 48, .csum_offset = 16 }, 0, 0 },
		{ { .gso_size = 47, .csum_offset = 16 }, 0, -EPROTO },
		{ { .gso_size = 100, .csum_offset = 6 }, 0, -EPROTO },
		{ { .gso_size = 100, .csum_offset = 16, .csum_start = 1 },
		  0,
		  -EPROTO },
		{ { .gso_size = 100, .csum_offset = 15, .csum_start = 1 },
		  0,
		  -EPROTO },
		/* 38 to TCP, 24 of it: a byte to send, none */
		{ { .gso_size = 100, .csum_offset = 16 }, 63, 0 },
		{ { .gso_size = 100, .csum_offset = 16 }, 62, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_net_hdr_v1 asked = cases[i].asked;
		struct frame f = { .len = cases[i].len };

		if (f.len)
			f.head_len = f.len;
		asked.flags = SUM;
		asked.gso_type = V4;
		assert_int_equal(try_it(IPV4, asked, &f), cases[i].want);
	}
}

/* However early the copy ends, nothing behind it is read (SAN=1 looks). */
static void test_short_heads(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t len = 14; len < 130; len++) {
			struct frame all;
			size_t at = make((enum kind)kind, all.bytes);
			const struct virtio_net_hdr_v1 asked = {
				.flags = SUM,
				.gso_type = kind < IPV6 ? V4 : V6,
				.gso_size = 100,
				.csum_start = (uint16_t)at,
				.csum_offset = 16,
			};
			auto_free uint8_t *head = malloc(len);
			int ret;

			assert_non_null(head);
			memcpy(head, all.bytes, len);
			ret = netoff_header(&asked, head, len, FRAME, &all.hdr);
			assert_true(ret < 0 || len >= at + 24);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_asked),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_segments_odd),
		cmocka_unit_test(test_short_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
