/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/seccomp_squeeze.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

/*
 * The filter becomes a graph in which each instruction stands once, however
 * often it was written; new ones that find the system call are added, and what
 * can be reached is written down again. An instruction is made after those that
 * it leads to, so that writing them in that order, from the last one to the
 * first, makes all jumps lead forward.
 */

#define NODES_MAX 16384
#define TABLE_SIZE 32768
#define TESTS_MAX 3  /* for single numbers, before halving a range is better */
#define NEAR_MAX 250 /* of 255: others may have to be put between */
#define STEPS_MAX 2000000 /* a few milliseconds; a large profile's take 1/8 */

struct node {
	uint16_t code;
	uint16_t yes, no; /* for all but jumps: the next one, twice */
	uint16_t at;      /* where it is written, from the end; 0: not yet */
	uint32_t k;
	bool needed;
};

/* Numbers from this one on have that answer. */
struct range {
	uint32_t start;
	uint16_t node;
};

/* A range with a few numbers in it that have answers of their own. */
struct piece {
	struct range range;
	struct range single[TESTS_MAX];
	size_t singles;
};

struct graph {
	const struct seccomp_code *code;
	const struct seccomp_points *points;
	long steps;
	bool full;
	uint16_t count; /* 0 is no node */
	struct node node[NODES_MAX];
	uint16_t table[TABLE_SIZE]; /* by hash */
	uint16_t of[BPF_MAXINSNS];  /* the node of each instruction */
	uint16_t *answer;           /* to each point, of one architecture */
	struct range *range;        /* as many as there are points */
	struct piece *piece;
};

/* The node of an instruction, a new one if need be. */
static uint16_t make(struct graph *g, unsigned int code, uint32_t k,
		     uint16_t yes, uint16_t no)
{
	uint64_t h = ((uint64_t)k << 32 | yes << 16 | no) ^ code << 8;
	uint16_t *slot;

	h = (h ^ h >> 29) * 0x9e3779b97f4a7c15ULL >> 32;
	while (*(slot = &g->table[h++ % TABLE_SIZE])) {
		const struct node *n = &g->node[*slot];

		if (n->code == code && n->k == k && n->yes == yes &&
		    n->no == no)
			return *slot;
	}
	if (g->count == NODES_MAX - 1) {
		g->full = true;
		return 0;
	}
	*slot = ++g->count;
	g->node[*slot] = (struct node){
		.code = (uint16_t)code,
		.k = k,
		.yes = yes,
		.no = no,
	};
	return *slot;
}

static uint16_t test(struct graph *g, unsigned int op, uint32_t k, uint16_t yes,
		     uint16_t no)
{
	return yes == no ? yes : make(g, BPF_JMP | op | BPF_K, k, yes, no);
}

static uint16_t load(struct graph *g, uint32_t offset, uint16_t next)
{
	return make(g, BPF_LD | BPF_W | BPF_ABS, offset, next, next);
}

static void take_over(struct graph *g)
{
	for (size_t pc = g->code->count; pc--;) {
		const struct sock_filter *f = &g->code->f[pc];
		const uint16_t *next = &g->of[pc + 1];

		if (BPF_CLASS(f->code) == BPF_RET)
			g->of[pc] = make(g, f->code, f->k, 0, 0);
		else if (f->code == (BPF_JMP | BPF_JA))
			g->of[pc] = next[f->k];
		else if (BPF_CLASS(f->code) == BPF_JMP)
			g->of[pc] = make(g, f->code, f->k, next[f->jt],
					 next[f->jf]);
		else
			g->of[pc] = make(g, f->code, f->k, next[0], next[0]);
	}
}

/* Points of a part of all numbers, by their indices. */
struct span {
	size_t from, to;
};

/* Those from @nr on start there: there is a point, as the blocks have. */
static size_t find_point(const struct graph *g, uint32_t nr)
{
	size_t i = 0;

	while (g->points->nr[i] < nr)
		i++;
	return i;
}

static void find_answers(struct graph *g, uint32_t arch)
{
	for (size_t i = 0; i < g->points->nr_count && g->steps >= 0; i++)
		g->answer[i] = g->of[seccomp_walk(g->code, arch,
						  g->points->nr[i], &g->steps)];
}

