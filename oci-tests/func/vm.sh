#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# isolation 'vm', the whole of it: a guest boots. In the emulated machine each
# takes ten seconds, so a case does much with one.
. "$(dirname "$0")/../support/lib.sh"

HULL_LIMIT=60
need_vm() {
	"$HULL" features | jq -e .vm.enabled >/dev/null ||
		skip "no microVM here: $("$HULL" features | jq -r .vm.reason)"
	# software backends make a machine in which no ordinary Linux comes up
	grep -qw -e svm -e vmx /proc/cpuinfo ||
		skip 'the KVM of this host does not run an ordinary guest'
}
vm() { # SCRIPT [OPTION...]: run it in a guest
	sh_args "$1"
	shift
	timeout $HULL_LIMIT "$HULL" --root "$T/root" --isolation vm run "$@" -b "$B" "$TAG"
}
vm_started() { # SCRIPT
	sh_args "$1"
	timeout $HULL_LIMIT "$HULL" --root "$T/root" --isolation vm run -d -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
}
is_stopped() {
	[ "$(state status)" = stopped ]
}

t_process() {
	need_vm
	bundle '.process.user = {"uid":1000,"gid":1000,"additionalGids":[7]} | .process.cwd = "/made/here" |
		.process.capabilities = {"bounding":["CAP_CHOWN"]} | .process.noNewPrivileges = true |
		.process.rlimits = [{"type":"RLIMIT_NOFILE","soft":77,"hard":88}] | .hostname = "inside" |
		.process.env += ["A=b c"]'
	rc=0
	vm 'echo "k $(uname -r)"; echo "h $(hostname)"; echo "i $(id -u) $(id -g) $(id -G)"; pwd; echo "$A"
		ulimit -n; grep -e CapBnd -e NoNewPrivs /proc/self/status; echo err >&2; cat; exit 42' \
		<"$B/config.json" >"$T/out" 2>"$T/err" || rc=$?
	eq "$rc" 42 'exit status'
	has "$(cat "$T/out")" "h inside
i 1000 1000 1000 7
/made/here
b c
77"
	has "$(tr -d ' \t' <"$T/out")" 'CapBnd:0000000000000001'
	has "$(tr -d ' \t' <"$T/out")" 'NoNewPrivs:1'
	hasnt "$(cat "$T/out")" "k $(uname -r)"
	has "$(cat "$T/err")" err
	has "$(cat "$T/out")" '"ociVersion"'
}
t_files() {
	need_vm
	mkdir "$T/rw" "$T/ro"
	echo from-host >"$T/rw/a"
	echo fixed >"$T/ro/b"
	bundle --arg rw "$T/rw" --arg ro "$T/ro" '.root.readonly = true |
		.mounts += [{"destination":"/rw","type":"bind","source":$rw,"options":["rbind"]},
		{"destination":"/ro","type":"bind","source":$ro,"options":["rbind","ro"]},
		{"destination":"/dev/shm/x","type":"bind","source":$ro,"options":["bind","ro"]}]'
	vm 'cat /rw/a /ro/b /dev/shm/x/b; echo from-guest >/rw/c; mkdir /rw/d; ln -s a /rw/l
		echo moved >/rw/e; mv /rw/e /rw/d/e; ln /rw/a /rw/d/hard; mkfifo /rw/d/fifo
		touch /ro/no || echo ro-refused; touch /no || echo root-refused
		mount -o remount,rw /ro 2>/dev/null; touch /ro/no 2>/dev/null || echo still-refused
		touch /dev/shm/y && echo shm; exec probe map /rw/m mapped' >"$T/out" 2>&1
	has "$(cat "$T/out")" 'from-host
fixed
fixed'
	for word in ro-refused root-refused still-refused shm; do
		has "$(cat "$T/out")" "$word"
	done
	eq "$(cat "$T/rw/c")" from-guest
	eq "$(cat "$T/rw/d/e" "$T/rw/d/hard")" 'moved
from-host'
	[ ! -e "$T/rw/e" ] && [ -p "$T/rw/d/fifo" ]
	[ -d "$T/rw/d" ] && [ "$(readlink "$T/rw/l")" = a ]
	# nobody had synchronised it when the guest ended
	eq "$(cat "$T/rw/m")" mapped
	[ ! -e "$T/ro/no" ]
}
# the image's links lead both sides to the same place
t_mounts_behind_links() {
	need_vm
	mkdir "$T/vol"
	echo from-host >"$T/vol/a"
	bundle --arg v "$T/vol" '.mounts += [{"destination":"/run","type":"tmpfs","source":"tmpfs"},
		{"destination":"/var/run/app","type":"bind","source":$v,"options":["rbind","rprivate"]},
		{"destination":"/var/tmp","type":"tmpfs","source":"tmpfs"},
		{"destination":"/tmp/app","type":"bind","source":$v,"options":["rbind","rprivate"]}]'
	rmdir "$B/rootfs/var/run" 2>/dev/null || true
	ln -s ../run "$B/rootfs/var/run"
	ln -s /tmp "$B/rootfs/var/tmp"
	vm 'cat /run/app/a /tmp/app/a; echo back >/var/run/app/b; : >/tmp/in-memory; ls /run' >"$T/out" 2>&1
	eq "$(cat "$T/out")" 'from-host
