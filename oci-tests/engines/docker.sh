#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dockerd in a network namespace of its own, with its containerd, its bridge and
# the classic builder; first with its default cgroup driver, which is systemd's,
# then with cgroupfs. A container takes dockerd seconds in the emulated machine,
# so each looks at many things.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd script systemctl
make_image
begin

export DOCKER_HOST=unix://$D/d.sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$D/client
docker() { limit docker "$@"; }
run() { docker run --rm "$@"; }
tty() { tty_of docker "$@"; }
address=10.251.0

stop_engine() {
	docker ps -aq | while read -r c; do docker rm -f "$c"; done
	[ -z "${pid:-}" ] || kill_wait "$pid"
	umount "$D/exec/netns/"* 2>/dev/null
	drop_parents docker hull-docker
}
# dockerd's own name for the runtime "runc" is taken
start_engine() { # driver
	cat >"$D/daemon.json" <<-C
		{ "runtimes": { "tested": { "path": "$RUNTIME" } }, "default-runtime": "tested" }
	C
	setsid unshare -n sh -c 'ip link set lo up; exec "$@"' _ dockerd \
		--config-file "$D/daemon.json" --data-root "$D/root" \
		--exec-root "$D/exec" --pidfile "$D/docker.pid" -H "$DOCKER_HOST" \
		--bip "$address.1/24" --iptables=false --ip6tables=false --ip-forward=false \
		--ip-masq=false --userland-proxy=false --storage-driver overlay2 \
		${1:+--exec-opt "native.cgroupdriver=$1"} >>"$D/log" 2>&1 </dev/null &
	pid=$!
	wait_for 90 docker version
}
inspect() { docker inspect -f "$@"; }
id_of() { inspect '{{.Id}}' "$1"; }
files() ( # directory file...: an engine is not to stand in a cgroup that goes
	cd "$1" && shift && echo $(cat "$@")
)
line_of() { docker logs "$1" 2>&1 | grep -qx "$2"; }
clean() {
	[ -z "$(ls "$D/exec/runtime-runc/moby" 2>/dev/null)" ] &&
		! systemctl list-units --all --plain --no-legend 'docker-*.scope' | grep .
}

ok "dockerd starts" start_engine
ok "info" docker info
saw "info: the runtime" 'Default Runtime: tested'
saw "info: the cgroup driver" 'Cgroup Driver: systemd'
ok "import" docker import "$D/rootfs.tar" bb:latest

# ---- run
rc "run: exit status" 42 run bb sh -c 'exit 42'
mkdir "$W/vol" "$W/vol/sub" && echo host >"$W/vol/file"
mount -t tmpfs sub "$W/vol/sub"
options() {
	echo from-stdin | run -i --user user --group-add 7 -w /not/there -e K=v --hostname there \
		--read-only --tmpfs /tmp:size=1m,mode=1777 --shm-size 4m --mount type=tmpfs,dst=/t \
		-v "$W/vol:/v:ro" -v "$W/vol:/w" -v "$W/vol/file:/var/data/one" \
		--memory 32m --memory-swap 64m --cpus .5 --pids-limit 77 --cpuset-cpus 0 --cpu-shares 512 \
		--blkio-weight 300 --device-read-bps /dev/vda:1mb --cgroupns host -v /sys/fs/cgroup:/cg:ro \
		--ulimit nofile=77:88 --sysctl net.ipv4.ip_default_ttl=7 --oom-score-adj 321 \
		--security-opt no-new-privileges --device /dev/vda:/dev/mine:r bb sh -c '
		cat; id; echo "in $PWD $K $(hostname)"
		touch /x; touch /tmp/x && echo tmpfs; touch /v/x /v/sub/x; cat /v/file /var/data/one
		df -k /dev/shm | tail -n 1; awk "\$2 == \"/t\" { print \"t\", \$3 }" /proc/mounts
		cg=/cg$(cut -d: -f3 /proc/self/cgroup); cat /proc/self/cgroup
		cd $cg && echo limits $(cat memory.max memory.swap.max cpu.max pids.max cpuset.cpus)
		echo files $(ulimit -n), ttl $(cat /proc/sys/net/ipv4/ip_default_ttl)
		echo oom $(cat /proc/self/oom_score_adj); ls -l /dev/mine
		grep -E "NoNewPrivs|Seccomp:" /proc/self/status; unshare -U true
		cat /proc/self/attr/current; test ! -s /proc/kcore && echo masked
		echo 1 >/proc/sys/kernel/panic'
}
runs "run: many options" options
saw "run -i: standard input" '^from-stdin$'
saw "run --user, --group-add" '^uid=1000\(user\) gid=1000\(user\) groups=7,1000\(user\),2000\(more\)|groups=1000\(user\),7,2000\(more\)|groups=1000\(user\),2000\(more\),7'
saw "run -w (made when missing), -e, --hostname" '^in /not/there v there$'
saw "run --read-only" '/x: Read-only file system'
saw "run --tmpfs" '^tmpfs$'
saw "-v: read-only" '/v/x: Read-only file system'
saw "-v: read-only with what is below" '/v/sub/x: Read-only file system'
saw "-v: reads" '^host$'
saw "run --shm-size" ' 4096 .*/dev/shm'
saw "--mount type=tmpfs" '^t tmpfs$'
saw "run --cgroupns host" '^0::/system.slice/docker-.*[.]scope'
saw "run: limits" '^limits 33554432 33554432 50000 100000 77 0$'
saw "run --ulimit, --sysctl" '^files 77, ttl 7$'
saw "run --oom-score-adj" '^oom 321$'
saw "run --device" '^brw.* /dev/mine$'
saw "run: no new privileges" 'NoNewPrivs:.1'
saw "run: seccomp" 'Seccomp:.2'
saw "run: seccomp refuses" 'unshare.*not permitted'
saw "run: AppArmor" '^docker-default'
saw "run: masked paths" '^masked$'
saw "run: read-only paths" 'kernel/panic: Read-only'
umount "$W/vol/sub"

