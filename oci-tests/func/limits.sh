#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Limits: written where the kernel reads them, and seen to bite. What a hybrid
# host has no controller for is skipped there and runs in the test host.
. "$(dirname "$0")/../support/lib.sh"

v2file() { # file
	cat "/sys/fs/cgroup/hull-test/$TAG/$1"
}
v1file() { # controller file
	cat "/sys/fs/cgroup/$1/hull-test/$TAG/$2"
}
res() { # jq object
	cfg ".linux.resources += $1"
}
t_memory_is_enforced_and_oom_recorded() {
	bundle
	res '{memory: {limit: 33554432, swap: 33554432}}'
	if ! is_v2 && [ ! -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
		res '{memory: {limit: 33554432}}'
	fi
	args /bin/probe alloc 200
	rc=0
	hull run --keep -b "$B" "$TAG" >"$T/o" 2>&1 || rc=$?
	eq $rc 137
	hasnt "$(cat "$T/o")" allocated
	hull state "$TAG" >"$T/s"
	eq "$(jq -r .exit.oom "$T/s")" true
	eq "$(jq -r .exit.signal "$T/s")" 9
	peak=$(jq -r .exit.memoryPeakBytes "$T/s")
	# of a guest: what its machine took
	[ "$peak" -gt 20000000 ] && { in_vm || [ "$peak" -le 33554432 ]; } || fail "peak $peak"
	hull delete "$TAG"
}
t_no_oom_without_reason() {
	bundle
	res '{memory: {limit: 67108864}}'
	sh_args 'exit 4'
	status 4 hull run --keep -b "$B" "$TAG"
	eq "$(state exit.oom)" false
	hull delete "$TAG"
}
t_pids() {
	bundle
	res '{pids: {limit: 10}}'
	args /bin/probe fork 50
	n=$(hull run -b "$B" "$TAG" | sed 's/forked //')
	[ "$n" -lt 10 ] && [ "$n" -gt 0 ] || fail "forked $n"
}
t_cpu_quota() {
	bundle
	res '{cpu: {quota: 20000, period: 100000}}'
	args /bin/probe spin 2000
	ms=$(hull run -b "$B" "$TAG" | sed 's/cpu_ms //')
	[ "$ms" -lt 700 ] || fail "$ms ms of 2000 at 20 %"
}
t_cpu_files() {
	bundle
	res '{cpu: {shares: 512, quota: 30000, period: 100000}}'
	started
	if is_v2; then
		eq "$(v2file cpu.weight)" 59
		eq "$(v2file cpu.max)" '30000 100000'
	else
		eq "$(v1file cpu cpu.shares)" 512
		eq "$(v1file cpu cpu.cfs_quota_us)" 30000
	fi
	hull delete -f "$TAG"
}
t_cpuset() {
	[ "$(nproc)" -ge 2 ] || skip 'needs two processors'
	bundle
	res '{cpu: {cpus: "1", mems: "0"}}'
	if in_vm; then
		started
		eq "$(grep Cpus_allowed_list "/proc/$(state pid)/status" | cut -f 2)" 1 "the monitor's processor"
		hull delete -f "$TAG"
		return
	fi
	eq "$(run_sh 'grep Cpus_allowed_list /proc/self/status' | cut -f 2)" 1
}
t_io_max() {
	need_v2
	[ -b /dev/vdb ] || skip 'no spare disk'
	mkdir "$T/disk"
	mke2fs -q -F /dev/vdb && mount /dev/vdb "$T/disk"
	bundle --arg s "$T/disk" '.mounts += [{destination: "/disk", type: "bind", source: $s, options: ["bind"]}]'
	maj=$(($(stat -c 0x%t /dev/vdb))) min=$(($(stat -c 0x%T /dev/vdb)))
	res "{blockIO: {throttleWriteBpsDevice: [{major: $maj, minor: $min, rate: 4194304}]}}"
	args /bin/probe write /disk/f 8
	rc=0
	ms=$(hull run -b "$B" "$TAG" | sed 's/write_ms //') || rc=$?
	umount "$T/disk"
	[ "$rc" = 0 ] && [ "$ms" -gt 1200 ] || fail "8 MiB at 4 MiB/s took $ms ms"
}
t_blkio_on_hybrid() {
	! is_v2 || skip 'this host is pure v2'
	bundle
	dev=$(awk '$3 ~ /^[vs]da$/ || $3 ~ /^nvme0n1$/ {print $1, $2; exit}' /proc/diskstats)
	[ -n "$dev" ] || skip 'no disk'
	res "{blockIO: {throttleReadBpsDevice: [{major: ${dev% *}, minor: ${dev#* }, rate: 1048576}]}}"
	started
	has "$(v1file blkio blkio.throttle.read_bps_device)" 1048576
	hull delete -f "$TAG"
}
t_hugetlb() {
	bundle
	res '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	started
	eq "$(cat "$(cg2)/hull-test/$TAG/hugetlb.2MB.max")" 4194304
	eq "$(cat "$(cg2)/hull-test/$TAG/hugetlb.2MB.rsvd.max")" 4194304
	hull delete -f "$TAG"
	res '{hugepageLimits: [{pageSize: "3MB", limit: 4194304}]}'
	refuses 'linux.resources.hugepageLimits[0].pageSize' hull run -b "$B" "$TAG"
}
t_unified() {
	need_v2
	bundle
	res '{unified: {"memory.high": "20004864", "cpu.weight": "77"}}'
	started
	eq "$(v2file cpu.weight)" 77
	eq "$(limit memory memory.high)" 20004864
	hull delete -f "$TAG"
}
t_update() {
	bundle
	res '{memory: {limit: 67108864}, pids: {limit: 50}}'
	started
	# a machine does not outgrow the memory that it was made with
	mib=100
	! in_vm || mib=60
	hull update --memory ${mib}m --pids-limit 77 --cpu-share 2048 "$TAG"
	v=max
	is_v2 || v=limit_in_bytes
	eq "$(limit memory memory.$v)" $((mib << 20))
	eq "$(limit pids pids.max)" 77
	! is_v2 || eq "$(v2file cpu.weight)" 174
	echo '{"pids": {"limit": 33}}' | hull update -r - "$TAG"
	echo '{"pids": {"limit": 34}}' >"$T/r.json"
	hull update --resources="$T/r.json" "$TAG"
	eq "$(limit pids pids.max)" 34
	refuses 'resources.pids.limit' sh -c "echo '{\"pids\":{\"limit\":\"x\"}}' | '$HULL' --root '$T/root' update -r - $TAG"
	hull delete -f "$TAG"
}
t_update_rolls_back() {
	need_v2
	bundle
	res '{pids: {limit: 50}, cpu: {shares: 1024}}'
	started
	rc=0
	echo '{"pids": {"limit": 60}, "cpu": {"shares": 512}, "unified": {"memory.high": "nonsense"}}' |
		hull update -r - "$TAG" 2>/dev/null || rc=$?
	eq $rc 1
	eq "$(limit pids pids.max)" 50
	eq "$(v2file cpu.weight)" 100
	hull delete -f "$TAG"
}
t_check_before_update() {
	bundle
	res '{memory: {limit: 67108864}}'
	started 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20; echo up; sleep 1000'
	wait_for 5 grep -q up "$T/out"
	v=max
	is_v2 || v=limit_in_bytes
	echo '{"memory": {"limit": 8388608, "checkBeforeUpdate": true}}' >"$T/r.json"
	refuses 'rejecting memory limit 8388608' hull update -r "$T/r.json" "$TAG"
	eq "$(limit memory memory.$v)" 67108864
	echo '{"memory": {"limit": 50331648, "checkBeforeUpdate": true}}' >"$T/r.json"
	hull update -r "$T/r.json" "$TAG"
	eq "$(limit memory memory.$v)" 50331648
	hull delete -f "$TAG"
}
# a limit of a kind that the container was made without
t_update_adds_controllers() {
	bundle 'del(.linux.resources.memory, .linux.resources.pids)'
	started
	hull update --memory 64m --pids-limit 30 --cpuset-cpus 0 "$TAG"
	v=max
	is_v2 || v=limit_in_bytes
	eq "$(limit memory memory.$v)" 67108864
	eq "$(limit pids pids.max)" 30
	# both who was there and who comes later
	eq "$(hull exec "$TAG" sh -c 'grep -h Cpus_allowed_list /proc/1/status /proc/self/status' | sort -u | cut -f 2)" 0
	in_vm || hull events --stats "$TAG" | jq -e '.data.pids.limit == 30 and .data.memory.usage.limit == 67108864' >/dev/null
	hull delete -f "$TAG"
}
t_zero_means_unset() {
	bundle
	res '{cpu: {shares: 0, quota: 0, period: 0}, memory: {limit: 0, reservation: 0, disableOOMKiller: false}, blockIO: {weight: 0}, pids: {limit: 0}}'
	cfg 'del(.linux.resources.pids)'
	eq "$(run_sh 'echo ok')" ok
}
t_no_such_controller_is_refused() {
	! is_v2 || skip 'all controllers are here'
	bundle
	res '{rdma: {"mlx5_0": {hcaHandles: 3}}}'
	refuses linux.resources.rdma hull run -b "$B" "$TAG"
}
t_stats_and_oom_event() {
	bundle
	res '{memory: {limit: 33554432}}'
	sh_args 'while [ ! -e /dev/shm/go ]; do sleep 0.2; done; probe alloc 100; sleep 1000'
	hull run -d -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	hull events --stats "$TAG" >"$T/s"
	in_vm && of=.data.guest || of=.data
	jq -e ".type == \"stats\" and .id != \"\" and .data.cpu.usage.total > 0 and $of.pids.current >= 1 and $of.memory.usage.limit == 33554432" "$T/s" >/dev/null || fail "$(cat "$T/s")"
	timeout "$(patience 15)" "$HULL" --root "$T/root" events --interval 1s "$TAG" >"$T/e" 2>/dev/null &
	p=$!
	wait_for 5 grep -q '"stats"' "$T/e"
	hull exec "$TAG" touch /dev/shm/go
	wait_for 12 grep -q '"oom"' "$T/e"
	hull delete -f "$TAG"
	wait $p || true
}
t_events_end_with_the_container() {
	bundle
	started 'while [ ! -e /dev/shm/end ]; do sleep 0.1; done'
	timeout "$(patience 30)" "$HULL" --root "$T/root" events --interval 200ms "$TAG" >"$T/e" &
	p=$!
	wait_for 15 sh -c '[ "$(grep -c stats "$0")" -ge 3 ]' "$T/e"
	hull exec "$TAG" touch /dev/shm/end
	wait $p
	refuses "container with id $TAG is not running" hull events "$TAG"
	hull delete "$TAG"
}
t_workload_may_make_cgroups() {
	need_v2
	bundle '(.mounts[] | select(.type == "cgroup")).options = ["nosuid","noexec","nodev"]'
	started 'mkdir /sys/fs/cgroup/in && echo 1 >/sys/fs/cgroup/in/cgroup.procs && echo +pids >/sys/fs/cgroup/cgroup.subtree_control; echo up; sleep 1000'
	wait_for 5 grep -q up "$T/out"
	# exec still works: it starts beside init
	has "$(hull exec "$TAG" cat /proc/self/cgroup)" /in
	if in_vm; then # those of a guest cannot be chosen from outside
		refuses 'cannot be chosen' hull exec --cgroup in "$TAG" true
		hull delete -f "$TAG"
		return
	fi
	# a cgroup that was asked for has no substitute, and is no init's child
	refuses 'device or resource busy' hull exec --cgroup / "$TAG" true
	has "$(cat "$T/refused")" 'error adding pid'
	hull exec --cgroup in "$TAG" mkdir /sys/fs/cgroup/second
	has "$(hull exec --cgroup second "$TAG" cat /proc/self/cgroup)" /second
	hull delete -f "$TAG"
}
# whose cgroup it is: config-linux.md, "Cgroup ownership"
t_ownership() {
	chmod o+x "$T"
	bundle '.linux.namespaces += [{type: "user"}, {type: "cgroup"}] |
		.linux.namespaces |= unique_by(.type) |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings |
		.mounts |= (map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup",
			type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "rw"]}])'
	res '{pids: {limit: 50}}'
	chown -R 100000:100000 "$B/rootfs"
	chmod 755 "$T" "$B"
	d=$(cg2)/hull-test/$TAG
	owners() {
		started
		for f in . cgroup.procs cgroup.subtree_control cgroup.threads cgroup.max.depth cgroup.freeze; do
			stat -c %u "$d/$f"
		done | tr '\n' ' '
		hull delete -f "$TAG"
	}
	if [ -e /sys/fs/cgroup/pids ]; then # not where cgroup v1 is in use
		eq "$(owners)" '0 0 0 0 0 0 '
		return
	fi
	eq "$(owners)" '100000 100000 100000 100000 0 0 '
	cfg '.process.user.uid = 7'
	eq "$(owners)" '100007 100007 100007 100007 0 0 '
	cfg '.mounts[-1].destination = "/mnt"'
	eq "$(owners)" '0 0 0 0 0 0 ' 'not where it belongs'
	cfg '.mounts[-1].destination = "/sys/fs/cgroup"'
	cfg '.mounts[-1].options += ["ro"]'
	eq "$(owners)" '0 0 0 0 0 0 ' 'mounted read-only'
	cfg '.mounts[-1].options -= ["ro"] | .linux.namespaces |= map(select(.type != "cgroup"))'
	eq "$(owners)" '0 0 0 0 0 0 ' 'no namespace of its own'
}
t_fork_bomb_dies() {
	bundle
	res '{pids: {limit: 64}}'
	started 'while :; do sleep 100 & done 2>/dev/null'
	sleep 0.5
	timeout "$(patience 10)" "$HULL" --root "$T/root" delete -f "$TAG"
}
cases "$@"
