/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/hull-systemd/bus.h"

static int append_integer(sd_bus_message *msg, char type, const char *text)
{
	char *end = NULL;
	uint64_t u;
	int64_t i;

	errno = 0;
	if (*text == '-') {
		i = strtoll(text, &end, 10);
		u = (uint64_t)i;
	} else {
		u = strtoull(text, &end, 10);
		i = (int64_t)u;
	}
	if (errno || end == text || *end)
		return -EINVAL;
	switch (type) {
	case 't':
		return sd_bus_message_append_basic(msg, type, &u);
	case 'x':
		return sd_bus_message_append_basic(msg, type, &i);
	case 'u':
		return sd_bus_message_append_basic(msg, type,
						   &(uint32_t){ (uint32_t)u });
	case 'i':
		return sd_bus_message_append_basic(msg, type,
						   &(int32_t){ (int32_t)i });
	case 'q':
		return sd_bus_message_append_basic(msg, type,
						   &(uint16_t){ (uint16_t)u });
	case 'n':
		return sd_bus_message_append_basic(msg, type,
						   &(int16_t){ (int16_t)i });
	case 'y':
		return sd_bus_message_append_basic(msg, type,
						   &(uint8_t){ (uint8_t)u });
	default:
		return -EINVAL;
	}
}

static int append_basic(sd_bus_message *msg, char type, const char *text)
{
	double real;
	int truth;

	switch (type) {
	case 's':
	case 'o':
	case 'g':
		return sd_bus_message_append_basic(msg, type, text);
	case 'b':
		truth = !strcmp(text, "true");
		return sd_bus_message_append_basic(msg, type, &truth);
	case 'd':
		real = strtod(text, NULL);
		return sd_bus_message_append_basic(msg, type, &real);
	default:
		return append_integer(msg, type, text);
	}
}

/* An array of pairs, "a(st)": two values each. */
static int append_pairs(sd_bus_message *msg, const struct prop *p)
{
	char pair[3] = { p->sig[2], p->sig[3], '\0' };
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i + 1 < p->count; i += 2) {
		rc = sd_bus_message_open_container(msg, 'r', pair);
		if (rc >= 0)
			rc = append_basic(msg, pair[0], p->values[i]);
		if (rc >= 0)
			rc = append_basic(msg, pair[1], p->values[i + 1]);
		if (rc >= 0)
			rc = sd_bus_message_close_container(msg);
	}
	return rc;
}

static int append_value(sd_bus_message *msg, const struct prop *p)
{
	int rc;

	if (p->sig[0] != 'a')
		return p->count == 1
			       ? append_basic(msg, p->sig[0], p->values[0])
			       : -EINVAL;
	rc = sd_bus_message_open_container(msg, 'a', p->sig + 1);
	if (rc < 0)
		return rc;
	if (p->sig[1] == '(')
		rc = append_pairs(msg, p);
	for (size_t i = 0; rc >= 0 && p->sig[1] != '(' && i < p->count; i++)
		rc = append_basic(msg, p->sig[1], p->values[i]);
	return rc < 0 ? rc : sd_bus_message_close_container(msg);
}

int prop_append(sd_bus_message *msg, const struct prop *p)
{
	int rc = sd_bus_message_open_container(msg, 'r', "sv");

	if (rc >= 0)
		rc = sd_bus_message_append_basic(msg, 's', p->name);
	if (rc >= 0)
		rc = sd_bus_message_open_container(msg, 'v', p->sig);
	if (rc >= 0)
		rc = append_value(msg, p);
	if (rc >= 0)
		rc = sd_bus_message_close_container(msg);
	if (rc >= 0)
		rc = sd_bus_message_close_container(msg);
	return rc < 0 ? rc : 0;
}
