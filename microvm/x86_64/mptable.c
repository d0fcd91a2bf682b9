/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <string.h>

#include "base/auto.h"

/*
 * MultiProcessor Specification 1.4, chapter 4: floating pointer, header, then
 * entries sorted by type. Interrupt lines are one to one; those of an ISA bus
 * are edge-triggered and active high, which is what an irqfd gives.
 */
#define APIC_DEFAULT_GPA 0xfee00000U
#define IO_APIC_GPA 0xfec00000U
#define IO_APIC_PINS 24
#define APIC_VERSION 0x14
#define ISA_BUS 0
#define CPU_ENABLED 1
#define CPU_BOOT 2
#define CPU_STEPPING 0x600 /* family 6 */
#define CPU_FEATURES 0x201 /* APIC, FPU */
#define ALL_APICS 0xff

enum { MP_CPU, MP_BUS, MP_IO_APIC, MP_INT, MP_LOCAL_INT };
enum { INT_VECTORED = 0, INT_NMI = 1, INT_EXTINT = 3 };

struct mp_pointer {
	char signature[4];
	uint32_t table_gpa;
	uint8_t length; /* of this, in 16 bytes */
	uint8_t revision;
	uint8_t checksum;
	uint8_t feature[5];
} __attribute__((packed));

struct mp_header {
	char signature[4];
	uint16_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem[8];
	char product[12];
	uint32_t oem_table;
	uint16_t oem_size;
	uint16_t entries;
	uint32_t apic_gpa;
	uint16_t extended_length;
	uint8_t extended_checksum;
	uint8_t reserved;
} __attribute__((packed));

struct mp_cpu {
	uint8_t type;
	uint8_t apic_id;
	uint8_t apic_version;
	uint8_t flags;
	uint32_t signature;
	uint32_t features;
	uint32_t reserved[2];
} __attribute__((packed));

struct mp_bus {
	uint8_t type;
	uint8_t id;
	char name[6];
} __attribute__((packed));

struct mp_io_apic {
	uint8_t type;
	uint8_t id;
	uint8_t version;
	uint8_t flags;
	uint32_t gpa;
} __attribute__((packed));

struct mp_int {
	uint8_t type;
	uint8_t kind;
	uint16_t flags; /* 0: as the bus has it */
	uint8_t bus;
	uint8_t bus_irq;
	uint8_t apic;
	uint8_t pin;
} __attribute__((packed));

struct writer {
	uint8_t *to;
	size_t size;
	size_t len; /* may exceed size: nothing is written then */
	unsigned int entries;
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->len + len <= w->size)
		memcpy(w->to + w->len, data, len);
	w->len += len;
	w->entries++;
}

static void put_int(struct writer *w, uint8_t type, uint8_t kind, uint8_t irq,
		    uint8_t apic, uint8_t pin)
{
	struct mp_int e = {
		.type = type,
		.kind = kind,
		.bus = ISA_BUS,
		.bus_irq = irq,
		.apic = apic,
		.pin = pin,
	};

	put(w, &e, sizeof(e));
}

static void put_entries(struct writer *w, unsigned int vcpus)
{
	struct mp_bus bus = { .type = MP_BUS, .id = ISA_BUS };
	struct mp_io_apic io = {
		.type = MP_IO_APIC,
		.id = (uint8_t)vcpus,
		.version = APIC_VERSION,
		.flags = 1,
		.gpa = IO_APIC_GPA,
	};

	for (unsigned int i = 0; i < vcpus; i++) {
		struct mp_cpu cpu = {
			.type = MP_CPU,
			.apic_id = (uint8_t)i,
			.apic_version = APIC_VERSION,
			.flags = CPU_ENABLED | (i ? 0 : CPU_BOOT),
			.signature = CPU_STEPPING,
			.features = CPU_FEATURES,
		};

		put(w, &cpu, sizeof(cpu));
	}
	memcpy(bus.name, "ISA   ", sizeof(bus.name));
	put(w, &bus, sizeof(bus));
	put(w, &io, sizeof(io));
	for (uint8_t pin = 0; pin < IO_APIC_PINS; pin++)
		put_int(w, MP_INT, INT_VECTORED, pin, io.id, pin);
	put_int(w, MP_LOCAL_INT, INT_EXTINT, 0, 0, 0);
	put_int(w, MP_LOCAL_INT, INT_NMI, 0, ALL_APICS, 1);
}

/* What makes all bytes add up to zero. */
static uint8_t checksum(const uint8_t *from, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *from++);
	return (uint8_t)-sum;
}

int x86_mptable(uint8_t *to, size_t size, uint64_t gpa, unsigned int vcpus)
{
	struct mp_pointer ptr = {
		.length = sizeof(ptr) / 16,
		.revision = 4,
		.table_gpa = (uint32_t)(gpa + sizeof(ptr)),
	};
	struct mp_header head = {
		.revision = 4,
		.apic_gpa = APIC_DEFAULT_GPA,
	};
	const size_t start = sizeof(ptr) + sizeof(head);
	struct writer w = { .to = to, .size = size, .len = start };

	put_entries(&w, vcpus);
	if (w.len > size)
		return -ENOSPC;
	memcpy(head.signature, "PCMP", sizeof(head.signature));
	memcpy(head.oem, "HULL    ", sizeof(head.oem));
	memcpy(head.product, "MICROVM     ", sizeof(head.product));
	head.entries = (uint16_t)w.entries;
	head.length = (uint16_t)(w.len - sizeof(ptr));
	memcpy(to + sizeof(ptr), &head, sizeof(head));
	to[sizeof(ptr) + offsetof(struct mp_header, checksum)] =
		checksum(to + sizeof(ptr), head.length);
	memcpy(ptr.signature, "_MP_", sizeof(ptr.signature));
	ptr.checksum = checksum((const uint8_t *)&ptr, sizeof(ptr));
	memcpy(to, &ptr, sizeof(ptr));
	return (int)w.len;
}
