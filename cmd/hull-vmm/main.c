/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/hull-vmm/run.h"
#include "microvm/vmm.h"

/* Not for people: hull starts it with descriptors (microvm/vmm.h). */
int main(int argc, char **argv)
{
	uint32_t fd;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("hull-vmm " HULL_VERSION);
		return 0;
	}
	if (argc == 3 && !num_u32(argv[2], &fd) && fd <= INT32_MAX) {
		if (!strcmp(argv[1], "run"))
			return vmm_run((int)fd);
		if (!strcmp(argv[1], "attach"))
			return vmm_attach((int)fd);
	}
	fputs("hull-vmm: started by hull, as 'run FD' or 'attach FD'\n",
	      stderr);
	return VMM_EXIT_SETUP;
}
