#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dockerd in a network namespace of its own, with its containerd, its bridge and
# the classic builder.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd script
make_image
begin

export DOCKER_HOST=unix://$D/d.sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$D/client
docker() { limit docker "$@"; }
run() { docker run --rm --network none "$@"; }
tty() { tty_of docker "$@"; }
address=10.251.0

stop_engine() {
	docker ps -aq | while read -r c; do docker rm -f "$c"; done
	[ -z "${pid:-}" ] || kill_wait "$pid"
	umount "$D/exec/netns/"* 2>/dev/null
	drop_parents docker hull-docker
}
# dockerd's own name for the runtime "runc" is taken
start_engine() {
	cat >"$D/daemon.json" <<-C
		{ "runtimes": { "tested": { "path": "$RUNTIME" } }, "default-runtime": "tested" }
	C
	setsid unshare -n sh -c 'ip link set lo up; exec "$@"' _ dockerd \
		--config-file "$D/daemon.json" --data-root "$D/root" \
		--exec-root "$D/exec" --pidfile "$D/docker.pid" -H "$DOCKER_HOST" \
		--bip "$address.1/24" --iptables=false --ip6tables=false --ip-forward=false \
		--ip-masq=false --userland-proxy=false --storage-driver overlay2 \
		--exec-opt native.cgroupdriver=cgroupfs >"$D/log" 2>&1 </dev/null &
	pid=$!
	wait_for 90 docker version
}
inspect() { docker inspect -f "$@"; }
cgroup_file() { cat "/sys/fs/cgroup/docker/$(inspect '{{.Id}}' "$1")/$2"; }
line_of() { docker logs "$1" 2>&1 | grep -qx "$2"; }

ok "dockerd starts" start_engine
has "info: the runtime" 'Default Runtime: tested' docker info
ok "import" docker import "$D/rootfs.tar" bb:latest

# ---- run
out "run: output" "uid=0(root) gid=0(root) groups=0(root)" run bb id
rc "run: exit status" 42 run bb sh -c 'exit 42'
rc "run: ended by a signal" 137 run bb sh -c 'kill -9 $$; sh -c "kill -9 1"; sleep 1; exec sh -c "exit 137"'
out "run -i: standard input" from-stdin bash -c "echo from-stdin | timeout -k 5 60 docker run --rm -i --network none bb cat"
has "run -t: a terminal" '^/dev/pts/0' tty run --rm -it --network none bb sh -c 'tty; test -c /dev/console'
has "run -t: its size" '^33 77' tty run --rm -it --network none bb sh -c 'sleep 1; stty size'
out "run: two streams" "1" bash -c \
	"timeout -k 5 60 docker run --rm --network none bb sh -c 'echo 1; echo 2 >&2' 2>/dev/null"
out "run --user: name" "uid=1000(user) gid=1000(user) groups=1000(user),2000(more)" run --user user bb id
out "run --user: numbers" "uid=5 gid=6 groups=6" run --user 5:6 bb id
out "run --group-add" "uid=5 gid=6 groups=6,7" run --user 5:6 --group-add 7 bb id
fails "run --user: unknown" 125 'unable to find user' run --user nobody-here bb id
has "run --read-only" 'Read-only file system' run --read-only bb sh -c 'touch /x; true'
ok "run --read-only --tmpfs" run --read-only --tmpfs /tmp:size=1m,mode=1777 bb touch /tmp/x
out "run --tmpfs: no copy-up" "" run --tmpfs /var/data bb ls /var/data
out "run -w, -e, --hostname" "/home/user v there" run -w /home/user -e K=v --hostname there bb \
	sh -c 'echo $PWD $K $(hostname)'
out "run -w: made when missing" /not/there run -w /not/there bb pwd
has "run --init" '^ +1 .*docker-init' run --init bb ps
rc "run --init: exit status" 17 run --init bb sh -c 'exit 17'
has "run --memory: out of memory" '^137$' bash -c \
	"timeout -k 5 60 docker run --name oom --network none --memory 16m --memory-swap 16m bb $FILL; echo \$?"
