#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

add() { # jq object of a mount
	cfg ".mounts += [$1]"
}
info() { # destination
	run_sh "awk -v d=$1 '\$5 == d' /proc/self/mountinfo" | tail -n 1
}
t_bind_dir_and_file() {
	bundle
	mkdir -p "$T/src/sub"
	echo content >"$T/src/file"
	add "{destination: \"/new/dir\", type: \"bind\", source: \"$T/src\", options: [\"rbind\", \"rw\"]}"
	add "{destination: \"/new/file\", type: \"bind\", source: \"$T/src/file\", options: [\"bind\", \"ro\"]}"
	cfg '.root.readonly = false'
	eq "$(run_sh 'cat /new/dir/file /new/file; touch /new/dir/made; echo x 2>/dev/null >/new/file || echo ro' | tr '\n' ' ')" 'content content ro '
	[ -e "$T/src/made" ]
}
t_relative_source() {
	bundle
	mkdir "$B/vol"
	echo rel >"$B/vol/f"
	add '{destination: "/mnt", type: "bind", source: "vol", options: ["rbind"]}'
	eq "$(cd / && run_sh 'cat /mnt/f')" rel
}
t_options_reach_the_mount() {
	bundle
	add '{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["nosuid","nodev","noexec","noatime","size=1m","mode=700"]}'
	line=$(info /m)
	for o in nosuid nodev noexec noatime mode=700 size=1024k; do has "$line" $o; done
}
t_recursive_read_only() {
	mkdir -p "$T/src/sub"
	mount -t tmpfs t "$T/src/sub"
	bundle
	add "{destination: \"/mnt\", type: \"bind\", source: \"$T/src\", options: [\"rbind\", \"ro\"]}"
	add "{destination: \"/mnt2\", type: \"bind\", source: \"$T/src\", options: [\"rbind\", \"rro\"]}"
	rc=0
	out=$(run_sh 'touch /mnt/sub/a && echo below-rw; touch /mnt2/sub/b 2>/dev/null || echo below-ro') || rc=$?
	umount "$T/src/sub"
	eq "$(echo "$out" | tr '\n' ' ')" 'below-rw below-ro '
}
t_tmpcopyup() {
	bundle
	mkdir -p "$B/rootfs/data/d"
	echo kept >"$B/rootfs/data/d/f"
	ln -s d/f "$B/rootfs/data/l"
	chmod 604 "$B/rootfs/data/d/f"
	chown 12:34 "$B/rootfs/data/d/f"
	add '{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}'
	eq "$(run_sh 'cat /data/l; stat -c "%a %u %g" /data/d/f; touch /data/new' | tr '\n' ' ')" 'kept 604 12 34 '
	[ ! -e "$B/rootfs/data/new" ] || fail 'written to the lower directory'
}
t_tmpcopyup_of_nothing() { # what hull itself made there has no mode to copy
	bundle '.process.user = { uid: 1000, gid: 1000 } | .process.umask = 63'
	mkdir "$B/rootfs/have" && chmod 750 "$B/rootfs/have"
	add '{destination: "/none/deep", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}'
	add '{destination: "/none/mode", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=711"]}'
	add '{destination: "/have", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}'
	eq "$(run_sh 'touch /none/deep/x; stat -c %a /none/deep /none/mode /have' | tr '\n' ' ')" '1777 711 750 '
}
t_later_mount_wins() {
	bundle
	mkdir "$T/a" "$T/b2"
	touch "$T/a/one" "$T/b2/two"
	add "{destination: \"/m\", type: \"bind\", source: \"$T/a\", options: [\"bind\"]}"
	add "{destination: \"/m\", type: \"bind\", source: \"$T/b2\", options: [\"bind\"]}"
	eq "$(run_sh 'ls /m')" two
}
t_propagation() {
	bundle '.linux.rootfsPropagation = "shared"'
	has "$(run_sh "awk '\$5 == \"/\"' /proc/self/mountinfo")" shared:
	cfg '.linux.rootfsPropagation = "private"'
	hasnt "$(run_sh "awk '\$5 == \"/\"' /proc/self/mountinfo")" shared:
	mkdir "$T/s"
	add "{destination: \"/p\", type: \"bind\", source: \"$T/s\", options: [\"rbind\", \"rshared\"]}"
	has "$(info /p)" shared:
}
t_host_mounts_stay_as_they_are() {
	bundle
	grep -v hull-func /proc/self/mountinfo >"$T/before"
	run_sh true
	grep -v hull-func /proc/self/mountinfo >"$T/after"
	cmp "$T/before" "$T/after"
}
t_unknown_option_is_data() {
	bundle
	add '{destination: "/m", type: "tmpfs", source: "t", options: ["nosuchoption=1"]}'
	refuses 'mounts[' hull run -b "$B" "$TAG"
}
t_missing_source() {
	bundle
	add '{destination: "/m", type: "bind", source: "/nonexistent/source", options: ["bind"]}'
	refuses '/nonexistent/source' hull run -b "$B" "$TAG"
	has "$(cat "$T/refused")" 'no such file or directory'
}
t_read_only_root() {
	bundle '.root.readonly = true'
	eq "$(run_sh 'touch /x 2>/dev/null || echo ro; touch /dev/x && echo dev')" "$(printf 'ro\ndev')"
	cfg '.root.readonly = false'
	eq "$(run_sh 'touch /x && echo rw')" rw
}
t_overlay_type() {
	mkdir -p "$T/lo" "$T/up" "$T/wk"
	echo low >"$T/lo/f"
	bundle
	add "{destination: \"/o\", type: \"overlay\", source: \"overlay\", options: [\"lowerdir=$T/lo\", \"upperdir=$T/up\", \"workdir=$T/wk\"]}"
	eq "$(run_sh 'cat /o/f; echo new >/o/g')" low
	eq "$(cat "$T/up/g")" new
}
t_cgroup_mount_shows_own_cgroup() {
	bundle
	out=$(run_sh 'cat /sys/fs/cgroup/cgroup.procs; cat /proc/self/cgroup | grep ^0::')
	has "$out" '0::/'
	has "$out" 1
	cfg 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	out=$(run_sh 'cat /sys/fs/cgroup/cgroup.procs')
	has "$out" 1
	eq "$(run_sh 'mkdir /sys/fs/cgroup/x 2>/dev/null || echo ro')" ro
}
t_many_binds_few_descriptors() {
	bundle
	mkdir "$T/src"
	cfg --arg s "$T/src" 'del(.process.rlimits) | .mounts += [range(1000) | {destination: ("/m/" + tostring), type: "bind", source: $s, options: ["bind"]}]'
	sh_args 'grep -c " /m/" /proc/self/mountinfo'
	eq "$(ulimit -n 64 && hull run -b "$B" "$TAG")" 1000
}
t_devices() {
	bundle '.linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 8630, "uid": 3, "gid": 4},
		{"path": "/dev/sub/fifo/", "type": "p", "fileMode": 438}] |
		.linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rw"}]'
	eq "$(run_sh 'stat -c "%a %u %g %t %T" /dev/mine; test -p /dev/sub/fifo && echo fifo; head -c 1 /dev/mine | wc -c' | tr '\n' ' ')" '666 3 4 1 5 fifo 1 '
}
# a row for each name that `features` lists: what came before it on the tmpfs at
# /o, and words that mountinfo shows then of the mount or its filesystem ("!": not)
option_effects() {
	cat <<-'END'
		async sync !sync
		sync - sync
		dirsync - dirsync
		lazytime - lazytime
		nolazytime lazytime !lazytime
		mand - -
		nomand mand !mand
		iversion - -
		noiversion iversion -
		silent - -
		loud silent -
		defaults - rw,relatime
		ro - ro
		rw ro rw
		nosuid - nosuid
		suid nosuid !nosuid
		nodev - nodev
		dev nodev !nodev
		noexec - noexec
		exec noexec !noexec
		nodiratime - nodiratime
		diratime nodiratime !nodiratime
		noatime - noatime
		atime noatime relatime
		strictatime - !relatime
		nostrictatime strictatime relatime
		relatime noatime relatime
		norelatime noatime relatime
		nosymfollow - nosymfollow
		symfollow nosymfollow !nosymfollow
		private shared !shared:
		shared - shared:
		slave - !shared:
		unbindable - unbindable
	END
}
t_every_option() {
	option_effects >"$T/rows"
	hull features | jq -r '.mountOptions[]' >"$T/names"
	while read -r o; do
		case $o in
		bind | rbind | remount | tmpcopyup | idmap | ridmap) continue ;; # cases of their own
		esac
		grep -q "^$o " "$T/rows" || grep -q "^${o#r} " "$T/rows" || fail "no row for '$o'"
	done <"$T/names"
	mkdir "$T/src"
	bundle
	while read -r name before want; do
		jq -nc --arg d "/o/$name" --arg n "$name" --arg b "$before" '{destination: $d, type: "tmpfs", source: "o",
			options: ([$b, $n, "size=64k"] | map(select(. != "-")))}'
		grep -qx "r$name" "$T/names" || continue
		[ "$want" != - ] || fail "no effect of r$name"
		# the same of a subtree: /sub is a mount below what is bound
		jq -nc --arg d "/r/$name" --arg n "r$name" --arg b "${before#-}" --arg s "$T/src" '{destination: $d, type: "bind", source: $s,
			options: (["rbind", (select($b != "") | "r" + $b), $n])}'
	done <"$T/rows" >"$T/mounts"
	cfg --slurpfile m "$T/mounts" '.mounts += $m'
	sh_args 'cat /proc/self/mountinfo'
	unshare -m --propagation private sh -euc 'mount -t tmpfs o "$0" && mkdir "$0/sub" && mount -t tmpfs o "$0/sub" && exec "$@"' \
		"$T/src" "$HULL" --root "$T/root" run -b "$B" "$TAG" >"$T/seen"
	while read -r name before want; do
		for at in "/o/$name" "/r/$name" "/r/$name/sub"; do
			line=$(awk -v at="$at" '$5 == at' "$T/seen")
			[ -n "$line" ] || case $at in
			/r/*) continue ;;
			*) fail "no mount $at" ;;
			esac
			line=" $(echo "$line" | cut -d ' ' -f 6- | sed 's/:[0-9]*/:/g' | tr ' ,' '\n\n' | tr '\n' ' ')"
			for w in $(echo "$want" | tr , ' '); do
				case $w in
				-) ;;
				!*) hasnt "$line" " ${w#!} " ;;
				*) has "$at$line" " $w " ;;
				esac
			done
		done
	done <"$T/rows"
}
# what linux.devices lists is there, or the configuration contradicts itself
t_devices_and_mounts() {
	mkdir "$T/d"
	bundle --arg s "$T/d" '.mounts += [{destination: "/d", type: "bind", source: $s, options: ["bind"]}] |
		.linux.devices = [{"path": "/d/mine", "type": "c", "major": 1, "minor": 5}]'
	eq "$(run_sh 'stat -c %t,%T /d/mine')" 1,5
	add '{destination: "/dev/random", type: "bind", source: "/dev/urandom", options: ["bind"]}'
	cfg '.linux.devices = []'
	eq "$(run_sh 'stat -c %t,%T /dev/random')" 1,9
	cfg '.linux.devices = [{"path": "/dev/random", "type": "c", "major": 1, "minor": 9}]'
	eq "$(run_sh 'stat -c %t,%T /dev/random')" 1,9
	cfg '.linux.devices[0].minor = 8'
	refuses 'linux.devices[0]: cannot make device' hull run -b "$B" "$TAG"
	cfg '.linux.devices[0].path = "/dev//random/"'
	refuses 'linux.devices[0]: cannot make device' hull run -b "$B" "$TAG"
}
t_devices_in_the_hosts_dev() {
	null='{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}'
	bundle --argjson n "$null" '.mounts |= map(select(.destination | startswith("/dev") | not)) |
		.mounts += [{destination: "/dev", type: "bind", source: "/dev", options: ["rbind"]}] |
		.linux.devices = [$n, $n, {"path": "/mine", "type": "c", "major": 1, "minor": 5}] | .root.readonly = false'
	cfg '.linux.devices[1].path = "/dev/shm/../null"'
	eq "$(run_sh 'stat -c %t,%T /dev/null /mine' | tr '\n' ' ')" '1,3 1,5 '
	cfg '.linux.devices[1].minor = 5'
	refuses "linux.devices[1]: '/dev/shm/../null' of the bound '/dev' is no such device" hull run -b "$B" "$TAG"
	cfg --arg p "/dev/$TAG" '.linux.devices[1].path = $p'
	refuses "linux.devices[1]: cannot find in the bound '/dev' '/dev/$TAG': no such file or directory" hull run -b "$B" "$TAG"
	[ ! -e "/dev/$TAG" ] || fail 'made on the host'
}
t_device_rules() {
	bundle '.process.capabilities |= with_entries(.value += ["CAP_MKNOD"]) | .root.readonly = false'
	eq "$(run_sh 'mknod /tmp/sda b 8 0 && probe open /tmp/sda r; mknod /tmp/fuse c 10 229 && probe open /tmp/fuse r; probe open /dev/zero rw' | tr '\n' ' ')" 'EPERM EPERM ok '
	cfg '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"}]'
	eq "$(run_sh 'rm -f /tmp/fuse; mknod /tmp/fuse c 10 229; probe open /tmp/fuse w; probe open /tmp/fuse rw' | tr '\n' ' ')" 'EPERM EPERM '
	hasnt "$(run_sh 'probe open /tmp/fuse r')" EPERM
	for d in '[]' 'null' '[{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}]'; do
		cfg --argjson d "$d" '.linux.resources.devices = $d'
		eq "$(run_sh 'rm -f /tmp/sda; mknod /tmp/sda b 8 0 && probe open /tmp/sda r; probe open /dev/zero rw' | tr '\n' ' ')" 'EPERM ok ' "rules $d"
	done
}
t_device_rules_allow_all() {
	bundle '.process.capabilities |= with_entries(.value += ["CAP_MKNOD"]) | .root.readonly = false'
	for d in '[{"allow": true, "access": "rwm"}]' \
		'[{"allow": true, "type": "c", "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]' \
		'[{"allow": false, "access": "rwm"}, {"allow": true, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'; do
		cfg --argjson d "$d" '.linux.resources.devices = $d'
		hasnt "$(run_sh 'rm -f /tmp/fuse; mknod /tmp/fuse c 10 229 && probe open /tmp/fuse r')" EPERM
	done
}
# engines take "is a directory" for a program that is one, and exit with 126
t_file_and_directory() {
	bundle
	touch "$T/file"
	mkdir "$T/dir"
	add "{destination: \"/etc\", type: \"bind\", source: \"$T/file\", options: [\"bind\"]}"
	refuses ': not a directory' hull run -b "$B" "$TAG"
	hasnt "$(cat "$T/refused")" 'is a directory'
	cfg --arg s "$T/dir" '.mounts[-1] |= (.destination = "/etc/passwd" | .source = $s)'
	refuses ': not a directory' hull run -b "$B" "$TAG"
	hasnt "$(cat "$T/refused")" 'is a directory'
}
t_symlinked_root_is_refused() {
	bundle
	mv "$B/rootfs" "$B/real"
	ln -s real "$B/rootfs"
	refuses 'rootfs' hull run -b "$B" "$TAG"
}
# a filesystem of its own: what is 1000 in there is seen as 2000
t_idmapped_tmpfs() {
	bundle
	mkdir -p "$B/rootfs/up"
	touch "$B/rootfs/up/f"
	chown 1000:1001 "$B/rootfs/up/f"
	add '{destination: "/up", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=777"],
		uidMappings: [{containerID: 1000, hostID: 2000, size: 10}], gidMappings: [{containerID: 1000, hostID: 2000, size: 10}]}'
	rc=0
	out=$(run_sh 'stat -c "%u %g" /up/f' 2>&1) || rc=$?
	case $out in
	*'its filesystem may not support it'*) skip 'tmpfs cannot be id-mapped before Linux 6.3' ;;
	esac
	eq "$out" '2000 2001'
	cp "$B/config.json" "$T/config.json"
	cfg '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	refuses 'a new filesystem cannot be id-mapped in a user namespace' run_sh true
	cp "$T/config.json" "$B/config.json"
	cfg '.mounts[-1] |= (.type = "proc" | .destination = "/p" | .options = [])'
	refuses 'mounts[' run_sh true
	has "$(cat "$T/refused")" "cannot id-map 'proc': its filesystem may not support it"
	cfg '.mounts[-1] |= (.type = "cgroup" | .destination = "/p")'
	refuses "a mount of type 'cgroup' cannot be id-mapped" run_sh true
	cfg '.mounts[-1] |= (.type = "tmpfs" | .destination = "/tmp" | .options = ["remount", "ro"])'
	refuses 'cannot be id-mapped by a remount' run_sh true
}
t_idmapped_bind() {
	mkdir "$T/src"
	touch "$T/src/f"
	chown 1000:1000 "$T/src/f"
	bundle
	add "{destination: \"/mnt\", type: \"bind\", source: \"$T/src\", options: [\"bind\"],
		uidMappings: [{containerID: 1000, hostID: 2000, size: 10}], gidMappings: [{containerID: 1000, hostID: 2000, size: 10}]}"
	eq "$(run_sh 'stat -c "%u %g" /mnt/f')" '2000 2000'
}
cases "$@"
