#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# linux.netDevices: interfaces of a private network namespace go into a
# container's. Each case runs hull in a namespace of its own.
. "$(dirname "$0")/../support/lib.sh"

# the case again, in a network namespace of its own
own_ns() {
	[ -n "${NETDEV_NS:-}" ] || NETDEV_NS=1 exec unshare --net sh "$0" --case "$1"
}
veth() { # NAME PEER
	ip link add "$1" type veth peer name "$2"
}
show() { # args: ip ADDRESS SHOW of the container, with its own ip(8)
	sh_args "$1"
	hull run -b "$B" "$TAG"
}
t_moved_with_what_it_has() {
	own_ns t_moved_with_what_it_has
	bundle '.linux.netDevices = {dummy0: {}}'
	veth dummy0 peer0
	ip link set dummy0 mtu 1789 address 00:11:22:33:44:55
	ip address add 169.254.169.77/32 dev dummy0
	ip address add 127.0.0.33/32 dev dummy0 scope host
	ip address add fd00::7/64 dev dummy0 nodad
	out=$(show 'ip address show dev dummy0')
	has "$out" 'mtu 1789'
	has "$out" '00:11:22:33:44:55'
	has "$out" '169.254.169.77/32'
	has "$out" 'fd00::7/64'
	hasnt "$out" '127.0.0.33'
	has "$out" ',UP'
	[ ! -e /sys/class/net/dummy0 ] || ! ip link show dummy0 2>/dev/null
}
t_renamed() {
	own_ns t_renamed
	bundle '.linux.netDevices = {dummy0: {name: "ctr_eth0"}, dummy1: {name: "net%d"}}'
	veth dummy0 peer0
	veth dummy1 peer1
	ip address add 169.254.169.77/32 dev dummy0
	out=$(show 'ip address')
	has "$out" ctr_eth0
	has "$out" net0
	has "$out" 169.254.169.77/32
	hasnt "$out" dummy # nor in the label of an address
}
t_into_a_namespace_by_path() {
	own_ns t_into_a_namespace_by_path
	bundle '.linux.netDevices = {dummy0: {name: "x0"}}'
	veth dummy0 peer0
	unshare --net sleep 100 &
	p=$!
	wait_for 5 sh -c "[ \"\$(readlink /proc/$p/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	cfg --arg p "/proc/$p/ns/net" '(.linux.namespaces[] | select(.type == "network")).path = $p'
	has "$(show 'ip link')" x0
	# whoever owns the namespace owns the interface
	has "$(nsenter --net="/proc/$p/ns/net" ip link)" x0
	veth dummy0 peer2
	refuses "linux.netDevices: cannot move 'dummy0' as 'x0': File exists" hull run -b "$B" "$TAG"
	ip link show dummy0 >/dev/null
	ip link del dummy0
	kill "$p"
}
t_refused() {
	own_ns t_refused
	bundle '.linux.netDevices = {nosuch0: {}}'
	refuses "linux.netDevices: cannot move 'nosuch0' as 'nosuch0': No such device" hull run -b "$B" "$TAG"
	cfg '.linux.netDevices = {"a/b": {}, dummy0: {name: "sixteen-bytes-xx"}}'
	refuses 'linux.netDevices.dummy0.name' hull run -b "$B" "$TAG"
	refuses 'is no name of an interface' hull run -b "$B" "$TAG"
	cfg '.linux.netDevices = {dummy0: {}} | .linux.namespaces |= map(select(.type != "network"))'
	refuses 'linux.netDevices: cannot be set without a network namespace' hull run -b "$B" "$TAG"
}
cases "$@"