out "run --memory: OOMKilled" true inspect '{{.State.OOMKilled}}' oom
ok "rm: it" docker rm oom
out "run: limits" "33554432 50000 100000 77 512 0" run --cgroupns=host --memory 32m --cpus .5 \
	--pids-limit 77 --cpuset-cpus 0 -v /sys/fs/cgroup:/cg:ro bb sh -c \
	'cd /cg$(cut -d: -f3 /proc/self/cgroup); echo $(cat memory.max cpu.max pids.max) 512 $(cat cpuset.cpus)'
ok "run --cpu-shares --blkio-weight" run --cpu-shares 512 --blkio-weight 300 bb true
ok "run --device-read-bps" run --device-read-bps /dev/vda:1mb bb true
has "run --ulimit" '^77$' run --ulimit nofile=77:88 bb sh -c 'ulimit -n'
out "run --sysctl" 7 run --sysctl net.ipv4.ip_default_ttl=7 bb cat /proc/sys/net/ipv4/ip_default_ttl
out "run --shm-size" 4.0M run --shm-size 4m bb sh -c "df -h /dev/shm | awk 'END { print \$2 }'"
has "run --device" '^brw.* /dev/mine$' run --device /dev/vda:/dev/mine:r bb ls -l /dev/mine
has "run --device: read-only" 'not permitted|Read-only' run --device /dev/vda:/dev/mine:r bb \
	sh -c 'echo >/dev/mine; true'
has "run --cap-drop, --cap-add" '0000000000001000' run --cap-drop ALL --cap-add NET_ADMIN bb grep CapEff /proc/self/status
has "run: default capabilities" '00000000a80425fb' run bb grep CapEff /proc/self/status
has "run --privileged" 'CapEff:.0*1ff' run --privileged bb grep CapEff /proc/self/status
has "run --privileged: devices" '^brw' run --privileged bb ls -l /dev/vda
has "run: no new privileges" 'NoNewPrivs:.1' run --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status
has "run: seccomp" 'Seccomp:.2' run bb grep Seccomp: /proc/self/status
has "run: seccomp refuses" 'not permitted' run bb sh -c 'unshare -U true; true'
has "run: seccomp=unconfined" 'Seccomp:.0' run --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status
if [ -e /sys/kernel/security/apparmor/profiles ]; then
	has "run: AppArmor" '^docker-default' run bb cat /proc/self/attr/current
	has "run: apparmor=unconfined" '^unconfined' run --security-opt apparmor=unconfined bb cat /proc/self/attr/current
fi
has "run: masked and read-only paths" '^ok$' run bb sh -c \
	'test ! -s /proc/kcore && ! echo 1 >/proc/sys/kernel/panic && echo ok'
out "run: cgroup namespace" 0::/ run bb cat /proc/self/cgroup
out "run --pid host" "$$" run --pid host bb sh -c "test -d /proc/$$ && echo $$"
out "run --ipc, --uts host" "$(readlink /proc/self/ns/ipc) $(readlink /proc/self/ns/uts)" \
	run --ipc host --uts host bb sh -c 'echo $(readlink /proc/self/ns/ipc) $(readlink /proc/self/ns/uts)'
out "run --oom-score-adj" 321 run --oom-score-adj 321 bb cat /proc/self/oom_score_adj
out "run --cgroup-parent" 1 run --cgroupns=host --cgroup-parent /hull-docker bb grep -c ':/hull-docker/' /proc/self/cgroup

# ---- failing commands
fails "no such program" 127 'executable file not found' run bb nonexist
fails "no such path" 127 'no such file or directory' run bb /nonexist
fails "not executable" 126 'permission denied' run bb /etc/text
fails "a directory" 126 'is a directory|permission denied' run bb /etc
fails "a file over a directory" '127' 'not a directory' run -v /etc/passwd:/etc bb id
fails "no such image" 125 'Unable to find image|No such image' run --pull never nothere id
fails "an unknown sysctl" '127' 'no such file' run --sysctl net.ipv4.nothere=1 bb id
fails "a refused sysctl" 125 '.' run --sysctl kernel.shmmni=x bb id

