/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-net - what hull asks of rtnetlink.
 *   hull-net                      counters of the interfaces, to standard
 *                                 output (ns_net_stats())
 *   hull-net move FROM TO ...     interfaces into the namespace
 *                                 (ns_move_devices())
 *   hull-net attach FIRST SLOTS   interfaces become taps
 *   hull-net detach               and are interfaces again
 * (libcontainer/vm_net.h)
 */
#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/sabotage.h"
#include "cmd/hull-net/hull-net.h"

/*
 * Not privileged in the namespace: then it belongs to a user namespace that
 * the caller may enter, as with a container of an ordinary user.
 */
int netns_enter(void)
{
	int user_fd;

	if (!setns(NETNS_FD, CLONE_NEWNET))
		return 0;
	if (errno != EPERM)
		return -errno;
	/* its root may trace what enters, and this one still sees the host's
	 * files */
	if (!SABOTAGED("netns_dumpable"))
		prctl(PR_SET_DUMPABLE, 0);
	user_fd = ioctl(NETNS_FD, NS_GET_USERNS);
	if (user_fd < 0 || setns(user_fd, CLONE_NEWUSER) < 0)
		return -errno;
	close(user_fd);
	return setns(NETNS_FD, CLONE_NEWNET) ? -errno : 0;
}

int main(int argc, char *argv[])
{
	if (argc == 1)
		return net_stats();
	if (!strcmp(argv[1], "move"))
		return netdev_move(argc - 2, argv + 2);
	if (argc == 4 && !strcmp(argv[1], "attach"))
		return net_attach(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "detach"))
		return net_detach();
	fprintf(stderr, "hull-net: is started by hull\n");
	return 2;
}