from-host
app'
	eq "$(cat "$T/vol/b")" back
	[ -z "$(ls "$B/rootfs/run" "$B/rootfs/tmp" | grep -e app -e memory)" ] || fail 'something is in the image'
}
t_life() {
	need_vm
	bundle
	sh_args 'trap "exit 11" TERM; echo up; while :; do sleep 0.2; done'
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(state status)" created
	timeout $HULL_LIMIT "$HULL" --root "$T/root" start "$TAG"
	eq "$(state status)" running
	wait_for 20 grep -q up "$T/out"
	status 3 hull exec "$TAG" sh -c 'echo "in $(id -u)"; exit 3' >"$T/exec" </dev/null
	eq "$(cat "$T/exec")" 'in 0'
	eq "$(echo through | hull exec "$TAG" cat)" through
	refuses 'executable file not found' hull exec "$TAG" nothing-here
	has "$(hull ps "$TAG")" 'sleep'
	# what engines look up on the host
	hull ps --format json "$TAG" | jq -e --argjson p "$(state pid)" 'index($p) != null and (index(1) | not)' >/dev/null
	hull events --stats "$TAG" | jq -e '.data.guest|length > 0' >/dev/null
	hull update --memory 100000000 "$TAG"
	hull pause "$TAG"
	eq "$(state status)" paused
	hull resume "$TAG"
	hull kill "$TAG" TERM
	wait_for 20 is_stopped
	eq "$(state exit.code)" 11
	hull delete "$TAG"
}
t_killed() {
	need_vm
	bundle '.linux.resources.memory = {"limit":50331648}'
	vm_started 'kill -0 1; sleep 1000'
	hull kill "$TAG" KILL
	wait_for 20 is_stopped
	hull delete "$TAG"
}
# ---- ends that are not the workload's own

