/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_TEST_FUZZ_SPECDUMP_H
#define HULL_TEST_FUZZ_SPECDUMP_H

/* A spec as text, every member, so that two of them can be compared. */

#include "base/str.h"
#include "libcontainer/vm.h"
#include "oci-tests/fuzz/parse.h"
#include "spec/spec.h"

static inline void dump_str(struct strbuf *out, const char *key, const char *s)
{
	strbuf_addf(out, "%s=%s%s\n", key, s ? "+" : "-", s ? s : "");
}

static inline void dump_list(struct strbuf *out, const char *key,
			     const char *const *list, size_t count)
{
	strbuf_addf(out, "%s:%zu\n", key, count);
	for (size_t i = 0; i < count; i++)
		dump_str(out, key, list[i]);
	fuzz_check(!list || !list[count]);
}

static inline void dump_maps(struct strbuf *out, const char *key,
			     const struct spec_id_map *m, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_addf(out, "%s %u %u %u\n", key, m[i].container_id,
			    m[i].host_id, m[i].size);
}

static inline void dump_opt(struct strbuf *out, const char *key, bool set,
			    int64_t v)
{
	if (set)
		strbuf_addf(out, "%s=%lld\n", key, (long long)v);
}

static inline void dump_devices(struct strbuf *out,
				const struct spec_resources *r)
{
	strbuf_addf(out, "rules %d\n", r->devices_set);
	for (size_t i = 0; i < r->device_count; i++) {
		const struct spec_device_rule *d = &r->devices[i];

		fuzz_check(d->type == 'a' || d->type == 'b' || d->type == 'c');
		fuzz_check(d->major >= -1 && d->minor >= -1);
		strbuf_addf(out, "%d %c %lld:%lld %d%d%d\n", d->allow, d->type,
			    (long long)d->major, (long long)d->minor, d->read,
			    d->write, d->mknod);
	}
}

static inline void dump_block_io(struct strbuf *out,
				 const struct spec_block_io *b)
{
	dump_opt(out, "weight", b->weight.set, (int64_t)b->weight.v);
	for (size_t i = 0; i < b->weight_device_count; i++)
		strbuf_addf(out, "%u:%u %u\n", b->weight_devices[i].major,
			    b->weight_devices[i].minor,
			    b->weight_devices[i].weight);
	for (int k = 0; k < SPEC_THROTTLE_KINDS; k++)
		for (size_t i = 0; i < b->throttle_count[k]; i++)
			strbuf_addf(out, "%d %u:%u %llu\n", k,
				    b->throttle[k][i].major,
				    b->throttle[k][i].minor,
				    (unsigned long long)b->throttle[k][i].rate);
}

static inline void dump_resources(struct strbuf *out,
				  const struct spec_resources *r)
{
	dump_devices(out, r);
	dump_opt(out, "limit", r->memory.limit.set, r->memory.limit.v);
	dump_opt(out, "low", r->memory.reservation.set,
		 r->memory.reservation.v);
	dump_opt(out, "swap", r->memory.swap.set, r->memory.swap.v);
	dump_opt(out, "check", true, r->memory.check_before_update);
	dump_opt(out, "shares", r->cpu.shares.set, (int64_t)r->cpu.shares.v);
	dump_opt(out, "quota", r->cpu.quota.set, r->cpu.quota.v);
	dump_opt(out, "burst", r->cpu.burst.set, (int64_t)r->cpu.burst.v);
	dump_opt(out, "period", r->cpu.period.set, (int64_t)r->cpu.period.v);
	dump_opt(out, "idle", r->cpu.idle.set, r->cpu.idle.v);
	dump_str(out, "cpus", r->cpu.cpus);
	dump_str(out, "mems", r->cpu.mems);
	dump_block_io(out, &r->block_io);
	dump_opt(out, "pids", r->pids_limit.set, r->pids_limit.v);
	for (size_t i = 0; i < r->hugepage_count; i++)
		strbuf_addf(out, "%s %llu\n", r->hugepages[i].page_size,
			    (unsigned long long)r->hugepages[i].limit_bytes);
	for (size_t i = 0; i < r->rdma_count; i++)
		strbuf_addf(out, "%s %d %u %d %u\n", r->rdma[i].device,
			    r->rdma[i].handles_set, r->rdma[i].handles,
			    r->rdma[i].objects_set, r->rdma[i].objects);
	for (size_t i = 0; i < r->unified_count; i++) {
		fuzz_check(!strchr(r->unified[i].file, '/'));
		dump_str(out, r->unified[i].file, r->unified[i].value);
	}
}

static inline void dump_rule(struct strbuf *out, const struct spec_scmp_rule *r)
{
	strbuf_addf(out, "rule %d %d %u\n", (int)r->action, r->errno_set,
		    r->errno_ret);
	for (size_t i = 0; r->names && r->names[i]; i++)
		dump_str(out, "name", r->names[i]);
	for (size_t i = 0; i < r->arg_count; i++)
		strbuf_addf(out, "arg %u %d %llu %llu\n", r->args[i].index,
			    (int)r->args[i].op,
			    (unsigned long long)r->args[i].value,
			    (unsigned long long)r->args[i].value_two);
}

static inline void dump_seccomp(struct strbuf *out,
				const struct spec_seccomp *s)
{
	if (!s->set)
		return;
	strbuf_addf(out, "seccomp %d %d %u %d %d %d %d %d\n",
		    (int)s->default_action, s->default_errno_set,
		    s->default_errno, s->flags_set, s->flag_tsync, s->flag_log,
		    s->flag_spec_allow, s->flag_wait_killable);
	for (size_t i = 0; s->archs && s->archs[i]; i++)
		dump_str(out, "arch", s->archs[i]);
	for (size_t i = 0; i < s->rule_count; i++)
		dump_rule(out, &s->rules[i]);
	dump_str(out, "listener", s->listener_path);
	dump_str(out, "metadata", s->listener_metadata);
}