opened() {
	run --privileged --pid host --ipc host --uts host --network host --cgroupns private \
		-v vol1:/var/data --cgroup-parent "${1:-system.slice}" -v "$W/vol:/w" bb sh -c "
		grep CapEff /proc/self/status; ls -l /dev/vda; test -d /proc/$$ && echo pid $$
		echo \$(readlink /proc/self/ns/ipc) \$(readlink /proc/self/ns/uts)
		ip addr show docker0; cat /proc/self/cgroup /proc/self/attr/current /var/data/file
		grep Seccomp: /proc/self/status; touch /w/new"
}
ok "run --privileged, with the host's namespaces" opened
saw "run --privileged: capabilities" 'CapEff:.0*1ff'
saw "run --privileged: devices" '^brw.*/dev/vda'
saw "run --privileged: seccomp" 'Seccomp:.0'
saw "run --privileged: AppArmor" '^unconfined'
saw "run --pid host" "^pid $$\$"
saw "run --ipc, --uts host" "^$(readlink /proc/self/ns/ipc | sed 's/[][]/\\&/g') $(readlink /proc/self/ns/uts | sed 's/[][]/\\&/g')"
saw "run --network host" "inet $address.1/"
saw "run: cgroup namespace" '^0::/$'
saw "a named volume: copied from the image" '^from the image$'
ok "-v: wrote" test -e "$W/vol/new"
ok "volume rm" docker volume rm vol1
rc "run -it: exit status" 6 tty run --rm -it --init bb sh -c 'tty; sleep 1; stty size; ps; exit 6'
saw "run -it: a terminal" '^/dev/pts/0'
saw "run -it: its size" '^33 77'
saw "run --init" '^ +1 .*docker-init'
# the shell stays: with the last process the scope goes, and with it the event's count
rc "run --memory: out of memory" 137 docker run --name oom --network none --memory 16m --memory-swap 16m bb \
	sh -c "$FILL; r=\$?; sleep 3; exit \$r"
out "run --memory: OOMKilled" true inspect '{{.State.OOMKilled}}' oom
ok "rm: it" docker rm oom

# ---- failing commands
fails "no such program" 127 'executable file not found' run bb nonexist
fails "no such path" 127 'no such file or directory' run bb /nonexist
fails "not executable" 126 'permission denied' run bb /etc/text
fails "a directory" 126 'is a directory|permission denied' run bb /etc
fails "a file over a directory" 125 'not a directory' run -v /etc/passwd:/etc bb id

# ---- a running container
ok "run -d" docker run -d --name c1 bb sh -c \
	'trap "exit 7" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'
scope=/sys/fs/cgroup/system.slice/docker-$(id_of c1).scope
ok "logs" wait_for 20 line_of c1 ready
ok "exec -i" bash -c 'echo in | timeout -k 5 60 docker exec -i -u user -w /tmp -e K=v c1 \
	sh -c "cat; echo \$(id -u) \$PWD \$K; grep Seccomp: /proc/self/status"'
saw "exec -i: standard input" '^in$'
saw "exec: user, cwd, env" '^1000 /tmp v$'
saw "exec: seccomp" 'Seccomp:.2'
rc "exec -it: exit status" 9 tty exec -it --privileged c1 \
	sh -c 'tty; sleep 1; stty size; grep CapEff /proc/self/status; exit 9'
