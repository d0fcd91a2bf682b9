#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""malformed.py HULL DIR: hand HULL thousands of broken configs.

A config with nearly every property is broken in one place at a time: a value
of another type, out of range, missing where it is required, a key twice, bytes
that are no UTF-8, nested too deep, too large. Each must end with status 1, at
least one line that names the place, within the CPU time allowed, and leave
nothing in the state root. MALFORMED_STEP=N takes each Nth; SLOW=1 has no time
limit.
"""
import copy
import itertools
import json
import os
import resource
import subprocess
import sys

CPU_S = 0.05
UNSET = object()

BASE = {
    "ociVersion": "1.3.0",
    "hostname": "h",
    "domainname": "d",
    "root": {"path": "rootfs", "readonly": True},
    "process": {
        "terminal": False,
        "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 0, "gid": 0, "umask": 18, "additionalGids": [5]},
        "args": ["true"],
        "env": ["PATH=/bin"],
        "cwd": "/",
        "capabilities": {k: ["CAP_KILL"] for k in (
            "bounding", "effective", "permitted", "inheritable", "ambient")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
        "oomScoreAdj": 100,
        "scheduler": {"policy": "SCHED_OTHER", "nice": 1, "flags": [],
                      "runtime": 0, "deadline": 0, "period": 0},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "0"},
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc",
         "options": ["nosuid"]},
        {"destination": "/m", "type": "tmpfs", "source": "tmpfs",
         "options": ["size=1m"]},
        {"destination": "/i", "type": "bind", "source": "rootfs",
         "options": ["bind", "idmap"],
         "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
         "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]},
    ],
    "hooks": {k: [{"path": "/bin/true", "args": ["true"], "env": ["A=b"],
                   "timeout": 5}] for k in (
        "prestart", "createRuntime", "createContainer", "startContainer",
        "poststart", "poststop")},
    "annotations": {"a": "b"},
    "linux": {
        "namespaces": [{"type": t} for t in (
            "pid", "mount", "ipc", "uts", "network", "cgroup", "user", "time")],
        "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}],
        "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}],
        "timeOffsets": {"monotonic": {"secs": 1, "nanosecs": 1},
                        "boottime": {"secs": 1, "nanosecs": 1}},
        "devices": [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3,
                     "fileMode": 438, "uid": 0, "gid": 0}],
        "cgroupsPath": "/x",
        "resources": {
            "devices": [{"allow": False, "type": "a", "major": 1, "minor": 1,
                         "access": "rwm"}],
            "memory": {"limit": 104857600, "reservation": 1048576,
                       "swap": 209715200, "disableOOMKiller": False,
                       "checkBeforeUpdate": True, "useHierarchy": True},
            "cpu": {"shares": 512, "quota": 10000, "period": 10000,
                    "burst": 0, "idle": 0, "cpus": "0", "mems": "0"},
            "pids": {"limit": 100},
            "blockIO": {
                "weight": 100, "leafWeight": 0,
                "weightDevice": [{"major": 8, "minor": 0, "weight": 100}],
                "throttleReadBpsDevice": [
                    {"major": 8, "minor": 0, "rate": 1000}]},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
            "unified": {"cgroup.max.depth": "10"},
        },
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
            "architectures": ["SCMP_ARCH_X86_64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls": [{"names": ["getpgrp"], "action": "SCMP_ACT_ERRNO",
                          "errnoRet": 1,
                          "args": [{"index": 0, "value": 1, "valueTwo": 2,
                                    "op": "SCMP_CMP_EQ"}]}]},
        "rootfsPropagation": "slave",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "",
        "personality": {"domain": "LINUX"},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": []},
        "netDevices": {"eth9": {"name": "x"}},
    },
}
# missing, these make the document wrong
REQUIRED = {
    "ociVersion", "root", "root.path", "process", "process.args", "process.cwd",
    "process.user", "process.user.uid", "process.user.gid",
    "linux.devices.0.type", "linux.devices.0.path",
    "linux.namespaces.0.type", "linux.seccomp.defaultAction",
    "linux.seccomp.syscalls.0.names", "linux.seccomp.syscalls.0.action",
    "linux.seccomp.syscalls.0.args.0.index", "process.rlimits.0.type",
    "process.rlimits.0.hard", "process.rlimits.0.soft",
    "linux.uidMappings.0.containerID", "linux.uidMappings.0.hostID",
    "linux.uidMappings.0.size", "mounts.0.destination",
    "hooks.prestart.0.path", "linux.resources.devices.0.allow",
    "process.scheduler.policy", "process.ioPriority.class",
    "linux.personality.domain", "linux.memoryPolicy.mode",
    "linux.resources.hugepageLimits.0.pageSize",
}
# signed by the specification
SIGNED = {
    "process.oomScoreAdj", "process.scheduler.nice", "hooks", "linux.devices",
    "linux.resources.devices", "linux.resources.memory.limit",
    "linux.resources.memory.reservation", "linux.resources.memory.swap",
    "linux.resources.cpu.quota", "linux.resources.cpu.idle",
    "linux.resources.pids.limit", "linux.timeOffsets",
    "linux.resources.blockIO", "process.ioPriority.priority",
}
# not looked at: the specification gives them no meaning on this platform
LOOSE = {"linux.resources.memory.useHierarchy",
         "linux.resources.blockIO.leafWeight"}


def walk(node, path=()):
    if path:
        yield path, node
    items = (node.items() if isinstance(node, dict)
             else enumerate(node) if isinstance(node, list) else ())
    for key, child in items:
        yield from walk(child, path + (key,))


def put(path, value):
    doc = copy.deepcopy(BASE)
    at = doc
    for key in path[:-1]:
        at = at[key]
    if value is UNSET:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return doc


def wrong_values(name, node):
    """What cannot stand in the place of node, whatever else is there."""
    everything = [True, 7, 1.5, "no-such-value", ["x"], [[]], {"x": {}},
                  [{"x": 1}], [None], {"": 3}]
    for value in everything:
        if isinstance(node, bool):
            same = isinstance(value, bool)
        elif isinstance(node, int):
            same = isinstance(value, int) and not isinstance(value, bool)
        elif isinstance(node, str):
            same = isinstance(value, str)
        elif isinstance(node, list):
            same = isinstance(value, list) and not (
                node and isinstance(node[0], (str, dict)) and
                value and not isinstance(value[0], type(node[0])))
        else:
            same = isinstance(value, dict)
        if not same:
            yield value
    if isinstance(node, int) and not isinstance(node, bool):
        yield from (2**64, 2**70, -2**63 - 1, 1e300, 0.5)
        if not any(name == s or name.startswith(s + ".") for s in SIGNED):
            yield -1
    if isinstance(node, str) and name.split(".")[-1] in (
            "type", "policy", "class", "domain", "mode", "op", "action",
            "defaultAction", "rootfsPropagation") and "mounts" not in name:
        yield "no-such-value"


def cases():
    for path, node in walk(BASE):
        name = ".".join(map(str, path))
        if name in LOOSE:
            continue
        for value in wrong_values(name, node):
            yield name, json.dumps(put(path, value)).encode()
        if name in REQUIRED:
            yield name, json.dumps(put(path, UNSET)).encode()
            yield name, json.dumps(put(path, None)).encode()
        if isinstance(node, dict) and node:
            # the same key twice
            key = next(iter(node))
            text = json.dumps(put(path, "@@"))
            again = json.dumps(node)[:-1] + ", " + json.dumps(
                {key: node[key]})[1:]
            yield name, text.replace('"@@"', again).encode()
        if isinstance(node, str):
            yield name, json.dumps(put(path, "@@")).encode().replace(
                b"@@", b"\xff\xfe")
            yield name, json.dumps(put(path, "@@")).encode().replace(
                b"@@", b"a\\u0000b")
    text = json.dumps(BASE).encode()
    for cut in range(0, len(text) - 1, 37):
        yield "cut at %d" % cut, text[:cut]
    for level in (65, 1000, 100000):
        yield "depth", b'{"x":' * level + b"1" + b"}" * level
        yield "depth", b"[" * level + b"]" * level
        yield "depth", b'{"annotations":' + b"[" * level
    yield "size", b'{"ociVersion":"1.3.0","x":"' + b"a" * (100 << 20) + b'"}'
    yield "size", b" " * (100 << 20)
    for junk in (b"", b"\0", b"null", b"[]", b"1", b'"x"', b"{}", b"{} {}",
                 b"\xef\xbb\xbf{}", text + b"x"):
        yield "document", junk


def stage_of(hull, bundle, root, text):
    """How far hull comes with it: the stage of the error."""
    log = os.path.join(bundle, "log")
    with open(os.path.join(bundle, "config.json"), "wb") as out:
        out.write(text)
    subprocess.run([hull, "--root", root, "--log", log, "--log-format", "json",
                    "run", "-b", bundle, "malformed"],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    with open(log, encoding="utf-8") as lines:
        last = json.loads(lines.readlines()[-1])
    return last.get("stage"), last["msg"]


def main():
    hull, work = sys.argv[1:]
    bundle, root = os.path.join(work, "b"), os.path.join(work, "root")
    bad = count = 0
    # the control: unbroken, it is understood, and fails at most for what this
    # host cannot give
    stage, said = stage_of(hull, bundle, root, json.dumps(BASE).encode())
    if stage == "config":
        print("the unbroken config is refused: %s" % said)
        return 1
    step = int(os.environ.get("MALFORMED_STEP", "1"))
    for what, text in itertools.islice(cases(), 0, None, step):
        with open(os.path.join(bundle, "config.json"), "wb") as out:
            out.write(text)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            run = subprocess.run(
                [hull, "--root", root, "run", "-b", bundle, "malformed"],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            status, said = run.returncode, run.stderr
        except subprocess.TimeoutExpired:
            status, said = "hung", b""
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = (after.ru_utime + after.ru_stime -
                 before.ru_utime - before.ru_stime)
        count += 1
        why = None
        if status != 1:
            why = "status %s" % status
        elif not said.startswith(b"hull: ") or len(said) > 8192:
            why = "says %r" % said[:200]
        elif spent > CPU_S and not os.environ.get("SLOW"):
            why = "%.0f ms of CPU" % (spent * 1000)
        elif os.path.isdir(root) and [
                n for n in os.listdir(root) if n != ".cache"]:
            why = "left %s" % os.listdir(root)
        if why:
            bad += 1
            print("%s: %s: %s" % (what, why, text[:3000].decode(
                "utf-8", "replace") if len(text) < 5000 else "..."))
            if bad > 20:
                break
    print("%d malformed configs, %d not refused as they should be" %
          (count, bad))
    return 1 if bad or (step == 1 and count < 2000) else 0


sys.exit(main())
