/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h> /* before process.h, which knows of the clash */

#include "base/sabotage.h"
#include "libcontainer/process/seccomp_build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/str.h"

/*
 * An entry is a struct entry_head, the profile's bytes, the program. Its name
 * is a hash of the profile, which only has to be quick: what decides is the
 * comparison of the bytes. Two profiles of the same hash take turns.
 *
 * The directory is root's own and mode 0700; still an entry that anybody else
 * could have written is not looked at, for it decides what a container may do.
 */

#define ENTRIES_MAX 64
#define ENTRY_BYTES_MAX (4 << 20)
#define STALE_S 3600 /* a temporary file this old belongs to nobody */

struct entry_head {
	char version[64]; /* what else the program depends on */
	uint64_t profile_len;
	uint64_t insns_hash; /* a torn or damaged file, not an attacker */
	uint32_t insn_count;
	uint32_t flags;
};

_Static_assert(sizeof(struct entry_head) == 88, "no padding is written");

/* Eight bytes a step; for names and checksums. */
static uint64_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0x9e3779b97f4a7c15ULL ^ len;

	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, p, n);
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		p += n;
		len -= n;
	}
	return h;
}

static void set_version(struct entry_head *head)
{
	const struct scmp_version *v = seccomp_version();

	snprintf(head->version, sizeof(head->version),
		 "hull " HULL_VERSION " seccomp 2 lib %u.%u.%u arch %08x",
		 v->major, v->minor, v->micro, seccomp_arch_native());
}

static void entry_name(const struct spec_seccomp *profile, char name[24])
{
	snprintf(
		name, 24, "%016llx",
		(unsigned long long)hash_bytes(profile->raw, profile->raw_len));
}

bool seccomp_cache_usable(int cache_fd, const struct spec_seccomp *profile)
{
	return cache_fd >= 0 && profile->raw && profile->raw_len;
}

static bool is_own(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH)) && st->st_nlink == 1;
}

/* Open, judge and read in four system calls. */
static char *read_entry(int cache_fd, const char *name, size_t *len)
{
	auto_free char *data = NULL;
	auto_fd int fd = -1;
	struct stat st;

	fd = openat(cache_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    (!is_own(&st) && !SABOTAGED("seccomp_cache_owner")))
		return NULL;
	if (st.st_size < (off_t)sizeof(struct entry_head) ||
	    st.st_size > ENTRY_BYTES_MAX)
		return NULL;
	*len = (size_t)st.st_size;
	data = malloc(*len);
	if (!data || io_read_full(fd, data, *len) != (ssize_t)*len)
		return NULL;
	return take_ptr(&data);
}

static bool matches(const char *data, size_t len,
		    const struct spec_seccomp *profile, struct entry_head *head)
{
	struct entry_head want = { .profile_len = profile->raw_len };
	const char *insns = data + sizeof(*head) + profile->raw_len;
	size_t insns_len;

	set_version(&want);
	memcpy(head, data, sizeof(*head));
	insns_len = head->insn_count * sizeof(struct sock_filter);
	return !memcmp(head->version, want.version, sizeof(want.version)) &&
	       head->profile_len == want.profile_len && head->insn_count > 0 &&
	       head->insn_count <= BPF_MAXINSNS &&
	       len == sizeof(*head) + profile->raw_len + insns_len &&
	       (!memcmp(data + sizeof(*head), profile->raw, profile->raw_len) ||
		SABOTAGED("seccomp_cache_profile")) &&
	       head->flags == seccomp_flags(profile) &&
	       (head->insns_hash == hash_bytes(insns, insns_len) ||
		SABOTAGED("seccomp_cache_sum"));
}

int seccomp_cache_load(int cache_fd, const struct spec_seccomp *profile,
		       struct seccomp_prog *out)
{
	auto_free char *data = NULL;
	struct entry_head head;
	size_t len = 0, insns_len;
	char name[24];

	if (!seccomp_cache_usable(cache_fd, profile))
		return -ENOENT;
	entry_name(profile, name);
	data = read_entry(cache_fd, name, &len);
	if (!data || !matches(data, len, profile, &head))
		return -ENOENT;
	/* to the front, where malloc(3) aligned it */
	insns_len = head.insn_count * sizeof(struct sock_filter);
	memmove(data, data + len - insns_len, insns_len);
	*out = (struct seccomp_prog){
		.map_len = insns_len,
		.insns = data,
		.count = (unsigned short)head.insn_count,
		.flags = head.flags,
	};
	out->map = take_ptr(&data);
	return 0;
}

static bool older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/*
 * Count the entries and find the oldest; what a killed writer left goes at
 * once. Several writers at a time may miscount by one: it is a cache.
 */
static size_t survey(DIR *dir, char oldest[NAME_MAX + 1])
{
	struct timespec now, oldest_time = { 0 };
	const struct dirent *d;
	size_t count = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	while ((d = readdir(dir))) {
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (d->d_name[0] == '.') {
			if (st.st_mtim.tv_sec < now.tv_sec - STALE_S)
				unlinkat(dirfd(dir), d->d_name, 0);
			continue;
		}
		if (!count++ || older(&st.st_mtim, &oldest_time)) {
			oldest_time = st.st_mtim;
			snprintf(oldest, NAME_MAX + 1, "%s", d->d_name);
		}
	}
	return count;
}

/* Make room for one more. */
static void prune(int cache_fd)
{
	for (unsigned int tries = 0; tries < ENTRIES_MAX; tries++) {
		char oldest[NAME_MAX + 1] = "";
		auto_dir DIR *dir = NULL;
		int fd;

		fd = openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return;
		dir = fdopendir(fd);
		if (!dir) {
			close(fd);
			return;
		}
		if (survey(dir, oldest) < ENTRIES_MAX ||
		    unlinkat(cache_fd, oldest, 0) < 0)
			return;
	}
}

void seccomp_cache_store(int cache_fd, const struct spec_seccomp *profile,
			 const struct seccomp_prog *prog)
{
	size_t insns_len = prog->count * sizeof(struct sock_filter);
	auto_strbuf struct strbuf data = STRBUF_INIT;
	struct entry_head head = {
		.profile_len = profile->raw_len,
		.insns_hash = hash_bytes(prog->insns, insns_len),
		.insn_count = prog->count,
		.flags = prog->flags,
	};
	char name[24];

	set_version(&head);
	strbuf_addn(&data, &head, sizeof(head));
	strbuf_addn(&data, profile->raw, profile->raw_len);
	strbuf_addn(&data, prog->insns, insns_len);
	if (!strbuf_ok(&data) || data.len > ENTRY_BYTES_MAX)
		return;
	prune(cache_fd);
	entry_name(profile, name);
	io_replace(cache_fd, name, data.s, data.len, 0600);
}
