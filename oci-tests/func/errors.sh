#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line per problem with its place, status 1, no trace.
. "$(dirname "$0")/../support/lib.sh"

bad() { # jq filter, expected place
	cfg_save
	cfg "$1"
	refuses "$2" hull run -b "$B" "$TAG"
	eq "$(hull list -q)" ''
	cp "$T/saved.json" "$B/config.json"
}
cfg_save() {
	[ -e "$T/saved.json" ] || cp "$B/config.json" "$T/saved.json"
}
t_places() {
	bundle '.process.args = ["true"]'
	bad '.ociVersion = "3.0.0"' ociVersion
	bad 'del(.ociVersion)' ociVersion
	bad 'del(.root)' root
	bad '.root.path = 5' root.path
	bad '.process.cwd = "relative"' process.cwd
	bad 'del(.process.cwd)' process.cwd
	bad '.process.args = []' process.args
	bad '.process.args = "sh"' process.args
	bad '.process.env = ["NOEQUALS"]' 'process.env[0]'
	bad '.process.rlimits = [{"type":"RLIMIT_NOPE","hard":1,"soft":1}]' 'process.rlimits[0].type'
	bad '.process.rlimits += .process.rlimits' 'process.rlimits[1]'
	bad '.process.rlimits[0].soft = 5000' 'process.rlimits[0]'
	bad '.process.user.uid = -1' process.user.uid
	bad '.process.user.additionalGids = ["x"]' 'process.user.additionalGids[0]'
	bad '.process.oomScoreAdj = 2000' process.oomScoreAdj
	bad '.mounts[0].destination = 3' 'mounts[0].destination'
	bad 'del(.mounts[1].destination)' 'mounts[1].destination'
	bad '.linux.namespaces += [{"type":"pid"}]' linux.namespaces
	bad '.linux.namespaces[0].type = "nope"' 'linux.namespaces[0].type'
	bad '.linux.namespaces[0].path = "rel"' 'linux.namespaces[0].path'
	bad '.linux.resources.cpu.shares = "x"' linux.resources.cpu.shares
	bad '.linux.resources.cpu.shares = -3' linux.resources.cpu.shares
	bad '.linux.resources.memory.limit = 1.5' linux.resources.memory.limit
	bad '.linux.resources.pids.limit = "max"' linux.resources.pids.limit
	bad '.linux.resources.devices[0].access = "xyz"' 'linux.resources.devices[0].access'
	bad '.linux.devices = [{"path":"rel","type":"c","major":1,"minor":3}]' 'linux.devices[0].path'
	bad '.linux.devices = [{"path":"/dev/x","type":"q","major":1,"minor":3}]' 'linux.devices[0].type'
	bad '.linux.maskedPaths = ["relative"]' 'linux.maskedPaths[0]'
	bad '.linux.rootfsPropagation = "sideways"' linux.rootfsPropagation
	bad '.linux.seccomp = {"defaultAction":"SCMP_ACT_NOPE"}' linux.seccomp.defaultAction
	bad '.linux.seccomp = {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":9,"value":1,"op":"SCMP_CMP_EQ"}]}]}' 'linux.seccomp.syscalls[0].args[0].index'
	bad '.linux.unknown = 1 | .linux.intelRdt = {"closID":"x/y"}' linux.intelRdt.closID
	grep -q ' - resctrl ' /proc/self/mountinfo ||
		bad '.linux.intelRdt = {}' 'linux.intelRdt: no resctrl file system is mounted'
	bad '.vm = {"kernel":{"path":"/k"}}' vm
	bad '.annotations = {"run.hull.isolation":"xen"}' annotations
	bad '.hostname = 5' hostname
	bad '.linux.resources.unified = {"../x":"1"}' linux.resources.unified
	bad '.linux.resources.unified = {"no.such":"1"}' linux.resources.unified
	bad '.linux.cgroupsPath = "/a/../../b"' linux.cgroupsPath
}
t_all_problems_in_one_answer() {
	bundle '.process.cwd = "rel" | .linux.resources.cpu.shares = "x" | .mounts[0].destination = 3'
	rc=0
	hull run -b "$B" "$TAG" 2>"$T/e" || rc=$?
	eq $rc 1
	for p in process.cwd linux.resources.cpu.shares 'mounts[0].destination'; do
		has "$(cat "$T/e")" "$p"
	done
	eq "$(wc -l <"$T/e")" 3
}
t_misspelt_key_at_debug() {
	bundle '.linux.resource = {}'
	sh_args true
	has "$(hull --debug run -b "$B" "$TAG" 2>&1)" resource
	eq "$(hull run -b "$B" "$TAG" 2>&1)" ''
}
t_broken_documents() {
	bundle
	cfg_save
	for doc in '' '{' '[]' 'null' '{"a":1}}' '{"ociVersion":"1.0.0","ociVersion":"1.0.0"}' "$(printf '{"a":"\377"}')"; do
		printf '%s' "$doc" >"$B/config.json"
		rc=0
		hull run -b "$B" "$TAG" >/dev/null 2>"$T/e" || rc=$?
		eq $rc 1 "status for $doc"
		[ -s "$T/e" ] || fail 'no message'
	done
	head -c 100000 /dev/zero | tr '\0' '[' >"$B/config.json"
	status 1 timeout 2 "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null
	truncate -s 200M "$B/config.json"
	status 1 timeout 2 "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null
	rm "$B/config.json"
	mkfifo "$B/config.json"
	status 1 timeout 2 "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null
	rm "$B/config.json"
	refuses 'no such file or directory' hull run -b "$B" "$TAG"
}
t_missing_bundle() {
	refuses 'no such file or directory' hull run -b "$T/nowhere" "$TAG"
}
t_failed_create_leaves_nothing() {
	bundle
	cfg '.mounts += [{destination: "/m", type: "bind", source: "/nonexistent", options: ["bind"]}]'
	refuses nonexistent hull create -b "$B" "$TAG"
	[ ! -d "$T/root/$TAG" ]
	[ ! -d "$(cg2)/hull-test/$TAG" ]
}
t_cgroup_in_use() {
	bundle
	mkdir -p "$(cg2)/hull-test/$TAG"
	sleep 100 &
	p=$!
	echo $p >"$(cg2)/hull-test/$TAG/cgroup.procs"
	rc=0
	run_sh true >/dev/null 2>"$T/e" || rc=$?
	kill $p
	wait $p || true
	rmdir "$(cg2)/hull-test/$TAG"
	eq $rc 1
}
t_used_cgroup() {
	bundle
	started 'sleep 1000'
	refuses "container's cgroup is not empty" hull run -b "$B" "$TAG-2"
	hull delete -f "$TAG"
	d=$(cg2)/hull-test/$TAG
	mkdir "$d"
	echo 1 >"$d/cgroup.freeze"
	rc=0
	(refuses "container's cgroup unexpectedly frozen" hull create -b "$B" "$TAG") || rc=$?
	rmdir "$d"
	eq $rc 0
}
cases "$@"
