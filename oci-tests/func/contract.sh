#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What engines rely on and nobody wrote into the spec
. "$(dirname "$0")/../support/lib.sh"

t_log_and_stderr() {
	bundle
	args nonexistent
	rc=0
	hull --log "$T/log" --log-format json run -b "$B" "$TAG" 2>"$T/e" || rc=$?
	eq $rc 1
	has "$(cat "$T/e")" 'executable file not found in $PATH'
	eq "$(wc -l <"$T/log")" 1 'lines in the log'
	jq -e '.level == "error" and (.msg | contains("executable file not found")) and (.time | test("^20..-..-..T..:..:.."))' "$T/log" >/dev/null
	# appended to, never truncated
	hull --log="$T/log" --log-format=json state nosuch 2>/dev/null || true
	eq "$(wc -l <"$T/log")" 2
	jq -s -e '.[1].msg | contains("does not exist")' "$T/log" >/dev/null
}
t_log_has_the_config_path() {
	bundle '.linux.resources.cpu.shares = "many"'
	hull --log "$T/log" --log-format json run -b "$B" "$TAG" 2>/dev/null || true
	eq "$(jq -r .field "$T/log")" linux.resources.cpu.shares
	has "$(jq -r .msg "$T/log")" linux.resources.cpu.shares
}
t_success_says_nothing() {
	bundle '.unknownKey = 1 | .process.unknown = 2'
	started
	eq "$(hull state "$TAG" 2>&1 >/dev/null)" ''
	eq "$(hull list 2>&1 >/dev/null)" ''
	eq "$(hull ps -f json "$TAG" 2>&1 >/dev/null)" ''
	eq "$(hull features 2>&1 >/dev/null)" ''
	eq "$(hull --version 2>&1 >/dev/null)" ''
	eq "$(cat "$T/out")" ''
	hull delete -f "$TAG"
}
t_flags_as_go_has_them() {
	bundle
	args true
	hull run -bundle "$B" "$TAG"
	hull run --bundle="$B" -no-subreaper "$TAG"
	hull run -keep=false -b "$B" "$TAG"
	# flags stop at the first positional
	started
	eq "$(hull exec "$TAG" echo -n -t --tty)" '-t --tty'
	hull delete -force "$TAG"
	status 1 hull run --bogus "$TAG" 2>/dev/null
	has "$(hull run --bogus "$TAG" 2>&1 || true)" 'flag provided but not defined: -bogus'
	status 3 hull nosuchcommand 2>/dev/null
}
t_empty_environment() {
	bundle
	started
	env -i XDG_RUNTIME_DIR= "$HULL" --root "$T/root" kill "$TAG" 9
	env -i XDG_RUNTIME_DIR= "$HULL" --root "$T/root" wait "$TAG" || true
	env -i XDG_RUNTIME_DIR= "$HULL" --root "$T/root" delete --force "$TAG"
}
t_callers_descriptors_stay_out() {
	bundle
	args /bin/probe fds
	out=$(
		exec 3</etc 4</etc/passwd 7</ 9</etc/group
		hull run -b "$B" "$TAG"
	)
	eq "$(echo "$out" | wc -l)" 3 "descriptors of the payload: $out"
	# nor in an init that waits
	sh_args 'sleep 1000'
	(
		exec 3</etc 9</etc/group
		exec "$HULL" --root "$T/root" create -b "$B" "$TAG" </dev/null >/dev/null 2>&1
	)
	for fd in /proc/"$(state pid)"/fd/*; do
		case $(readlink "$fd") in
		/dev/null | socket:*) ;;
		*) fail "init keeps $fd -> $(readlink "$fd")" ;;
		esac
	done
	hull start "$TAG"
	out=$(
		exec 3</etc 9</etc/group
		hull exec "$TAG" probe fds
	)
	eq "$(echo "$out" | wc -l)" 3 "descriptors of exec: $out"
	hull delete -f "$TAG"
}
t_preserve_fds() {
	bundle
	args /bin/probe fds
	out=$(
		exec 3</etc/passwd 4</etc/group 5</etc
		hull run --preserve-fds 2 -b "$B" "$TAG"
	)
	has "$out" '3 /'
	has "$out" '4 /'
	eq "$(echo "$out" | wc -l)" 5 "descriptors: $out"
	refuses 'not open' hull run --preserve-fds 3 -b "$B" "$TAG" 3</etc/passwd
	# no descriptor of hull's own may pass for one of the caller's
	args /proc/self/fd/3/../bin/busybox echo outside
	refuses 'descriptor 3, which is to be preserved, is not open' hull run --preserve-fds 1 -b "$B" "$TAG"
	# shellcheck disable=SC2016
	refuses 'descriptor 3, which is to be preserved, is not open' \
		sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"' sh "$HULL" --root "$T/root" run -b "$B" "$TAG"
	hasnt "$(cat "$T/refused.out")" outside
	started
	refuses 'descriptor 3, which is to be preserved, is not open' hull exec --preserve-fds 1 "$TAG" true
	hull delete -f "$TAG"
}
t_listen_fds() {
	bundle
	sh_args 'echo $LISTEN_FDS $LISTEN_PID; readlink /proc/self/fd/3 >/dev/null && echo open'
	out=$(sh -c 'exec 3</etc/passwd; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"' sh "$HULL" --root "$T/root" run -b "$B" "$TAG")
	eq "$(echo "$out" | tr '\n' ' ')" '1 1 open '
	out=$(sh -c 'exec 3</etc/passwd; LISTEN_FDS=1 LISTEN_PID=1 exec "$@"' sh "$HULL" --root "$T/root" run -b "$B" "$TAG") || true
	hasnt "$out" open
}
t_a_hook_that_stays_behind_holds_nobody_up() {
	bundle --arg sh "$(command -v sh)" --arg s "sleep $(patience 4) &" \
		'.hooks.createRuntime = [{path: $sh, args: ["sh", "-c", $s]}]'
	sh_args 'sleep 1000'
	begin=$(date +%s)
	hull create -b "$B" "$TAG" </dev/null >"$T/o" 2>&1
	hull start "$TAG" | cat
	hull delete -f "$TAG" | cat
	[ $(($(date +%s) - begin)) -lt "$(patience 3)" ] || fail 'held up by a hook'
	eq "$(cat "$T/o")" ''
}
t_version() {
	has "$(hull --version)" "${HULL##*/} version "
	has "$(hull --version)" 'spec: '
	has "$(hull -v)" "${HULL##*/} version "
}
t_features() {
	hull features >"$T/f"
	jq -e '.ociVersionMin and .ociVersionMax and (.linux.namespaces | index("time")) and (.mountOptions | index("rro")) and (.hooks | index("startContainer"))' "$T/f" >/dev/null
	# containerd refuses id-mapped mounts without it; not a question of rights
	eq "$(jq -c .linux.mountExtensions.idmap.enabled "$T/f")" true
	eq "$(setpriv --reuid 65534 --regid 65534 --clear-groups "$HULL" features | jq -S .linux.mountExtensions)" \
		"$(jq -S .linux.mountExtensions "$T/f")"
}
t_spec_refuses_to_overwrite() {
	mkdir "$T/s"
	hull spec -b "$T/s"
	jq -e .ociVersion "$T/s/config.json" >/dev/null
	refuses exists hull spec -b "$T/s"
}
t_foreign_states_are_left_alone() {
	mkdir -p "$T/root/runc-one"
	echo '{"id":"runc-one","init_process_pid":1}' >"$T/root/runc-one/state.json"
	eq "$(hull list -q)" ''
	[ -e "$T/root/runc-one/state.json" ] || fail 'a foreign state was removed'
	rm -r "$T/root/runc-one"
}
cases "$@"
