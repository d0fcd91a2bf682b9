#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `update`: each limit where the kernel keeps it; what is refused leaves the
# others as they were.
. "$(dirname "$0")/../support/lib.sh"

# kept CONTROLLER V2FILE [V1FILE]: the value in force
kept() {
	if is_v2; then
		cat "/sys/fs/cgroup/hull-test/$TAG/$2"
	elif [ -e "/sys/fs/cgroup/$1" ]; then
		cat "/sys/fs/cgroup/$1/hull-test/$TAG/${3:-$2}"
	else
		cat "$(cg2)/hull-test/$TAG/$2"
	fi
}
both() { # value with cgroup v2, with v1
	if is_v2; then echo "$1"; else echo "$2"; fi
}
can_swap() {
	if is_v2; then
		[ -e "/sys/fs/cgroup/hull-test/$TAG/memory.swap.max" ]
	else
		[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]
	fi
}
t_quota() {
	bundle '.linux.resources.cpu = {quota: 40000, period: 100000}'
	started
	hull update --cpu-quota 50000 "$TAG"
	eq "$(kept cpu cpu.max cpu.cfs_quota_us)" "$(both '50000 100000' 50000)"
	hull update --cpu-period 200000 "$TAG"
	eq "$(kept cpu cpu.max cpu.cfs_period_us)" "$(both '50000 200000' 200000)"
	hull update --cpu-quota -1 "$TAG"
	eq "$(kept cpu cpu.max cpu.cfs_quota_us)" "$(both 'max 200000' -1)"
	if [ -e "$(both "/sys/fs/cgroup/hull-test/$TAG/cpu.max.burst" "/sys/fs/cgroup/cpu/hull-test/$TAG/cpu.cfs_burst_us")" ]; then
		hull update --cpu-quota 60000 --cpu-burst 55000 "$TAG"
		eq "$(kept cpu cpu.max.burst cpu.cfs_burst_us)" 55000
		# the burst above the quota in force, below the new one; and back
		hull update --cpu-quota 100000 --cpu-burst 90000 "$TAG"
		hull update --cpu-quota 50000 --cpu-burst 20000 "$TAG"
		eq "$(kept cpu cpu.max.burst cpu.cfs_burst_us)" 20000
	fi
	hull delete -f "$TAG"
}
t_each() {
	bundle '.linux.resources += {cpu: {shares: 512}, memory: {limit: 67108864}, pids: {limit: 50}}'
	started
	eq "$(kept cpu cpu.weight cpu.shares)" "$(both 59 512)"
	hull update --cpu-share 1024 "$TAG"
	eq "$(kept cpu cpu.weight cpu.shares)" "$(both 100 1024)"
	hull update --memory 96m "$TAG"
	eq "$(kept memory memory.max memory.limit_in_bytes)" $((96 << 20))
	hull update --memory-reservation 33554432 "$TAG"
	eq "$(kept memory memory.low memory.soft_limit_in_bytes)" 33554432
	if can_swap; then
		hull update --memory 96m --memory-swap 128m "$TAG"
		eq "$(kept memory memory.swap.max memory.memsw.limit_in_bytes)" "$(both $((32 << 20)) $((128 << 20)))"
		# up and down at once, in either order of the two files
		hull update --memory 256m --memory-swap 300m "$TAG"
		hull update --memory 64m --memory-swap 64m "$TAG"
		eq "$(kept memory memory.max memory.limit_in_bytes)" $((64 << 20))
		eq "$(kept memory memory.swap.max memory.memsw.limit_in_bytes)" "$(both 0 $((64 << 20)))"
		# what is not given stays: the total, or the limit of memory
		hull update --memory 32m --memory-swap 96m "$TAG"
		hull update --memory 48m "$TAG"
		eq "$(kept memory memory.max memory.limit_in_bytes)" $((48 << 20))
		eq "$(kept memory memory.swap.max memory.memsw.limit_in_bytes)" "$(both $((48 << 20)) $((96 << 20)))"
		hull update --memory-swap 128m "$TAG"
		eq "$(kept memory memory.max memory.limit_in_bytes)" $((48 << 20))
		eq "$(kept memory memory.swap.max memory.memsw.limit_in_bytes)" "$(both $((80 << 20)) $((128 << 20)))"
		refuses 'linux.resources.memory' hull update --memory 256m "$TAG"
		hull update --memory-swap -1 "$TAG"
	fi
	hull update --memory -1 "$TAG"
	[ "$(kept memory memory.max memory.limit_in_bytes | sed 's/max/9999999999999/')" -gt 1000000000000 ] ||
		fail 'the memory limit is still there'
	hull update --pids-limit 7 "$TAG"
	eq "$(kept pids pids.max)" 7
	hull update --pids-limit -1 "$TAG"
	eq "$(kept pids pids.max)" max
	hull update --cpuset-cpus 0 --cpuset-mems 0 "$TAG"
	eq "$(kept cpuset cpuset.cpus)" 0
	eq "$(hull exec "$TAG" sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status)" 0
	eq "$(kept cpuset cpuset.mems)" 0
	if [ -e "$(both "/sys/fs/cgroup/hull-test/$TAG/cpu.idle" "/sys/fs/cgroup/cpu/hull-test/$TAG/cpu.idle")" ]; then
		hull update --cpu-idle 1 "$TAG"
		eq "$(kept cpu cpu.idle)" 1
		hull update --cpu-idle 0 --cpu-share 2048 "$TAG"
		eq "$(kept cpu cpu.idle)" 0
		eq "$(kept cpu cpu.weight cpu.shares)" "$(both 174 2048)"
	fi
	if [ -e "/sys/fs/cgroup/cpu/hull-test/$TAG/cpu.idle" ]; then # a weight ends it
		hull update --cpu-idle 1 "$TAG"
		hull update --cpu-share 512 "$TAG"
		eq "$(kept cpu cpu.idle)" 0
		eq "$(kept cpu cpu.shares)" 512
		hull update --cpu-idle 1 --cpu-share 1024 "$TAG" 2>"$T/warned"
		has "$(cat "$T/warned")" 'linux.resources.cpu.shares: unable to apply both'
		eq "$(kept cpu cpu.idle)" 1
		hull update --cpu-idle 0 "$TAG"
	fi
	if [ -e "/sys/fs/cgroup/hull-test/$TAG/cpu.idle" ]; then # a weight ends it
		hull update --cpu-idle 1 "$TAG"
		hull update --cpu-share 1024 "$TAG"
		eq "$(kept cpu cpu.idle)" 0
		eq "$(kept cpu cpu.weight)" 100
		hull update --cpu-idle 1 "$TAG"
		echo '{"unified": {"cpu.weight": "8"}}' | hull update -r - "$TAG"
		eq "$(kept cpu cpu.idle)" 0
		eq "$(kept cpu cpu.weight)" 8
		echo '{"unified": {"cpu.weight": "8", "cpu.idle": "1"}}' | hull update -r - "$TAG" 2>"$T/warned"
		has "$(cat "$T/warned")" 'linux.resources.unified["cpu.weight"]: unable to apply both'
		eq "$(kept cpu cpu.idle)" 1
	fi
	hull delete -f "$TAG"
}
# whatever is refused, the limits beside it do not change either
t_refused() {
	bundle '.linux.resources += {cpu: {shares: 512}, memory: {limit: 67108864}, pids: {limit: 50}}'
	started
	look() {
		kept cpu cpu.weight cpu.shares
		kept cpu cpu.max cpu.cfs_quota_us
		kept memory memory.max memory.limit_in_bytes
		kept pids pids.max
	}
	look >"$T/before"
	while read -r place options; do
		# shellcheck disable=SC2086
		refuses "$place" hull update --pids-limit 60 --cpu-share 2048 $options "$TAG"
		look >"$T/after"
		cmp "$T/before" "$T/after" || fail "changed by $options"
	done <<-EOF
		cpu.period --cpu-period 1
		cpu.idle --cpu-idle 2
		cpu.idle --cpu-idle -1
		cpu.realtimeRuntime --cpu-rt-runtime 1000
		cpu.realtimePeriod --cpu-rt-period 1000
		cpu.cpus --cpuset-cpus 9999
		cpu.cpus --cpuset-cpus 0-
		cpu.mems --cpuset-mems 999
		memory --memory -2
		memory.swap --memory 64m --memory-swap 1m
		blockIO.weight --blkio-weight 9
		out --memory 99999999999999999999g
		memory --memory 1x
	EOF
	while read -r place json; do
		echo "$json" | jq '. + {cpu: ({shares: 2048} + .cpu), pids: {limit: 60}}' >"$T/r.json"
		refuses "$place" hull update -r "$T/r.json" "$TAG"
		look >"$T/after"
		cmp "$T/before" "$T/after" || fail "changed by $json"
	done <<-'EOF'
		memory.swappiness {"memory":{"swappiness":60}}
		memory.disableOOMKiller {"memory":{"disableOOMKiller":true}}
		memory.kernel {"memory":{"kernel":1000}}
		memory.kernelTCP {"memory":{"kernelTCP":1000}}
		network.classID {"network":{"classID":1}}
		network.priorities {"network":{"priorities":[{"name":"lo","priority":1}]}}
		blockIO.leafWeight {"blockIO":{"leafWeight":10}}
		blockIO.weightDevice {"blockIO":{"weightDevice":[{"major":0,"minor":0,"leafWeight":10}]}}
		rdma {"rdma":{"none":{"hcaHandles":1}}}
		hugepageLimits[0].pageSize {"hugepageLimits":[{"pageSize":"3MB","limit":1}]}
		unified {"unified":{"no.such":"1"}}
		unified {"unified":{"../x":"1"}}
		cpu.shares {"cpu":{"shares":-1}}
		cpu.shares {"cpu":{"shares":"1"}}
	EOF
	hull delete -f "$TAG"
}
t_check_before_update() {
	bundle '.linux.resources += {memory: {limit: 134217728}}'
	sh_args 'probe alloc 40 >/dev/null; sleep 1000'
	hull run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	wait_for 10 sh -c "[ \$(cat $(both "/sys/fs/cgroup/hull-test/$TAG/memory.current" "/sys/fs/cgroup/memory/hull-test/$TAG/memory.usage_in_bytes")) -gt 40000000 ]"
	echo '{"memory":{"limit":20971520,"checkBeforeUpdate":true}}' >"$T/r.json"
	refuses 'rejecting memory limit 20971520' hull update -r "$T/r.json" "$TAG"
	eq "$(kept memory memory.max memory.limit_in_bytes)" 134217728
	eq "$(state status)" running
	echo '{"memory":{"limit":104857600,"checkBeforeUpdate":true}}' >"$T/r.json"
	hull update -r "$T/r.json" "$TAG"
	eq "$(kept memory memory.max memory.limit_in_bytes)" 104857600
	hull delete -f "$TAG"
}
# what is no limit would move somebody's process into the container, to die there
t_unified_reaches_no_process() {
	bundle
	started
	sleep 1000 &
	other=$!
	before=$(cat "/proc/$other/cgroup")
	for file in cgroup.procs cgroup.threads cgroup.kill cgroup.freeze cgroup.type; do
		jq -n --arg f $file --arg p $other '{unified: {($f): (if $f | test("procs|threads") then $p else "1" end)}}' >"$T/r.json"
		refuses "unified[\"$file\"]: holds no limit" hull update -r "$T/r.json" "$TAG"
		cfg --arg f $file --arg p $other '.linux.resources.unified = {($f): $p}'
		refuses "unified[\"$file\"]: holds no limit" hull run -b "$B" "$TAG-2"
	done
	eq "$(cat "/proc/$other/cgroup")" "$before"
	eq "$(state status)" running
	hull delete -f "$TAG"
	kill $other
}
cases "$@"
