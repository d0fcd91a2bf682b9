/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_CMD_HULL_PS_VM_H
#define HULL_CMD_HULL_PS_VM_H

struct err;

/** ps_vm_print() - the table of a guest's processes, from hull_processes(). */
int ps_vm_print(const char *json, struct err *err);

#endif
