/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "cgroups/plan.h"
#include "cgroups/systemd.h"

/*
 * From cgroup files to properties (systemd.resource-control(5)). The plan of
 * writes is what is translated, not config.json: so the limits, their
 * conversions and the map "unified" are all seen in one form.
 */

#define INFINITE "18446744073709551615"
#define PERIOD_USEC 100000u
#define SEC_USEC 1000000u
#define QUOTA_STEP_USEC 10000u /* systemd itself rounds up to this */
#define CPUS_MAX 8192

struct row;
/* Return: false when the value has no equivalent. */
typedef bool row_fn(struct sd_props *props, const struct row *row,
		    const char *value);

struct row {
	const char *file;
	const char *name;
	unsigned since;
	row_fn *add;
	bool at_start; /* systemd takes it for a new unit only */
};

/* "max", or a number with the suffix that the kernel's memparse() takes. */
static bool add_amount(struct sd_props *props, const struct row *row,
		       const char *value)
{
	uint64_t n;
	int64_t bytes;

	if (!strcmp(value, "max"))
		sd_props_add(props, row->since, row->name, "t", INFINITE);
	else if (!num_u64(value, &n))
		sd_props_add(props, row->since, row->name, "t", "%" PRIu64, n);
	else if (!num_size(value, &bytes) && bytes >= 0)
		sd_props_add(props, row->since, row->name, "t", "%" PRId64,
			     bytes);
	else
		return false;
	return true;
}

/* In steps of 10 ms, upwards, as systemd.resource-control(5) has it. False
 * where 64 bits do not hold it. */
static bool quota_per_sec(uint64_t quota, uint64_t period, uint64_t *usec)
{
	double exact = (double)quota * SEC_USEC / (double)period;
	uint64_t rest;

	if (exact >= (double)INT64_MAX)
		return false;
	*usec = (uint64_t)exact;
	rest = *usec % QUOTA_STEP_USEC;
	if (rest)
		*usec += QUOTA_STEP_USEC - rest;
	return true;
}

/* "QUOTA", "QUOTA PERIOD", "max", "max PERIOD" */
static bool add_cpu_max(struct sd_props *props, const struct row *row,
			const char *value)
{
	uint64_t quota = 0, period = PERIOD_USEC, usec = 0;
	size_t len = strcspn(value, " ");
	char first[32];
	bool unlimited;

	snprintf(first, sizeof(first), "%.*s", (int)len, value);
	unlimited = !strcmp(first, "max");
	if (!unlimited && num_u64(first, &quota) < 0)
		return false;
	if (value[len] && (num_u64(value + len + 1, &period) < 0 || !period))
		return false;
	if (!unlimited && !quota_per_sec(quota, period, &usec))
		return false;
	if (value[len])
		sd_props_add(props, 242, "CPUQuotaPeriodUSec", "t", "%" PRIu64,
			     period);
	if (unlimited)
		sd_props_add(props, row->since, row->name, "t", INFINITE);
	else
		sd_props_add(props, row->since, row->name, "t", "%" PRIu64,
			     usec);
	return true;
}

/* CPUWeight=idle is the weight 0. The end of it is a weight that is asked for
 * with it, otherwise that of a cgroup nobody gave one: "[not set]". */
static bool add_idle(struct sd_props *props, const struct row *row,
		     const char *value)
{
	bool idle = !strcmp(value, "1");

	for (const struct sd_prop *p = props->first; p && !idle; p = p->next)
		if (!strcmp(p->name, row->name))
			return true;
	sd_props_add(props, row->since, row->name, "t", idle ? "0" : INFINITE);
	return true;
}

static bool add_oom(struct sd_props *props, const struct row *row,
		    const char *value)
{
	bool whole = !strcmp(value, "1");

	if (!whole && strcmp(value, "0") != 0)
		return false;
	sd_props_add(props, row->since, row->name, "s", "%s",
		     whole ? "kill" : "continue");
	return true;
}

/* Set the bits of "N" or "N-M". */
static bool add_range(unsigned char bits[CPUS_MAX / 8], const char *text,
		      size_t len)
{
	char range[32];
	uint32_t from, to;
	char *dash;

	if (len >= sizeof(range))
		return false;
	snprintf(range, sizeof(range), "%.*s", (int)len, text);
	dash = strchr(range, '-');
	if (dash)
		*dash = '\0';
	if (num_u32(range, &from) < 0)
		return false;
	to = from;
	if (dash && num_u32(dash + 1, &to) < 0)
		return false;
	if (to >= CPUS_MAX)
		return false;
	for (; from <= to; from++)
		bits[from / 8] |= (unsigned char)(1u << (from % 8));
	return true;
}

/* "0-3,7" as a string of bits, the lowest in the first byte. */
static bool add_cpuset(struct sd_props *props, const struct row *row,
		       const char *value)
{
	unsigned char bits[CPUS_MAX / 8] = { 0 };
	char texts[CPUS_MAX / 8][4];
	const char *values[CPUS_MAX / 8];
	size_t count = 0;

	while (*value) {
		size_t len;

		value += strspn(value, ", \n");
		len = strcspn(value, ", \n");
		if (len && !add_range(bits, value, len))
			return false;
		value += len;
	}
	for (size_t i = 0; i < sizeof(bits); i++) {
		snprintf(texts[i], sizeof(texts[i]), "%u", bits[i]);
		values[i] = texts[i];
		if (bits[i])
			count = i + 1;
	}
	sd_props_list(props, row->since, row->name, "ay", values, count);
	return true;
}

