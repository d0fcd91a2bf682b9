# SPDX-License-Identifier: Apache-2.0
"""Bring a machine up: by a real boot, or from the saved state of one.

The memory of a saved machine is a file that QEMU maps: shared while the state
is made, private when it is restored. So restoring reads the devices' state
only, a few hundred KiB, memory comes in page by page as it is touched, and
machines that run side by side share what they have not written.
"""
import hashlib
import os
import shlex
import subprocess
import time

import recipe
from common import Trouble, logged, need_tool, note, trace
from image import get_image, make_once
from link import Capture, Link
from machine import Shape, new_machine

IGNORE_SHARED = ("migrate-set-capabilities", {"capabilities": [
    {"capability": "x-ignore-shared", "state": True}]})


def memory(shape, path=None, share="off"):
    if not path:
        return ["-object", "memory-backend-ram,id=ram,size=%dM" % shape.mem]
    return ["-object", "memory-backend-file,id=ram,size=%dM,mem-path=%s,"
            "share=%s" % (shape.mem, path, share)]


def root(path, form, snapshot):
    return ["-drive", "file=%s,format=%s,if=none,id=root,cache=unsafe,"
            "discard=unmap,snapshot=%s" % (path, form, snapshot)]


def connect(machine, deadline):
    link = Link(machine.path("agent.sock"), machine.why)
    try:
        stale = link.connect(deadline, machine.is_up)
    except TimeoutError:
        raise Trouble("the machine does not answer" + machine.why()) from None
    return link, stale


def boot(machine, argv, keep):
    """A real boot; returns when systemd says that it is complete."""
    deadline = time.monotonic() + recipe.LIMITS["boot"]
    machine.start(argv, keep)
    link, _ = connect(machine, deadline)
    trace("the agent answers")
    state = Capture()
    try:
        link.call(["systemctl", "is-system-running", "--wait"], deadline,
                  state, Capture())
    except TimeoutError:
        raise Trouble("the boot does not end" + machine.why()) from None
    if state.text() != "running":
        failed = Capture()
        link.call(["systemctl", "--failed", "--plain", "--no-legend"],
                  deadline, failed, failed)
        note("the machine is %s: %s" % (state.text(), failed.text()))
    trace("booted")
    return link


def boot_cold(machine, shape, keep):
    image = get_image(shape.suite)
    return boot(machine, shape.qemu_argv(image) + memory(shape) +
                root(os.path.join(image, "root.raw"), "raw", "on"), keep)


def save(shape, image, work):
    """Boot a machine and leave its state in directory @work."""
    need_tool("qemu-img", "qemu-utils")
    disk, ram = os.path.join(work, "root.qcow2"), os.path.join(work, "ram")
    logged(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
            os.path.join(image, "root.raw"), disk],
           os.path.join(work, "build.log"), recipe.LIMITS["step"])
    machine = new_machine()
    try:
        link = boot(machine, shape.qemu_argv(image) + memory(shape, ram, "on")
                    + root(disk, "qcow2", "off"), False)
        link.must(["sh", "-c", recipe.WARM_UP], "warming up",
                  recipe.LIMITS["boot"])
        link.close()
        state = os.path.join(work, "state")
        machine.monitor(IGNORE_SHARED, ("migrate", {
            "uri": "exec:cat >" + shlex.quote(state)}))
        deadline = time.monotonic() + recipe.LIMITS["boot"]
        status = ""
        while status != "completed":
            if status in ("failed", "cancelled") or \
                    time.monotonic() > deadline:
                raise Trouble("saving the machine's state: " + status)
            status = machine.monitor(("query-migrate", {})).get("status", "")
            time.sleep(0.05)
        machine.monitor(("quit", {}))
        machine.child.wait(recipe.LIMITS["step"])
    except subprocess.TimeoutExpired:
        raise Trouble("qemu does not end") from None
    finally:
        machine.stop()


def get_state(shape):
    """The directory of the saved state for @shape, made if missing."""
    image = get_image(shape.suite)
    argv = shape.qemu_argv(image)
    version = subprocess.run([argv[0], "--version"], stdout=subprocess.PIPE,
                             check=True, timeout=recipe.LIMITS["step"]).stdout
    h = hashlib.sha256(version + repr((argv, recipe.WARM_UP)).encode())
    return make_once("state-%s-%s" % (shape.suite, h.hexdigest()[:12]),
                     recipe.LIMITS["build"],
                     "saving the state of a booted machine (%s)" % shape.text(),
                     lambda work: save(shape, image, work))


def restore(machine, shape, keep):
    state = get_state(shape)
    image = get_image(shape.suite)
    machine.start(shape.qemu_argv(image)
                  + memory(shape, os.path.join(state, "ram"))
                  + root(os.path.join(state, "root.qcow2"), "qcow2", "on")
                  + ["-incoming", "defer"], keep)
    machine.monitor(IGNORE_SHARED, ("migrate-incoming", {
        "uri": "exec:cat " + shlex.quote(os.path.join(state, "state"))}))
    link, _ = connect(machine, time.monotonic() + recipe.LIMITS["restore"])
    trace("restored")
    return link
