#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman of a user without privileges, under that user's own systemd. Needs a
# user named "rootless" with subordinate ids who lingers, as the test host has.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
need podman conmon script systemd-run setpriv newuidmap
uid=$(id -u rootless 2>/dev/null) && [ -S "/run/user/$uid/bus" ] || {
	echo "skip $engine: no user 'rootless' with a systemd of its own"
	echo "engines/$engine: 0 passed, 0 failed, 1 skipped"
	rm -rf "$D"
	exit 0
}
make_image
begin
mkdir "$D/home"
chmod 711 "$D"
if [ "$RT" = hull ]; then # the user may not be let in where it was built
	mkdir "$D/bin" && cp "$RUNTIME" "$RUNTIME-net" "$RUNTIME-systemd" "$D/bin/"
	RUNTIME=$D/bin/$(basename "$RUNTIME")
fi
make_storage "$D/home"
chown -R "$uid" "$D/home" "$W"

# a service of the user's systemd, where a session of the user's would be
as_user() {
	limit setpriv --reuid="$uid" --regid="$uid" --init-groups \
		env -i PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$uid" systemd-run --user --quiet \
		--wait --pipe --collect -p Delegate=yes -p KillMode=process -- \
		env -C "$D/home" HOME="$D/home" CONTAINERS_CONF="$CONTAINERS_CONF" \
		CONTAINERS_STORAGE_CONF="$CONTAINERS_STORAGE_CONF" TMPDIR="$TMPDIR" TERM=dumb "$@"
}
podman() { as_user podman "$@"; }
run() { podman run --rm "$@"; }
tty() { as_user script -qec "stty rows 33 cols 77; podman $(printf '%q ' "$@")" /dev/null; }
inspect() { podman inspect -f "$@"; }
stop_engine() {
	podman pod rm -fa -t 0
	podman rm -fa -t 0
	podman system migrate # ends the process that holds the namespace
	# what its containers' owners are belongs to ids that only it may remove
	podman unshare rm -rf "$D/home/graph"
	podman system migrate
	rm_storage
}
files() ( # directory file...: an engine is not to stand in a cgroup that goes
	cd "$1" && shift && echo $(cat "$@")
)
user_slice=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service

ok "import" podman import "$D/rootfs.tar" bb:latest
ok "info" podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.CgroupManager}} {{.Host.Security.Rootless}}'
saw "info: runtime, cgroup manager" '^tested systemd true$'

mkdir "$W/vol" && echo host >"$W/vol/file" && chown -R "$uid" "$W/vol"
options() {
	echo from-stdin | run -i --read-only --tmpfs /var/data -w /tmp -e K=v --hostname there \
		-v "$W/vol:/v" --memory 32m --cpus .5 --pids-limit 77 --cgroupns host -v /sys/fs/cgroup:/cg:ro bb sh -c '
		cat; id -u; echo $(cat /proc/self/uid_map); echo "in $PWD $K $(hostname)"; touch /x
		cat /v/file /var/data/file; stat -c "vol %u" /v/file; touch /v/new
		cat /proc/self/cgroup; cd /cg$(cut -d: -f3 /proc/self/cgroup) &&
		echo limits $(cat memory.max cpu.max pids.max); grep Seccomp: /proc/self/status'
}
ok "run: many options" options
saw "run -i: standard input" '^from-stdin$'
saw "run: root" '^0$'
saw "run: the user's map" "^0 $uid 1 1 [0-9]+ [0-9]+$"
saw "run -w, -e, --hostname" '^in /tmp v there$'
saw "run --read-only" '/x: Read-only file system'
saw "run -v" '^host$'
saw "run -v: owner" '^vol 0$'
saw "run --tmpfs: copy-up" '^from the image$'
saw "run: its scope" "^0::.*/user@$uid.service/user.slice/libpod-.*[.]scope"
saw "run: limits" '^limits 33554432 50000 100000 77$'
saw "run: seccomp" 'Seccomp:.2'
out "run -v: wrote" "$uid" stat -c %u "$W/vol/new"
rc "run -it: exit status" 6 tty run --rm -it --user user bb sh -c 'tty; sleep 1; stty size; id -u; exit 6'
saw "run -it: a terminal" '^/dev/pts/0'
saw "run -it: its size" '^33 77'
saw "run --user" '^1000$'
rc "run --memory: out of memory" 137 run --memory 16m --memory-swap 16m bb sh -c "exec $FILL"
fails "no such program" 127 'executable file not found|No such file' run bb nonexist
fails "not executable" 126 'permission denied' run bb /etc/text

ok "run -d" podman run -d --name c1 bb sh -c 'trap "exit 7" USR1; while :; do sleep 0.1; done'
scope=$user_slice/user.slice/libpod-$(inspect '{{.Id}}' c1).scope
ok "exec -i" bash -c "$(declare -f limit as_user podman); uid=$uid D=$D; echo in | podman exec -i -u user c1 sh -c 'cat; id -u'"
saw "exec: standard input" '^in$'
saw "exec: user" '^1000$'
rc "exec -it: exit status" 9 tty exec -it c1 sh -c 'tty; exit 9'
saw "exec -it: a terminal" '^/dev/pts/'
fails "exec: no such program" 127 'not found' podman exec c1 nonexist
has "stats" '^[0-9.]+(kB|MB) .* [2-9]$' podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
ok "pause" podman pause c1
has "pause: frozen" 'frozen 1' cat "$scope/cgroup.events"
ok "unpause" podman unpause c1
ok "update" podman update --memory 64m --pids-limit 55 c1
out "update: did" "67108864 55" files "$scope" memory.max pids.max
ok "restart -t 0" podman restart -t 0 c1
ok "kill -s USR1" podman kill -s USR1 c1
out "wait: exit status" 7 podman wait c1
ok "rm" podman rm c1
ok "--cgroup-manager cgroupfs" podman --cgroup-manager cgroupfs run --rm bb true
ok "pod create" podman pod create --name p --network none --share net,ipc,uts,pid --infra-image bb --infra-command '/bin/sleep 1000'
ok "pod: run" podman run -d --pod p --name m bb sleep 2000
has "pod: shares its pid namespace" 'sleep 1000' podman exec m ps
ok "pod rm" podman pod rm -f -t 0 p
