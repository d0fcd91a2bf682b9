#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman as root, with conmon and storage of its own and its default cgroup
# manager, which is systemd's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/storage.sh"
need podman conmon script systemctl jq
make_image
begin
make_storage "$D"

podman() { limit podman "$@"; }
run() { podman run --rm "$@"; }
tty() { tty_of podman "$@"; }
inspect() { podman inspect -f "$@"; }
stop_engine() {
	podman pod rm -fa -t 0
	podman rm -fa -t 0
	podman volume rm -fa
	rm_storage
	grep -q '^mount /run/netns ' "$D/before" || umount /run/netns
}
files() ( # directory file...: an engine is not to stand in a cgroup that goes
	cd "$1" && shift && echo $(cat "$@")
)
line_of() { podman logs "$1" 2>&1 | grep -qx "$2"; }

ok "import" podman import "$D/rootfs.tar" bb:latest
ok "info" podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.CgroupManager}}'
saw "info: runtime, cgroup manager" '^tested systemd$'

# ---- run
mkdir "$W/vol" && echo host >"$W/vol/file"
options() {
	exec 3<<<three
	echo from-stdin | run -i --user user --group-add keep-groups -w /tmp -e K=v --hostname there --umask 0077 \
		--read-only --tmpfs /var/data --tmpfs /t:size=1m,mode=1777 --shm-size 4m --tmpfs /home \
		-v "$W/vol:/v:ro" -v "$W/vol:/o:O" --mount type=image,src=bb,dst=/i --preserve-fds 1 \
		--memory 32m --cpus .5 --pids-limit 77 --cgroup-conf memory.high=30000000 --cgroupns host -v /sys/fs/cgroup:/cg:ro \
		--ulimit nofile=77:88 --sysctl net.ipv4.ip_default_ttl=7 --oom-score-adj 321 --timeout 60 \
		--security-opt no-new-privileges --device /dev/vda:/dev/mine:r bb sh -c '
		cat; cat <&3; id; echo "in $PWD $K $(hostname) $(umask)"
		touch /x; touch /tmp/x /var/tmp/x /dev/shm/x && echo tmpfs; touch /v/x; cat /v/file
		cat /var/data/file /i/var/data/file; stat -c "owners %u %g" /home/user; stat -c "mode %a" /t
		df -k /dev/shm | tail -n 1; cg=/cg$(cut -d: -f3 /proc/self/cgroup); cat /proc/self/cgroup
		cd $cg && echo limits $(cat memory.max cpu.max pids.max memory.high)
		echo files $(ulimit -n), ttl $(cat /proc/sys/net/ipv4/ip_default_ttl)
		echo oom $(cat /proc/self/oom_score_adj); ls -l /dev/mine; ip link
		grep -E "NoNewPrivs|Seccomp:" /proc/self/status'
}
runs "run: many options" options
saw "run -i: standard input" '^from-stdin$'
saw "run --preserve-fds" '^three$'
saw "run --user" '^uid=1000\(user\) gid=1000\(user\)'
saw "run -w, -e, --hostname, --umask" '^in /tmp v there 0077$'
saw "run --read-only" '/x: Read-only file system'
saw "run --read-only: /tmp, /var/tmp and /dev/shm" '^tmpfs$'
saw "-v: read-only" '/v/x: Read-only file system'
saw "-v: reads" '^host$'
saw "run --tmpfs: copy-up; --mount type=image" '^from the image$'
saw "run --tmpfs: keeps owners" '^owners 1000 1000$'
saw "run --tmpfs: mode" '^mode 1777$'
saw "run --shm-size" ' 4096 .*/dev/shm'
saw "run --cgroupns host: its scope" '^0::/machine.slice/libpod-.*[.]scope'
saw "run: limits, --cgroup-conf" '^limits 33554432 50000 100000 77 29999104$'
saw "run --ulimit, --sysctl" '^files 77, ttl 7$'
saw "run --oom-score-adj" '^oom 321$'
saw "run --device" '^brw.* /dev/mine$'
saw "run: no new privileges" 'NoNewPrivs:.1'
saw "run: seccomp" 'Seccomp:.2'
saw "run: a network of its own" '^1: lo'

