/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <string.h>

#include "base/auto.h"
#include "microvm/virtio/mmio.h"

/*
 * ACPI Specification 6.4 for a machine without its fixed hardware: chapter 5
 * has the tables, 20 the encoding of AML, 6.4 that of resources. A kernel that
 * is not built for hull learns its virtio-mmio devices here; one that knows
 * virtio_mmio.device= has them on its command line.
 */
#define APIC_GPA 0xfee00000U
#define IO_APIC_GPA 0xfec00000U
#define CPU_ENABLED 1
#define ALL_CPUS 0xff
#define NMI_PIN 1

#define FADT_BYTES 276
#define FADT_DSDT_AT 40
#define FADT_BOOT_ARCH_AT 109
#define FADT_FLAGS_AT 112
#define FADT_MINOR_AT 131
#define FADT_X_DSDT_AT 140
#define NO_VGA (1U << 2)
#define NO_MSI (1U << 3)
#define NO_RTC (1U << 5)
#define FLAG_WBINVD (1U << 0)
#define FLAG_NO_POWER_BUTTON (1U << 4)
#define FLAG_NO_SLEEP_BUTTON (1U << 5)
#define FLAG_HW_REDUCED (1U << 20)

enum { MADT_CPU = 0, MADT_IO_APIC = 1, MADT_NMI = 4 };

struct rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem[6];
	uint8_t revision;
	uint32_t rsdt_gpa;
	uint32_t length;
	uint64_t xsdt_gpa;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem[6];
	char table[8];
	uint32_t table_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct madt_cpu {
	uint8_t type;
	uint8_t length;
	uint8_t uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

struct madt_io_apic {
	uint8_t type;
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	uint32_t gpa;
	uint32_t first_gsi;
} __attribute__((packed));

struct madt_nmi {
	uint8_t type;
	uint8_t length;
	uint8_t uid;
	uint16_t flags; /* 0: as the bus has it */
	uint8_t pin;
} __attribute__((packed));

/* Memory of 32 bits at a fixed place, read and written. */
struct crs_memory {
	uint8_t tag;
	uint16_t length;
	uint8_t info;
	uint32_t gpa;
	uint32_t bytes;
} __attribute__((packed));

/* One interrupt that it consumes: edge-triggered, active high, its own. */
struct crs_interrupt {
	uint8_t tag;
	uint16_t length;
	uint8_t flags;
	uint8_t count;
	uint32_t gsi;
} __attribute__((packed));

#define CRS_MEMORY 0x86
#define CRS_INTERRUPT 0x89
#define CRS_END "\x79"
#define CRS_BYTES                                                   \
	(sizeof(struct crs_memory) + sizeof(struct crs_interrupt) + \
	 2 * sizeof(uint8_t))

/* AML opcodes */
#define NAME "\x08"
#define BYTE "\x0a"
#define STRING "\x0d"
#define SCOPE "\x10"
#define BUFFER "\x11"
#define DEVICE "\x5b\x82"

/* A Linux kernel's name for virtio-mmio (drivers/virtio/virtio_mmio.c). */
#define VIRTIO_MMIO_HID "LNRO0005"

struct writer {
	uint8_t *to;
	size_t size;
	size_t len; /* may exceed size: nothing is written then */
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->len <= w->size && len <= w->size - w->len)
		memcpy(w->to + w->len, data, len);
	w->len += len;
}

#define PUT_TEXT(w, text) put(w, text, sizeof(text) - 1)

static void put_byte(struct writer *w, unsigned int byte)
{
	uint8_t b = (uint8_t)byte;

	put(w, &b, 1);
}

/* What makes all bytes add up to zero. */
static uint8_t checksum(const uint8_t *from, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *from++);
	return (uint8_t)-sum;
}

/* Return: where the table begins, for end(). */
static size_t begin(struct writer *w, const char *signature, uint8_t revision)
{
	struct header head = { .revision = revision, .table_revision = 1 };
	size_t at;

	put(w, (uint8_t[16]){ 0 }, -w->len % 16);
	at = w->len;
	memcpy(head.signature, signature, sizeof(head.signature));
	memcpy(head.oem, "HULL  ", sizeof(head.oem));
	memcpy(head.table, "MICROVM ", sizeof(head.table));
	memcpy(head.creator, "HULL", sizeof(head.creator));
	put(w, &head, sizeof(head));
	return at;
}

static void end(struct writer *w, size_t at)
{
	uint32_t len = (uint32_t)(w->len - at);

	if (w->len > w->size)
		return;
	memcpy(w->to + at + offsetof(struct header, length), &len, sizeof(len));
	w->to[at + offsetof(struct header, checksum)] =
		checksum(w->to + at, len);
}

