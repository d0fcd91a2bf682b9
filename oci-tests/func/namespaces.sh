#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

t_each_is_new() {
	bundle '.linux.namespaces = [{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"},{"type":"time"}]'
	for n in pid net ipc uts mnt cgroup time; do
		sh_args "readlink /proc/self/ns/$n"
		out=$(hull run -b "$B" "$TAG")
		[ "$out" != "$(readlink /proc/self/ns/$n)" ] || fail "$n is the host's"
	done
}
t_left_out_is_shared() {
	bundle 'del(.hostname) | .linux.namespaces = [{"type":"mount"},{"type":"pid"}] |
		(.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"]}'
	for n in net ipc uts cgroup; do
		eq "$(run_sh "readlink /proc/self/ns/$n")" "$(readlink /proc/self/ns/$n)" "$n"
	done
}
t_loopback_is_up() {
	bundle
	has "$(run_sh 'ip addr show lo')" 'UP'
}
t_joined_by_path() {
	bundle
	started
	one=$TAG p=$(state pid)
	cp -a "$B" "$T/b1"
	cfg --arg p "/proc/$p/ns" '.linux.namespaces = [{"type":"mount"},
		{"type":"pid","path":($p+"/pid")},{"type":"network","path":($p+"/net")},
		{"type":"ipc","path":($p+"/ipc")},{"type":"uts","path":($p+"/uts")},
		{"type":"cgroup","path":($p+"/cgroup")}] | del(.hostname) | .linux.cgroupsPath += "-2"'
	for n in pid net ipc uts cgroup; do
		sh_args "readlink /proc/self/ns/$n"
		eq "$(hull run -b "$B" "$TAG-2")" "$(readlink "/proc/$p/ns/$n")" "$n"
	done
	hull delete -f "$one"
}
t_wrong_type_is_refused() {
	bundle '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/uts"'
	refuses 'linux.namespaces' hull run -b "$B" "$TAG"
	cfg '(.linux.namespaces[] | select(.type == "network")).path = "/etc/passwd"'
	refuses 'linux.namespaces' hull run -b "$B" "$TAG"
	cfg '(.linux.namespaces[] | select(.type == "network")).path = "/nonexistent"'
	refuses 'linux.namespaces' hull run -b "$B" "$TAG"
}
t_ones_own_namespace_may_be_joined() {
	bundle '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/net" |
		(.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"]}'
	eq "$(run_sh 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)"
}
t_network_namespace_by_name() {
	ip netns add "${TAG#hull-}" || skip 'no network namespaces by ip(8) here'
	bundle --arg p "/run/netns/${TAG#hull-}" '(.linux.namespaces[] | select(.type == "network")).path = $p'
	ip netns exec "${TAG#hull-}" ip link add dummy0 type dummy 2>/dev/null || true
	sh_args 'readlink /proc/self/ns/net'
	rc=0
	out=$(hull run -b "$B" "$TAG") || rc=$?
	want=$(ip netns exec "${TAG#hull-}" readlink /proc/self/ns/net)
	ip netns del "${TAG#hull-}"
	eq "$rc" 0
	eq "$out" "$want"
}
userns() {
	bundle '.root.readonly = false | .linux.namespaces += [{"type":"user"}] |
		.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":65536}] |
		.linux.gidMappings = [{"containerID":0,"hostID":200000,"size":65536}]'
	chown -R 100000:200000 "$B/rootfs"
	chmod 755 "$T" "$B"
	d=$T
	while [ "$d" != / ]; do
		chmod o+x "$d"
		d=$(dirname "$d")
	done
}
t_user_namespace() {
	userns
	# a guest's files are served as they look inside
	in_vm && uid=0 gid=0 || uid=100000 gid=200000
	eq "$(run_sh 'cat /proc/self/uid_map' | tr -s ' ')" " 0 $uid 65536"
	eq "$(run_sh 'cat /proc/self/gid_map' | tr -s ' ')" " 0 $gid 65536"
	eq "$(run_sh 'id -u; id -g' | tr '\n' ' ')" '0 0 '
	eq "$(run_sh 'touch /made; stat -c %u /made')" 0
	eq "$(stat -c %u "$B/rootfs/made")" 100000
	has "$(run_sh 'ls -l /dev/null')" '1,   3'
	eq "$(run_sh 'echo x >/dev/null && echo ok')" ok
}
t_user_namespace_and_the_sources_attributes() {
	userns
	mkdir "$T/src"
	mount -t tmpfs -o nosuid,nodev,noexec,nosymfollow "$TAG" "$T/src"
	cfg --arg s "$T/src" '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["bind", "ro"]}]'
	out=$(run_sh 'grep " /mnt " /proc/self/mountinfo') || true
	umount "$T/src"
	# only a lockable one stays without being asked for
	has "$out" ' ro,nosuid,nodev,noexec,relatime'
	hasnt "$out" nosymfollow
}
t_user_namespace_exec_and_kill() {
	userns
	started
	eq "$(hull exec "$TAG" id -u)" 0
	eq "$(hull exec -u 1000:1000 "$TAG" id -u)" 1000
	# a guest's monitor is nobody in there
	in_vm && uid=165534 || uid=100000
	eq "$(stat -c %u "/proc/$(state pid)")" $uid
	hull kill "$TAG" KILL
	ended 137
	hull delete "$TAG"
}
t_user_namespace_by_path() {
	userns
	started
	p=$(state pid)
	cfg --arg p "/proc/$p/ns" '(.linux.namespaces[] | select(.type == "user")).path = ($p+"/user") |
		(.linux.namespaces[] | select(.type == "network")).path = ($p+"/net") |
		del(.linux.uidMappings, .linux.gidMappings) | .linux.cgroupsPath += "-2"'
	sh_args 'readlink /proc/self/ns/user'
	eq "$(hull run -b "$B" "$TAG-2")" "$(readlink "/proc/$p/ns/user")"
	hull delete -f "$TAG"
}
t_many_mappings() {
	bundle '.root.readonly = false | .linux.namespaces += [{"type":"user"}] |
		.linux.uidMappings = [range(340) | {"containerID": ., "hostID": (1000 + . * 2), "size": 1}] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 1000:1000 "$B/rootfs"
	chmod o+x "$T" "$(dirname "$T")"
	eq "$(run_sh 'wc -l </proc/self/uid_map')" 340
	in_vm && last=339 || last=1678
	eq "$(run_sh 'tail -n 1 /proc/self/uid_map' | tr -s ' ')" " 339 $last 1"
}
t_mappings_without_user_namespace() {
	bundle '.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":65536}]'
	refuses 'linux.uidMappings' hull run -b "$B" "$TAG"
}
t_time_offsets() {
	bundle '.linux.namespaces += [{"type":"time"}] | .linux.timeOffsets = {"monotonic":{"secs":7881},"boottime":{"secs":1337}}'
	out=$(run_sh 'cat /proc/self/timens_offsets' | tr -s ' ')
	has "$out" 'monotonic 7881 0'
	has "$out" 'boottime 1337 0'
	started
	has "$(hull exec "$TAG" cat /proc/self/timens_offsets | tr -s ' ')" 'monotonic 7881 0'
	hull delete -f "$TAG"
}
# both in a user namespace of one's own and in one that is there already
# whatever init has to say comes after hull knows its pid
t_slow_joiner() {
	command -v strace >/dev/null || skip 'no strace'
	bundle
	started
	cfg --arg p "/proc/$(state pid)/ns/pid" '(.linux.namespaces[] | select(.type == "pid")).path = $p |
		.linux.cgroupsPath += "-2"'
	args true
	strace -f -qq -o "$T/trace" -e trace=clone3 -e inject=clone3:delay_exit=500000 \
		"$HULL" --root "$T/root" run -b "$B" "$TAG-2" </dev/null >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	cfg '.process.args = ["/nothing"]'
	refuses /nothing hull run -b "$B" "$TAG-2"
	hull delete -f "$TAG"
}
t_time_offsets_and_user_namespace() {
	userns
	cfg '.linux.namespaces += [{"type":"time"}] |
		.linux.timeOffsets = {"monotonic":{"secs":-5,"nanosecs":7},"boottime":{"secs":90000}}'
	started
	now=$(cut -d . -f 1 /proc/uptime)
	up=$(hull exec "$TAG" cut -d . -f 1 /proc/uptime)
	[ $((up - now)) -ge 89990 ] && [ $((up - now)) -le 90010 ] || fail "uptime $up, $now outside"
	hull exec "$TAG" readlink /proc/self/ns/time >"$T/first"
	p=$(state pid)
	for how in 'del(.path)' '(select(.type == "pid") | .path) = $p+"/pid"' 'select(.type != "pid")'; do
		cfg --arg p "/proc/$p/ns" "(.linux.namespaces[] | select(.type == \"user\")).path = (\$p+\"/user\") |
			.linux.namespaces |= map($how | if .type == \"user\" then .path = \$p+\"/user\" else . end) |
			del(.linux.uidMappings, .linux.gidMappings) | .linux.cgroupsPath = \"/hull-test/$TAG-2\""
		sh_args 'cut -d . -f 1 /proc/uptime; readlink /proc/self/ns/time'
		hull run -b "$B" "$TAG-2" >"$T/out"
		up=$(head -n 1 "$T/out")
		[ $((up - now)) -ge 89990 ] && [ $((up - now)) -le 90030 ] || fail "uptime $up, $now outside: $how"
		[ "$(tail -n 1 "$T/out")" != "$(cat "$T/first")" ] || fail 'not a namespace of its own'
	done
	cfg '.linux.timeOffsets.boottime = {"secs":-99999999999}'
	refuses 'linux.timeOffsets: cannot be set' hull run -b "$B" "$TAG-2"
	hull delete -f "$TAG"
}
t_hostname_domainname() {
	bundle '.hostname = "box" | .domainname = "example.org"'
	has "$(run_sh probe)" 'hostname box'
	has "$(run_sh probe)" 'domainname example.org'
	# as Docker's --domainname, alone or beside the property
	cfg '.linux.sysctl = {"kernel.domainname": "example.org"}'
	has "$(run_sh probe)" 'domainname example.org'
	cfg 'del(.domainname)'
	has "$(run_sh probe)" 'domainname example.org'
	cfg '.domainname = "example.com"'
	refuses 'linux.sysctl' hull run -b "$B" "$TAG"
	cfg 'del(.linux.namespaces[] | select(.type == "uts"))'
	refuses 'hostname' hull run -b "$B" "$TAG"
}
t_host_pid_namespace_kill_all() {
	bundle 'del(.linux.namespaces[] | select(.type == "pid"))'
	started 'sleep 900 & sleep 1000'
	n=$(wc -l <"$(cg2)/hull-test/$TAG/cgroup.procs")
	[ "$n" -ge 2 ]
	hull kill "$TAG" KILL
	ended 137
	hull delete "$TAG"
}
t_sysctl() {
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345678"}'
	eq "$(run_sh 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax' | tr '\n' ' ')" '1 12345678 '
	for k in kernel.hostname vm.swappiness kernel.core_pattern net/../kernel.core_pattern; do
		cfg --arg k "$k" '.linux.sysctl = {($k): "1"}'
		refuses 'linux.sysctl' hull run -b "$B" "$TAG"
	done
	# the kernel's word, at the same kind of place
	cfg '.linux.sysctl = {"net.ipv4.no_such_thing": "1"}'
	refuses 'linux.sysctl["net.ipv4.no_such_thing"]: cannot write' hull run -b "$B" "$TAG"
	cfg '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | del(.linux.namespaces[] | select(.type == "network"))'
	refuses 'linux.sysctl' hull run -b "$B" "$TAG"
}
# a path that leads to where hull is: what is set there is set on the host
t_own_by_path() {
	bundle 'del(.linux.namespaces[] | select(.type == "uts" or .type == "network")) |
		.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}, {type: "uts", path: "/proc/self/ns/uts"}] |
		del(.hostname) | .linux.sysctl = {"net.ipv4.ip_default_ttl": "99"}'
	ttl=$(cat /proc/sys/net/ipv4/ip_default_ttl)
	refuses "linux.sysctl[\"net.ipv4.ip_default_ttl\"]: not possible in the host's own network namespace" \
		unshare --net --uts "$HULL" --root "$T/root" run -b "$B" "$TAG"
	eq "$(cat /proc/sys/net/ipv4/ip_default_ttl)" "$ttl"
	cfg 'del(.linux.sysctl) | .hostname = "mine"'
	refuses "hostname: not possible in the host's own uts namespace" \
		unshare --net --uts "$HULL" --root "$T/root" run -b "$B" "$TAG"
	cfg --arg h "$(uname -n)" '.hostname = $h | (.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"]}'
	eq "$(run_sh 'readlink /proc/self/ns/net')" "$(readlink /proc/self/ns/net)"
	cfg '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/self/ns/mnt"'
	refuses 'mounts: not possible without a mount namespace' \
		unshare -m --propagation private "$HULL" --root "$T/root" run -b "$B" "$TAG"
}
# v1 hierarchies too show a container its own place, not its caller's
t_cgroup_namespace_of_v1() {
	[ -e /sys/fs/cgroup/pids ] || skip 'no cgroup v1 hierarchy'
	bundle '.linux.resources = {pids: {limit: 50}, memory: {limit: 104857600}}'
	for maps in null '[{containerID: 0, hostID: 0, size: 65536}]'; do
		cfg ".linux.uidMappings = $maps | .linux.gidMappings = $maps | .linux.namespaces |=
			(map(select(.type != \"user\")) + if $maps then [{type: \"user\"}] else [] end)"
		out=$(run_sh 'cat /proc/self/cgroup')
		eq "$(echo "$out" | grep -E ':(pids|memory):' | sed 's/.*://' | sort -u)" / "$out"
		eq "$(echo "$out" | grep ^0::)" 0::/
	done
}
cases "$@"
