# SPDX-License-Identifier: Apache-2.0
"""What every part of the test host uses: errors, locks, places, processes."""
import ctypes
import fcntl
import os
import shlex
import signal
import stat
import subprocess
import sys
import time

START = time.monotonic()
PR_SET_PDEATHSIG = 1


class Trouble(Exception):
    """The test host itself failed; the text says why, for a person."""


class Log:
    verbose = False


def note(text):
    """Something a person waiting should know."""
    sys.stderr.write("testhost: %s\n" % text)
    sys.stderr.flush()


def trace(text):
    if Log.verbose:
        note("[%6.2f] %s" % (time.monotonic() - START, text))


class Lock:
    """A file lock, held until close() or the death of all who inherited fd."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.path = path

    def try_take(self):
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False

    def take(self, limit, what):
        """Wait at most @limit seconds; @what says what the holder does."""
        end = time.monotonic() + limit
        told = False
        while not self.try_take():
            if time.monotonic() > end:
                self.close()
                raise Trouble("gave up waiting for another caller (%s)" % what)
            if not told:
                trace("waiting for another caller (%s)" % what)
                told = True
            time.sleep(0.05)
        return self

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def is_held(path):
    """Is this lock file held by a living process?"""
    try:
        with Lock(path) as lock:
            return not lock.try_take()
    except OSError:
        return False


def cache_dir():
    path = os.environ.get("HULL_TESTHOST_CACHE")
    if not path:
        top = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        path = os.path.join(top, "hull-testhost")
    os.makedirs(path, exist_ok=True)
    return os.path.abspath(path)


def run_dir():
    """Where running machines have their sockets; no other user's place."""
    top = os.environ.get("TMPDIR") or "/tmp"
    path = os.path.join(top, "hull-testhost-%d" % os.getuid())
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        st = os.lstat(path)
        if not stat.S_ISDIR(st.st_mode) or st.st_uid != os.getuid():
            raise Trouble("'%s' belongs to somebody else" % path) from None
    except OSError as e:
        raise Trouble("cannot make '%s': %s" % (path, e.strerror)) from None
    return path


def die_with_parent():
    """For a child before it executes: the kernel kills it if we are killed."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def need_tool(name, package):
    for d in os.environ.get("PATH", os.defpath).split(":") + ["/usr/sbin"]:
        path = os.path.join(d, name)
        if os.access(path, os.X_OK):
            return path
    raise Trouble("%s is missing: apt-get install %s" % (name, package))


def logged(argv, log, limit, env=None):
    """Run a step of a build, its output going to the end of file @log."""
    trace("running " + shlex.join(argv))
    with open(log, "ab") as f:
        f.write(("$ %s\n" % shlex.join(argv)).encode())
        f.flush()
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=f,
                                 stderr=f, env=env, preexec_fn=die_with_parent)
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            code = "more than %d s" % limit
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if code:
        raise Trouble("%s failed (%s)%s" % (argv[0], code, tail(log)))


def tail(path, lines=20):
    """The end of a log as part of a message."""
    try:
        with open(path, "rb") as f:
            f.seek(max(0, os.path.getsize(path) - 16384))
            text = f.read().decode(errors="replace").replace("\r", "")
    except OSError:
        return ""
    last = text.strip().splitlines()[-lines:]
    if not last:
        return ""
    return "\n--- the end of %s ---\n%s" % (path, "\n".join(last))