/* Names and what they hold: all of them fit a length of one byte. */
static void put_device(struct writer *w, unsigned int slot)
{
	const struct crs_memory memory = {
		.tag = CRS_MEMORY,
		.length = sizeof(memory) - 3,
		.info = 1,
		.gpa = (uint32_t)(MMIO_BASE + slot * MMIO_STRIDE),
		.bytes = MMIO_STRIDE,
	};
	const struct crs_interrupt interrupt = {
		.tag = CRS_INTERRUPT,
		.length = sizeof(interrupt) - 3,
		.flags = 3,
		.count = 1,
		.gsi = MMIO_FIRST_GSI + slot,
	};
	uint8_t room[64];
	struct writer body = { .to = room, .size = sizeof(room) };

	PUT_TEXT(&body, "V0");
	put_byte(&body, '0' + slot / 10);
	put_byte(&body, '0' + slot % 10);
	PUT_TEXT(&body, NAME "_HID" STRING VIRTIO_MMIO_HID "\0");
	PUT_TEXT(&body, NAME "_UID" BYTE);
	put_byte(&body, slot);
	PUT_TEXT(&body, NAME "_CRS" BUFFER);
	put_byte(&body, CRS_BYTES + 3); /* with itself and what follows */
	PUT_TEXT(&body, BYTE);
	put_byte(&body, CRS_BYTES);
	put(&body, &memory, sizeof(memory));
	put(&body, &interrupt, sizeof(interrupt));
	PUT_TEXT(&body, CRS_END "\0"); /* no checksum */
	PUT_TEXT(w, DEVICE);
	put_byte(w, (unsigned int)body.len + 1);
	put(w, room, body.len);
}

static size_t put_dsdt(struct writer *w, uint32_t slots)
{
	uint8_t room[MMIO_SLOTS * 64];
	struct writer devices = { .to = room, .size = sizeof(room) };
	size_t at = begin(w, "DSDT", 2);
	size_t len;

	for (unsigned int slot = 0; slot < MMIO_SLOTS; slot++)
		if (slots & 1U << slot)
			put_device(&devices, slot);
	len = 2 + strlen("\\_SB_") + devices.len;
	PUT_TEXT(w, SCOPE);
	/* two bytes of length: four bits in the first */
	put_byte(w, 1U << 6 | (len & 0xf));
	put_byte(w, (unsigned int)(len >> 4));
	PUT_TEXT(w, "\\_SB_");
	put(w, room, devices.len);
	end(w, at);
	return at;
}

static size_t put_fadt(struct writer *w, uint64_t dsdt_gpa)
{
	const uint32_t low = (uint32_t)dsdt_gpa;
	const uint16_t boot = NO_VGA | NO_MSI | NO_RTC;
	const uint32_t flags = FLAG_WBINVD | FLAG_NO_POWER_BUTTON |
			       FLAG_NO_SLEEP_BUTTON | FLAG_HW_REDUCED;
	uint8_t fields[FADT_BYTES] = { 0 };
	size_t at = begin(w, "FACP", 6);

	memcpy(fields + FADT_DSDT_AT, &low, sizeof(low));
	memcpy(fields + FADT_BOOT_ARCH_AT, &boot, sizeof(boot));
	memcpy(fields + FADT_FLAGS_AT, &flags, sizeof(flags));
	fields[FADT_MINOR_AT] = 4;
	memcpy(fields + FADT_X_DSDT_AT, &dsdt_gpa, sizeof(dsdt_gpa));
	put(w, fields + sizeof(struct header),
	    FADT_BYTES - sizeof(struct header));
	end(w, at);
	return at;
}

static size_t put_madt(struct writer *w, unsigned int vcpus)
{
	const struct {
		uint32_t apic_gpa;
		uint32_t flags;
	} fields = { APIC_GPA, 0 };
	const struct madt_io_apic io = {
		.type = MADT_IO_APIC,
		.length = sizeof(io),
		.id = (uint8_t)vcpus,
		.gpa = IO_APIC_GPA,
	};
	const struct madt_nmi nmi = {
		.type = MADT_NMI,
		.length = sizeof(nmi),
		.uid = ALL_CPUS,
		.pin = NMI_PIN,
	};
	size_t at = begin(w, "APIC", 5);

	put(w, &fields, sizeof(fields));
	for (unsigned int i = 0; i < vcpus; i++) {
		const struct madt_cpu cpu = {
			.type = MADT_CPU,
			.length = sizeof(cpu),
			.uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = CPU_ENABLED,
		};

		put(w, &cpu, sizeof(cpu));
	}
	put(w, &io, sizeof(io));
	put(w, &nmi, sizeof(nmi));
	end(w, at);
	return at;
}

int x86_acpi(uint8_t *to, size_t size, uint64_t gpa, unsigned int vcpus,
	     uint32_t slots)
{
	struct rsdp rsdp = { .revision = 2, .length = sizeof(rsdp) };
	struct writer w = { .to = to, .size = size, .len = sizeof(rsdp) };
	const uint64_t tables[] = {
		gpa + put_fadt(&w, gpa + put_dsdt(&w, slots)),
		gpa + put_madt(&w, vcpus),
	};
	size_t at = begin(&w, "XSDT", 1);

	put(&w, tables, sizeof(tables));
	end(&w, at);
	if (w.len > size)
		return -ENOSPC;
	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem, "HULL  ", sizeof(rsdp.oem));
	rsdp.xsdt_gpa = gpa + at;
	rsdp.checksum =
		checksum((const uint8_t *)&rsdp, offsetof(struct rsdp, length));
	rsdp.extended_checksum = checksum((const uint8_t *)&rsdp, sizeof(rsdp));
	memcpy(to, &rsdp, sizeof(rsdp));
	return (int)w.len;
}
