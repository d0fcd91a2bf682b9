# SPDX-License-Identifier: Apache-2.0
"""Talk to the agent in the machine; agent.c describes the frames."""
import os
import secrets
import select
import socket
import struct
import subprocess
import time

import recipe
from common import Trouble, die_with_parent, trace

FRAME_MAX = 65536             # the same in agent.c
STDIN_WINDOW = 512 << 10      # the same in agent.c
NONCE = 16
PENDING_MAX = 1 << 20
PIPE_BUF = 4096               # select() promises room for this much


class Sink:
    """Output on its way to a file descriptor, which may be slow to take it."""

    def __init__(self, fd):
        self.fd = fd
        self.pending = bytearray()

    def put(self, data):
        self.pending += data

    def flush_some(self):
        try:
            n = os.write(self.fd, self.pending[:PIPE_BUF])
        except BlockingIOError:
            return
        except OSError as e:
            raise Trouble("cannot write the output: %s" % e.strerror) from None
        del self.pending[:n]


class Capture:
    """Output kept in memory, for messages."""
    pending = b""

    def __init__(self):
        self.data = b""

    def put(self, data):
        self.data = (self.data + data)[-PENDING_MAX:]

    def text(self):
        return self.data.decode(errors="replace").strip()


class Link:
    """The connection to a machine's agent. @why adds what a log can tell."""

    def __init__(self, path, why):
        self.path, self.why = path, why
        self.sock = None
        self.rx, self.tx = bytearray(), bytearray()

    def connect(self, deadline, is_up):
        """Connect and say hello; true if that stopped somebody's job."""
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.connect(self.path)
                break
            except OSError as e:
                self.close()
                if not is_up():
                    raise Trouble("the machine did not start" + self.why()) \
                        from None
                if time.monotonic() > deadline:
                    raise Trouble("no way to the machine: %s" % e) from None
                time.sleep(0.02)
        self.sock.setblocking(False)
        return self.hello(deadline)

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None

    def hello(self, deadline):
        nonce = secrets.token_bytes(NONCE)
        now = struct.pack("<Q", time.time_ns())
        self.tx = bytearray(FRAME_MAX + 4)
        self.send(b"H", nonce + now)
        while True:
            self.move(deadline, "an answer of the machine")
            at = self.rx.find(b"W" + struct.pack("<I", NONCE + 1)[:3] + nonce)
            if at >= 0 and len(self.rx) > at + 4 + NONCE:
                dropped = self.rx[at + 4 + NONCE]
                del self.rx[:at + 5 + NONCE]
                return bool(dropped)

    def send(self, kind, data=b""):
        self.tx += kind + struct.pack("<I", len(data))[:3] + data

    def frames(self):
        """Take the whole frames that have arrived."""
        while len(self.rx) >= 4:
            size = int.from_bytes(self.rx[1:4], "little")
            if len(self.rx) < 4 + size:
                return
            frame = chr(self.rx[0]), bytes(self.rx[4:4 + size])
            del self.rx[:4 + size]
            yield frame

    def move(self, deadline, what, sinks=(), stdin=None):
        """Move bytes once, whichever way they can go.

        Returns true when @stdin can be read.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(what)
        busy = [s for s in sinks if s.pending]
        want = [] if stdin is None else [stdin]
        if all(len(s.pending) < PENDING_MAX for s in busy):
            want.append(self.sock)
        give = [s.fd for s in busy] + ([self.sock] if self.tx else [])
        can_read, can_write, _ = select.select(want, give, [], left)
        for s in busy:
            if s.fd in can_write:
                s.flush_some()
        try:
            if self.sock in can_write:
                del self.tx[:self.sock.send(self.tx[:262144])]
            if self.sock in can_read:
                data = self.sock.recv(262144)
                if not data:
                    raise ConnectionResetError
                self.rx += data
        except BlockingIOError:
            pass
        except OSError:
            raise Trouble("the machine ended" + self.why()) from None
        return stdin is not None and stdin in can_read

    def call(self, argv, deadline, out, err, stdin=None):
        """Run @argv in the machine and return its exit code.

        @out and @err are sinks, @stdin a file descriptor. Raises TimeoutError
        at the deadline, and leaves the job to the next hello.
        """
        words = b"".join(os.fsencode(w) + b"\0" for w in argv) + b"\1"
        if len(words) > FRAME_MAX or len(argv) > 4096:
            raise Trouble("the command line is too long; --push a script")
        self.send(b"R", words)
        credit, code = STDIN_WINDOW, None
        if stdin is None:
            self.send(b"Z")
        while code is None or out.pending or err.pending:
            room = min(credit, FRAME_MAX)
            ready = self.move(deadline, "the command", (out, err),
                              stdin if room and not self.tx else None)
            for kind, data in self.frames():
                if kind == "O":
                    out.put(data)
                elif kind == "E":
                    err.put(data)
                elif kind == "C":
                    credit += struct.unpack("<I", data)[0]
                elif kind == "X":
                    code, stdin = struct.unpack("<I", data)[0], None
            if ready and code is None:
                data = os.read(stdin, room)
                credit -= len(data)
                self.send(b"I" if data else b"Z", data)
                stdin = stdin if data else None
        return code

    def must(self, argv, what, limit=None, out=None, stdin=None):
        """Run a step of our own, which has to succeed; returns its output."""
        limit = limit or recipe.LIMITS["step"]
        err, out = Capture(), out or Capture()
        try:
            code = self.call(argv, time.monotonic() + limit, out, err, stdin)
        except TimeoutError:
            raise Trouble("%s took more than %d s" % (what, limit)) from None
        if code:
            raise Trouble("%s failed in the machine (exit %d): %s"
                          % (what, code, err.text()))
        return out


def copy(link, tar_argv, remote, what, **stdio):
    """Run tar here and @remote, the other tar, in the machine, tied up."""
    start = time.monotonic()
    with subprocess.Popen(["tar"] + tar_argv, preexec_fn=die_with_parent,
                          **stdio) as tar:
        try:
            if tar.stdin:
                link.must(remote, what, recipe.LIMITS["copy"],
                          out=Sink(tar.stdin.fileno()))
                tar.stdin.close()
            else:
                link.must(remote, what, recipe.LIMITS["copy"],
                          stdin=tar.stdout.fileno())
            code = tar.wait(recipe.LIMITS["step"])
        except subprocess.TimeoutExpired:
            raise Trouble("%s: tar does not end" % what) from None
        finally:
            tar.kill()
    if code not in (0, 1):    # 1: a file changed meanwhile, as tar has said
        raise Trouble("%s: tar failed here (exit %d)" % (what, code))
    trace("%s took %.1f s" % (what, time.monotonic() - start))


def push(link, src, path):
    """Copy the contents of directory @src, or file @src, into dir @path."""
    if not os.path.exists(src):
        raise Trouble("--push: '%s' does not exist" % src)
    top, name = (src, ".") if os.path.isdir(src) else os.path.split(src)
    follow = [] if name == "." else ["-h"]
    copy(link, ["--sparse", "--numeric-owner", "-cf", "-", "-C", top or "."]
         + follow + ["--", name],
         ["sh", "-c", 'mkdir -p -- "$1" && cd -- "$1" && '
          "exec tar --numeric-owner -xpf -", "sh", path],
         "--push of '%s'" % src,
         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def pull(link, path, dst):
    """Copy the contents of directory @path, or file @path, into dir @dst."""
    os.makedirs(dst, exist_ok=True)
    copy(link, ["--no-same-owner", "-xf", "-", "-C", dst],
         ["sh", "-c", 'if [ -d "$1" ]; then cd -- "$1"; set -- .; '
          'else cd -- "$(dirname -- "$1")" && '
          'set -- "$(basename -- "$1")"; fi && '
          'exec tar --sparse -cf - -- "$1"', "sh", path],
         "--pull of '%s'" % path,
         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
