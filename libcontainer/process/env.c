/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "libcontainer/process/steps.h"

#define HOME_MAX 4096
#define NAME_HOME "HOME="

/*
 * struct env - the vector while it grows, last variable first, and a table of
 * the names in it: open addressing, a power of two of slots, at most half full.
 */
struct env {
	const char **vars;
	size_t count;
	const char **slots;
	size_t mask;
	bool has_home;
};

/* FNV-1a; the names are the image's own, so no one gains by collisions but
 * the time of his own container's start. */
static size_t hash_name(const char *var, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)var[i]) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

/* True when a variable of that name is there already; else it is noted. */
static bool seen(struct env *e, const char *var, size_t len)
{
	size_t i = hash_name(var, len) & e->mask;

	for (; e->slots[i]; i = (i + 1) & e->mask) {
		if (!strncmp(e->slots[i], var, len + 1))
			return true;
	}
	e->slots[i] = var;
	return false;
}

static int add_backwards(struct env *e, const char *const *vars, size_t count,
			 struct err *err)
{
	while (count--) {
		const char *var = vars[count];
		const char *eq = strchr(var, '=');

		if (!eq)
			return err_at(err, -EINVAL, "process.env",
				      "invalid environment variable: missing "
				      "'='");
		if (eq == var)
			return err_at(err, -EINVAL, "process.env",
				      "invalid environment variable: name "
				      "cannot be empty");
		if (seen(e, var, (size_t)(eq - var)))
			continue;
		if (!strncmp(var, NAME_HOME, strlen(NAME_HOME))) {
			if (!eq[1])
				continue; /* as good as unset */
			e->has_home = true;
		}
		e->vars[e->count++] = var;
	}
	return 0;
}

/* Vector, and behind it the one string that is not the spec's: HOME. */
static char **finish(const struct env *e, uid_t uid)
{
	size_t count = e->count + (e->has_home ? 0 : 1);
	char home[HOME_MAX] = "/";
	size_t home_len;
	char **out;

	if (!e->has_home)
		passwd_home(uid, home, sizeof(home));
	home_len = strlen(home);
	out = malloc((count + 1) * sizeof(*out) + sizeof(NAME_HOME) + home_len);
	if (!out)
		return NULL;
	/* execve(2) takes char *const[] and changes nothing */
	for (size_t i = 0; i < e->count; i++)
		memcpy(&out[i], &e->vars[e->count - 1 - i], sizeof(*out));
	if (!e->has_home) {
		char *text = (char *)(out + count + 1);

		memcpy(text, NAME_HOME, strlen(NAME_HOME));
		memcpy(text + strlen(NAME_HOME), home, home_len + 1);
		out[e->count] = text;
	}
	out[count] = NULL;
	return out;
}

int process_env(const struct spec_process *process, const char *const *extra,
		char ***env, struct err *err)
{
	size_t extra_count = 0, slots = 16;
	auto_free const char **memory = NULL;
	struct env e = { 0 };
	int ret;

	while (extra && extra[extra_count])
		extra_count++;
	while (slots < 2 * (process->env_count + extra_count))
		slots *= 2;
	memory = calloc(process->env_count + extra_count + slots,
			sizeof(*memory));
	if (!memory)
		return err_set(err, -ENOMEM, "out of memory");
	e.slots = memory;
	e.mask = slots - 1;
	e.vars = memory + slots;
	/* the last of several wins, so the walk begins at the end */
	ret = add_backwards(&e, extra, extra_count, err);
	if (!ret)
		ret = add_backwards(&e, process->env, process->env_count, err);
	if (ret)
		return ret;
	*env = finish(&e, process->user.uid);
	return *env ? 0 : err_set(err, -ENOMEM, "out of memory");
}