/* @fold: the node for those that get the same answer without the bit of x32,
 * or 0. Points come in pairs, with the bit and without. */
static size_t find_ranges(struct graph *g, struct span s, uint16_t fold)
{
	size_t count = 0;

	for (size_t i = s.from; i < s.to; i++) {
		uint16_t node = g->answer[i];

		if (fold && node == g->answer[i - s.from])
			node = fold;
		if (count && g->range[count - 1].node == node)
			continue;
		g->range[count++] = (struct range){ g->points->nr[i], node };
	}
	return count;
}

/* How many ranges of one number each stand between this one and one that has
 * the same answer again; 0 when there is none. */
static size_t singles_after(const struct range *r, size_t count)
{
	for (size_t n = 1; n <= TESTS_MAX && n + 1 < count; n++) {
		if (r[n + 1].start - r[n].start != 1)
			return 0;
		if (r[n + 1].node == r[0].node)
			return n;
	}
	return 0;
}

static size_t cut(const struct range *r, size_t count, struct piece *piece)
{
	struct range start = r[0];
	size_t n = 0;

	for (size_t i = 0; i < count; n++) {
		struct piece *p = &piece[n];
		size_t singles;

		*p = (struct piece){ .range = start };
		while ((singles = singles_after(r + i, count - i)) &&
		       p->singles + singles <= TESTS_MAX) {
			memcpy(p->single + p->singles, r + i + 1,
			       singles * sizeof(*r));
			p->singles += singles;
			i += singles + 1;
		}
		if (singles) /* for the next one */
			start = (struct range){ r[i + 1].start, r[i].node };
		else if (++i < count)
			start = r[i];
	}
	return n;
}

static uint16_t search(struct graph *g, const struct piece *p, size_t count)
{
	uint16_t node = p->range.node;

	if (count > 1) {
		const struct piece *half = p + count / 2;
		uint16_t below = search(g, p, count / 2);
		uint16_t above = search(g, half, count - count / 2);

		return test(g, BPF_JGE, half->range.start, above, below);
	}
	for (size_t i = p->singles; i--;)
		node = test(g, BPF_JEQ, p->single[i].start, p->single[i].node,
			    node);
	return node;
}

static size_t cost(const struct piece *p, size_t count)
{
	size_t tests = 0;

	for (size_t i = 0; i < count; i++)
		tests += 1 + p[i].singles;
	return tests;
}

static uint16_t part(struct graph *g, struct span s, uint16_t fold,
		     size_t *tests)
{
	size_t count = cut(g->range, find_ranges(g, s, fold), g->piece);

	*tests += cost(g->piece, count);
	return search(g, g->piece, count);
}

/*
 * The calls of x32 are mostly those of x86-64, and so are the answers: what is
 * left of the number without the bit is looked up where those are.
 */
static uint16_t folded(struct graph *g, size_t *tests)
{
	size_t x32 = find_point(g, SECCOMP_X32_BIT);
	size_t rest = find_point(g, 2 * SECCOMP_X32_BIT);
	uint16_t low, mid, high;

	*tests = 1;
	low = part(g, (struct span){ 0, x32 }, 0, tests);
	mid = make(g, BPF_ALU | BPF_AND | BPF_K, ~SECCOMP_X32_BIT, low, low);
	mid = part(g, (struct span){ x32, rest }, mid, tests);
	high = part(g, (struct span){ rest, g->points->nr_count }, 0, tests);
	mid = test(g, BPF_JGE, 2 * SECCOMP_X32_BIT, high, mid);
	return test(g, BPF_JGE, SECCOMP_X32_BIT, mid, low);
}

static uint16_t one_arch(struct graph *g, uint32_t arch)
{
	size_t plain = 0, less = 0;
	uint16_t node, other;

	find_answers(g, arch);
	node = part(g, (struct span){ 0, g->points->nr_count }, 0, &plain);
	if (plain == 1)
		return node; /* whatever the number is */
	other = folded(g, &less);
	return load(g, offsetof(struct seccomp_data, nr),
		    less < plain ? other : node);
}

