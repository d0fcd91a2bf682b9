/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cmd/hull/cmd.h"

/* clang-format off */
const struct cmd *const cmd_table[] = {
	&cmd_completion, &cmd_create, &cmd_delete, &cmd_events, &cmd_exec,
	&cmd_features, &cmd_help, &cmd_kill, &cmd_list, &cmd_pause, &cmd_ps,
	&cmd_resume, &cmd_run, &cmd_spec, &cmd_start, &cmd_state, &cmd_update,
	&cmd_wait, NULL,
};
/* clang-format on */

const struct cmd *cmd_find(const char *name)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd; cmd++)
		if (!strcmp((*cmd)->name, name))
			return *cmd;
	return NULL;
}

int cmd_unknown(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(cmd_table)] = { NULL };
	const char *near;

	for (size_t i = 0; cmd_table[i]; i++)
		names[i] = cmd_table[i]->name;
	near = str_near(name, names);
	if (!near)
		return err_set(err, -EINVAL, "No help topic for '%s'", name);
	return err_set(err, -EINVAL,
		       "No help topic for '%s'; did you mean '%s'?", name,
		       near);
}
