# SPDX-License-Identifier: Apache-2.0
"""One QEMU machine: start it, ask its monitor, stop it.

A machine has a directory with its sockets and logs. The lock file "alive" in
it is inherited by QEMU, so it is held exactly as long as QEMU lives, also when
everybody else was killed; nothing has to be remembered or compared for that.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import recipe
from common import (Lock, Trouble, die_with_parent, is_held, need_tool,
                    run_dir, tail, trace)


class Shape:
    """What the saved state of a machine depends on, beside its image."""

    def __init__(self, suite, smp, mem):
        self.suite, self.smp, self.mem = suite, smp, mem

    def text(self):
        return "%s, %d CPUs, %d MiB" % (self.suite, self.smp, self.mem)

    def qemu_argv(self, image):
        """The arguments that are the same for each start."""
        return ([need_tool(recipe.QEMU, "qemu-system-x86"),
                 "-name", "hull-testhost", "-smp", str(self.smp),
                 "-m", "%dM" % self.mem,
                 "-kernel", os.path.join(image, "vmlinuz"),
                 "-initrd", os.path.join(image, "initrd"),
                 "-append", " ".join(recipe.KERNEL_ARGS)] + recipe.QEMU_ARGS +
                ["-drive", "file=%s,format=raw,if=none,id=spare,"
                 "cache=unsafe,snapshot=on" % os.path.join(image, "spare.raw")])


class Machine:
    def __init__(self, path):
        self.dir = path
        self.child = None
        self.alive = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def claim(self):
        """Take the new directory, so that no sweep removes it."""
        self.alive = Lock(self.path("alive"))
        if not self.alive.try_take():
            raise Trouble("'%s' is in use" % self.dir)

    def start(self, argv, keep):
        """Execute QEMU; with @keep it lives on when we end."""
        argv = argv + [
            "-chardev", "socket,id=agent,server=on,wait=off,path="
            + self.path("agent.sock"),
            "-qmp", "unix:%s,server=on,wait=off" % self.path("monitor.sock"),
            "-serial", "file:" + self.path("console.log")]

        def in_child():
            with open(self.path("pid"), "w", encoding="ascii") as f:
                f.write(str(os.getpid()))
            if not keep:
                die_with_parent()

        trace("starting qemu")
        with open(self.path("qemu.log"), "wb") as log:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[self.alive.fd], start_new_session=True,
                preexec_fn=in_child)
        if keep:
            self.alive.close()

    def is_up(self):
        if self.child:
            return self.child.poll() is None
        return is_held(self.path("alive"))

    def stop(self):
        """End QEMU, whoever started it, and forget the machine."""
        try:
            with open(self.path("pid"), encoding="ascii") as f:
                pid = int(f.read())
        except (OSError, ValueError):
            pid = self.child.pid if self.child else 0
        if not pid and not self.alive and self.is_up():
            raise Trouble("the machine is just being started")
        end = time.monotonic() + recipe.LIMITS["step"]
        while pid and self.is_up():
            if time.monotonic() > end:
                raise Trouble("cannot end qemu, pid %d" % pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            time.sleep(0.01)
        if self.alive:
            self.alive.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def why(self):
        """What the logs say, to be added to a message."""
        return tail(self.path("qemu.log")) + tail(self.path("console.log"))

    def monitor(self, *commands):
        """Execute monitor commands, (name, arguments) each; the last answer."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(recipe.LIMITS["step"])
        end = time.monotonic() + recipe.LIMITS["step"]
        try:
            with sock, sock.makefile("rw", encoding="utf-8") as f:
                while True:
                    try:
                        sock.connect(self.path("monitor.sock"))
                        break
                    except OSError:
                        if time.monotonic() > end or not self.is_up():
                            raise
                        time.sleep(0.02)
                answer = None
                for name, args in (("qmp_capabilities", {}),) + commands:
                    f.write(json.dumps({"execute": name, "arguments": args}))
                    f.flush()
                    answer = self.monitor_answer(f, name)
                return answer
        except (OSError, ValueError) as e:
            raise Trouble("the machine's monitor: %s%s"
                          % (e, self.why())) from None

    @staticmethod
    def monitor_answer(f, name):
        for line in f:
            got = json.loads(line)
            if "error" in got:
                raise Trouble("the machine's monitor refuses %s: %s"
                              % (name, got["error"].get("desc")))
            if "return" in got:
                return got["return"]
        if name == "quit":
            return None
        raise ValueError("it is closed")


def new_machine(name=None):
    """An empty, claimed machine directory: of this run, or the kept @name."""
    with Lock(os.path.join(run_dir(), "lock")) as lock:
        lock.take(recipe.LIMITS["step"], "making a directory")
        if name:
            path = os.path.join(run_dir(), "vm-" + name)
            os.mkdir(path, 0o700)
        else:
            path = tempfile.mkdtemp(prefix="run-", dir=run_dir())
        machine = Machine(path)
        machine.claim()
        return machine


def sweep_machines():
    """Remove the directories of runs and machines that were killed."""
    with Lock(os.path.join(run_dir(), "lock")) as lock:
        lock.take(recipe.LIMITS["step"], "sweeping")
        for name in os.listdir(run_dir()):
            path = os.path.join(run_dir(), name)
            if os.path.isdir(path) and not is_held(os.path.join(path, "alive")):
                trace("removing what is left of %s" % name)
                shutil.rmtree(path, ignore_errors=True)


def kept_names():
    return sorted(n[3:] for n in os.listdir(run_dir()) if n.startswith("vm-")
                  and os.path.isdir(os.path.join(run_dir(), n)))
