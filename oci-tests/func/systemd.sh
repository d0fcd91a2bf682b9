#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The systemd cgroup driver: a transient scope per container, its properties,
# what survives daemon-reload, and what is left when hull is killed.
. "$(dirname "$0")/../support/lib.sh"

SLICE=hulltest.slice
scope() {
	echo "hull-$TAG.scope"
}
cgroup() { # its directory
	echo "/sys/fs/cgroup/$SLICE/$(scope)"
}
show() { # PROPERTY [UNIT]
	systemctl show -P "$1" "${2:-$(scope)}"
}
sd_bundle() { # [FILTER [ARGS]]
	need_systemd
	need_v2
	bundle
	cfg --arg cg "$SLICE:hull:$TAG" '.linux.cgroupsPath = $cg'
	[ $# -eq 0 ] || cfg "$@"
}
sd_started() { # [SCRIPT]
	sh_args "${1:-sleep 1000}"
	hull --systemd-cgroup run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1 ||
		fail "run: $(cat "$T/out")"
}
is_stopped() {
	[ "$(state status)" = stopped ]
}
in_scope() { # the container's process; a guest's monitor has others beside it
	in_vm || eq "$(cat "$(cgroup)/cgroup.procs")" "$(state pid)" "processes of the scope"
	grep -qx "$(state pid)" "$(cgroup)/cgroup.procs" || fail "not in the scope"
}
gone() { # nothing of the unit is known any more
	[ "$(show LoadState)" = not-found ] && [ ! -e "$(cgroup)" ]
}

t_scope() {
	sd_bundle
	sd_started
	eq "$(show ActiveState)" active
	eq "$(show Slice)" "$SLICE"
	eq "$(show Delegate)" yes
	eq "$(show Description)" "hull container $TAG"
	eq "$(show ControlGroup)" "/$SLICE/$(scope)"
	in_scope
	eq "$(cat "/proc/$(state pid)/cgroup")" "0::/$SLICE/$(scope)"
	# what follows has no --systemd-cgroup: the state knows
	hull exec "$TAG" cat /proc/self/cgroup >"$T/exec"
	eq "$(cat "$T/exec")" "0::/"
	hull pause "$TAG"
	eq "$(state status)" paused
	hull resume "$TAG"
	eq "$(hull ps -f json "$TAG")" "[$(init_in_ps)]"
	hull kill "$TAG" KILL
	wait_for 5 is_stopped
	hull delete "$TAG"
	gone || fail "the scope is still there"
	# its name is free at once
	sd_started
	hull delete -f "$TAG"
	gone || fail "the scope is still there"
}

t_defaults() {
	sd_bundle 'del(.linux.cgroupsPath)'
	sd_started
	eq "$(show ControlGroup)" "/system.slice/$(scope)"
	hull delete -f "$TAG"
	# slices lie in one another; an empty prefix is none
	cfg --arg cg "hulltest-a-b.slice::$TAG" '.linux.cgroupsPath = $cg'
	sd_started
	eq "$(show ControlGroup "$TAG.scope")" \
		"/hulltest.slice/hulltest-a.slice/hulltest-a-b.slice/$TAG.scope"
	hull delete -f "$TAG"
}

t_run_foreground() {
	sd_bundle
	sh_args 'exit 7'
	status 7 hull --cgroup-manager systemd run -b "$B" "$TAG"
	gone || fail "the scope is still there"
}

t_create_start() {
	sd_bundle
	sh_args 'exit 3'
	hull --systemd-cgroup create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	in_scope
	hull start "$TAG"
	wait_for 5 is_stopped
	hull delete "$TAG"
	gone || fail "the scope is still there"
}

t_limits() {
	sd_bundle '.linux.resources += {
		memory: {limit: 67108864, swap: 100663296, reservation: 33554432},
		cpu: {shares: 1024, quota: 50000, period: 100000, cpus: "0-1", mems: "0"},
		pids: {limit: 50}, blockIO: {weight: 500},
		unified: {"memory.high": "60000000"}}'
	sd_started
	eq "$(show MemoryMax)" 67108864
	eq "$(show MemorySwapMax)" 33554432
	eq "$(show MemoryLow)" 33554432
	eq "$(show MemoryHigh)" 60000000
	eq "$(show CPUWeight)" 100
	eq "$(show CPUQuotaPerSecUSec)" 500ms
	eq "$(show CPUQuotaPeriodUSec)" 100ms
	eq "$(show AllowedCPUs)" 0-1
	eq "$(show AllowedMemoryNodes)" 0
	eq "$(show TasksMax)" 50
	eq "$(show IOWeight)" 4950
	eq "$(cat "$(cgroup)/memory.max")" 67108864
	eq "$(cat "$(cgroup)/memory.swap.max")" 33554432
	eq "$(cat "$(cgroup)/cpu.max")" "50000 100000"
	eq "$(cat "$(cgroup)/pids.max")" 50
	systemctl daemon-reload
	eq "$(cat "$(cgroup)/memory.max")" 67108864 "memory.max after a reload"
	eq "$(cat "$(cgroup)/pids.max")" 50 "pids.max after a reload"
	hull update --memory 33554432 --memory-swap 33554432 --pids-limit 20 --cpu-quota 20000 "$TAG"
	eq "$(show MemoryMax)" 33554432
	eq "$(show MemorySwapMax)" 0
	eq "$(show TasksMax)" 20
	eq "$(show CPUQuotaPerSecUSec)" 200ms
	eq "$(cat "$(cgroup)/pids.max")" 20
	systemctl daemon-reload
	eq "$(cat "$(cgroup)/memory.max")" 33554432 "memory.max after a reload"
	hull delete -f "$TAG"
}

