/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/statefile.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json/json.h"
#include "base/path.h"
#include "base/sabotage.h"
#include "base/sys.h"
#include "libcontainer/state.h"

#define FORMAT 1
#define SUM_FMT ",\"sum\":\"%016" PRIx64 "\"}\n"
#define SUM_LEN (sizeof(",\"sum\":\"0123456789abcdef\"}\n") - 1)
#define PID_LIMIT (1 << 22) /* PID_MAX_LIMIT of the kernel */
#define NS_ALL                                                       \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME)
#define V1_ALL                                                                \
	(CG_V1_CPU | CG_V1_CPUSET | CG_V1_MEMORY | CG_V1_PIDS | CG_V1_BLKIO | \
	 CG_V1_HUGETLB)

/* FNV-1a: each step is a bijection, so no single changed byte goes unseen. */
static uint64_t checksum(const char *s, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)s[i]) * 0x100000001b3u;
	return sum;
}

static void encode_cgroup(struct json_gen *g, const struct cg_place *place)
{
	json_gen_object(g, "cgroup");
	json_gen_u64(g, "manager", place->manager);
	json_gen_u64(g, "mode", place->mode);
	json_gen_u64(g, "v1", place->v1_mask);
	json_gen_str(g, "path", place->path);
	json_gen_end_object(g);
}

static void encode_rdt(struct json_gen *g, const struct rdt_place *place)
{
	if (!place->group[0])
		return;
	json_gen_object(g, "rdt");
	json_gen_str(g, "group", place->group);
	json_gen_bool(g, "own", place->own);
	json_gen_bool(g, "mon", place->mon);
	json_gen_end_object(g);
}

static void encode_exit(struct json_gen *g, const struct hull_exit *e)
{
	if (!e->recorded)
		return;
	json_gen_object(g, "exit");
	if (e->status_known)
		json_gen_i64(g, "status", e->status);
	if (e->oom_known)
		json_gen_bool(g, "oom", e->oom);
	if (e->peak_known)
		json_gen_u64(g, "peak", e->memory_peak_bytes);
	if (e->vm_end[0])
		json_gen_str(g, "vm", e->vm_end);
	json_gen_bool(g, "exact", e->end_exact);
	json_gen_i64(g, "end", e->end_ns);
	json_gen_end_object(g);
}

static void encode_annotations(struct json_gen *g, char *const *pairs)
{
	if (!pairs || !*pairs)
		return;
	json_gen_object(g, "annotations");
	for (; pairs[0]; pairs += 2)
		json_gen_str(g, pairs[0], pairs[1]);
	json_gen_end_object(g);
}

void statefile_encode(const struct ct_state *st, struct strbuf *out)
{
	size_t begin = out->len;
	struct json_gen g;

	json_gen_init(&g, out, false);
	json_gen_object(&g, NULL);
	json_gen_u64(&g, "hull", FORMAT);
	json_gen_str(&g, "id", st->id);
	json_gen_str(&g, "ociVersion", st->oci_version ? st->oci_version : "");
	json_gen_str(&g, "bundle", st->bundle ? st->bundle : "");
	json_gen_str(&g, "rootfs", st->rootfs ? st->rootfs : "");
	json_gen_i64(&g, "created", st->created_ns);
	json_gen_i64(&g, "started", st->started_ns);
	json_gen_u64(&g, "owner", st->owner);
	json_gen_i64(&g, "pid", st->pid);
	json_gen_u64(&g, "startTime", st->start_time);
	json_gen_u64(&g, "namespaces", (unsigned int)st->ns_flags);
	json_gen_bool(&g, "letGo", st->started);
	if (st->no_keyring)
		json_gen_bool(&g, "callersKeyring", true);
	if (st->vm)
		json_gen_u64(&g, "vm", st->vm_memory_bytes);
	encode_cgroup(&g, &st->cgroup);
	encode_rdt(&g, &st->rdt);
	encode_exit(&g, &st->exit);
	encode_annotations(&g, st->annotations);
	json_gen_end_object(&g);
	if (!strbuf_ok(out))
		return;
	/* the sum becomes the last member: it replaces the closing brace */
	out->len--;
	strbuf_addf(out, SUM_FMT, checksum(out->s + begin, out->len - begin));
}

/*
 * Readers of one member each. They share a flag: once something is wrong the
 * document is, and @bad names the first member.
 */
struct reader {
	struct arena *arena;
	const struct json *obj;
	const char *bad;
};

