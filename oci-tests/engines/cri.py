#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cri.py SOCKET METHOD [JSON | -]: one call of the Kubernetes Container Runtime
Interface (runtime.v1), its request and answer as JSON. Bytes are text here.

The messages are the few that cri.sh needs, by the numbers of CRI's api.proto;
what an answer has besides is left out."""
import json
import sys

import grpc

I64 = {"value": (1, "int")}
SECURITY = {"profile_type": (1, "int"), "localhost_ref": (2, "str")}
NAMESPACES = {"network": (1, "int"), "pid": (2, "int"), "ipc": (3, "int"), "target_id": (4, "str")}
RESOURCES = {
    "cpu_period": (1, "int"), "cpu_quota": (2, "int"), "cpu_shares": (3, "int"),
    "memory_limit_in_bytes": (4, "int"), "oom_score_adj": (5, "int"),
    "cpuset_cpus": (6, "str"), "unified": (9, "map")}
METADATA = {"name": (1, "str"), "uid": (2, "str"), "namespace": (3, "str"), "attempt": (4, "int")}
POD = {
    "metadata": (1, METADATA), "hostname": (2, "str"), "log_directory": (3, "str"),
    "dns_config": (4, {"servers": (1, ["str"])}),
    "labels": (6, "map"), "annotations": (7, "map"),
    "linux": (8, {
        "cgroup_parent": (1, "str"), "sysctls": (3, "map"),
        "security_context": (2, {
            "namespace_options": (1, NAMESPACES), "run_as_user": (3, I64),
            "readonly_rootfs": (4, "int"), "seccomp": (9, SECURITY)})})}
CONTAINER = {
    "metadata": (1, {"name": (1, "str"), "attempt": (2, "int")}),
    "image": (2, {"image": (1, "str")}), "command": (3, ["str"]), "args": (4, ["str"]),
    "working_dir": (5, "str"), "envs": (6, [{"key": (1, "str"), "value": (2, "str")}]),
    "mounts": (7, [{"container_path": (1, "str"), "host_path": (2, "str"),
                    "readonly": (3, "int"), "propagation": (5, "int")}]),
    "devices": (8, [{"container_path": (1, "str"), "host_path": (2, "str"),
                     "permissions": (3, "str")}]),
    "log_path": (11, "str"), "tty": (14, "int"),
    "linux": (15, {
        "resources": (1, RESOURCES),
        "security_context": (2, {
            "capabilities": (1, {"add_capabilities": (1, ["str"]), "drop_capabilities": (2, ["str"])}),
            "privileged": (2, "int"), "namespace_options": (3, NAMESPACES),
            "run_as_user": (5, I64), "run_as_username": (6, "str"), "readonly_rootfs": (7, "int"),
            "supplemental_groups": (8, ["int"]), "no_new_privs": (11, "int"),
            "run_as_group": (12, I64), "masked_paths": (13, ["str"]),
            "readonly_paths": (14, ["str"]), "seccomp": (15, SECURITY)})})}
POD_ID = {"pod_sandbox_id": (1, "str")}
ID = {"container_id": (1, "str")}
METHODS = {
    "Status": ({}, {"status": (1, {"conditions": (1, [{"type": (1, "str"), "status": (2, "int")}])})}),
    "RunPodSandbox": ({"config": (1, POD), "runtime_handler": (2, "str")}, POD_ID),
    "StopPodSandbox": (POD_ID, {}),
    "RemovePodSandbox": (POD_ID, {}),
    "PodSandboxStatus": (POD_ID, {"status": (1, {
        "state": (3, "int"), "network": (5, {"ip": (1, "str")}), "runtime_handler": (9, "str")})}),
    "CreateContainer": ({**POD_ID, "config": (2, CONTAINER), "sandbox_config": (3, POD)}, ID),
    "StartContainer": (ID, {}),
    "StopContainer": ({**ID, "timeout": (2, "int")}, {}),
    "RemoveContainer": (ID, {}),
    "ContainerStatus": (ID, {"status": (1, {
        "state": (3, "int"), "exit_code": (7, "int"), "reason": (10, "str"), "message": (11, "str")})}),
    "UpdateContainerResources": ({**ID, "linux": (2, RESOURCES)}, {}),
    "ContainerStats": (ID, {"stats": (1, {
        "cpu": (2, {"usage_core_nano_seconds": (2, I64)}),
        "memory": (3, {"working_set_bytes": (2, I64)})})}),
    "ExecSync": ({**ID, "cmd": (2, ["str"]), "timeout": (3, "int")},
                 {"stdout": (1, "str"), "stderr": (2, "str"), "exit_code": (3, "int")}),
}


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def packed(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode(kind, value):
    """What stands for a value of this kind, without its number."""
    if kind == "int":
        return varint(int(value))
    if kind == "str":
        return value.encode()
    out = b""
    for name, v in value.items():
        number, k = kind[name]
        if k == "map":
            entries = [packed(1, a.encode()) + packed(2, b.encode()) for a, b in v.items()]
        else:
            entries = [encode(k[0], e) for e in v] if isinstance(k, list) else [encode(k, v)]
        k = k[0] if isinstance(k, list) else k
        for e in entries:
            out += varint(number << 3) + e if k == "int" else packed(number, e)
    return out


def take(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return n, at


def decode(fields, data):
    names = {number: (name, k) for name, (number, k) in fields.items()}
    out = {name: [] for name, (_, k) in fields.items() if isinstance(k, list)}
    out.update({name: 0 for name, (_, k) in fields.items() if k == "int"})
    out.update({name: "" for name, (_, k) in fields.items() if k == "str"})
    at = 0
    while at < len(data):
        tag, at = take(data, at)
        if tag & 7 == 2:
            n, at = take(data, at)
            value, at = data[at:at + n], at + n
        elif tag & 7 == 0:
            value, at = take(data, at)
        else:
            sys.exit("cri: an answer with wire type %d" % (tag & 7))
        if tag >> 3 not in names:
            continue
        name, k = names[tag >> 3]
        one = k[0] if isinstance(k, list) else k
        if one == "int":
            value = value - (1 << 64) if value >> 63 else value
        elif one == "str":
            value = value.decode(errors="replace")
        else:
            value = decode(one, value)
        if isinstance(k, list):
            out[name].append(value)
        else:
            out[name] = value
    return out


def main():
    address, method, *rest = sys.argv[1:]
    request, answer = METHODS[method]
    text = rest[0] if rest else "{}"
    call = grpc.insecure_channel("unix://" + address).unary_unary(
        "/runtime.v1.RuntimeService/" + method,
        request_serializer=lambda v: encode(request, v),
        response_deserializer=lambda d: decode(answer, d))
    try:
        print(json.dumps(call(json.loads(sys.stdin.read() if text == "-" else text), timeout=100)))
    except grpc.RpcError as e:
        sys.exit("cri: %s: %s: %s" % (method, e.code().name, e.details()))


main()
