#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

# a hook of each kind that notes its name, its state and where it runs
noted() {
	SH=$(command -v sh)
	bundle --arg sh "$SH" --arg t "$T" '.root.readonly = false | .hooks = ([
		"prestart", "createRuntime", "createContainer", "poststart", "poststop"] |
		map({(.): [{path: $sh, args: ["sh", "-c",
			("cat >" + $t + "/" + . + ".json; echo " + . + " >>" + $t + "/order; env >" + $t + "/" + . + ".env; pwd >" + $t + "/" + . + ".pwd; readlink /proc/self/ns/mnt >" + $t + "/" + . + ".mnt")],
			env: ["HOOK=" + ., "PATH=/bin:/usr/bin"]}]}) | add) |
		.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/start.json; echo startContainer >/order"]}]'
}
t_all_kinds() {
	noted
	sh_args 'echo workload; sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >"$T/out" 2>&1
	eq "$(tr '\n' ' ' <"$T/order")" 'prestart createRuntime createContainer '
	pid=$(state pid)
	# runtime.md, "State": in the container's namespaces the pid is what it is there
	for k in prestart=$pid createRuntime=$pid createContainer=1; do
		is=${k#*=} k=${k%=*}
		eq "$(jq -r .id "$T/$k.json")" "$TAG" "$k id"
		eq "$(jq -r .pid "$T/$k.json")" "$is" "$k pid"
		eq "$(jq -r .bundle "$T/$k.json")" "$B" "$k bundle"
		eq "$(jq -r .status "$T/$k.json")" creating "$k status"
		has "$(cat "$T/$k.env")" "HOOK=$k"
		hasnt "$(cat "$T/$k.env")" TAG=
	done
	eq "$(cat "$T/createRuntime.mnt")" "$(readlink /proc/self/ns/mnt)" 'createRuntime runs in the runtime namespace'
	eq "$(cat "$T/createContainer.mnt")" "$(readlink "/proc/$pid/ns/mnt")" 'createContainer runs in the container namespace'
	eq "$(cat "$T/prestart.pwd")" "$B"
	[ ! -e "$B/rootfs/order" ] || fail 'startContainer ran before start'
	hull start "$TAG"
	eq "$(cat "$B/rootfs/order")" startContainer
	eq "$(jq -r .id "$B/rootfs/start.json")" "$TAG"
	eq "$(jq -r .pid "$B/rootfs/start.json")" 1
	eq "$(jq -r .status "$T/poststart.json")" running
	hull delete -f "$TAG"
	eq "$(jq -r .status "$T/poststop.json")" stopped
	eq "$(tr '\n' ' ' <"$T/order")" 'prestart createRuntime createContainer poststart poststop '
}
t_run_runs_them_too() {
	noted
	eq "$(run_sh 'echo workload')" workload
	eq "$(sort "$T/order" | tr '\n' ' ')" 'createContainer createRuntime poststart poststop prestart '
}
one_failing() { # kind
	bundle --arg sh "$(command -v sh)" --arg k "$1" --arg t "$T" \
		'.hooks[$k] = [{path: $sh, args: ["sh", "-c", "echo the reason >&2; exit 3"]}] |
		 .hooks.poststop = [{path: $sh, args: ["sh", "-c", ("touch " + $t + "/poststop")]}]'
	[ "$1" != startContainer ] || cfg '.hooks.startContainer[0].path = "/bin/sh"'
}
t_failures() {
	for k in prestart createRuntime createContainer startContainer poststart; do
		rm -rf "$B" "$T/poststop"
		one_failing $k
		sh_args 'sleep 1000'
		refuses "error running $k hook #0: '" hull run -b "$B" "$TAG"
		has "$(cat "$T/refused")" 'the reason'
		[ -e "$T/poststop" ] || fail "poststop did not run after a failed $k"
		eq "$(hull list -q)" '' "left by $k"
	done
}
t_start_container_has_the_environment() {
	bundle '.process.env = ["ONE=two", "PATH=/bin"] | .root.readonly = false |
		.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo $ONE $HOME >/env"]}]'
	run_sh :
	eq "$(cat "$B/rootfs/env")" 'two /root'
}
t_failing_start_container_fails_start() {
	one_failing startContainer
	sh_args 'sleep 1000'
	hull create -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	refuses 'the reason' hull start "$TAG"
	hull delete -f "$TAG"
}
t_timeout() {
	bundle --arg sh "$(command -v sh)" '.hooks.createRuntime = [{path: $sh, args: ["sh", "-c", "sleep 60"], timeout: 1}]'
	begin=$(date +%s)
	refuses createRuntime hull run -b "$B" "$TAG"
	[ $(($(date +%s) - begin)) -lt 10 ]
}
t_poststop_failure_is_a_warning() {
	bundle --arg sh "$(command -v sh)" --arg t "$T" '.hooks.poststop = [{path: $sh, args: ["sh", "-c", "exit 1"]}, {path: $sh, args: ["sh", "-c", ("touch " + $t + "/second")]}]'
	eq "$(run_sh 'echo fine')" fine
	[ -e "$T/second" ] || fail 'the second poststop hook did not run'
}
t_missing_hook() {
	bundle '.hooks.createRuntime = [{path: "/nonexistent/hook"}]'
	refuses /nonexistent/hook hull run -b "$B" "$TAG"
	cfg '.hooks.createRuntime = [{path: "relative"}]'
	refuses 'hooks.createRuntime[0].path' hull run -b "$B" "$TAG"
}
cases "$@"
