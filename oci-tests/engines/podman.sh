#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman as root, with conmon and storage of its own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
need podman conmon script
make_image
begin
make_storage

podman() { limit podman "$@"; }
run() { podman run --rm "$@"; }
tty() { tty_of podman "$@"; }
inspect() { podman inspect -f "$@"; }
stop_engine() {
	podman pod rm -fa -t 0
	podman rm -fa -t 0
	podman volume rm -fa
	rm_storage
}
cgroup_file() { cat "/sys/fs/cgroup/libpod_parent/libpod-$(inspect '{{.Id}}' "$1")/$2"; }
line_of() { podman logs "$1" 2>&1 | grep -qx "$2"; }

ok "import" podman import "$D/rootfs.tar" bb:latest
has "info: the runtime" 'name: tested' podman info

# ---- run
out "run: output" "uid=0(root) gid=0(root) groups=0(root)" run bb id
rc "run: exit status" 42 run bb sh -c 'exit 42'
out "run -i: standard input" in bash -c 'echo in | timeout -k 5 60 podman run --rm -i bb cat'
has "run -it: a terminal" '^/dev/pts/0' tty run --rm -it bb tty
has "run -it: its size" '^33 77' tty run --rm -it bb sh -c 'sleep 1; stty size'
rc "run -it: exit status" 6 tty run --rm -it bb sh -c 'exit 6'
out "run --rootfs" hello run --rootfs "$D/rootfs" echo hello
ok "run --rootfs :O" run --rootfs "$D/rootfs:O" touch /new
out "run --user: name" "uid=1000(user) gid=1000(user) groups=1000(user),2000(more)" run --user user bb id
out "run --user: numbers" "uid=5 gid=6 groups=6" run --user 5:6 bb id
has "run --read-only" 'Read-only file system' run --read-only bb sh -c 'touch /x; true'
ok "run --read-only: /tmp, /run and /dev/shm" run --read-only bb touch /tmp/x /run/x /var/tmp/x /dev/shm/x
has "run --read-only --read-only-tmpfs=false" 'Read-only' run --read-only --read-only-tmpfs=false bb sh -c 'touch /tmp/x; true'
out "run --tmpfs: copy-up" "from the image" run --tmpfs /var/data bb cat /var/data/file
out "run --tmpfs: notmpcopyup" "" run --tmpfs /var/data:notmpcopyup bb ls /var/data
out "run --tmpfs: keeps owners" "1000 1000" run --tmpfs /home bb stat -c '%u %g' /home/user
out "run --tmpfs: size, mode" "1024.0K 1777" run --tmpfs /t:size=1m,mode=1777 bb sh -c \
	"echo \$(df -h /t | awk 'END { print \$2 }') \$(stat -c %a /t)"
out "run -w, -e, --hostname" "/tmp v there" run -w /tmp -e K=v --hostname there bb sh -c 'echo $PWD $K $(hostname)'
out "run --umask" 0077 run --umask 0077 bb sh -c umask
has "run --memory: out of memory" '^137$' bash -c \
	"timeout -k 5 60 podman run --name oom --memory 16m --memory-swap 16m bb $FILL; echo \$?"
out "run --memory: OOMKilled" true inspect '{{.State.OOMKilled}}' oom
ok "rm: it" podman rm oom
out "run: limits" "33554432 50000 100000 77" run --cgroupns=host --memory 32m --cpus .5 --pids-limit 77 \
	-v /sys/fs/cgroup:/cg:ro bb sh -c 'cd /cg$(cut -d: -f3 /proc/self/cgroup); echo $(cat memory.max cpu.max pids.max)'
out "run --cgroup-conf" 30000000 run --cgroupns=host --cgroup-conf=memory.high=30000000 \
	-v /sys/fs/cgroup:/cg:ro bb sh -c 'echo $(($(cat /cg$(cut -d: -f3 /proc/self/cgroup)/memory.high) / 4096 * 4096 + 256))'
