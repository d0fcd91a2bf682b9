/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file server against any sequence of requests. Input: records of
 *   u16 length of the request, u8 length of a piece, u8 room for the answer /
 * 16 request on a small tree of its own. A length in a header that is 0 is made
 * right, so that mutations get past it. Nodes and handles are small numbers,
 * which the fuzzer finds by itself.
 */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvm/fs/fs.h"
#include "microvm/fs/ops.h"

#define MAX_REQUEST 4096U
#define MAX_REQUESTS 64U

static char root[] = "/tmp/hull-fuzz-fs.XXXXXX";
static int root_fd = -1;
static int cwd_fd = -1; /* fs_new() changes it, the corpus is relative to it */

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

static void clean(void)
{
	fchmod(root_fd, 0755);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void at_end(void)
{
	clean();
	rmdir(root);
}

static void first(void)
{
	/* files stay small whatever is asked for */
	struct rlimit limit = { 1U << 20, 1U << 20 };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || !mkdtemp(root))
		abort();
	cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	atexit(at_end);
}

static void tree(void)
{
	int fd = openat(root_fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "content", 7) != 7 ||
	    mkdirat(root_fd, "d", 0755) < 0 ||
	    symlinkat("f", root_fd, "l") < 0 ||
	    mkfifoat(root_fd, "p", 0644) < 0)
		abort();
	close(fd);
}

static struct fs *session(void)
{
	struct {
		struct fuse_in_header head;
		struct fuse_init_in in;
	} init = { { .len = sizeof(init), .opcode = FUSE_INIT },
		   { .major = 7, .minor = 39, .flags = ~0U } };
	struct fs_config config = {
		.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	uint8_t out[256];
	struct iovec in_iov = { &init, sizeof(init) };
	struct iovec out_iov = { out, sizeof(out) };
	struct fs *fs;

	if (fs_new(&config, &fs, NULL) < 0)
		abort();
	fs_handle(fs, &in_iov, 1, &out_iov, 1);
	fs->nodes.fds_max = 4; /* evicts */
	return fs;
}

/* In buffers of exactly the size told, for ASan to watch. */
static void request(struct fs *fs, const uint8_t *data, size_t len,
		    unsigned int piece, size_t room)
{
	struct iovec in[FS_MAX_IOV] = { 0 };
	struct iovec out = { malloc(room ? room : 1), room };
	unsigned int count = 0;
	uint32_t told;

	if (!piece || len / piece >= FS_MAX_IOV)
		piece = MAX_REQUEST;
	for (size_t at = 0; at < len; at += piece) {
		size_t part = len - at < piece ? len - at : piece;

		in[count].iov_base = malloc(part);
		memcpy(in[count].iov_base, data + at, part);
		in[count++].iov_len = part;
	}
	if (count && in[0].iov_len >= sizeof(told)) {
		memcpy(&told, in[0].iov_base, sizeof(told));
		if (!told)
			told = (uint32_t)len;
		memcpy(in[0].iov_base, &told, sizeof(told));
	}
	if (fs_handle(fs, in, count, &out, 1) > room)
		abort();
	while (count)
		free(in[--count].iov_base);
	free(out.iov_base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fs *fs;

	if (root_fd < 0)
		first();
	tree();
	fs = session();
	for (unsigned int i = 0; i < MAX_REQUESTS && size >= 4; i++) {
		size_t len = data[0] | (size_t)data[1] << 8;
		unsigned int piece = data[2];
		size_t room = (size_t)data[3] * 16;

		data += 4;
		size -= 4;
		if (len > size)
			len = size;
		if (len > MAX_REQUEST)
			len = MAX_REQUEST;
		request(fs, data, len, piece, room);
		data += len;
		size -= len;
	}
	fs_free(fs);
	clean();
	if (fchdir(cwd_fd) < 0)
		abort();
	return 0;
}
