#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../support/lib.sh"

t_foreground() {
	bundle '.process.terminal = true'
	sh_args 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; exit 5'
	rc=0
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>"$T/e") || rc=$?
	eq $rc 5
	has "$out" /dev/pts/0
	has "$out" all
	has "$(cat "$T/e")" cooked
}
t_newlines_for_a_pipe() {
	bundle '.process.terminal = true'
	sh_args 'echo line'
	# shellcheck disable=SC2016
	out=$("$TESTS/ptyrun" sh -c '"$@" | od -c' - "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" 'l   i   n   e  \n'
	cfg '.process.terminal = false'
	started
	# shellcheck disable=SC2016
	out=$("$TESTS/ptyrun" sh -c '"$@" | od -c' - "$HULL" --root "$T/root" exec -t "$TAG" echo line 2>/dev/null)
	has "$out" 'l   i   n   e  \n'
	hull delete -f "$TAG"
}
t_size_and_resize() {
	bundle '.process.terminal = true'
	sh_args 'stty size; n=0; while [ "$(stty size)" != "44 55" ] && [ $n -lt 300 ]; do n=$((n + 1)); sleep 0.1; done; stty size'
	out=$("$TESTS/ptyrun" -s 33x101 -r 44x55 "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" '33 101'
	has "$out" '44 55'
}
t_input() {
	bundle '.process.terminal = true'
	sh_args 'echo ready; read x; echo "got:$x"'
	has "$("$TESTS/ptyrun" -i 'words
' "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)" got:words
}
t_console_socket() {
	bundle '.process.terminal = true | .process.consoleSize = {"height": 12, "width": 34}'
	sh_args 'tty; stty size; sleep 0.2'
	"$TESTS/recvtty" "$T/sock" "$T/tty" >"$T/r" &
	wait_for 5 test -S "$T/sock"
	hull create --console-socket "$T/sock" -b "$B" "$TAG" </dev/null >"$T/o" 2>&1
	hull start "$TAG"
	hull wait "$TAG"
	wait
	has "$(cat "$T/r")" 'size 12 34'
	has "$(cat "$T/tty")" /dev/pts/0
	has "$(cat "$T/tty")" '12 34'
	eq "$(cat "$T/o")" ''
	hull delete "$TAG"
}
t_exec_console_socket() {
	bundle
	started
	"$TESTS/recvtty" "$T/sock" "$T/tty" >"$T/r" &
	wait_for 5 test -S "$T/sock"
	hull exec -t -d --console-socket "$T/sock" "$TAG" sh -c 'tty; echo done; sleep 0.2'
	wait
	has "$(cat "$T/tty")" /dev/pts/
	hull delete -f "$TAG"
}
t_exec_foreground() {
	bundle
	started
	out=$("$TESTS/ptyrun" -s 21x43 "$HULL" --root "$T/root" exec -t "$TAG" sh -c 'tty; stty size' 2>"$T/e")
	has "$out" /dev/pts/
	has "$out" '21 43'
	has "$(cat "$T/e")" cooked
	hull delete -f "$TAG"
}
t_owner_of_the_terminal() {
	bundle '.process.terminal = true | .process.user = {"uid": 1000, "gid": 1000}'
	sh_args 'stat -c %u $(tty); echo x >/dev/tty && echo wrote'
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" 1000
	has "$out" wrote
}
t_console_device() {
	bundle '.process.terminal = true'
	sh_args 'ls -l /dev/console; echo to-console >/dev/console'
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" '136,'
	has "$out" to-console
}
t_rules() {
	bundle '.process.terminal = true'
	sh_args true
	refuses 'console socket' hull run -d -b "$B" "$TAG"
	refuses 'console socket' hull create -b "$B" "$TAG"
	cfg '.process.terminal = false'
	refuses 'console socket' hull create --console-socket "$T/none" -b "$B" "$TAG"
}
t_no_terminal_no_controlling_tty() {
	bundle
	sh_args 'echo x >/dev/tty 2>/dev/null && echo has-tty; echo done'
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" done
	hasnt "$out" has-tty
}
t_much_output() {
	bundle '.process.terminal = true'
	sh_args 'i=0; while [ $i -lt 3000 ]; do echo "line $i of the output"; i=$((i+1)); done; echo END'
	out=$("$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" 2>/dev/null)
	has "$out" END
	eq "$(echo "$out" | grep -c 'of the output')" 3000
}
t_terminal_restored_after_a_failure() {
	bundle '.process.terminal = true'
	args nonexistent
	rc=0
	"$TESTS/ptyrun" "$HULL" --root "$T/root" run -b "$B" "$TAG" >/dev/null 2>"$T/e" || rc=$?
	eq $rc 1
	has "$(cat "$T/e")" cooked
}
cases "$@"
