/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/x86_64/x86.h"

#include <linux/kvm.h>
#include <string.h>

#include "base/auto.h"

/* Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E. */
#define LEAF_TOPOLOGY 0xbU
#define LEAF_TOPOLOGY_V2 0x1fU
#define LEVEL_SMT 1U
#define LEVEL_CORE 2U

enum reg { EAX, EBX, ECX, EDX };

#define BIT(n) (1U << (n))
#define ALL 0xffffffffU

/* clang-format off */
/* Bits that are taken away, then those that are given, in all subleaves. */
static const struct rule {
	uint32_t leaf;
	enum reg reg;
	uint32_t clear;
	uint32_t set;
} rules[] = {
	/* MONITOR, DS-CPL, VMX, SMX, EIST, TM2, PDCM; hypervisor */
	{ 0x1, ECX, BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(15), BIT(31) },
	/* DS, ACPI (thermal), TM, PBE */
	{ 0x1, EDX, BIT(21) | BIT(22) | BIT(29) | BIT(31), 0 },
	/* thermal and power management but ARAT */
	{ 0x6, EAX, ~BIT(2), 0 },
	{ 0x6, EBX, ALL, 0 },
	{ 0x6, ECX, ALL, 0 },
	/* SGX, RDT, processor trace */
	{ 0x7, EBX, BIT(2) | BIT(12) | BIT(15) | BIT(25), 0 },
	/* SGX launch configuration, ENQCMD */
	{ 0x7, ECX, BIT(30) | BIT(29), 0 },
	/* performance counters */
	{ 0xa, EAX, ALL, 0 },
	{ 0xa, EBX, ALL, 0 },
	{ 0xa, ECX, ALL, 0 },
	{ 0xa, EDX, ALL, 0 },
	/* SGX, processor trace */
	{ 0x12, EAX, ALL, 0 },
	{ 0x12, EBX, ALL, 0 },
	{ 0x12, ECX, ALL, 0 },
	{ 0x12, EDX, ALL, 0 },
	{ 0x14, EAX, ALL, 0 },
	{ 0x14, EBX, ALL, 0 },
	/* SVM, OSVW, IBS, SKINIT, WDT, LWP, NodeId, performance counters */
	{ 0x80000001, ECX, BIT(2) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(19) | BIT(23) | BIT(24) | BIT(28), 0 },
	/* nested virtualisation */
	{ 0x8000000a, EAX, ALL, 0 },
	{ 0x8000000a, EBX, ALL, 0 },
	{ 0x8000000a, EDX, ALL, 0 },
	/* encrypted memory; performance monitoring version 2 */
	{ 0x8000001f, EAX, ALL, 0 },
	{ 0x8000001f, EBX, ALL, 0 },
	{ 0x80000022, EAX, ALL, 0 },
	{ 0x80000022, EBX, ALL, 0 },
};
/* clang-format on */

static uint32_t *reg_of(struct kvm_cpuid_entry2 *e, enum reg reg)
{
	uint32_t *const regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return regs[reg];
}

static void apply_rules(struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		for (size_t n = 0; n < ARRAY_SIZE(rules); n++) {
			uint32_t *r = reg_of(e, rules[n].reg);

			if (rules[n].leaf == e->function)
				*r = (*r & ~rules[n].clear) | rules[n].set;
		}
	}
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf)
			return &cpuid->entries[i];
	return NULL;
}

/* Bits of an APIC id that @count processors take. */
static uint32_t id_bits(unsigned int count)
{
	uint32_t bits = 0;

	while (1U << bits < count)
		bits++;
	return bits;
}

static void set_features(struct kvm_cpuid2 *cpuid, unsigned int index,
			 unsigned int count, bool deadline_timer)
{
	struct kvm_cpuid_entry2 *e = find(cpuid, 1);

	if (!e)
		return;
	e->ebx = (e->ebx & 0x0000ffff) | count << 16 | index << 24;
	if (count > 1)
		e->edx |= BIT(28); /* HTT: more than one id in the package */
	else
		e->edx &= ~BIT(28);
	/* KVM does not list it, since it needs the interrupt controller in the
	 * kernel, which we have */
	if (deadline_timer)
		e->ecx |= BIT(24);
	else
		e->ecx &= ~BIT(24);
}

/* Leaf 4: each processor is a core; the last level cache is everybody's. */
static void set_caches(struct kvm_cpuid2 *cpuid, unsigned int count)
{
	uint32_t cores = (1U << id_bits(count)) - 1;

	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
		bool is_last;

		if (e->function != 4 && e->function != 0x8000001d)
			continue;
		if (!(e->eax & 0x1f))
			continue; /* no cache: the end */
		is_last = (e->eax >> 5 & 7) >= 3;
		e->eax &= 0x00003fff;
		e->eax |= (is_last ? cores : 0) << 14;
		if (e->function == 4)
			e->eax |= cores << 26;
	}
}

static void drop_leaf(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function != leaf)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->nent = kept;
}

static void add_level(struct kvm_cpuid2 *cpuid, unsigned int room,
		      const struct kvm_cpuid_entry2 *e)
{
	if (cpuid->nent < room)
		cpuid->entries[cpuid->nent++] = *e;
}

/* Leaves 0xb and 0x1f: one thread a core, @count cores. KVM gives the host's
 * own, or none. */
static void set_topology(struct kvm_cpuid2 *cpuid, unsigned int room,
			 uint32_t leaf, unsigned int index, unsigned int count)
{
	struct kvm_cpuid_entry2 e = {
		.function = leaf,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.edx = index,
	};

	if (!find(cpuid, leaf))
		return;
	drop_leaf(cpuid, leaf);
	e.ebx = 1;
	e.ecx = LEVEL_SMT << 8;
	add_level(cpuid, room, &e);
	e.index = 1;
	e.eax = id_bits(count);
	e.ebx = count;
	e.ecx = 1 | LEVEL_CORE << 8;
	add_level(cpuid, room, &e);
	e.index = 2;
	e.eax = e.ebx = 0;
	e.ecx = 2;
	add_level(cpuid, room, &e);
}

static void set_amd(struct kvm_cpuid2 *cpuid, unsigned int index,
		    unsigned int count)
{
	struct kvm_cpuid_entry2 *e = find(cpuid, 0x80000008);

	if (e)
		e->ecx = (e->ecx & ~0xf0ffU) | (count - 1) |
			 id_bits(count) << 12;
	e = find(cpuid, 0x8000001e);
	if (e) {
		e->eax = index;
		e->ebx = index & 0xff; /* one thread a core */
		e->ecx = 0;            /* one node */
		e->edx = 0;
	}
	/* the old bit for "more than one core" */
	e = find(cpuid, 0x80000001);
	if (e && count == 1)
		e->ecx &= ~BIT(1);
}

void x86_cpuid_filter(struct kvm_cpuid2 *cpuid, unsigned int room,
		      unsigned int index, unsigned int count,
		      bool deadline_timer)
{
	apply_rules(cpuid);
	set_features(cpuid, index, count, deadline_timer);
	set_caches(cpuid, count);
	set_topology(cpuid, room, LEAF_TOPOLOGY, index, count);
	set_topology(cpuid, room, LEAF_TOPOLOGY_V2, index, count);
	set_amd(cpuid, index, count);
}
