#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The microVM's file server under this machine's own FUSE client: what a guest
# will see, without a guest.
. "$(dirname "$0")/../support/lib.sh"

# served [OPTION...] -- SCRIPT: run SCRIPT with $M, where $S is served, in a
# mount namespace of its own
served() {
	opts=
	while [ "$1" != -- ]; do
		opts="$opts $1"
		shift
	done
	[ -c /dev/fuse ] || skip "no /dev/fuse here"
	(: <>/dev/fuse) 2>/dev/null || skip "/dev/fuse cannot be opened"
	export S="$T/outer/served" M="$T/mount"
	mkdir -p "$S" "$M"
	cat >"$T/served.sh" <<-END
		set -eu
		trap 'cd /; umount -l "$M" 2>/dev/null || true' EXIT
		"$TESTS/fusemount" $opts "$S" "$M" &
		server=\$!
		n=100
		while ! grep -q " $M " /proc/self/mountinfo; do
			n=\$((n - 1))
			[ \$n -gt 0 ] || exit 9
			sleep 0.05
		done
		(cd "$M" && $2)
		umount "$M"
		wait \$server
	END
	unshare -m sh "$T/served.sh"
}

# each thread's filter lets the libc of hull-vmm manage its memory
t_heap_in_the_jails() {
	for role in vcpu loop main gate attach fs session; do
		rc=0
		"$TESTS/jailheap" $role || rc=$?
		eq "$role $rc" "$role 0"
	done
}
t_posix() {
	served -- "$TESTS/fsprobe $T/mount $T/outer/served"
}
t_posix_uncached() {
	served --cache 0 -- "$TESTS/fsprobe $T/mount $T/outer/served"
}
t_posix_with_few_descriptors() {
	served --fds 256 -- "$TESTS/fsprobe $T/mount $T/outer/served"
}

# a tree goes in and comes out as it was, by names and by handles
tree_script() {
	cat <<-'END'
		tar -C "$T/tree" -cf - . | tar -xf - &&
		diff -r "$T/tree" . && diff -r "$T/tree" "$S" &&
		[ "$(find . | sort | md5sum)" = "$(cd "$T/tree" && find . | sort | md5sum)" ] &&
		tar -cf - . | tar -df - && cp -a . "$T/back" && diff -r "$T/tree" "$T/back" &&
		mv 1 one && rm -r 2 && [ ! -e "$S/2" ] && [ -e "$S/one" ] &&
		rm -r ./* && [ -z "$(ls -A "$S")" ]
	END
}
make_tree() {
	mkdir "$T/tree"
	for i in 1 2 3 4 5 6; do
		for j in 1 2 3 4 5 6; do
			mkdir -p "$T/tree/$i/$j/d/e/f"
			for k in a b c u v w; do
				echo "$i $j $k" >"$T/tree/$i/$j/$k"
			done
			ln "$T/tree/$i/$j/a" "$T/tree/$i/$j/hard"
			ln -s ../a "$T/tree/$i/$j/d/sym"
		done
	done
	head -c 3000000 /dev/urandom >"$T/tree/big"
}
t_tree() {
	make_tree
	served -- "$(tree_script)"
}
# 150 directories and 290 files with 128 descriptors for them
t_tree_with_few_descriptors() {
	make_tree
	served --fds 256 -- "$(tree_script)"
}
t_read_only() {
	mkdir -p "$T/outer/served"
	echo hello >"$T/outer/served/a"
	served --ro -- '[ "$(cat a)" = hello ] && ! touch b && ! rm a &&
		! chmod 700 a && ! mv a c && ! ln a c && ! (: >>a) && ! mkdir d'
	eq "$(ls -A "$T/outer/served")" a
	eq "$(cat "$T/outer/served/a")" hello
}
# a link is text for the server: it leads on the guest's side only
t_links_are_not_followed() {
	mkdir -p "$T/outer/served"
	echo secret >"$T/outer/secret"
	ln -s ../secret "$T/outer/served/up"
	ln -s up "$T/outer/served/up2"
	mkfifo "$T/outer/served/fifo"
	served -- '[ "$(readlink up)" = ../secret ] && ! cat up && ! cat up2 &&
		[ -p fifo ]'
}

cases "$@"
