#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# containerd's own client, with a containerd of its own.
. "$(dirname "$0")/lib.sh"
need containerd ctr script umoci
make_image
begin

ctr() { limit ctr -a "$D/c.sock" "$@"; }
with=(--runtime io.containerd.runc.v2 --runc-binary "$RUNTIME" --runc-root "$D/rt")
run() { ctr run "${with[@]}" "$@"; }
# a directory in place of an image
fs() { run --env PATH=/bin --rootfs "$@"; }
image=docker.io/library/bb:latest

stop_engine() {
	ctr task ls -q | while read -r t; do ctr task kill -s KILL "$t"; done
	[ -z "${pid:-}" ] || kill_wait "$pid"
	pkill -f "containerd-shim-runc-v2 .*$D/c.sock"
	drop_parents default k8s.io
}
start_engine() {
	cat >"$D/config.toml" <<-C
		version = 2
		root = "$D/root"
		state = "$D/state"
		[grpc]
		address = "$D/c.sock"
	C
	printf 'BinaryName = "%s"\nRoot = "%s"\n' "$RUNTIME" "$D/rt" >"$D/runtime.toml"
	setsid containerd -c "$D/config.toml" >"$D/log" 2>&1 </dev/null &
	pid=$!
	wait_for 60 ctr version
}
import() {
	local l=$D/layout
	umoci init --layout "$l" && umoci new --image "$l:latest" &&
		umoci insert --image "$l:latest" "$D/rootfs" / &&
		umoci config --image "$l:latest" --config.cmd /bin/sh &&
		tar -C "$l" -cf "$D/oci.tar" . &&
		ctr image import --base-name "${image%:*}" "$D/oci.tar"
}
status_is() { ctr task ls | grep -qE "^$1 +[0-9]+ +$2"; }
gone() { ! ctr task ls -q | grep -qx "$1"; }
pid_of() { ctr task ls | awk -v t="$1" '$1 == t { print $2 }'; }
cgroup_file() { cat "/sys/fs/cgroup/default/$1/$2"; }

ok "containerd starts" start_engine
ok "import an image" import

# ---- run
out "run --rm: an image" "uid=0(root) gid=0(root) groups=0(root)" run --rm "$image" t1 id
out "run --rm: --rootfs" hello fs --rm "$D/rootfs" t2 echo hello
rc "run --rm: exit status" 42 fs --rm "$D/rootfs" t3 sh -c 'exit 42'
rc "run --rm: killed by a signal" 143 fs --rm "$D/rootfs" t4 sh -c 'kill -TERM $$; trap "exit 143" TERM; kill -TERM $$; sleep 9'
has "run: standard input" '^from-stdin$' bash -c \
	"(echo from-stdin; sleep 3) | timeout -k 5 60 ctr -a $D/c.sock run ${with[*]} --env PATH=/bin --rm --rootfs $D/rootfs t5 cat"
has "run -t: a terminal" '^/dev/pts/0' tty_of ctr -a "$D/c.sock" run "${with[@]}" \
	--env PATH=/bin --rm -t --rootfs "$D/rootfs" t6 sh -c 'tty; test -t 0 && test -t 1'
out "run: environment, cwd, user" '/tmp 1000 v' fs --rm --env K=v --cwd /tmp --user 1000 \
	"$D/rootfs" t7 sh -c 'echo $(pwd) $(id -u) $K'
has "run: --read-only" 'Read-only file system' \
	fs --rm --read-only "$D/rootfs" t8 sh -c 'touch /x; true'
mkdir "$W/vol"
ok "run: --mount writes" fs --rm --mount "type=bind,src=$W/vol,dst=/mnt,options=rbind:rw" \
	"$D/rootfs" t9 touch /mnt/new
ok "run: --mount wrote" test -e "$W/vol/new"
has "run: --memory-limit kills" '^137$' bash -c \
	"timeout -k 5 60 ctr -a $D/c.sock run ${with[*]} --env PATH=/bin --rm --memory-limit 16777216 --rootfs $D/rootfs t10 $FILL; echo \$?"
has "run: --seccomp" '^Seccomp:.2' fs --rm --seccomp "$D/rootfs" t11 grep Seccomp: /proc/self/status
has "run: --privileged" '^CapEff:.0*1ff' fs --rm --privileged "$D/rootfs" t12 grep CapEff /proc/self/status
net_host() { # brings binds of the host's files, which may not be there
	[ -e /etc/resolv.conf ] || { skip "run: --net-host" "no /etc/resolv.conf"; return; }
	out "run: --net-host" "$(readlink /proc/self/ns/net)" \
		fs --rm --net-host "$D/rootfs" t13 readlink /proc/self/ns/net
}
net_host
has "run: --device" 'brw' fs --rm --device /dev/vda "$D/rootfs" t14 ls -l /dev/vda
out "run: --cgroup" 0::/hull-ctr/t15 fs --rm --cgroup /hull-ctr/t15 "$D/rootfs" t15 cat /proc/self/cgroup
drop_parents hull-ctr
fails "run: no such program" 1 'executable file not found' fs --rm "$D/rootfs" t16 nonexist
fails "run: not executable" 1 'permission denied' fs --rm "$D/rootfs" t17 /etc/text
fails "run: no such cwd's user" 1 '.' fs --rm --user nobody-here "$D/rootfs" t18 id
fails "run: a broken device" 1 '.' fs --rm --device /dev/nonexist "$D/rootfs" t19 id