opened() {
	run --privileged --ulimit host --pid host --network host -v vol1:/var/data bb sh -c "
		grep CapEff /proc/self/status; test -d /proc/$$ && echo pid $$
		cat /proc/self/cgroup /var/data/file; readlink /proc/self/ns/net"
}
ok "run --privileged, with the host's namespaces" opened
saw "run --privileged: capabilities" 'CapEff:.0*1ff'
saw "run --pid host" "^pid $$\$"
saw "run --network host" "^net:.${net:=$(readlink /proc/self/ns/net | tr -dc 0-9)}.\$"
saw "run: cgroup namespace" '^0::/$'
saw "a named volume: copied from the image" '^from the image$'
mapped() {
	run --uidmap 0:100000:5000 --gidmap 0:100000:5000 -v "$W/vol:/v:idmap" bb sh -c '
		echo $(cat /proc/self/uid_map); stat -c "%u %g" /var/data; stat -c "vol %u %g" /v/file'
}
ok "run --uidmap" mapped
saw "run --uidmap: the map" '^0 100000 5000$'
saw "run --uidmap: owners" '^0 0$'
saw "-v :idmap" '^vol 0 0$'
ok "run --rootfs :O, --cgroups split" run --cgroups split --rootfs "$D/rootfs:O" touch /new
ok "run --systemd=always" run --systemd=always bb sh -c 'touch /run/x /run/lock/x /tmp/x && mkdir /sys/fs/cgroup/sub'
rc "run -it: exit status" 6 tty run --rm -it bb sh -c 'tty; sleep 1; stty size; exit 6'
saw "run -it: a terminal" '^/dev/pts/0'
saw "run -it: its size" '^33 77'
rc "run --memory: out of memory" 137 podman run --name oom --memory 16m --memory-swap 16m bb sh -c "exec $FILL"
out "run --memory: OOMKilled" true inspect '{{.State.OOMKilled}}' oom
ok "rm: it" podman rm oom
bridge() {
	limit unshare -n sh -c 'ip link set lo up; "$@"; r=$?; ip addr show podman0; exit $r' _ \
		podman run --rm --network bridge --cap-add NET_RAW bb \
		sh -c 'ip addr show eth0; ping -c 1 -W 9 10.88.0.1'
}
ok "run --network bridge" bridge
saw "run --network bridge: an address" 'inet 10.88.0.[0-9]+/16'

# ---- failing commands
fails "no such program" 127 'executable file not found|No such file' run bb nonexist
fails "no such path" 127 'no such file' run bb /nonexist
fails "not executable" 126 'permission denied' run bb /etc/text
fails "a directory" 126 'permission denied|is a directory' run bb /etc
fails "a file over a directory" 12[67] 'not a directory|no such file' run -v /etc/passwd:/etc bb id

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
# podman makes its prestart hooks createRuntime hooks, in the order of the files
out "hooks: all of them" $'createRuntime creating\nprestart creating\npoststart running\npoststop stopped' cat "$W/hooks"

# ---- a running container
ok "run -d" podman run -d --name c1 bb sh -c \
	'trap "exit 7" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'
scope=/sys/fs/cgroup/machine.slice/libpod-$(inspect '{{.Id}}' c1).scope
ok "logs" wait_for 20 line_of c1 ready
ok "exec -i" bash -c 'exec 3<<<three
	echo in | timeout -k 5 60 podman exec -i --preserve-fds 1 -u user -w /tmp -e K=v c1 \
	sh -c "cat; cat <&3; echo \$(id -u) \$PWD \$K"'
saw "exec -i: standard input" '^in$'
saw "exec --preserve-fds" '^three$'
saw "exec: user, cwd, env" '^1000 /tmp v$'
rc "exec -it: exit status" 9 tty exec -it --privileged c1 \
	sh -c 'tty; sleep 1; stty size; grep CapEff /proc/self/status; exit 9'
