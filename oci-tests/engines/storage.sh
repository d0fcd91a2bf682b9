# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by podman.sh and buildah.sh: container storage of their own.

make_storage() {
	export CONTAINERS_CONF=$D/containers.conf CONTAINERS_STORAGE_CONF=$D/storage.conf
	export TMPDIR=$D/tmp XDG_RUNTIME_DIR=
	unset XDG_RUNTIME_DIR
	mkdir -p "$D/tmp" "$D/hooks"
	cat >"$CONTAINERS_CONF" <<-C
		[engine]
		runtime = "tested"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		tmp_dir = "$D/libpod"
		static_dir = "$D/static"
		volume_path = "$D/volumes"
		hooks_dir = ["$D/hooks"]
		runtime_supports_json = ["tested"]
		[engine.runtimes]
		tested = ["$RUNTIME"]
		[containers]
		netns = "none"
		log_driver = "k8s-file"
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[network]
		network_config_dir = "$D/networks"
	C
	cat >"$CONTAINERS_STORAGE_CONF" <<-C
		[storage]
		driver = "overlay"
		graphroot = "$D/graph"
		runroot = "$D/run"
	C
}
rm_storage() {
	umount "$D/graph/overlay" 2>/dev/null
	drop_parents libpod_parent buildah-parent
}