static uint16_t all_archs(struct graph *g)
{
	uint16_t node = one_arch(g, seccomp_points_other(g->points));

	/* the first one is compared first: the kernel's own */
	for (size_t i = g->points->arch_count; i-- && g->steps >= 0;)
		node = test(g, BPF_JEQ, g->points->archs[i],
			    one_arch(g, g->points->archs[i]), node);
	return load(g, offsetof(struct seccomp_data, arch), node);
}

/* ---- writing it down, the last instruction first */
struct writer {
	struct sock_filter *end; /* after the last one */
	size_t count, limit;     /* written; one more than may be */
};

static void write_one(struct writer *w, const struct sock_filter *f)
{
	if (w->count < w->limit)
		w->end[-(ptrdiff_t)++w->count] = *f;
}

/* Bring a node, or a copy or a jump that leads to it, into reach. */
static void write_near(struct graph *g, struct writer *w, uint16_t node,
		       size_t reach)
{
	struct node *n = &g->node[node];
	struct sock_filter f = {
		.code = BPF_JMP | BPF_JA,
		.k = (uint32_t)(w->count - n->at),
	};

	if (w->count - n->at <= reach)
		return;
	if (BPF_CLASS(n->code) == BPF_RET)
		f = (struct sock_filter){ .code = n->code, .k = n->k };
	write_one(w, &f);
	n->at = (uint16_t)w->count;
}

static void write_node(struct graph *g, struct writer *w, struct node *n)
{
	struct sock_filter f = { .code = n->code, .k = n->k };

	if (BPF_CLASS(n->code) == BPF_JMP) {
		write_near(g, w, n->yes, NEAR_MAX);
		write_near(g, w, n->no, NEAR_MAX);
		f.jt = (uint8_t)(w->count - g->node[n->yes].at);
		f.jf = (uint8_t)(w->count - g->node[n->no].at);
	} else if (BPF_CLASS(n->code) != BPF_RET) {
		write_near(g, w, n->yes, 0);
	}
	write_one(w, &f);
	n->at = (uint16_t)w->count;
}

static size_t write_all(struct graph *g, uint16_t root,
			struct sock_filter out[BPF_MAXINSNS])
{
	struct writer w = {
		.end = out + BPF_MAXINSNS,
		.limit = g->code->count,
	};

	g->node[root].needed = true;
	for (size_t i = root; i; i--) {
		struct node *n = &g->node[i];

		if (n->needed && BPF_CLASS(n->code) != BPF_RET)
			g->node[n->yes].needed = g->node[n->no].needed = true;
	}
	for (size_t i = 1; i <= root && w.count < w.limit; i++) {
		if (g->node[i].needed)
			write_node(g, &w, &g->node[i]);
	}
	if (w.count == w.limit)
		return 0;
	memmove(out, w.end - w.count, w.count * sizeof(*out));
	return w.count;
}

static size_t squeeze(struct graph *g, struct sock_filter out[BPF_MAXINSNS])
{
	struct seccomp_code now = { .f = out };
	uint16_t root;

	take_over(g);
	root = all_archs(g);
	if (g->full || g->steps < 0)
		return 0;
	now.count = write_all(g, root, out);
	if (!now.count || !seccomp_same(g->code, &now, STEPS_MAX))
		return 0;
	return now.count;
}

static size_t with_memory(struct graph *g, struct sock_filter out[BPF_MAXINSNS])
{
	size_t count = g->points->nr_count;
	auto_free uint16_t *answer = calloc(count, sizeof(*answer));
	auto_free struct range *range = calloc(count, sizeof(*range));
	auto_free struct piece *piece = calloc(count, sizeof(*piece));

	if (!answer || !range || !piece)
		return 0;
	g->answer = answer;
	g->range = range;
	g->piece = piece;
	return squeeze(g, out);
}

size_t seccomp_squeeze(const struct seccomp_code *code,
		       struct sock_filter out[BPF_MAXINSNS])
{
	struct seccomp_points points = { 0 };
	auto_free struct graph *g = NULL;
	size_t count = 0;

	if (!seccomp_points_add(&points, code)) {
		seccomp_points_sort(&points);
		g = calloc(1, sizeof(*g));
	}
	if (g) {
		g->code = code;
		g->points = &points;
		g->steps = STEPS_MAX;
		count = with_memory(g, out);
	}
	seccomp_points_release(&points);
	return count;
}
