/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_LIBCONTAINER_HOOKS_H
#define HULL_LIBCONTAINER_HOOKS_H

#include "spec/spec.h"

struct err;
struct seccomp_prog;

/**
 * struct hooks_as - what hooks that run in the container take from its process.
 * @env:    environment of a hook whose env is unset
 * @filter: loaded before a hook is executed, or NULL
 */
struct hooks_as {
	const char *const *env;
	const struct seccomp_prog *filter;
};

/**
 * hooks_run() - run the hooks of a kind, in order, each to its end.
 * @state_json: goes to standard input
 * @cwd_fd: directory to run in, or -1 for the present one
 * @as: for startContainer; or NULL: no environment but a hook's own, no filter
 *
 * A hook gets exactly its env, descriptors 0 (state), 1 and 2 (captured, at
 * most 64 KiB kept; they appear in the message of a failure) and nothing else;
 * default signal dispositions and an empty mask. After hook.timeout seconds it
 * is killed and counts as failed. A descendant that keeps the output open does
 * not hold hull up.
 *
 * Return: 0; or -errno for the first that failed: "hook createRuntime[0]
 * '/x': exit status 1, output: ...". The rest are not run, except for
 * SPEC_HOOK_POSTSTOP: there failures are logged as warnings
 * and the rest run.
 */
int hooks_run(const struct spec *spec, enum spec_hook_kind kind,
	      const char *state_json, int cwd_fd, const struct hooks_as *as,
	      struct err *err);

#endif
