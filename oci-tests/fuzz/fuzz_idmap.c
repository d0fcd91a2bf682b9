/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/str.h"
#include "namespaces/idmap.h"
#include "oci-tests/fuzz/parse.h"
#include "spec/spec.h"

/* linux.uidMappings: what is taken, the kernel takes too, and ids go there and
 * back by it. The input is the array's text. */

#define DOC                                                               \
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{" \
	"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],"      \
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],"  \
	"\"uidMappings\":%.*s}}"

static void check_pair(const struct spec_id_map *a, const struct spec_id_map *b)
{
	fuzz_check((uint64_t)a->container_id + a->size <= b->container_id ||
		   (uint64_t)b->container_id + b->size <= a->container_id);
	fuzz_check((uint64_t)a->host_id + a->size <= b->host_id ||
		   (uint64_t)b->host_id + b->size <= a->host_id);
}

static void check_map(const struct spec_id_map *maps, size_t count, size_t i)
{
	const struct spec_id_map *m = &maps[i];

	fuzz_check(m->size);
	fuzz_check((uint64_t)m->container_id + m->size <= UINT32_MAX);
	fuzz_check((uint64_t)m->host_id + m->size <= UINT32_MAX);
	for (size_t j = 0; j < i; j++)
		check_pair(m, &maps[j]);
	fuzz_check(ns_host_id(maps, count, m->container_id) == m->host_id);
	fuzz_check(ns_host_id(maps, count, m->container_id + m->size - 1) ==
		   (int64_t)m->host_id + m->size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf doc = STRBUF_INIT;
	auto_arena struct arena arena = { 0 };
	const struct spec_linux *l;
	const struct spec *spec;
	struct err err = { 0 };
	uint32_t id = 0;

	strbuf_addf(&doc, DOC, (int)size, (const char *)data);
	fuzz_check(strbuf_ok(&doc));
	spec = spec_parse(&arena, doc.s, doc.len, NULL, &err);
	if (!spec) {
		fuzz_error(&err);
		return 0;
	}
	l = &spec->linux_;
	fuzz_check(l->uid_map_count && l->uid_map_count <= 340);
	for (size_t i = 0; i < l->uid_map_count; i++)
		check_map(l->uid_maps, l->uid_map_count, i);
	memcpy(&id, data, size < sizeof(id) ? size : sizeof(id));
	fuzz_check(ns_host_id(l->uid_maps, l->uid_map_count, id) <= UINT32_MAX);
	return 0;
}