has "run --ulimit" '^77$' run --ulimit nofile=77:88 bb sh -c 'ulimit -n'
out "run --shm-size" 4.0M run --shm-size 4m bb sh -c "df -h /dev/shm | awk 'END { print \$2 }'"
has "run --device" '^brw.* /dev/mine$' run --device /dev/vda:/dev/mine:r bb ls -l /dev/mine
has "run --cap-drop, --cap-add" '0000000000001000' run --cap-drop ALL --cap-add NET_ADMIN bb grep CapEff /proc/self/status
has "run --privileged" 'CapEff:.0*1ff' run --privileged --ulimit host bb grep CapEff /proc/self/status
has "run: no new privileges" 'NoNewPrivs:.1' run --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status
has "run: seccomp" 'Seccomp:.2' run bb grep Seccomp: /proc/self/status
out "run: cgroup namespace" 0::/ run bb cat /proc/self/cgroup
out "run --pid host" "$$" run --pid host bb sh -c "test -d /proc/$$ && echo $$"
out "run --oom-score-adj" 321 run --oom-score-adj 321 bb cat /proc/self/oom_score_adj
has "run --network host" '^net:' run --network host bb readlink /proc/self/ns/net
has "run --network: a new one" '^1: lo' run --network none bb ip link
out "run --sysctl" 7 run --sysctl net.ipv4.ip_default_ttl=7 bb cat /proc/sys/net/ipv4/ip_default_ttl
out "run --timeout" "" run --timeout 60 bb true
out "run --uidmap" "0 100000 1000" run --uidmap 0:100000:1000 --gidmap 0:100000:1000 bb sh -c 'echo $(cat /proc/self/uid_map)'
out "run --userns auto-like: owners" "0 0" run --uidmap 0:100000:5000 --gidmap 0:100000:5000 bb stat -c '%u %g' /var/data
ok "run --cgroups split" run --cgroups split bb true
ok "run --cgroup-parent" run --cgroup-parent /libpod_parent/sub bb true
if command -v catatonit >/dev/null; then
	rc "run --init: exit status" 17 run --init bb sh -c 'exit 17'
elif command -v docker-init >/dev/null; then
	rc "run --init: exit status" 17 run --init --init-path "$(command -v docker-init)" bb sh -c 'exit 17'
else
	skip "run --init: exit status" "no catatonit here"
fi
preserve() { # number
	exec 3<<<three 4<<<four
	podman run --rm --preserve-fds "$1" bb sh -c 'cat <&3; cat <&4'
}
out "run --preserve-fds" $'three\nfour' preserve 2
fails "run --preserve-fds: one too few" 1 'Bad file descriptor|bad file' preserve 1
has "run --preserve-fds: nothing else is open" '^0 1 2 3 [4-9]$' bash -c \
	'exec 3</dev/null; timeout -k 5 60 podman run --rm --preserve-fds 1 bb sh -c "echo \$(ls /proc/self/fd)"'
listen() {
	exec 3<<<three
	LISTEN_FDS=1 LISTEN_PID=$BASHPID exec podman run --rm bb sh -c 'cat <&3; echo $LISTEN_FDS $LISTEN_PID'
}
out "run: LISTEN_FDS" $'three\n1 1' bash -c "$(declare -f listen); unset -f podman; listen"

# ---- failing commands
fails "no such program" 127 'executable file not found|not found' run bb nonexist
fails "no such path" 127 'no such file or directory' run bb /nonexist
fails "not executable" 126 '[Pp]ermission denied' run bb /etc/text
fails "a directory" 126 '[Pp]ermission denied|is a directory' run bb /etc
fails "no such directory to work in" 126 'workdir|no such file|does not exist' run -w /nonexist bb id
fails "no such user" 126 'unable to find user' run --user nobody-here bb id
fails "no such image" 125 '.' run --pull never nothere id
fails "a file over a directory" 127 'not a directory|no such file' run -v /etc/passwd:/etc bb id

# ---- volumes
mkdir "$W/vol" && echo host >"$W/vol/file"
out "-v: reads and writes" host run -v "$W/vol:/v" bb sh -c 'cat /v/file; touch /v/new'
has "-v: read-only" 'Read-only file system' run -v "$W/vol:/v:ro" bb sh -c 'touch /v/x; true'
out "a named volume: copied from the image" "from the image" run -v vol1:/var/data bb cat /var/data/file
ok "volume rm" podman volume rm vol1
out "-v :idmap" "0 0" run --uidmap 0:100000:5000 --gidmap 0:100000:5000 -v "$W/vol:/v:idmap" bb stat -c '%u %g' /v/file
out "-v :O" host run -v "$W/vol:/v:O" bb sh -c 'touch /v/over; cat /v/file'
out "--mount type=image" "from the image" run --mount type=image,src=bb,dst=/i bb cat /i/var/data/file
ok "--systemd=always" run --systemd=always bb sh -c 'touch /run/x /run/lock/x /tmp/x && mkdir /sys/fs/cgroup/sub'

# ---- hooks
cat >"$W/hook" <<-'H'
	#!/bin/sh
	echo "$1 $(jq -r .status)" >>"$(dirname "$0")/hooks"
H
chmod +x "$W/hook"
for kind in prestart createRuntime poststart poststop; do
	cat >"$D/hooks/$kind.json" <<-H
		{ "version": "1.0.0", "hook": { "path": "$W/hook", "args": ["hook", "$kind"], "env": ["PATH=/usr/bin:/bin"] },
		  "when": { "annotations": { "^hull.test$": "hooks" } }, "stages": ["$kind"] }
	H