static void blame(struct reader *r, const char *key)
{
	if (!r->bad)
		r->bad = key;
}

static char *read_str(struct reader *r, const char *key)
{
	const struct json *v = json_get(r->obj, key);
	char *out;

	if (!v || v->type != JSON_STRING) {
		blame(r, key);
		return NULL;
	}
	out = arena_strndup(r->arena, v->text, strlen(v->text));
	if (!out)
		blame(r, key);
	return out;
}

static uint64_t read_u64(struct reader *r, const char *key, uint64_t max)
{
	const struct json *v = json_get(r->obj, key);
	uint64_t n = 0;

	if (!v || json_u64(v, &n) || n > max) {
		blame(r, key);
		return 0;
	}
	return n;
}

static int64_t read_i64(struct reader *r, const char *key, int64_t min,
			int64_t max)
{
	const struct json *v = json_get(r->obj, key);
	int64_t n = 0;

	if (!v || json_i64(v, &n) || n < min || n > max) {
		blame(r, key);
		return 0;
	}
	return n;
}

static bool read_bool(struct reader *r, const char *key)
{
	const struct json *v = json_get(r->obj, key);

	if (v && v->type == JSON_BOOL)
		return v->boolean;
	blame(r, key);
	return false;
}

/* An object within; r->obj is it until the caller puts the old one back. */
static const struct json *enter(struct reader *r, const char *key)
{
	const struct json *outer = r->obj;
	const struct json *v = json_get(outer, key);

	if (!v || v->type != JSON_OBJECT)
		blame(r, key);
	r->obj = v;
	return outer;
}

/* Everything below this path gets killed one day: it must be nothing else than
 * a clean path of its own. */
static bool place_is_sound(const struct cg_place *place)
{
	char clean[CG_PATH_MAX];

	if (place->manager == CG_MANAGER_DISABLED)
		return !place->path[0];
	return place->path[0] == '/' && place->path[1] &&
	       !path_clean(place->path, clean, sizeof(clean)) &&
	       !strcmp(place->path, clean);
}

static void decode_cgroup(struct reader *r, struct cg_place *place)
{
	const struct json *outer = enter(r, "cgroup");
	const char *path = read_str(r, "path");

	place->manager = (enum cg_manager)read_u64(r, "manager",
						   CG_MANAGER_SYSTEMD_USER);
	place->mode = (enum cg_mode)read_u64(r, "mode", CG_MODE_NONE);
	place->v1_mask = (uint32_t)read_u64(r, "v1", V1_ALL);
	r->obj = outer;
	if (!path || strlen(path) >= sizeof(place->path)) {
		blame(r, "cgroup.path");
		return;
	}
	memcpy(place->path, path, strlen(path) + 1);
	if (!place_is_sound(place) && !SABOTAGED("statefile_cgroup"))
		blame(r, "cgroup.path");
}

/* Removed one day: a class of the container's own has its name. */
static void decode_rdt(struct reader *r, const char *id,
		       struct rdt_place *place)
{
	const struct json *outer = r->obj;
	const char *group;

	if (!json_get(outer, "rdt"))
		return;
	enter(r, "rdt");
	group = read_str(r, "group");
	place->own = read_bool(r, "own");
	place->mon = read_bool(r, "mon");
	r->obj = outer;
	if (!group || !group[0] || strlen(group) >= sizeof(place->group) ||
	    strchr(group, '/') || !strcmp(group, "..") ||
	    (place->own && (!id || strcmp(group, id) != 0)))
		blame(r, "rdt.group");
	else
		memcpy(place->group, group, strlen(group) + 1);
}

static void decode_vm_end(struct reader *r, struct hull_exit *e)
{
	const char *text;

	if (!json_get(r->obj, "vm"))
		return;
	text = read_str(r, "vm");
	if (!text || strlen(text) >= sizeof(e->vm_end))
		blame(r, "exit.vm");
	else
		memcpy(e->vm_end, text, strlen(text) + 1);
}

static void decode_exit(struct reader *r, struct hull_exit *e)
{
	const struct json *outer = r->obj;

	if (!json_get(outer, "exit"))
		return;
	enter(r, "exit");
	e->recorded = true;
	e->status_known = json_get(r->obj, "status");
	if (e->status_known)
		e->status = (int)read_i64(r, "status", 0, 0xffff);
	e->oom_known = json_get(r->obj, "oom");
	if (e->oom_known)
		e->oom = read_bool(r, "oom");
	e->peak_known = json_get(r->obj, "peak");
	if (e->peak_known)
		e->memory_peak_bytes = read_u64(r, "peak", UINT64_MAX);
	decode_vm_end(r, e);
	e->end_exact = read_bool(r, "exact");
	e->end_ns = read_i64(r, "end", INT64_MIN, INT64_MAX);
	r->obj = outer;
}

