# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by podman.sh, rootless.sh and buildah.sh: container storage of their own.

make_storage() { # its directory
	local S=$1
	export CONTAINERS_CONF=$D/containers.conf CONTAINERS_STORAGE_CONF=$D/storage.conf
	export TMPDIR=$S/tmp XDG_RUNTIME_DIR=
	unset XDG_RUNTIME_DIR
	mkdir -p "$S/tmp" "$S/hooks"
	cat >"$CONTAINERS_CONF" <<-C
		[engine]
		runtime = "tested"
		cgroup_manager = "systemd"
		events_logger = "file"
		tmp_dir = "$S/libpod"
		static_dir = "$S/static"
		volume_path = "$S/volumes"
		hooks_dir = ["$S/hooks"]
		runtime_supports_json = ["tested"]
		[engine.runtimes]
		tested = ["$RUNTIME"]
		[containers]
		netns = "none"
		log_driver = "k8s-file"
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[network]
		network_config_dir = "$S/networks"
	C
	cat >"$CONTAINERS_STORAGE_CONF" <<-C
		[storage]
		driver = "overlay"
		graphroot = "$S/graph"
		runroot = "$S/run"
	C
}
rm_storage() {
	umount "$D/graph/overlay" 2>/dev/null
	drop_parents libpod_parent buildah-parent
	# a slice stays until it is stopped
	grep -q machine.slice "$D/before" || systemctl stop machine.slice
}