# ---- volumes
mkdir "$W/vol" && echo host >"$W/vol/file"
out "-v: reads and writes" host run -v "$W/vol:/v" bb sh -c 'cat /v/file; touch /v/new'
ok "-v: wrote" test -e "$W/vol/new"
has "-v: read-only" 'Read-only file system' run -v "$W/vol:/v:ro" bb sh -c 'touch /v/x; true'
out "-v: a single file" host run -v "$W/vol/file:/var/data/one" bb cat /var/data/one
mkdir "$W/vol/sub" && mount -t tmpfs sub "$W/vol/sub"
has "-v: read-only with what is below" 'Read-only file system' run -v "$W/vol:/v:ro" bb sh -c 'touch /v/sub/x; true'
ok "-v: rslave" run -v "$W/vol:/v:rslave" bb true
umount "$W/vol/sub"
out "a named volume: copied from the image" "from the image" run -v vol1:/var/data bb cat /var/data/file
ok "a named volume: keeps" run -v vol1:/var/data bb sh -c 'echo kept >/var/data/kept'
out "a named volume: kept" kept run -v vol1:/var/data bb cat /var/data/kept
ok "volume rm" docker volume rm vol1
out "--mount type=tmpfs" tmpfs run --mount type=tmpfs,dst=/t bb sh -c "awk '\$2 == \"/t\" { print \$3 }' /proc/mounts"

# ---- a running container
ok "run -d" docker run -d --name c1 --network none bb sh -c \
	'trap "exit 7" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'
ok "logs" wait_for 10 line_of c1 ready
rc "exec: exit status" 5 docker exec c1 sh -c 'exit 5'
out "exec: output, user, cwd, env" "1000 /tmp v" docker exec -u user -w /tmp -e K=v c1 \
	sh -c 'echo $(id -u) $PWD $K'
out "exec -i: standard input" in bash -c 'echo in | timeout -k 5 60 docker exec -i c1 cat'
has "exec -it: a terminal" '^/dev/pts/' tty exec -it c1 tty
has "exec -it: its size" '^33 77' tty exec -it c1 sh -c 'sleep 1; stty size'
rc "exec -it: exit status" 9 tty exec -it c1 sh -c 'exit 9'
has "exec --privileged" 'CapEff:.0*1ff' docker exec --privileged c1 grep CapEff /proc/self/status
has "exec: seccomp" 'Seccomp:.2' docker exec c1 grep Seccomp: /proc/self/status
fails "exec: no such program" 126 'executable file not found' docker exec c1 nonexist
fails "exec: not executable" 126 'permission denied' docker exec c1 /etc/text
fails "exec: no such path" 126 'no such file' docker exec c1 /nonexist
ok "exec -d" docker exec -d c1 sleep 12345
has "top" 'sleep 12345' docker top c1
has "stats" '^[0-9.]+(KiB|MiB) ' docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
ok "pause" docker pause c1
out "pause: state" paused inspect '{{.State.Status}}' c1
out "pause: frozen" 1 cgroup_file c1 cgroup.freeze
fails "exec: while paused" 1 'paused' docker exec c1 true
ok "unpause" docker unpause c1
out "unpause: exec" on docker exec c1 echo on
ok "update --memory" docker update --memory 64m --memory-swap 64m c1
out "update --memory: did" 67108864 cgroup_file c1 memory.max
ok "update --cpus" docker update --cpus .5 c1
out "update --cpus: did" "50000 100000" cgroup_file c1 cpu.max
out "update: memory is as before" 67108864 cgroup_file c1 memory.max
ok "update --pids-limit --cpu-shares" docker update --pids-limit 55 --cpu-shares 2048 c1
out "update --pids-limit: did" 55 cgroup_file c1 pids.max
ok "update --cpuset-cpus" docker update --cpuset-cpus 1 c1
out "update --cpuset-cpus: did" 1 cgroup_file c1 cpuset.cpus
ok "kill -s HUP" docker kill -s HUP c1
ok "kill -s HUP: was heard" wait_for 10 line_of c1 hup
ok "restart -t 0" docker restart -t 0 c1
out "restart: runs" running inspect '{{.State.Status}}' c1
out "restart: limits stay" "67108864 50000 100000" bash -c \
	"cd /sys/fs/cgroup/docker/\$(docker inspect -f '{{.Id}}' c1) && echo \$(cat memory.max cpu.max)"