# ---- a running task
ok "run -d" fs -d "$D/rootfs" d1 sh -c 'trap "exit 7" USR1; while :; do sleep 0.1; done'
ok "task ls: RUNNING" status_is d1 RUNNING
rc "task exec: exit status" 3 ctr task exec --exec-id e1 d1 sh -c 'exit 3'
out "task exec: output" "uid=1000(user) gid=1000(user) groups=1000(user)" ctr task exec --exec-id e2 --user 1000:1000 d1 id
has "task exec -t: a terminal" '^/dev/pts/' tty_of ctr -a "$D/c.sock" task exec -t --exec-id e3 d1 tty
has "task exec -t: its size" '^33 77' tty_of ctr -a "$D/c.sock" task exec -t --exec-id e4 d1 \
	sh -c 'sleep 0.5; stty size'
rc "task exec -t: exit status" 5 tty_of ctr -a "$D/c.sock" task exec -t --exec-id e5 d1 sh -c 'exit 5'
fails "task exec: no such program" 1 'executable file not found' ctr task exec --exec-id e6 d1 nonexist
fails "task exec: no such cwd" 1 'no such file' ctr task exec --exec-id e7 --cwd /nonexist d1 id
rc "task exec: 300 kB of output" 0 bash -c "test \$(timeout -k 5 60 ctr -a $D/c.sock task exec --exec-id e8 d1 head -c 300000 /dev/zero | wc -c) = 300000"
ok "task exec -d" ctr task exec -d --exec-id e9 d1 sleep 1000
has "task ps: both processes" "^$(pid_of d1) " ctr task ps d1
ps_count() { test "$(ctr task ps d1 | grep -c '^[0-9]')" -ge 3; }
ok "task ps: all processes" ps_count
has "task metrics" 'memory.usage_in_bytes|memory.usage +[1-9]' ctr task metrics d1
has "task metrics: pids" 'pids.current +[3-9]' ctr task metrics d1
ok "task pause" ctr task pause d1
ok "task pause: PAUSED" status_is d1 PAUSED
out "task pause: frozen" 1 cgroup_file d1 cgroup.freeze
fails "task exec: while paused" 1 'paused' ctr task exec --exec-id e10 d1 id
ok "task resume" ctr task resume d1
ok "task resume: RUNNING" status_is d1 RUNNING
out "task resume: exec works" hi ctr task exec --exec-id e11 d1 echo hi
fails "task rm: refused while running" 1 'running|not stopped' ctr task rm d1
fails "run: the same name" 1 'already exists' fs -d "$D/rootfs" d1 id
ok "task kill -s USR1" ctr task kill -s USR1 d1
ok "task kill: STOPPED" wait_for 10 status_is d1 STOPPED
fails "task kill: of a stopped one" 1 'already finished|not found' ctr task kill -s TERM d1
has "task rm: the exit status" 'code 7$|code 7"' ctr task rm d1
ok "container rm" ctr container rm d1

ok "run -d: again" fs -d "$D/rootfs" d1 sleep 1000
ok "task kill -a -s KILL" ctr task kill -a -s KILL d1
ok "task kill -a: STOPPED" wait_for 10 status_is d1 STOPPED
has "task rm: killed" 'code 137"' ctr task rm d1
ok "container rm: again" ctr container rm d1

# ---- create, then start
ok "container create" ctr container create \
	--runtime io.containerd.runc.v2 --runtime-config-path "$D/runtime.toml" --env PATH=/bin \
	--rootfs "$D/rootfs" n1 sh -c 'exit 9'
ok "task start: exit status" bash -c "timeout -k 5 60 ctr -a $D/c.sock task start n1; test \$? = 9"
ok "container rm: of n1" ctr container rm n1

# ---- a namespace by path
netns() {
	ok "run: --with-ns" fs --rm --with-ns "network:/proc/$$/ns/net" "$D/rootfs" w1 true
	out "run: --with-ns: is it" "$(readlink /proc/self/ns/net)" fs --rm \
		--with-ns "network:/proc/$$/ns/net" "$D/rootfs" w2 readlink /proc/self/ns/net
}
netns

# ---- the shim dies: containerd has the runtime clean up
ok "crash: run -d" fs -d "$D/rootfs" k1 sleep 12345
init=$(pid_of k1)
ok "crash: the shim is killed" pkill -9 -f "containerd-shim-runc-v2 .*-id k1 .*$D/c.sock"
ok "crash: the task is gone" wait_for 30 gone k1
ok "crash: its process is gone" wait_for 10 test ! -d "/proc/${init:-0}"
ok "crash: its cgroup is gone" wait_for 10 test ! -d /sys/fs/cgroup/default/k1
ok "crash: its state is gone" wait_for 10 test ! -e "$D/rt/default/k1"
ok "crash: container rm" ctr container rm k1
ok "crash: the name can be used again" fs --rm "$D/rootfs" k1 true
no_states() { test -z "$(ls "$D/rt/default" 2>/dev/null)"; }
ok "no state is left" no_states