static void add_device(struct sd_props *props, const char *name,
		       const char *dev, size_t dev_len, const char *value)
{
	char path[64];
	const char *pair[2] = { path, value };

	snprintf(path, sizeof(path), "/dev/block/%.*s", (int)dev_len, dev);
	sd_props_list(props, 230, name, "a(st)", pair, 2);
}

/* "WEIGHT", "default WEIGHT" or "MAJ:MIN WEIGHT" */
static bool add_io_weight(struct sd_props *props, const struct row *row,
			  const char *value)
{
	size_t len = strcspn(value, " ");
	const char *number = value[len] ? value + len + 1 : value;
	uint64_t weight;

	if (num_u64(number, &weight) < 0)
		return false;
	if (memchr(value, ':', len))
		add_device(props, "IODeviceWeight", value, len, number);
	else
		sd_props_add(props, row->since, row->name, "t", "%" PRIu64,
			     weight);
	return true;
}

/* "MAJ:MIN rbps=N wiops=max ..." */
static bool add_io_max(struct sd_props *props, const struct row *row,
		       const char *value)
{
	/* clang-format off */
	static const struct { const char *key, *name; } keys[] = {
		{ "rbps=", "IOReadBandwidthMax" },
		{ "wbps=", "IOWriteBandwidthMax" },
		{ "riops=", "IOReadIOPSMax" },
		{ "wiops=", "IOWriteIOPSMax" },
	};
	/* clang-format on */
	size_t dev_len = strcspn(value, " ");
	const char *dev = value;
	bool good = true;

	(void)row;
	for (value += dev_len; *value; value += strcspn(value, " ")) {
		char number[32];
		size_t len, i;
		uint64_t n;

		value += strspn(value, " ");
		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (!strncmp(value, keys[i].key, strlen(keys[i].key)))
				break;
		if (i == ARRAY_SIZE(keys))
			return !*value && good;
		len = strcspn(value, " ") - strlen(keys[i].key);
		snprintf(number, sizeof(number), "%.*s", (int)len,
			 value + strlen(keys[i].key));
		if (!strcmp(number, "max"))
			snprintf(number, sizeof(number), INFINITE);
		good = good && !num_u64(number, &n);
		if (good)
			add_device(props, keys[i].name, dev, dev_len, number);
	}
	return good;
}

/* clang-format off */
static const struct row rows[] = {
	{ "cpu.weight", "CPUWeight", 232, add_amount },
	{ "cpu.idle", "CPUWeight", 252, add_idle },
	{ "cpu.max", "CPUQuotaPerSecUSec", 0, add_cpu_max },
	{ "cpuset.cpus", "AllowedCPUs", 244, add_cpuset },
	{ "cpuset.mems", "AllowedMemoryNodes", 244, add_cpuset },
	{ "io.weight", "IOWeight", 230, add_io_weight },
	{ "io.max", NULL, 230, add_io_max },
	{ "memory.min", "MemoryMin", 240, add_amount },
	{ "memory.low", "MemoryLow", 231, add_amount },
	{ "memory.high", "MemoryHigh", 231, add_amount },
	{ "memory.max", "MemoryMax", 231, add_amount },
	{ "memory.swap.max", "MemorySwapMax", 232, add_amount },
	{ "memory.zswap.max", "MemoryZSwapMax", 253, add_amount },
	{ "memory.oom.group", "OOMPolicy", 253, add_oom, .at_start = true },
	{ "pids.max", "TasksMax", 227, add_amount },
};
/* clang-format on */

/*
 * systemd is told of a share of the time, and a quota alone leaves the period
 * as it is: not 100 ms, but what the file has.
 */
static const char *with_period(const struct cg_plan *plan,
			       const struct cg_write *w, char *buf, size_t size)
{
	char now[64];
	ssize_t n = -1;

	if (plan->cg_fd >= 0 && !strcmp(w->file, "cpu.max") &&
	    !strchr(w->value, ' '))
		n = io_read_text(plan->cg_fd, w->file, now, sizeof(now));
	if (n <= 0 || !strchr(now, ' '))
		return w->value;
	snprintf(buf, size, "%s%s", w->value, strchr(now, ' '));
	return buf;
}

void sd_props_plan(struct sd_props *props, const struct cg_plan *plan)
{
	for (const struct cg_write *w = plan->first; w; w = w->next) {
		char buf[128];
		const char *value = with_period(plan, w, buf, sizeof(buf));

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			if (strcmp(rows[i].file, w->file) != 0 ||
			    (rows[i].at_start && plan->cg_fd >= 0))
				continue;
			/* the kernel takes it, or says why it does not */
			if (!rows[i].add(props, &rows[i], value))
				log_info("%s: '%s' is not known to systemd",
					 w->field, w->value);
		}
	}
}