# finer than systemd can say it: the file has what was asked for
t_exact_values() {
	sd_bundle '.linux.resources.cpu = {quota: 12345, period: 100000}'
	sd_started
	eq "$(cat "$(cgroup)/cpu.max")" "12345 100000"
	eq "$(show CPUQuotaPerSecUSec)" 130ms
	hull update --cpu-quota 23456 "$TAG"
	eq "$(cat "$(cgroup)/cpu.max")" "23456 100000"
	hull delete -f "$TAG"
}

# a quota alone is one of the period that is there, for systemd too
t_present_period() {
	sd_bundle '.linux.resources.cpu = {quota: 50000, period: 200000}'
	sd_started
	eq "$(show CPUQuotaPerSecUSec)" 250ms
	hull update --cpu-quota 80000 "$TAG"
	eq "$(show CPUQuotaPerSecUSec)" 400ms "from --cpu-quota"
	echo '{"unified": {"cpu.max": "40000"}}' | hull update -r - "$TAG"
	eq "$(show CPUQuotaPerSecUSec)" 200ms "from cpu.max"
	hull update --cpu-period 100000 "$TAG"
	eq "$(show CPUQuotaPerSecUSec)" 400ms "from --cpu-period"
	systemctl daemon-reload
	eq "$(cat "$(cgroup)/cpu.max")" "40000 100000" "after a reload"
	hull delete -f "$TAG"
}

# idle and weight are one property to systemd: what ends the one sets the other
t_idle() {
	sd_bundle
	sd_started
	for end in '{"cpu": {"idle": 0}}=100' '{"cpu": {"shares": 512}}=59' '{"unified": {"cpu.weight": "8"}}=8'; do
		hull update --cpu-idle 1 "$TAG"
		eq "$(cat "$(cgroup)/cpu.idle")" 1
		eq "$(show CPUWeight)" idle
		echo "${end%=*}" | hull update -r - "$TAG"
		systemctl daemon-reload
		eq "$(cat "$(cgroup)/cpu.idle")" 0 "idle after $end"
		eq "$(cat "$(cgroup)/cpu.weight")" "${end#*=}" "weight after $end"
	done
	hull delete -f "$TAG"
}

# engines send all limits with each update, also what systemd takes at the start only
t_update_of_oom_group() {
	sd_bundle '.linux.resources.unified = {"memory.oom.group": "1"}'
	sd_started
	eq "$(cat "$(cgroup)/memory.oom.group")" 1
	echo '{"pids": {"limit": 77}, "unified": {"memory.oom.group": "1"}}' | hull update -r - "$TAG"
	eq "$(cat "$(cgroup)/memory.oom.group")" 1
	eq "$(show TasksMax)" 77
	echo '{"unified": {"memory.oom.group": "0"}}' | hull update -r - "$TAG"
	eq "$(cat "$(cgroup)/memory.oom.group")" 0
	hull delete -f "$TAG"
}