saw "exec -it: a terminal" '^/dev/pts/'
saw "exec -it: its size" '^33 77'
saw "exec --privileged" 'CapEff:.0*1ff'
fails "exec: no such program" 127 'not found' podman exec c1 nonexist
fails "exec: not executable" 126 '[Pp]ermission denied' podman exec c1 /etc/text
fails "exec: no such directory to work in" 127 'no such file' podman exec -w /nonexist c1 id
ok "exec -d" podman exec -d c1 sleep 12345
has "top" 'sleep 12345' podman top c1 args
has "stats" '^[0-9.]+(kB|MB) .* [2-9]$' podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
ok "pause" podman pause c1
out "pause: state" paused inspect '{{.State.Status}}' c1
has "pause: frozen" 'frozen 1' cat "$scope/cgroup.events"
fails "exec: while paused" 255 'paused|running' podman exec c1 true
ok "unpause" podman unpause c1
ok "update" podman update --memory 64m --memory-swap 64m --cpus .5 --pids-limit 55 c1
out "update: did" "67108864 50000 100000 55" files "$scope" memory.max cpu.max pids.max
has "update: systemd knows" '^67108864$' systemctl show -P MemoryMax "${scope##*/}"
ok "kill -s HUP" podman kill -s HUP c1
ok "kill -s HUP: was heard" wait_for 20 line_of c1 hup
ok "restart -t 0" podman restart -t 0 c1
out "restart: limits stay" 67108864 files "$scope" memory.max
ok "cp" podman cp "$W/vol/file" c1:/tmp/copied
out "cp: is there" host podman exec c1 cat /tmp/copied
ok "kill -s USR1" podman kill -s USR1 c1
out "wait: exit status" 7 podman wait c1
ok "start" podman start c1
ok "stop -t 1" podman stop -t 1 c1
out "stop: exit status" "exited 137" inspect '{{.State.Status}} {{.State.ExitCode}}' c1
ok "rm" podman rm c1
ok "--cgroup-manager cgroupfs" podman --cgroup-manager cgroupfs run -d --name c3 --memory 32m bb sleep 1000
c3=/sys/fs/cgroup/libpod_parent/libpod-$(inspect '{{.Id}}' c3)
out "--cgroup-manager cgroupfs: its cgroup" 33554432 files "$c3" memory.max
# the exit status is lost then: the first removal fails, with any runtime
crash() {
	local pids
	pids=$(inspect '{{.State.ConmonPid}} {{.State.Pid}}' c3) || return
	[[ $pids =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] || return
	kill -9 ${pids% *} && kill -9 ${pids#* } || return
	podman rm -f -t 0 c3 || podman rm -f -t 0 c3
}
ok "conmon dies, then the container: rm -f" crash
out "conmon dies: no cgroup is left" "" find "${c3%/*}" -name "${c3##*/}"

# ---- pods
ok "pod create" podman pod create --name p --share net,ipc,uts,pid --infra-image bb --infra-command '/bin/sleep 1000'
ok "pod: run" podman run -d --pod p --name m bb sleep 2000
ok "pod: exec" podman exec m sh -c 'ps; readlink /proc/self/ns/net; tr "\0" "\n" </proc/1/cmdline; cat /proc/self/cgroup'
saw "pod: shares its pid namespace" 'sleep 1000'
infra_net() { readlink "/proc/$(inspect '{{.State.Pid}}' "$(podman pod inspect -f '{{.InfraContainerID}}' p)")/ns/net"; }
saw "pod: shares its network" "^net:.$(infra_net | tr -dc 0-9).\$"
ok "pod pause" podman pod pause p
ok "pod unpause" podman pod unpause p
ok "pod stop" podman pod stop -t 1 p
ok "pod start" podman pod start p
ok "pod rm" podman pod rm -f -t 0 p
