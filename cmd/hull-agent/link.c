/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/auto.h"
#include "base/sock.h"
#include "cmd/hull-agent/agent.h"
#include "microvm/proto/proto.h"

#define BACKLOG 64

static int open_dir(const struct agent *a)
{
	int fd = open(a->unix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static struct sockaddr_vm address(unsigned int cid)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_port = PROTO_PORT,
		.svm_cid = cid,
	};
}

static int vsock(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int link_connect(const struct agent *a)
{
	struct sockaddr_vm host = address(VMADDR_CID_HOST);
	auto_fd int fd = -1;

	if (a->unix_dir) {
		auto_fd int dir_fd = open_dir(a);

		return dir_fd < 0 ? dir_fd
				  : sock_connect_at(dir_fd, "host.sock");
	}
	fd = vsock();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&host, sizeof(host)) < 0)
		return -errno;
	return take_fd(&fd);
}

int link_listen(const struct agent *a)
{
	struct sockaddr_vm any = address(VMADDR_CID_ANY);
	auto_fd int fd = -1;

	if (a->unix_dir) {
		auto_fd int dir_fd = open_dir(a);

		fd = dir_fd < 0 ? dir_fd : sock_listen_at(dir_fd, "agent.sock");
		if (fd < 0)
			return fd;
	} else {
		fd = vsock();
		if (fd < 0)
			return fd;
		if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
		    listen(fd, BACKLOG) < 0)
			return -errno;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return take_fd(&fd);
}

int link_accept(const struct agent *a, int listen_fd)
{
	for (;;) {
		struct sockaddr_vm peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(listen_fd, (struct sockaddr *)&peer, &len,
				 SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return -errno;
		/* a kernel with a loopback would let the workload in */
		if (a->unix_dir || (peer.svm_family == AF_VSOCK &&
				    peer.svm_cid == VMADDR_CID_HOST))
			return fd;
		close(fd);
	}
}