# hull's own placeholder in the scope must not be counted
t_one_task() {
	sd_bundle '.linux.resources.pids.limit = 1'
	sd_started 'exec sleep 1000'
	eq "$(cat "$(cgroup)/pids.max")" 1
	eq "$(show TasksMax)" 1
	eq "$(cat "$(cgroup)/pids.current")" 1
	hull delete -f "$TAG"
}

t_devices_survive_reload() {
	sd_bundle '.linux.resources.devices = [{allow: false, access: "rwm"},
		{allow: true, type: "c", major: 10, minor: 229, access: "rwm"}] |
		.process.capabilities.bounding += ["CAP_MKNOD"] |
		.process.capabilities.effective += ["CAP_MKNOD"] |
		.process.capabilities.permitted += ["CAP_MKNOD"]'
	sd_started
	hull exec "$TAG" sh -c 'mknod /dev/fuse c 10 229; mknod /dev/mem c 1 1'
	for when in before after; do
		hull exec "$TAG" sh -c ': </dev/fuse; echo >/dev/null'
		status 1 hull exec "$TAG" sh -c ': </dev/mem' 2>"$T/err"
		has "$(cat "$T/err")" "not permitted"
		systemctl daemon-reload
		hull update --cpu-share 512 "$TAG"
	done
	hull delete -f "$TAG"
}

t_properties() {
	sd_bundle '.annotations = {
		"org.systemd.property.TimeoutStopUSec": "uint64 123000000",
		"org.systemd.property.CollectMode": "'"'inactive'"'",
		"org.systemd.property.After": "['"'hulltest-x.service'"']",
		"org.systemd.property.SendSIGHUP": "true",
		"org.systemd.property.RuntimeMaxSec": "3600"}'
	sd_started
	eq "$(show TimeoutStopUSec)" "2min 3s"
	eq "$(show CollectMode)" inactive
	has "$(show After)" hulltest-x.service
	eq "$(show SendSIGHUP)" yes
	eq "$(show RuntimeMaxUSec)" 1h
	hull delete -f "$TAG"
	cfg '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
	refuses "NoSuchThing" hull --systemd-cgroup run -b "$B" "$TAG"
	gone || fail "the scope is still there"
	cfg '.annotations = {"org.systemd.property.SendSIGHUP": "(1"}'
	refuses 'annotations["org.systemd.property.SendSIGHUP"]' \
		hull --systemd-cgroup run -b "$B" "$TAG"
	gone || fail "the scope is still there"
}

t_refused() {
	sd_bundle
	for path in a:b nodots "x:y:$TAG" "a--b.slice:y:$TAG" "$SLICE:y:z.slice" "$SLICE::"; do
		cfg --arg cg "$path" '.linux.cgroupsPath = $cg'
		refuses "linux.cgroupsPath" hull --systemd-cgroup run -b "$B" "$TAG"
	done
}

# a path is a cgroup that the engine has had delegated to it
t_split() {
	sd_bundle --arg cg "/hull-test/$TAG" '.linux.cgroupsPath = $cg'
	sd_started
	eq "$(cat "/proc/$(state pid)/cgroup")" "0::/hull-test/$TAG"
	hull delete -f "$TAG"
}

t_stopped_by_systemd() {
	sd_bundle
	sd_started 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	systemctl stop "$(scope)"
	wait_for 5 is_stopped
	hull delete "$TAG"
	gone || fail "the scope is still there"
}

t_killed_create() {
	sd_bundle '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "98765"]}]'
	sh_args 'sleep 1000'
	"$HULL" --root "$T/root" --systemd-cgroup create -b "$B" "$TAG" \
		</dev/null >"$T/out" 2>&1 &
	wait_for 10 pgrep -fx 'sleep 98765'
	kill -9 "$!"
	wait "$!" || :
	pkill -KILL -fx 'sleep 98765' || :
	hull delete -f "$TAG"
	gone || fail "the scope is still there"
}

# no bus, no answer: an error, and soon
t_no_systemd() {
	sd_bundle
	sh_args true
	mkdir -p "$T/empty"
	t0=$(date +%s)
	refuses "systemd" unshare -m sh -c "
		mount --bind $T/empty /run/dbus && mount --bind $T/empty /run/systemd &&
		exec $HULL --root $T/root --systemd-cgroup run -b $B $TAG"
	[ $(($(date +%s) - t0)) -lt 20 ] || fail "took too long"
}

cases "$@"
