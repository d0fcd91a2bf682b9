/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hull-vmm/gate.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "microvm/jail/jail.h"
#include "microvm/vmm.h"

static void *gate_main(void *arg)
{
	struct gate *gate = arg;
	const uint64_t one = 1;

	if (!jail_thread(JAIL_GATE, &gate->err))
		gate->conn = report_wait_go(gate->listen_fd, &gate->payload,
					    &gate->len, gate->taps,
					    ARRAY_SIZE(gate->taps), &gate->err);
	if (write(gate->done_event, &one, sizeof(one)) < 0)
		log_warn("cannot tell that the gate is open");
	for (;;)
		pause(); /* ends with the process */
	return NULL;
}

int gate_start(struct gate *gate, int listen_fd, struct err *err)
{
	int rc;

	memset(gate, 0, sizeof(*gate));
	gate->listen_fd = listen_fd;
	gate->conn = -1;
	gate->done_event = eventfd(0, EFD_CLOEXEC);
	if (gate->done_event < 0)
		return err_sys(err, "cannot make an eventfd");
	rc = pthread_create(&gate->thread, NULL, gate_main, gate);
	return rc ? err_code(err, -rc, "cannot wait at the gate") : 0;
}

int gate_check(const struct gate *gate, const struct vm_config *config,
	       const struct vm_net **nets, const char **json, struct err *err)
{
	const struct vm_go *go = (const void *)gate->payload;

	*json = "[]";
	*nets = NULL;
	if (!gate->len)
		return 0;
	if (gate->len < sizeof(*go) || go->magic != VM_CONFIG_MAGIC ||
	    gate->len - sizeof(*go) != go->json_len)
		return err_set(err, -EPROTO, "garbled network at the gate");
	if (go->net_count > config->net_slots)
		return err_set(err, -EPROTO,
			       "%u interfaces, but %u were announced",
			       go->net_count, config->net_slots);
	for (uint32_t i = 0; i < go->net_count; i++)
		if (gate->taps[i] < 0)
			return err_set(err, -EPROTO,
				       "interface %u came without its tap", i);
	*nets = go->net;
	if (go->json_len)
		*json = gate->payload + sizeof(*go);
	return (int)go->net_count;
}

void gate_answer(struct gate *gate, const struct err *err)
{
	if (gate->conn < 0)
		return;
	if (err && report_send(gate->conn, err))
		log_warn("nobody waits for the answer at the gate");
	/* before the answer: from then on the container is not "created" */
	auto_close_fd(&gate->listen_fd);
	auto_close_fd(&gate->conn);
}
