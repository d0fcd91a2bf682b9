/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's entry point, before libc has started.
 *
 * create, run and exec must not run from the installed file (see
 * libcontainer/protect.c), so hull executes itself a second time through a
 * read-only mount. Doing that here, with three or four bare system calls, saves
 * starting libc twice. Nothing depends on it: what fails or is not recognised
 * here falls through to main(), where hull_protect() looks again and does it
 * for certain.
 *
 * libc has not set up anything yet: no call of it, no relocated data, no stack
 * protector (cmd/hull/module.mk compiles this file accordingly).
 */
#if defined(__x86_64__) && defined(HULL_EARLY_ENTRY)

#include <asm/unistd.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/statfs.h>

#define NR_OPEN_TREE_ATTR 467 /* Linux 6.15 */
#define FLAG_RDONLY 1         /* statfs(2), f_flags: ST_RDONLY */
#define ATTR_RDONLY 1         /* MOUNT_ATTR_RDONLY */
#define TREE_CLONE 1          /* OPEN_TREE_CLONE */
#define EMPTY_PATH 0x1000     /* AT_EMPTY_PATH */

struct attr {
	uint64_t set, clr, propagation, userns_fd;
};

void program_enter(long *stack);

/* In main.c. Hidden, so that it is reached without a relocation. */
extern bool program_is_readonly __attribute__((visibility("hidden")));

/* The kernel enters with the stack pointer at argc; %rdx must reach _start. */
__asm__(".globl program_entry\n"
	".type program_entry, @function\n"
	"program_entry:\n"
	"	mov %rsp, %rdi\n"
	"	push %rdx\n"
	"	sub $8, %rsp\n"
	"	call program_enter\n"
	"	add $8, %rsp\n"
	"	pop %rdx\n"
	"	jmp _start\n");

static inline long bare(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

/* A word that only looks like a command costs a second start for nothing. */
static inline bool enters_container(const char *w)
{
	if (w[0] == 'r')
		return w[1] == 'u' && w[2] == 'n' && !w[3];
	if (w[0] == 'e')
		return w[1] == 'x' && w[2] == 'e' && w[3] == 'c' && !w[4];
	return w[0] == 'c' && w[1] == 'r' && w[2] == 'e' && w[3] == 'a' &&
	       w[4] == 't' && w[5] == 'e' && !w[6];
}

/* Return: descriptor of the program on a read-only mount, or negative. */
static inline long readonly_program(const char *exe)
{
	struct attr attr = { .set = ATTR_RDONLY };
	long flags = TREE_CLONE | O_CLOEXEC;
	long fd = bare(NR_OPEN_TREE_ATTR, AT_FDCWD, (long)exe, flags,
		       (long)&attr, sizeof(attr));

	if (fd >= 0)
		return fd;
	fd = bare(__NR_open_tree, AT_FDCWD, (long)exe, flags, 0, 0);
	if (fd < 0 || bare(__NR_mount_setattr, fd, (long)"", EMPTY_PATH,
			   (long)&attr, sizeof(attr)) < 0)
		return -1;
	return fd;
}

void program_enter(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	struct statfs st;
	bool needed = false;
	long fd;

	for (long i = 1; i < argc && !needed; i++)
		needed = enters_container(argv[i]);
	if (!needed ||
	    bare(__NR_statfs, (long)"/proc/self/exe", (long)&st, 0, 0, 0) < 0)
		return;
	if (st.f_flags & FLAG_RDONLY) {
		program_is_readonly = true;
		return;
	}
	fd = readonly_program("/proc/self/exe");
	if (fd >= 0)
		bare(__NR_execveat, fd, (long)"", (long)argv, (long)envp,
		     EMPTY_PATH);
}

#endif