saw "exec -it: a terminal" '^/dev/pts/'
saw "exec -it: its size" '^33 77'
saw "exec --privileged" 'CapEff:.0*1ff'
fails "exec: no such program" 12[67] 'executable file not found' docker exec c1 nonexist
fails "exec: not executable" 126 'permission denied' docker exec c1 /etc/text
ok "exec -d" docker exec -d c1 sleep 12345
has "top" 'sleep 12345' docker top c1
has "stats" '^[0-9.]+(KiB|MiB) .* [2-9]$' docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
ok "pause" docker pause c1
out "pause: state" paused inspect '{{.State.Status}}' c1
has "pause: frozen" 'frozen 1' cat "$scope/cgroup.events"
fails "exec: while paused" 1 'paused' docker exec c1 true
ok "unpause" docker unpause c1
ok "update" docker update --memory 64m --memory-swap 64m --cpus .5 --pids-limit 55 --cpuset-cpus 1 c1
out "update: did" "67108864 0 50000 100000 55 1" files "$scope" memory.max memory.swap.max cpu.max pids.max cpuset.cpus
has "update: systemd knows" '^67108864$' systemctl show -P MemoryMax "${scope##*/}"
reloaded() { systemctl daemon-reload && files "$scope" memory.max pids.max; }
out "update: systemd keeps it" "67108864 55" reloaded
ok "update again" docker update --cpu-shares 2048 c1
out "update again: the others stay" "67108864 50000 100000" files "$scope" memory.max cpu.max
ok "kill -s HUP" docker kill -s HUP c1
ok "kill -s HUP: was heard" wait_for 20 line_of c1 hup
ok "restart -t 0" docker restart -t 0 c1
out "restart: runs" running inspect '{{.State.Status}}' c1
out "restart: limits stay" "67108864 50000 100000" files "$scope" memory.max cpu.max
ok "cp: into" docker cp "$W/vol/file" c1:/tmp/copied
out "cp: into: is there" host docker exec c1 cat /tmp/copied
ok "kill -s USR1" docker kill -s USR1 c1
out "wait: exit status" 7 docker wait c1
ok "start" docker start c1
ok "stop -t 1" docker stop -t 1 c1
out "stop: exit status" "exited 137" inspect '{{.State.Status}} {{.State.ExitCode}}' c1
ok "rm" docker rm c1
ok "--restart on-failure" docker run -d --name c3 --network none --restart on-failure:2 bb sh -c 'exit 3'
restarted() { test "$(inspect '{{.RestartCount}} {{.State.Status}}' c3)" = "2 exited"; }
ok "--restart: twice" wait_for 60 restarted
ok "rm: c3" docker rm c3

# ---- the bridge, made by a prestart hook
ok "bridge: run -d" docker run -d --name n1 bb nc -l -p 99 -e echo hello
peer() {
	run bb sh -c "ip addr show eth0; ping -c 1 -W 5 $address.1 && echo pinged; cat /etc/hosts
		grep CapEff /proc/self/status; nc -w 5 $(inspect '{{.NetworkSettings.IPAddress}}' n1) 99 </dev/null"
}
ok "bridge: a second one" peer
saw "bridge: an address" "inet $address\.[0-9]+/24"
saw "bridge: reaches the host" '^pinged'
saw "bridge: hosts" "^$address"
saw "bridge: default capabilities" '00000000a80425fb'
saw "bridge: one reaches the other" '^hello$'
ok "bridge: rm -f" docker rm -f n1
ok "--network container: run -d" docker run -d --name n2 bb sleep 1000
ok "--network, --pid container:" run --network container:n2 --pid container:n2 bb \
	sh -c "ip addr show eth0; tr '\\0' ' ' </proc/1/cmdline"
saw "--network container: shares" "inet $address"
saw "--pid container: shares" "^sleep 1000"
ok "--network container: rm -f" docker rm -f n2

# ---- the classic builder
mkdir "$W/ctx"
printf 'FROM bb:latest\nENV K=v\nRUN echo built $K && id -u\nRUN exit 3\n' >"$W/ctx/Dockerfile"
fails "build: a failing RUN" 3 'non-zero code: 3' docker build "$W/ctx"
saw "build: a RUN before" '^built v$'
no_containers() { docker ps -aq | while read -r c; do docker rm -f "$c"; done; }
ok "rm: what the builder left" no_containers
ok "no state, no scope is left" wait_for 10 clean

# ---- once more with the other cgroup driver
ok "cgroupfs: dockerd ends" kill_wait "$pid"
ok "cgroupfs: dockerd starts" start_engine cgroupfs
has "cgroupfs: info" 'Cgroup Driver: cgroupfs' docker info
ok "cgroupfs: run -d" docker run -d --name g1 --memory 32m bb sleep 1000
g1=/sys/fs/cgroup/docker/$(id_of g1)
out "cgroupfs: its cgroup" 33554432 files "$g1" memory.max
out "cgroupfs: exec" on docker exec g1 echo on
ok "cgroupfs: pause" docker pause g1
has "cgroupfs: pause: frozen" 'frozen 1' cat "$g1/cgroup.events"
ok "cgroupfs: unpause" docker unpause g1
ok "cgroupfs: update" docker update --memory 64m --memory-swap 64m g1
out "cgroupfs: update: did" 67108864 files "$g1" memory.max
has "cgroupfs: stats" '^[0-9.]+(KiB|MiB) .* 1$' docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' g1
ok "cgroupfs: kill" docker kill g1
ok "cgroupfs: rm" docker rm g1
rc "cgroupfs: out of memory" 137 run --network none --cgroup-parent /hull-docker --memory 16m --memory-swap 16m bb sh -c "exec $FILL"
ok "cgroupfs: no state is left" wait_for 10 clean