# in the background: what it comes to is for fate
doomed() { # SCRIPT that says "up" some time
	sh_args "$1"
	timeout $((HULL_LIMIT * 2)) "$HULL" --root "$T/root" --isolation vm run --keep -b "$B" "$TAG" \
		</dev/null >"$T/out" 2>"$T/err" &
	run=$!
	wait_for 60 grep -q up "$T/out"
}
fate() { # STATUS SIGNAL REASON, as the record has them
	rc=0
	wait $run || rc=$?
	hull state "$TAG" >"$T/state"
	eq "$rc" "$1" "status ($(cat "$T/err" "$T/state"))"
	eq "$(jq -r .status "$T/state")" stopped
	eq "$(jq -r .exit.signal "$T/state")" "$2" signal
	has "$(jq -r .exit.vm "$T/state")" "$3"
	# nobody is left, and the rest goes without force
	eq "$(cat "$(cg2)/hull-test/$TAG/cgroup.procs")" ''
	hull delete "$TAG"
}
one_called() { # NAME: of the container's processes on the host
	while read -r p; do
		[ "$(cat "/proc/$p/comm")" != "$1" ] || echo "$p"
	done <"$(cg2)/hull-test/$TAG/cgroup.procs"
}
t_monitor_killed() {
	need_vm
	bundle
	doomed 'echo up; sleep 1000'
	kill -9 "$(state pid)"
	fate 137 9 null
}
t_file_server_killed() {
	need_vm
	bundle
	doomed 'echo up; sleep 1000'
	kill -9 "$(one_called hull-fs)"
	fate 126 null 'the file server is gone'
}
# of the machine's memory, not of a limit's
t_guest_out_of_memory() {
	need_vm
	bundle '.vm = {"hwConfig":{"memory":134217728}} | del(.linux.resources.memory)'
	doomed 'echo up; exec probe alloc 400'
	fate 137 9 null
	eq "$(jq -r .exit.oom "$T/state")" true
	hasnt "$(cat "$T/out")" allocated
}
t_guest_panic() {
	need_vm
	bundle '.linux.resources.memory = {"limit":33554432} | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
	doomed 'echo 2 >/proc/sys/vm/panic_on_oom && echo up; exec probe alloc 200'
	fate 126 null 'guest kernel panic: Out of memory'
}
# an initrd in which somebody waits to bring the guest down
doom() { # HOW
	need_vm
	bundle
	vm=${HULL%/*}
	"$HERE/support/mkinitrd" "$T/initrd" "init=$TESTS/doominit" "agent=$vm/hull-agent"
	cfg --arg k "$vm/vmlinux" --arg i "$T/initrd" --arg d "doom=$1" \
		'.vm = {"kernel":{"path":$k,"initrd":$i,"parameters":[$d]}}'
	doomed 'echo up; sleep 1; echo doomed >/proc/$$/comm; sleep 1000; true'
}
t_guest_crash() {
	doom reset
	fate 126 null 'before the workload had ended'
}
t_agent_killed() {
	doom agent
	fate 126 null 'guest kernel panic: Attempted to kill init'
}

t_terminal() {
	need_vm
	bundle '.process.terminal = true'
	sh_args 'tty; stty size; exit 6'
	rc=0
	timeout $HULL_LIMIT "$TESTS/ptyrun" "$HULL" --root "$T/root" --isolation vm run -b "$B" "$TAG" >"$T/out" 2>&1 || rc=$?
	has "$(cat "$T/out")" /dev/
	hasnt "$(cat "$T/out")" 'not a tty'
}
# A namespace for the container and one for its peer, with a veth pair. The
# container's end appears there between create and start.
netns_pair() {
	nic=${TAG#hull-}
	ip netns add "$TAG"
	ip netns add "$TAG-peer"
	ip -n "$TAG-peer" link set lo up
	cfg --arg p "/run/netns/$TAG" '.linux.namespaces = [.linux.namespaces[] |
		if .type == "network" then .path = $p else . end]'
}
veth_up() {
	ip -n "$TAG" link add "$nic" address 02:00:00:00:00:07 mtu 1400 type veth peer name "p$nic" netns "$TAG-peer"
	ip -n "$TAG-peer" address add 10.77.0.1/24 dev "p$nic"
	ip -n "$TAG-peer" address add fd77::1/64 dev "p$nic" nodad
	ip -n "$TAG-peer" link set "p$nic" mtu 1400 up
	ip -n "$TAG" address add 10.77.0.2/24 dev "$nic"
	ip -n "$TAG" address add fd77::2/64 dev "$nic" nodad
	ip -n "$TAG" link set "$nic" up
	ip -n "$TAG" route add default via 10.77.0.1
	ip -n "$TAG" route add 10.78.0.0/16 via 10.77.0.9 metric 7
	ip -n "$TAG" route add 10.79.0.0/16 via 10.77.0.9 mtu 1300 advmss 1200
	ip -n "$TAG" -6 route add default via fd77::1
}
at_peer() {
	timeout 60 ip netns exec "$TAG-peer" "$@"
}
echo_from() { # ADDRESS: a megabyte there and back
	at_peer python3 - "$1" <<-'EOF'
		import os, socket, sys, threading
		s = socket.create_connection((sys.argv[1], 7001), 20)
		data, got = os.urandom(1 << 20), b""
		threading.Thread(target=s.sendall, args=(data,)).start()
		while len(got) < len(data):
		    part = s.recv(65536)
		    if not part:
		        break
		    got += part
		print("echoed" if got == data else "lost")
	EOF
}
t_network() {
	need_vm
	bundle '.process.capabilities |= map_values(. + ["CAP_NET_RAW"] | unique)'
	netns_pair
	# a name server that knows one address (UDP), and four hundred kilobytes (TCP)
	cat >"$T/peer.py" <<-'EOF'
		import socket, threading
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		u.bind(("10.77.0.1", 53))
		t = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
		def dns():
		    while True:
		        q, who = u.recvfrom(2048)
		        end = q.index(b"\0", 12) + 5
		        a = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\x63\x62\x61" if q[end - 3] == 1 else b""
		        u.sendto(q[:2] + b"\x81\x80\0\1\0" + bytes([bool(a)]) + b"\0\0\0\0" + q[12:end] + a, who)
		threading.Thread(target=dns, daemon=True).start()
		print("ready", flush=True)
		while True:
		    c, _ = t.accept()
		    c.sendall(b"big " * 100000 + b"\nthe end\n")
		    c.close()
	EOF
	# busybox shows no metrics of routes; the kernel advmss, in its way: and 40
	sh_args "ip addr show $nic; ip route; ip -6 route
		while read -r _ to _ _ _ _ _ _ mtu _; do echo to \$to mtu \$mtu; done </proc/net/route
		ping -c 2 -W 5 10.77.0.1
		ping -6 -c 2 -W 5 fd77::1; nslookup there.example 10.77.0.1
		nc 10.77.0.1 7000 | tail -n 1; nc fd77::1 7000 | wc -c; echo ready
		nc -l -p 7001 -e cat; nc -l -p 7001 -e cat; echo served; sleep 1000"
	hull --isolation vm create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	veth_up
	ip netns exec "$TAG-peer" timeout 150 python3 "$T/peer.py" >"$T/peer" 2>&1 &
	peer=$!
	wait_for 20 grep -q ready "$T/peer"
	timeout $HULL_LIMIT "$HULL" --root "$T/root" start "$TAG"
	wait_for 60 grep -q '^ready' "$T/out"
	at_peer busybox ping -c 2 -W 5 10.77.0.2 >"$T/in" 2>&1 || true
	at_peer busybox ping -6 -c 2 -W 5 fd77::2 >"$T/in6" 2>&1 || true
	echo_from 10.77.0.2 >"$T/echo" 2>&1 || true
	echo_from fd77::2 >"$T/echo6" 2>&1 || true
	wait_for 20 grep -q '^served' "$T/out" || true
	hull kill "$TAG" KILL
	hull delete -f "$TAG"
	# the namespace's own stack has its interface back
	ip netns exec "$TAG" busybox ping -c 1 -W 5 10.77.0.1 >"$T/back" 2>&1 || true
	{ tc -n "$TAG" qdisc show; ip -n "$TAG" -o link; } >"$T/left"
	kill "$peer"
	ip netns del "$TAG"
	ip netns del "$TAG-peer"
	for word in '10.77.0.2/24' 'fd77::2/64' 'mtu 1400' '02:00:00:00:00:07' \
		'default via 10.77.0.1' '10.78.0.0/16 via 10.77.0.9' 'metric 7' \
		'default via fd77::1' 'to 00004F0A mtu 1240' '10.99.98.97' 'the end' '400009'; do
		has "$(cat "$T/out")" "$word"
	done
	eq "$(grep -c ', 0% packet loss' "$T/out")" 2 'pings from the guest'
	has "$(cat "$T/in")" ', 0% packet loss'
	has "$(cat "$T/in6")" ', 0% packet loss'
	eq "$(cat "$T/echo")" echoed
	eq "$(cat "$T/echo6")" echoed
	has "$(cat "$T/back")" ', 0% packet loss'
	hasnt "$(cat "$T/left")" clsact
	hasnt "$(cat "$T/left")" hull-vm
}
# a kernel that knows nothing of hull: devices by ACPI, drivers from the initrd
t_stock_kernel() {
	need_vm
	mkinitrd=$(dirname "$HULL")/hull-mkinitrd release=$(uname -r)
	[ -x "$mkinitrd" ] || skip "no $mkinitrd here"
	[ -f "/boot/vmlinuz-$release" ] && [ -f "/lib/modules/$release/modules.dep" ] ||
		skip "no kernel $release with its modules here"
	"$mkinitrd" --initrd "$(dirname "$HULL")/initrd.cpio" --kernel "$release" "$T/initrd"
	mkdir "$T/rw"
	bundle --arg k "/boot/vmlinuz-$release" --arg i "$T/initrd" --arg rw "$T/rw" '
		.vm = {"kernel":{"path":$k,"initrd":$i}} |
		.mounts += [{"destination":"/rw","type":"bind","source":$rw,"options":["rbind"]}]'
	HULL_LIMIT=200
	rc=0
	vm 'echo "k $(uname -r)"; cat; echo written >/rw/file; cat /proc/modules; exit 7' \
		<"$B/config.json" >"$T/out" 2>"$T/err" || rc=$?
	eq "$rc" 7 "exit status: $(cat "$T/err")"
	has "$(cat "$T/out")" "k $release"
	has "$(cat "$T/out")" '"ociVersion"'
	has "$(cat "$T/out")" virtio_mmio
	eq "$(cat "$T/rw/file")" written
}
t_user_namespace() {
	need_vm
	mkdir "$T/rw"
	echo host >"$T/rw/roots"
	bundle --arg rw "$T/rw" '.linux.namespaces += [{"type":"user"}] |
		.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":65536}] |
		.linux.gidMappings = [{"containerID":0,"hostID":100000,"size":65536}] |
		.process.capabilities |= map_values(. + ["CAP_CHOWN","CAP_DAC_OVERRIDE"]) |
		.mounts += [{"destination":"/rw","type":"bind","source":$rw,"options":["bind"]}]'
	chmod 755 "$T" "$B"
	chown -R 100000:100000 "$B/rootfs" "$T/rw"
	chown 0:0 "$T/rw/roots"
	vm 'id -u; tr -s " " </proc/self/uid_map; stat -c "passwd %u" /etc/passwd
		stat -c "roots %u" /rw/roots; echo x 2>/dev/null >>/rw/roots || echo refused
		echo mine >/rw/mine; echo other >/rw/other; chown 1000:1000 /rw/other
		stat -c "seen %u:%g" /rw/mine /rw/other; ls -d /sys/class /dev/null' >"$T/out" 2>&1
	eq "$(cat "$T/out")" '0
 0 0 65536
passwd 0
roots 65534
refused
seen 0:0
seen 1000:1000
/dev/null
/sys/class'
	eq "$(stat -c %u:%g "$T/rw/mine")" 100000:100000
	eq "$(stat -c %u:%g "$T/rw/other")" 101000:101000
	eq "$(cat "$T/rw/roots")" host
}
# a distribution's own tree, here that of the host, and a terminal in it
t_debian() {
	need_vm
	[ -f /etc/debian_version ] || skip 'the host is no Debian, whose files are the rootfs'
	mkdir "$T/debian"
	mount --bind / "$T/debian"
	trap 'umount -l "$T/debian"' EXIT
	bundle --arg r "$T/debian" '.root = {"path":$r,"readonly":true}'
	vm_started 'exec sleep 1000' || fail "$(cat "$T/out")"
	timeout $HULL_LIMIT "$TESTS/ptyrun" "$HULL" --root "$T/root" exec -t "$TAG" \
		bash -c 'tty; echo "k $(uname -r)"; . /etc/os-release; echo "os $ID"; dpkg-query -W -f "\${Status}\n" bash; touch /no' \
		>"$T/out" 2>&1 && rc=0 || rc=$?
	out=$(tr -d '\r' <"$T/out")
	eq "$rc" 1 "touch on a read-only root: $out"
	has "$out" /dev/
	has "$out" 'os debian'
	has "$out" 'install ok installed'
	has "$out" 'Read-only file system'
	has "$out" 'k '
	hasnt "$out" "k $(uname -r)"
	"$HULL" --root "$T/root" delete -f "$TAG"
}
# What the guest asks of user space until the container's process runs does not
# depend on the machine: 57, and 4 for each further vCPU. It may be 100.
t_exits() {
	need_vm
	bundle '.vm = {"hwConfig":{"vcpus":1}}'
	sh_args 'exit 0'
	timeout $HULL_LIMIT "$HULL" --debug --log "$T/log" --root "$T/root" --isolation vm run -b "$B" "$TAG"
	n=$(sed -n 's/.*[^0-9]\([0-9]*\) until the workload ran.*/\1/p' "$T/log")
	[ "${n:-1000}" -le 100 ] || fail "exits to user space: '$n': $(cat "$T/log")"
}

cases "$@"
