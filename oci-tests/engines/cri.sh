#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pods as Kubernetes makes them: containerd's CRI plugin, with a containerd of
# its own in a network namespace of its own.
. "$(dirname "$0")/lib.sh"
python=${CRI_PYTHON:-/usr/bin/python3} # Debian's: it has Debian's gRPC
need containerd ctr umoci jq "$python"
"$python" -c 'import grpc' 2>/dev/null || no_grpc=1
[ -z "${no_grpc:-}" ] || need python3-grpcio
make_image
net=hull-cri-$$
ip netns add "$net" # makes a mount of /run/netns, for good
ip netns del "$net"
begin

ctr() { limit ctr -a "$D/c.sock" -n k8s.io "$@"; }
call() { limit "$python" "$here/cri.py" "$D/c.sock" "$@"; }
image=docker.io/library/bb:latest pause=docker.io/library/bb:pause
cni=${CNI_PLUGINS:-/usr/lib/cni}

stop_engine() {
	local p
	for p in $(ctr container ls -q); do
		call StopPodSandbox "{\"pod_sandbox_id\": \"$p\"}"
		call RemovePodSandbox "{\"pod_sandbox_id\": \"$p\"}"
	done
	[ -z "${pid:-}" ] || kill_wait "$pid"
	pkill -f "containerd-shim-runc-v2 .*$D/c.sock"
	ip netns del "$net"
	drop_parents k8s.io hull-pods
	[ ! -d /run/systemd/system ] || systemctl stop hullpods.slice
}
handler() { # name systemd
	cat <<-C
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$1]
		runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$1.options]
		BinaryName = "$RUNTIME"
		Root = "$D/rt"
		SystemdCgroup = $2
	C
}
start_engine() {
	mkdir -p "$D/cni"
	cat >"$D/config.toml" <<-C
		version = 2
		root = "$D/root"
		state = "$D/state"
		[grpc]
		address = "$D/c.sock"
		[plugins."io.containerd.internal.v1.opt"]
		path = "$D/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "$pause"
		stream_server_address = "127.0.0.1"
		restrict_oom_score_adj = true
		netns_mounts_under_state_dir = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		default_runtime_name = "tested"
		${SNAPSHOTTER:+snapshotter = \"$SNAPSHOTTER\"}
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "$cni"
		conf_dir = "$D/cni"
	C
	{ handler tested false && handler scopes true; } >>"$D/config.toml"
	cat >"$D/cni/net.conflist" <<-C
		{"cniVersion": "0.4.0", "name": "hull", "plugins": [{"type": "bridge", "bridge": "hull0",
		"isGateway": true, "ipam": {"type": "host-local", "dataDir": "$D/ipam",
		"ranges": [[{"subnet": "10.88.7.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
	C
	ip netns add "$net" && ip -n "$net" link set lo up || return 1
	# in the namespace for networks only: `ip netns exec` would have a /sys of its own
	setsid nsenter --net="/run/netns/$net" containerd -c "$D/config.toml" >"$D/log" 2>&1 </dev/null &
	pid=$!
	wait_for 60 call Status
}
import() {
	local l=$D/layout
	umoci init --layout "$l" && umoci new --image "$l:latest" &&
		umoci insert --image "$l:latest" "$D/rootfs" / &&
		umoci config --image "$l:latest" --config.cmd /bin/sh --config.env PATH=/bin &&
		umoci tag --image "$l:latest" pause &&
		umoci config --image "$l:pause" --clear config.cmd --config.cmd /bin/sleep --config.cmd 1000000 &&
		tar -C "$l" -cf "$D/oci.tar" . &&
		ctr image import --base-name "${image%:*}" "$D/oci.tar"
}

# ---- pods and containers

pod() { # name handler [jq filter]: sets P
	jq -n --arg n "$1" --arg d "$W" '{metadata: {name: $n, uid: $n, namespace: "n"},
		log_directory: $d, dns_config: {servers: ["10.0.0.53"]}, linux: {cgroup_parent: ("/hull-pods/" + $n), security_context: {
			namespace_options: {network: 2, pid: 1}, seccomp: {profile_type: 0}}}} |
		'"${3:-.}" >"$W/$1.pod"
	P=$(jq -n --arg h "$2" --slurpfile c "$W/$1.pod" '{config: $c[0], runtime_handler: $h}' |
		call RunPodSandbox - | jq -r .pod_sandbox_id) && [ -n "$P" ]
}
end_pod() {
	call StopPodSandbox "{\"pod_sandbox_id\": \"$P\"}" &&
		call RemovePodSandbox "{\"pod_sandbox_id\": \"$P\"}"
}
create() { # pod name script [jq filter]: sets C
	jq -n --arg n "$2" --arg i "$image" --arg s "$3" --slurpfile p "$W/$1.pod" --arg id "$P" '
		{metadata: {name: $n}, image: {image: $i}, command: ["/bin/sh", "-c", $s],
			log_path: ($n + ".log"), linux: {resources: {}, security_context: {
				namespace_options: $p[0].linux.security_context.namespace_options,
				seccomp: {profile_type: 0},
				masked_paths: ["/proc/kcore", "/proc/timer_list"], readonly_paths: ["/proc/sys"]}}} |
		'"${4:-.}"' | {pod_sandbox_id: $id, config: ., sandbox_config: $p[0]}' >"$W/create"
	C=$(call CreateContainer - <"$W/create" | jq -r .container_id) && [ -n "$C" ]
}
start() { call StartContainer "{\"container_id\": \"$C\"}"; }
status() { call ContainerStatus "{\"container_id\": \"$C\"}" | jq -r ".status.$1"; }
exited() { [ "$(status state)" = 2 ]; } # CONTAINER_EXITED
remove() { call RemoveContainer "{\"container_id\": \"$C\"}"; }
# a container of the last pod that ends by itself: what it said
says() { # pod name script [jq filter]
	create "$@" && start >/dev/null && wait_for 30 exited || return
	sed 's/^[^ ]* std[a-z]* F //' "$W/$2.log"
	remove >/dev/null
}
exec_() { # command...: its output, its status
	jq -n --arg c "$C" '{container_id: $c, cmd: $ARGS.positional, timeout: 20}' --args -- "$@" |
		call ExecSync - >"$W/exec" || return 125
	jq -j '.stdout + .stderr' "$W/exec"
	return "$(jq .exit_code "$W/exec")"
}
cg() { # pod file: of the container's cgroup
	cat "/sys/fs/cgroup/hull-pods/$1/$C/$2"
}
security() { echo ".linux.security_context += $1"; }

ok "containerd starts" start_engine
[ $failed = 0 ] || { tail -n 5 "$D/log"; exit; }
ok "import an image" import

# ---- a pod in the host's network
ok "a pod" pod p1 tested
pod_status() { call PodSandboxStatus "{\"pod_sandbox_id\": \"$P\"}" | jq -r ".status.$1"; }
out "a pod: its handler" tested pod_status runtime_handler
ok "a container" create p1 c1 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done' \
	'.linux.resources = {cpu_shares: 256, cpu_period: 100000, cpu_quota: 50000,
		memory_limit_in_bytes: 134217728, oom_score_adj: 998}'
out "created" 0 status state
ok "started" start
out "it runs" 1 status state
ok "its log" wait_for 10 grep -q ' stdout F up$' "$W/c1.log"
out "exec: output" "uid=0(root) gid=0(root) groups=0(root)" exec_ id
rc "exec: exit status" 4 exec_ sh -c 'exit 4'
fails "exec: no such program" 125 'no such file|not found' exec_ /nonexist
has "exec: the seccomp profile" '^Seccomp:.*2' exec_ grep Seccomp: /proc/1/status
out "its resolv.conf" 'nameserver 10.0.0.53' exec_ cat /etc/resolv.conf
out "the host's name" "$(hostname)" exec_ hostname
out "oom score" 998 exec_ cat /proc/1/oom_score_adj
out "masked" 0 exec_ sh -c 'cat /proc/timer_list | wc -c'
has "read-only" 'Read-only' exec_ sh -c 'echo 1 >/proc/sys/vm/swappiness; true'
limits() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || { skip limits 'not pure cgroup v2'; return; }
	out "memory limit" 134217728 cg p1 memory.max
	out "processor quota" '50000 100000' cg p1 cpu.max
	ok "update" call UpdateContainerResources "{\"container_id\": \"$C\", \"linux\": {
		\"cpu_shares\": 512, \"memory_limit_in_bytes\": 67108864}}"
	out "update: memory" 67108864 cg p1 memory.max
	out "update: what was not named stays" '50000 100000' cg p1 cpu.max
	stats() {
		call ContainerStats "{\"container_id\": \"$C\"}" |
			jq -e '.stats | .cpu.usage_core_nano_seconds.value > 0 and .memory.working_set_bytes.value > 0'
	}
	ok "stats" stats
}
limits
ok "stop" call StopContainer "{\"container_id\": \"$C\", \"timeout\": 20}"
out "stop: the workload had TERM" 9 status exit_code
ok "remove" remove

# ---- what a container asks for
has "ends by itself" '^out$' says p1 e1 'echo out; echo err >&2'
saw "ends by itself: both streams" '^err$'
ends() { # name script [jq filter]: status and reason of the end
	create p1 "$@" && start >/dev/null && wait_for 30 exited &&
		echo "$(status exit_code) $(status reason)" && remove >/dev/null
}
out "exit status" '5 Error' ends e2 'exit 5'
out "over its memory" '137 OOMKilled' ends e3 'exec tail /dev/zero' \
	'.linux.resources.memory_limit_in_bytes = 16777216'
no_program() {
	create p1 e4 x '.command = ["/nonexist"]' && ! start 2>"$D/err" && cat "$D/err" && wait_for 10 exited &&
		echo "$(status exit_code) $(status reason)" && remove
}
has "no such program" 'no such file or directory' no_program
saw "no such program: status" '^128 StartError$'
out "a user and groups" '1000 1000 1000 2000 3000' says p1 e5 'echo $(id -u) $(id -g) $(id -G)' \
	"$(security '{run_as_user: {value: 1000}, run_as_group: {value: 1000}, supplemental_groups: [2000, 3000]}')"
out "a user by name" user says p1 e6 'id -un' "$(security '{run_as_username: "user"}')"
has "read-only root" 'Read-only' says p1 e7 'touch /x' "$(security '{readonly_rootfs: true}')"
out "no new privileges" 'NoNewPrivs: 1' says p1 e8 'echo $(grep NoNewPrivs /proc/self/status)' \
	"$(security '{no_new_privs: true}')"
out "no capabilities" 'CapEff: 0000000000000000' says p1 e9 'echo $(grep CapEff /proc/self/status)' \
	"$(security '{capabilities: {drop_capabilities: ["ALL"]}}')"
out "one more capability" 0000000000001000 says p1 e10 'echo $(awk "/CapEff/ {print \$2}" /proc/self/status)' \
	"$(security '{capabilities: {add_capabilities: ["NET_ADMIN"], drop_capabilities: ["ALL"]}}')"
out "environment and directory" 'v /tmp' says p1 e11 'echo $K $(pwd)' \
	'.envs = [{key: "K", value: "v"}] | .working_dir = "/tmp"'
out "a directory that is not there" /new/dir says p1 e12 pwd '.working_dir = "/new/dir"'
mkdir -p "$W/vol/sub"
echo data >"$W/vol/file"
mounts='[{container_path: "/v", host_path: $v, readonly: $r, propagation: $q}]'
volume() { # name script readonly propagation
	says p1 "$1" "$2" "\"$W/vol\" as \$v | $3 as \$r | $4 as \$q | .mounts = $mounts"
}
out "a volume" 'data' volume v1 'cat /v/file; echo new >/v/new' false 0
ok "a volume: written" grep -qx new "$W/vol/new"
has "a read-only volume" 'Read-only' volume v2 'echo x >/v/file' true 0
has "a terminal" '^/dev/pts/0' says p1 t1 'tty' '.tty = true'
privileged() {
	grep -q '^CapEff:.*1ff' /proc/self/status || { skip privileged 'this host lacks capabilities'; return; }
	ok "a privileged pod" pod p4 tested '.linux.security_context.privileged = true'
	has "a privileged container" '^CapEff: 0*1ff' says p4 x1 'echo $(grep CapEff /proc/self/status)' \
		"$(security '{privileged: true}')"
	ok "a privileged pod: end" end_pod
	P=$(cat "$W/p1")
}
echo "$P" >"$W/p1"
ok "the end of a pod" end_pod

# ---- a network, and one pid namespace
pods_network() {
	[ -x "$cni/bridge" ] && [ -x "$cni/host-local" ] || { skip "a network" "no CNI plugins in $cni"; return; }
	nsenter --net="/run/netns/$net" ip link add hull9 type bridge 2>/dev/null ||
		{ skip "a network" 'this kernel has no bridges'; return; }
	nsenter --net="/run/netns/$net" ip link del hull9
	ok "a pod with a network" pod p2 tested '.linux.security_context.namespace_options = {network: 0, pid: 0} |
		.hostname = "second" | .linux.sysctls = {"net.ipv4.ip_unprivileged_port_start": "0"}'
	local ip
	ip=$(pod_status network.ip)
	ok "its address" test -n "$ip"
	ok "a first container" create p2 a 'trap "exit 0" TERM; echo hello >/dev/shm/x; nc -l -p 80 -e echo web; sleep 1000 & wait'
	ok "a first container: start" start
	a=$C
	ok "a second container" create p2 b 'trap "exit 0" TERM; sleep 1000 & wait'
	ok "a second container: start" start
	has "they share the network" "$ip" exec_ ip addr show eth0
	ok "they share the processes" exec_ sh -c 'ps | grep -q "nc [-]l"'
	out "they share the memory" hello exec_ cat /dev/shm/x
	out "a privileged port is none" web exec_ nc -w 5 127.0.0.1 80
	out "hostname" second exec_ hostname
	out "sysctl" 0 exec_ cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	ok "stop one" call StopContainer "{\"container_id\": \"$C\", \"timeout\": 20}"
	C=$a
	out "the other runs" 1 status state
	ok "the end of a pod with both" end_pod
}
pods_network

# ---- the systemd driver
scopes() {
	[ -d /run/systemd/system ] || { skip "scopes" 'systemd is not running here'; return; }
	ok "scopes: a pod" pod p3 scopes '.linux.cgroup_parent = "hullpods-p3.slice"'
	ok "scopes: a container" create p3 s1 'sleep 1000' '.linux.resources = {memory_limit_in_bytes: 67108864}'
	ok "scopes: start" start
	out "scopes: the limit" 67108864 systemctl show -P MemoryMax "cri-containerd-$C.scope"
	out "scopes: the slice" hullpods-p3.slice systemctl show -P Slice "cri-containerd-$C.scope"
	ok "scopes: update" call UpdateContainerResources "{\"container_id\": \"$C\", \"linux\": {\"memory_limit_in_bytes\": 33554432}}"
	out "scopes: updated" 33554432 systemctl show -P MemoryMax "cri-containerd-$C.scope"
	rc "scopes: exec" 3 exec_ sh -c 'exit 3'
	ok "scopes: the end" end_pod
	out "scopes: none is left" not-found systemctl show -P LoadState "cri-containerd-$C.scope"
}
scopes
