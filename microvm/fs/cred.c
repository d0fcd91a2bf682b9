/* SPDX-License-Identifier: Apache-2.0 */
#include "microvm/fs/cred.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

#define CAP_BIT(cap) (1ULL << (cap))

/* Both return the id as it was, and never an error. */
static uid_t set_fsuid(uid_t uid)
{
	return (uid_t)syscall(SYS_setfsuid, uid);
}

static gid_t set_fsgid(gid_t gid)
{
	return (gid_t)syscall(SYS_setfsgid, gid);
}

int cred_init(struct cred *cred)
{
	const uint64_t want = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);

	*cred = (struct cred){ .uid = geteuid(), .gid = getegid() };
	if (sys_capget(&cred->effective, &cred->permitted, &cred->inheritable) <
	    0)
		return -errno;
	cred->can_switch = (cred->effective & want) == want;
	/* a user namespace may deny it; then no file made for a user gets
	 * set-group-ID, as the server's groups would count as that user's */
	cred->no_groups = !syscall(SYS_setgroups, 0, NULL);
	cred->good_uid = cred->uid;
	cred->good_gid = cred->gid;
	cred->umask = umask(022);
	umask(cred->umask);
	return 0;
}

static int set_caps(struct cred *cred, uint64_t effective)
{
	if (sys_capset(effective, cred->permitted, cred->inheritable) < 0)
		return -errno;
	return 0;
}

static void set_ids(struct cred *cred, uid_t uid, gid_t gid)
{
	set_fsgid(gid);
	set_fsuid(uid);
	/* a change from or to uid 0 moves the filesystem's capabilities too */
	(void)set_caps(cred, cred->effective);
}

/* An id that the namespace lacks is passed over in silence: look. */
static bool ids_took(struct cred *cred, uid_t uid, gid_t gid)
{
	if (uid == cred->good_uid && gid == cred->good_gid)
		return true;
	if (set_fsuid((uid_t)-1) != uid || set_fsgid((gid_t)-1) != gid)
		return false;
	cred->good_uid = uid;
	cred->good_gid = gid;
	return true;
}

int cred_enter(struct cred *cred, uint32_t uid, uint32_t gid, uint32_t mask)
{
	mask &= 0777;
	if (mask != cred->umask) {
		umask(mask);
		cred->umask = mask;
	}
	if (!cred->can_switch || (uid == cred->uid && gid == cred->gid))
		return 0;
	if (uid == (uint32_t)-1 || gid == (uint32_t)-1)
		return -EOVERFLOW;
	set_ids(cred, uid, gid);
	cred->switched = true;
	if (ids_took(cred, uid, gid))
		return 0;
	cred_leave(cred);
	return -EOVERFLOW;
}

void cred_leave(struct cred *cred)
{
	if (!cred->switched)
		return;
	set_ids(cred, cred->uid, cred->gid);
	cred->switched = false;
}

int cred_lower(struct cred *cred)
{
	int ret;

	if (!(cred->effective & CAP_BIT(CAP_FSETID)))
		return 0;
	ret = set_caps(cred, cred->effective & ~CAP_BIT(CAP_FSETID));
	cred->lowered = !ret;
	return ret;
}

void cred_raise(struct cred *cred)
{
	if (!cred->lowered)
		return;
	(void)set_caps(cred, cred->effective);
	cred->lowered = false;
}