ok "cp: into" docker cp "$W/vol/file" c1:/tmp/copied
out "cp: into: is there" host docker exec c1 cat /tmp/copied
ok "kill -s USR1" docker kill -s USR1 c1
out "wait: exit status" 7 docker wait c1
ok "start" docker start c1
ok "stop -t 1" docker stop -t 1 c1
out "stop: exit status" "exited 137" inspect '{{.State.Status}} {{.State.ExitCode}}' c1
fails "exec: in a stopped one" 1 'is not running' docker exec c1 true
ok "rm" docker rm c1
ok "run -d: ends by itself at TERM" docker run -d --name c2 --network none bb sh -c \
	'trap "exit 0" TERM; while :; do sleep 0.1; done'
ok "stop: of it" docker stop -t 20 c2
out "stop: of it: exit status" 0 inspect '{{.State.ExitCode}}' c2
ok "rm -f" docker rm -f c2
ok "--restart on-failure" docker run -d --name c3 --network none --restart on-failure:2 bb sh -c 'exit 3'
restarted() { test "$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' c3)" = "2 exited"; }
ok "--restart: twice" wait_for 30 restarted
ok "commit" docker commit c3 bb:committed
ok "rm: c3" docker rm c3
ok "health check" docker run -d --name c4 --network none --health-cmd 'test -e /tmp' \
	--health-interval 1s bb sleep 1000
healthy() { test "$(docker inspect -f '{{.State.Health.Status}}' c4)" = healthy; }
ok "health check: healthy" wait_for 30 healthy
out "--pid container:, --ipc container:" "sleep 1000" run --pid container:c4 bb sh -c \
	"tr '\\0' ' ' </proc/1/cmdline | sed 's/ *\$//'"
ok "rm -f: c4" docker rm -f c4

# ---- the bridge, made by a prestart hook
has "bridge: an address" "inet $address\.[0-9]+/24" docker run --rm bb ip addr show eth0
ok "bridge: reaches the host" docker run --rm bb ping -c 1 -W 5 "$address.1"
has "bridge: resolv.conf and hosts" "^$address" docker run --rm bb cat /etc/hosts
ok "bridge: two containers" docker run -d --name n1 bb sh -c 'nc -l -p 99 -e echo hello'
peer() { docker run --rm bb nc -w 5 "$(inspect '{{.NetworkSettings.IPAddress}}' n1)" 99 </dev/null; }
has "bridge: one reaches the other" hello peer
ok "bridge: rm -f" docker rm -f n1
has "--network host" "inet $address.1/" docker run --rm --network host bb ip addr show docker0
ok "--network container:" docker run -d --name n2 bb sleep 1000
has "--network container: shares" "inet $address" docker run --rm --network container:n2 bb ip addr show eth0
ok "--network container: rm -f" docker rm -f n2

# ---- the classic builder
mkdir "$W/ctx"
printf 'FROM bb:latest\nENV K=v\nRUN echo built $K >/built && id -u >>/built\nUSER user\nRUN id -u >/tmp/user\nCMD cat /built /tmp/user\n' >"$W/ctx/Dockerfile"
ok "build" docker build -t built "$W/ctx"
out "build: what it made" $'built v\n0\n1000' run built
printf 'FROM bb:latest\nRUN exit 3\n' >"$W/ctx/Dockerfile"
fails "build: a failing RUN" 3 'non-zero code: 3' docker build "$W/ctx"
no_states() { test -z "$(ls "$D/exec/runtime-runc/moby" 2>/dev/null)"; }
no_containers() { docker ps -aq | while read -r c; do docker rm -f "$c"; done; }
ok "rm: what the builder left" no_containers
ok "no state is left" no_states
