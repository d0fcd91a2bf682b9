# SPDX-License-Identifier: Apache-2.0
"""The disk image of the machine: built once per recipe, kept in the cache.

The cache holds one directory per image (image-SUITE-HASH) and one per saved
state; each appears by rename when it is complete, so what is there is whole.
"""
import hashlib
import os
import re
import shutil
import subprocess
import time

import recipe
from common import (Lock, Trouble, cache_dir, die_with_parent, logged,
                    need_tool, note, trace)

HERE = os.path.dirname(os.path.realpath(__file__))
AGENT_C = os.path.join(HERE, "agent.c")
CUSTOMIZE = os.path.join(HERE, "customize")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
UNUSED_S = 7 * 86400


def packages(suite):
    return recipe.PACKAGES + recipe.SUITE_PACKAGES[suite]


def image_name(suite):
    h = hashlib.sha256()
    for part in (packages(suite), recipe.LEAVE_OUT, recipe.DISK_SIZE,
                 recipe.SPARE_BYTES):
        h.update(repr(part).encode() + b"\n")
    for path in (AGENT_C, CUSTOMIZE):
        with open(path, "rb") as f:
            h.update(f.read())
    return "image-%s-%s" % (suite, h.hexdigest()[:12])


def mirror_lines(suite):
    """apt source lines for @suite from the mirrors of this machine's own apt.

    Returns an empty list where this machine has no plain Debian source; the
    choice is then mmdebstrap's.
    """
    r = subprocess.run(["apt-get", "update", "--print-uris"], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=60, check=False)
    found = {}
    for uri, dist in re.findall(r"'(\S+)/dists/(\S+)/InRelease'", r.stdout):
        name, _, part = dist.partition("-")
        if name in recipe.SUITES + ("stable", "oldstable", "testing"):
            found.setdefault(part, uri)
    signed = "[signed-by=%s]" % KEYRING
    return ["deb %s %s %s%s main" % (signed, found[part], suite, tail)
            for part, tail in (("", ""), ("updates", "-updates"),
                               ("security", "-security")) if part in found]


def mmdebstrap_argv(suite, agent, root):
    argv = ["mmdebstrap", "--variant=minbase", "--skip=cleanup/reproducible",
            "--aptopt=Acquire::Languages \"none\"",
            "--aptopt=Acquire::Retries \"3\"",
            "--dpkgopt=force-unsafe-io",
            "--include=" + ",".join(packages(suite)),
            "--customize-hook='%s' \"$1\" '%s'" % (CUSTOMIZE, agent)]
    argv += ["--dpkgopt=path-exclude=" + p for p in recipe.LEAVE_OUT]
    # its own pid namespace: nothing of a killed build goes on
    guard = ["unshare", "--fork", "--pid", "--kill-child", "--mount"]
    return guard + argv + [suite, root] + mirror_lines(suite)


def build(suite, work):
    """Make the image's files in directory @work."""
    if os.geteuid():
        raise Trouble("building the image needs root")
    for tool, package in (("mmdebstrap", "mmdebstrap"), ("gcc", "gcc"),
                          ("mke2fs", "e2fsprogs")):
        need_tool(tool, package)
    log = os.path.join(work, "build.log")
    agent, root = os.path.join(work, "agent"), os.path.join(work, "root")
    logged(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-static", "-Wall",
            "-Wextra", "-Werror", "-o", agent, AGENT_C], log, 120)
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8",
               INITRD="No")
    logged(mmdebstrap_argv(suite, agent, root), log, recipe.LIMITS["build"],
           env)
    boot = os.path.join(root, "boot")
    kernel = [n for n in os.listdir(boot) if n.startswith("vmlinuz-")]
    if len(kernel) != 1:
        raise Trouble("the image has %d kernels" % len(kernel))
    shutil.copy(os.path.join(boot, kernel[0]), os.path.join(work, "vmlinuz"))
    shutil.copy(os.path.join(boot, "initrd"), os.path.join(work, "initrd"))
    logged(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal",
            "-E", "lazy_itable_init=1,nodiscard", "-d", root,
            os.path.join(work, "root.raw"), recipe.DISK_SIZE], log,
           recipe.LIMITS["build"])
    with open(os.path.join(work, "spare.raw"), "wb") as f:
        f.truncate(recipe.SPARE_BYTES)
    remove_tree(root)


def remove_tree(path):
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=False,
                   preexec_fn=die_with_parent)


def make_once(name, limit, what, build_into):
    """The cache's directory @name, built by @build_into(path) if missing."""
    top = os.path.join(cache_dir(), name)
    if not os.path.isdir(top):
        with Lock(os.path.join(cache_dir(), name + ".lock")) as lock:
            lock.take(limit, what)
            if not os.path.isdir(top):
                work = os.path.join(cache_dir(), "building-" + name)
                remove_tree(work)
                os.mkdir(work)
                note("%s, once, in %s" % (what, top))
                start = time.monotonic()
                build_into(work)
                os.rename(work, top)
                note("done in %.0f s" % (time.monotonic() - start))
    os.utime(top)
    return top


def get_image(suite):
    return make_once(image_name(suite), recipe.LIMITS["build"],
                     "building the %s image (about 2 minutes)" % suite,
                     lambda work: build(suite, work))


def sweep_cache():
    """Remove builds that were killed, and what no recipe has used for days."""
    top = cache_dir()
    for name in os.listdir(top):
        path = os.path.join(top, name)
        half = name.startswith("building-")
        base = name[len("building-"):] if half else name
        if not base.startswith(("image-", "state-")) or base.endswith(".lock"):
            continue
        try:
            idle = time.time() - os.path.getmtime(path)
        except OSError:
            continue
        if not half and idle < UNUSED_S:
            continue
        with Lock(os.path.join(top, base + ".lock")) as lock:
            if lock.try_take():
                trace("removing %s" % path)
                remove_tree(path)
