/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT_KBD_STATUS 0x64
#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA 0x71
#define PORT_DEBUG 0xe9
#define KBD_RESET 0xfe /* pulse the reset line */

/* MC146818 registers */
enum {
	CMOS_SEC = 0x00,
	CMOS_MIN = 0x02,
	CMOS_HOUR = 0x04,
	CMOS_WDAY = 0x06,
	CMOS_MDAY = 0x07,
	CMOS_MONTH = 0x08,
	CMOS_YEAR = 0x09,
	CMOS_A = 0x0a,
	CMOS_B = 0x0b,
	CMOS_D = 0x0d,
	CMOS_CENTURY = 0x32,
};
#define CMOS_A_RATE 0x26 /* 32 kHz, 1024 Hz; no update in progress, ever */
#define CMOS_B_24H 0x02  /* 24 hours, BCD */
#define CMOS_D_VALID 0x80

static uint8_t bcd(int n)
{
	return (uint8_t)(n / 10 % 10 << 4 | n % 10);
}

struct date {
	int year;
	int month; /* from 1 */
	int day;   /* from 1 */
};

/*
 * Not gmtime(3): with glibc it reads the zone file, which would be the image's
 * own, and which a jailed thread may not open.
 */
static struct date date_of(int64_t days)
{
	static const uint8_t month_days[] = { 31, 28, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };
	struct date d = { .year = 1970, .month = 1 };

	for (;; d.year++) {
		bool leap = (d.year % 4 == 0 && d.year % 100 != 0) ||
			    d.year % 400 == 0;
		int len = leap ? 366 : 365;

		if (days >= len) {
			days -= len;
			continue;
		}
		for (; d.month < 12; d.month++) {
			len = month_days[d.month - 1] + (leap && d.month == 2);
			if (days < len)
				break;
			days -= len;
		}
		d.day = (int)days + 1;
		return d;
	}
}

static uint8_t cmos_time(uint8_t reg, int64_t now)
{
	int64_t days = now / 86400;
	int sec = (int)(now % 86400);
	struct date d = date_of(days);

	switch (reg) {
	case CMOS_SEC:
		return bcd(sec % 60);
	case CMOS_MIN:
		return bcd(sec / 60 % 60);
	case CMOS_HOUR:
		return bcd(sec / 3600);
	case CMOS_WDAY: /* the epoch began on a Thursday, Sunday is 1 */
		return bcd((int)((days + 4) % 7) + 1);
	case CMOS_MDAY:
		return bcd(d.day);
	case CMOS_MONTH:
		return bcd(d.month);
	case CMOS_YEAR:
		return bcd(d.year % 100);
	case CMOS_CENTURY:
		return bcd(d.year / 100);
	default:
		return 0;
	}
}

/*
 * All ones in register A would mean "update in progress", and a kernel polls
 * that for seconds.
 */
static uint8_t cmos_read(uint8_t reg)
{
	time_t now = time(NULL);

	if (reg == CMOS_A)
		return CMOS_A_RATE;
	if (reg == CMOS_B)
		return CMOS_B_24H;
	if (reg == CMOS_D)
		return CMOS_D_VALID;
	return cmos_time(reg, now > 0 ? now : 0);
}

/*
 * All ones is what an empty bus gives: no keyboard controller at 0x64, no PCI
 * behind 0xcf8, no UART, and none of them is polled for long.
 */
void x86_port_read(struct x86_ports *ports, uint16_t port, void *data,
		   unsigned int len)
{
	memset(data, 0xff, len);
	if (port == PORT_CMOS_DATA && len == 1)
		*(uint8_t *)data = cmos_read(ports->cmos_index);
	else if (port == PORT_DEBUG && len == 1)
		*(uint8_t *)data = PORT_DEBUG; /* "there is one" */
}

bool x86_port_write(struct x86_ports *ports, uint16_t port, const void *data,
		    unsigned int len)
{
	uint8_t byte = *(const uint8_t *)data;

	if (len != 1)
		return false;
	if (port == PORT_KBD_STATUS)
		return byte == KBD_RESET;
	if (port == PORT_CMOS_INDEX)
		ports->cmos_index = byte & 0x7f; /* the top bit masks the NMI */
	if (port == PORT_DEBUG && ports->debug_fd >= 0 && ports->debug_left) {
		ports->debug_left--;
		if (write(ports->debug_fd, data, 1) != 1)
			ports->debug_left = 0;
	}
	return false;
}
