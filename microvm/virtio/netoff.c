/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/virtio/netoff.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>

#include "base/sabotage.h"

#define TCP_CHECKSUM 16U /* where it is in the TCP header */
#define TCP_MIN_BYTES 20U
#define TYPE_BYTES 2U /* EtherType, and the rest of a VLAN tag */
#define OPTIONS_MAX 4

/** struct head - the copied beginning of a frame. */
struct head {
	const uint8_t *bytes;
	size_t len;
};

static unsigned int be16(const struct head *h, size_t at)
{
	return (unsigned int)h->bytes[at] << 8 | h->bytes[at + 1];
}

/* Return: where the network header begins, 0: past the copy. */
static size_t skip_ethernet(const struct head *h, unsigned int *type)
{
	size_t at = ETH_HLEN;

	if (h->len < at)
		return 0;
	*type = be16(h, at - TYPE_BYTES);
	for (int tags = 0; tags < 2; tags++) {
		if (*type != ETH_P_8021Q && *type != ETH_P_8021AD)
			break;
		at += 2 * TYPE_BYTES;
		if (h->len < at)
			return 0;
		*type = be16(h, at - TYPE_BYTES);
	}
	return at;
}

/* Return: where TCP begins, 0: not whole, unfragmented TCP. */
static size_t skip_ipv4(const struct head *h, size_t at)
{
	size_t len;

	if (h->len < at + 20)
		return 0;
	len = 4U * (h->bytes[at] & 15U);
	if (h->bytes[at] >> 4 != 4 || len < 20 || be16(h, at + 6) & 0x3fff ||
	    h->bytes[at + 9] != IPPROTO_TCP)
		return 0;
	return at + len;
}

static size_t skip_ipv6(const struct head *h, size_t at)
{
	unsigned int next;

	if (h->len < at + 40 || h->bytes[at] >> 4 != 6)
		return 0;
	next = h->bytes[at + 6];
	at += 40;
	for (int i = 0; i < OPTIONS_MAX; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS)
			break;
		if (h->len < at + 8)
			return 0;
		next = h->bytes[at];
		at += 8U * (h->bytes[at + 1] + 1U);
	}
	return next == IPPROTO_TCP ? at : 0;
}

static int cut_tcp(const struct virtio_net_hdr_v1 *asked, const struct head *h,
		   size_t frame_len, struct virtio_net_hdr_v1 *hdr)
{
	const bool v4 = asked->gso_type == VIRTIO_NET_HDR_GSO_TCPV4;
	unsigned int type = 0;
	size_t at = skip_ethernet(h, &type);
	size_t len;

	if (!at || type != (v4 ? ETH_P_IP : ETH_P_IPV6))
		return -EPROTO;
	at = v4 ? skip_ipv4(h, at) : skip_ipv6(h, at);
	if (!at || h->len < at + TCP_MIN_BYTES || asked->csum_start != at ||
	    asked->csum_offset != TCP_CHECKSUM)
		return -EPROTO;
	len = 4U * (h->bytes[at + 12] >> 4);
	if (len < TCP_MIN_BYTES || at + len > h->len || at + len >= frame_len ||
	    asked->gso_size < NETOFF_MIN_SEGMENT)
		return -EPROTO;
	hdr->gso_type = asked->gso_type;
	hdr->gso_size = asked->gso_size;
	hdr->hdr_len = (uint16_t)(at + len);
	return 0;
}

int netoff_header(const struct virtio_net_hdr_v1 *asked, const uint8_t *head,
		  size_t head_len, size_t frame_len,
		  struct virtio_net_hdr_v1 *hdr)
{
	const struct head h = { head, head_len };
	const bool sum = asked->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	*hdr = (struct virtio_net_hdr_v1){ 0 };
	if (sum) {
		const size_t field =
			(size_t)asked->csum_start + asked->csum_offset;

		if ((asked->csum_start < ETH_HLEN || field + 2 > frame_len) &&
		    !SABOTAGED("netoff_sum"))
			return -EPROTO;
		hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->csum_start = asked->csum_start;
		hdr->csum_offset = asked->csum_offset;
	}
	switch (asked->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return sum ? cut_tcp(asked, &h, frame_len, hdr) : -EPROTO;
	default:
		return -EPROTO;
	}
}