static inline void dump_nodes(struct strbuf *out, const struct spec_linux *l)
{
	for (size_t i = 0; i < l->device_count; i++) {
		const struct spec_device *d = &l->devices[i];

		fuzz_check(d->path && d->path[0] == '/');
		strbuf_addf(out, "%c %s %lld:%lld %d %o %u %u\n", d->type,
			    d->path, (long long)d->major, (long long)d->minor,
			    d->mode_set, d->mode, d->uid, d->gid);
	}
	for (size_t i = 0; i < l->net_device_count; i++) {
		dump_str(out, "netdev", l->net_devices[i].from);
		dump_str(out, "as", l->net_devices[i].name);
	}
}

static inline void dump_linux(struct strbuf *out, const struct spec_linux *l)
{
	for (size_t i = 0; i < l->namespace_count; i++) {
		fuzz_check(l->namespaces[i].type < SPEC_NS_TYPES);
		dump_str(out, spec_ns_names[l->namespaces[i].type],
			 l->namespaces[i].path);
	}
	dump_maps(out, "uid", l->uid_maps, l->uid_map_count);
	dump_maps(out, "gid", l->gid_maps, l->gid_map_count);
	strbuf_addf(out, "time %d %lld %u %d %lld %u\n", l->monotonic.set,
		    (long long)l->monotonic.secs, l->monotonic.nanosecs,
		    l->boottime.set, (long long)l->boottime.secs,
		    l->boottime.nanosecs);
	dump_nodes(out, l);
	dump_str(out, "cgroup", l->cgroups_path);
	dump_resources(out, &l->resources);
	for (size_t i = 0; i < l->sysctl_count; i++)
		dump_str(out, l->sysctls[i].key, l->sysctls[i].value);
	dump_seccomp(out, &l->seccomp);
	dump_list(out, "masked", l->masked_paths, l->masked_count);
	dump_list(out, "readonly", l->readonly_paths, l->readonly_count);
	dump_str(out, "label", l->mount_label);
	strbuf_addf(out, "%d mempolicy %d %d %u personality %d %lu\n",
		    (int)l->rootfs_propagation, l->mempolicy.set,
		    l->mempolicy.mode, l->mempolicy.flags, l->personality.set,
		    l->personality.domain);
	dump_str(out, "nodes", l->mempolicy.nodes);
	dump_opt(out, "rdt", l->rdt.set, l->rdt.monitoring);
	dump_str(out, "clos", l->rdt.clos_id);
	dump_str(out, "l3", l->rdt.l3_schema);
	dump_str(out, "mb", l->rdt.mb_schema);
	dump_list(out, "schema", l->rdt.schemata, l->rdt.schemata_count);
}

static inline void dump_mount(struct strbuf *out, const struct spec_mount *m)
{
	fuzz_check(m->destination && m->destination[0] == '/');
	dump_str(out, "mount", m->destination);
	dump_str(out, "type", m->type);
	dump_str(out, "source", m->source);
	dump_list(out, "option", m->options, m->option_count);
	dump_maps(out, "uid", m->uid_maps, m->uid_map_count);
	dump_maps(out, "gid", m->gid_maps, m->gid_map_count);
}

static inline void dump_hook(struct strbuf *out, const struct spec_hook *h)
{
	fuzz_check(h->path && h->path[0] == '/' && h->env);
	dump_str(out, "hook", h->path);
	for (size_t i = 0; h->args && h->args[i]; i++)
		dump_str(out, "arg", h->args[i]);
	for (size_t i = 0; h->env[i]; i++)
		dump_str(out, "env", h->env[i]);
	strbuf_addf(out, "%d %u\n", h->env_set, h->timeout_s);
}

static inline void dump_vm(struct strbuf *out, const struct spec_vm *vm)
{
	strbuf_addf(out, "vm %d\n", vm->set);
	dump_str(out, "kernel", vm->kernel_path);
	dump_list(out, "param", vm->kernel_params, vm->kernel_param_count);
	dump_str(out, "initrd", vm->initrd_path);
	dump_str(out, "image", vm->image_path);
	dump_str(out, "format", vm->image_format);
	dump_opt(out, "vcpus", vm->vcpus.set, (int64_t)vm->vcpus.v);
	dump_opt(out, "memory", vm->memory_bytes.set,
		 (int64_t)vm->memory_bytes.v);
}

static inline void dump_spec(struct strbuf *out, const struct spec *s)
{
	dump_str(out, "version", s->oci_version);
	if (s->has_process)
		vm_process_json(&s->process, out);
	dump_str(out, "root", s->root_path);
	dump_opt(out, "ro", true, s->root_readonly);
	dump_str(out, "hostname", s->hostname);
	dump_str(out, "domainname", s->domainname);
	for (size_t i = 0; i < s->mount_count; i++)
		dump_mount(out, &s->mounts[i]);
	for (int k = 0; k < SPEC_HOOK_KINDS; k++)
		for (size_t i = 0; i < s->hooks.count[k]; i++)
			dump_hook(out, &s->hooks.list[k][i]);
	for (size_t i = 0; i < s->annotation_count; i++)
		dump_str(out, s->annotations[i].key, s->annotations[i].value);
	dump_linux(out, &s->linux_);
	dump_vm(out, &s->vm);
	fuzz_check(strbuf_ok(out));
}

#endif