done
ok "hooks" run --annotation hull.test=hooks bb true
hooks_ran() { cat "$W/hooks"; }
out "hooks: all of them" $'prestart creating\ncreateRuntime creating\npoststart running\npoststop stopped' hooks_ran

# ---- a running container
ok "run -d" podman run -d --name c1 bb sh -c \
	'trap "exit 7" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'
ok "logs" wait_for 10 line_of c1 ready
rc "exec: exit status" 5 podman exec c1 sh -c 'exit 5'
out "exec: output, user, cwd, env" "1000 /tmp v" podman exec -u user -w /tmp -e K=v c1 sh -c 'echo $(id -u) $PWD $K'
out "exec -i: standard input" in bash -c 'echo in | timeout -k 5 60 podman exec -i c1 cat'
has "exec -it: a terminal" '^/dev/pts/' tty exec -it c1 tty
has "exec -it: its size" '^33 77' tty exec -it c1 sh -c 'sleep 1; stty size'
rc "exec -it: exit status" 9 tty exec -it c1 sh -c 'exit 9'
fails "exec: no such program" 127 'not found' podman exec c1 nonexist
fails "exec: not executable" 126 '[Pp]ermission denied' podman exec c1 /etc/text
fails "exec: no such path" 127 'no such file' podman exec c1 /nonexist
fails "exec: no such directory to work in" 127 'no such file' podman exec -w /nonexist c1 id
has "exec --privileged" 'CapEff:.0*1ff' podman exec --privileged c1 grep CapEff /proc/self/status
exec_preserve() { exec 3<<<three; podman exec --preserve-fds 1 c1 sh -c 'cat <&3'; }
out "exec --preserve-fds" three exec_preserve
ok "exec -d" podman exec -d c1 sleep 12345
ok "exec -d: runs" wait_for 10 podman exec c1 pgrep -f 'sleep 12345'
has "top" 'sleep 12345' podman top c1 args
has "stats" '^[0-9.]+(kB|MB) [2-9]' podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
ok "pause" podman pause c1
out "pause: state" paused inspect '{{.State.Status}}' c1
fails "exec: while paused" 255 'paused|running' podman exec c1 true
ok "unpause" podman unpause c1
ok "update" podman update --memory 64m --memory-swap 64m --cpus .5 --pids-limit 55 c1
out "update: memory" 67108864 cgroup_file c1 memory.max
out "update: cpu" "50000 100000" cgroup_file c1 cpu.max
out "update: pids" 55 cgroup_file c1 pids.max
ok "kill -s HUP" podman kill -s HUP c1
ok "kill -s HUP: was heard" wait_for 10 line_of c1 hup
ok "restart -t 0" podman restart -t 0 c1
out "restart: runs" running inspect '{{.State.Status}}' c1
out "restart: limits stay" 67108864 cgroup_file c1 memory.max
ok "cp" podman cp "$W/vol/file" c1:/tmp/copied
out "cp: is there" host podman exec c1 cat /tmp/copied
ok "kill -s USR1" podman kill -s USR1 c1
out "wait: exit status" 7 podman wait c1
ok "start" podman start c1
ok "stop -t 1" podman stop -t 1 c1
out "stop: exit status" "exited 137" inspect '{{.State.Status}} {{.State.ExitCode}}' c1
ok "rm" podman rm c1
ok "rm -f: a running one" bash -c 'timeout -k 5 60 podman run -d --name c2 bb sleep 1000 && timeout -k 5 60 podman rm -f -t 0 c2'
crash() {
	podman run -d --name c3 bb sleep 1000 && kill -9 "$(inspect '{{.State.ConmonPid}}' c3)" &&
		kill -9 "$(inspect '{{.State.Pid}}' c3)"
	podman rm -f -t 0 c3
}
ok "conmon dies, then the container: rm -f" crash

# ---- pods
ok "pod create" podman pod create --name p --share net,ipc,uts,pid --infra-image bb --infra-command '/bin/sleep 1000'
ok "pod: run" podman run -d --pod p --name m bb sleep 2000
has "pod: shares its pid namespace" 'sleep 1000' podman exec m ps
out "pod: shares its network" same bash -c \
	'f="{{.State.Pid}}"; a=$(podman inspect -f $f m) b=$(podman inspect -f $f $(podman pod inspect -f "{{.InfraContainerID}}" p))
	 test $(readlink /proc/$a/ns/net) = $(readlink /proc/$b/ns/net) && echo same'
ok "pod pause" podman pod pause p
ok "pod unpause" podman pod unpause p
has "pod top" 'sleep' podman pod top p
ok "pod stop" podman pod stop -t 1 p
ok "pod start" podman pod start p
ok "pod rm" podman pod rm -f -t 0 p
