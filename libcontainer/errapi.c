/* SPDX-License-Identifier: Apache-2.0 */
#include "libcontainer/container.h"

#include <stdlib.h>

#include "base/err.h"

struct err *hull_err_new(void)
{
	return calloc(1, sizeof(struct err));
}

void hull_err_free(struct err *err)
{
	free(err);
}

const char *hull_err_message(const struct err *err)
{
	return err->msg;
}

const char *hull_err_field(const struct err *err)
{
	return err->field;
}

const char *hull_err_stage(const struct err *err)
{
	return err->stage;
}