static char **decode_annotations(struct reader *r)
{
	const struct json *outer = r->obj;
	const struct json *list = json_get(outer, "annotations");
	char **pairs, **out;

	if (!list)
		return NULL;
	enter(r, "annotations");
	pairs = arena_array(r->arena, 2 * list->count + 1, sizeof(*pairs));
	if (!pairs)
		blame(r, "annotations");
	out = pairs;
	for (const struct json *v = list->child; pairs && v; v = v->next) {
		if (!v->key || v->type != JSON_STRING) {
			blame(r, "annotations");
			break;
		}
		*out++ = arena_strndup(r->arena, v->key, strlen(v->key));
		*out++ = arena_strndup(r->arena, v->text, strlen(v->text));
		if (!out[-1] || !out[-2])
			blame(r, "annotations");
	}
	r->obj = outer;
	return pairs;
}

static void decode_members(struct reader *r, struct ct_state *st)
{
	st->id = read_str(r, "id");
	st->oci_version = read_str(r, "ociVersion");
	st->bundle = read_str(r, "bundle");
	st->rootfs = read_str(r, "rootfs");
	st->created_ns = read_i64(r, "created", INT64_MIN, INT64_MAX);
	st->started_ns = read_i64(r, "started", INT64_MIN, INT64_MAX);
	st->owner = (uid_t)read_u64(r, "owner", UINT32_MAX);
	st->pid = (pid_t)read_i64(r, "pid", 0, PID_LIMIT);
	st->start_time = read_u64(r, "startTime", UINT64_MAX);
	st->ns_flags = (int)read_u64(r, "namespaces", INT_MAX);
	st->started = read_bool(r, "letGo");
	st->no_keyring = json_get(r->obj, "callersKeyring") &&
			 read_bool(r, "callersKeyring");
	st->vm = json_get(r->obj, "vm");
	if (st->vm)
		st->vm_memory_bytes = read_u64(r, "vm", INT64_MAX);
	if (st->ns_flags & ~NS_ALL)
		blame(r, "namespaces");
	/* 1 is the init of the host, and hull is not its own container */
	if ((st->pid == 1 || (st->pid && !st->start_time)) &&
	    !SABOTAGED("statefile_pid"))
		blame(r, "pid");
	decode_cgroup(r, &st->cgroup);
	decode_rdt(r, st->id, &st->rdt);
	decode_exit(r, &st->exit);
	st->annotations = decode_annotations(r);
}

static bool sum_is_right(const char *text, size_t len)
{
	char tail[SUM_LEN + 1];

	if (len < SUM_LEN)
		return false;
	snprintf(tail, sizeof(tail), SUM_FMT, checksum(text, len - SUM_LEN));
	return !memcmp(text + len - SUM_LEN, tail, SUM_LEN);
}

enum statefile_kind statefile_decode(struct arena *arena, const char *text,
				     size_t len, const char *id,
				     struct ct_state *st, struct err *err)
{
	struct reader r = { .arena = arena };
	struct ct_state got = { 0 };
	uint64_t format = 0;

	r.obj = json_parse(arena, text, len, err);
	if (!r.obj)
		return STATEFILE_BROKEN;
	if (r.obj->type == JSON_OBJECT && !json_get(r.obj, "hull")) {
		err_set(err, -ENOENT, "not a state of hull");
		return STATEFILE_FOREIGN;
	}
	if (!json_get(r.obj, "hull") ||
	    json_u64(json_get(r.obj, "hull"), &format) || format != FORMAT) {
		err_set(err, -EBADMSG, "unknown format");
		return STATEFILE_BROKEN;
	}
	if (!sum_is_right(text, len) && !SABOTAGED("statefile_sum")) {
		err_set(err, -EBADMSG, "wrong checksum");
		return STATEFILE_BROKEN;
	}
	decode_members(&r, &got);
	if (!r.bad && strcmp(got.id, id) != 0 && !SABOTAGED("statefile_id"))
		r.bad = "id";
	if (r.bad) {
		err_set(err, -EBADMSG, "member '%s' is missing or wrong",
			r.bad);
		return STATEFILE_BROKEN;
	}
	*st = got;
	return STATEFILE_GOOD;
}
