#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""validate.py SCHEMA: the documents on standard input, one JSON value after the
other, against a JSON schema (draft 4 as far as it is known here; a keyword that
is not is an error, so that none is passed over). The first line of what differs
goes to standard output, and the status is 1. ALLOW="WORD...": also valid where
an enumeration is asked for."""

import json
import os
import re
import sys

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
NOTES = {"$schema", "description", "title", "definitions"}
ALLOW = os.environ.get("ALLOW", "").split()


class Bad(Exception):
    pass


def is_type(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


class Schema:
    def __init__(self, path):
        self.path = path
        self.files = {}

    def file(self, path):
        if path not in self.files:
            with open(path, encoding="utf-8") as f:
                self.files[path] = json.load(f)
        return self.files[path]

    def follow(self, base, ref):
        name, _, pointer = ref.partition("#")
        path = os.path.join(os.path.dirname(base), name) if name else base
        rule = self.file(path)
        for word in pointer.strip("/").split("/"):
            rule = rule[word]
        return path, rule

    def check(self, value, rule, base, at):
        if "$ref" in rule:
            path, target = self.follow(base, rule["$ref"])
            self.check(value, target, path, at)
            return
        for key, want in rule.items():
            if key in NOTES or key == "additionalProperties":
                continue
            known = getattr(self, "k_" + key.replace("Properties", "_properties").lower(), None)
            if not known:
                raise SystemExit(f"{base}: unknown keyword '{key}'")
            known(value, want, base, at)
        if isinstance(value, dict) and rule.get("additionalProperties") is False:
            for key in value:
                if key not in rule.get("properties", {}):
                    raise Bad(f"{at}: nobody knows '{key}'")

    def k_type(self, value, want, _base, at):
        names = [want] if isinstance(want, str) else want
        if not any(is_type(value, name) for name in names):
            raise Bad(f"{at}: {value!r} is no {want}")

    def k_enum(self, value, want, _base, at):
        if value not in want and value not in ALLOW:
            raise Bad(f"{at}: {value!r} is none of {want}")

    def k_pattern(self, value, want, _base, at):
        if isinstance(value, str) and not re.search(want, value):
            raise Bad(f"{at}: {value!r} does not match {want}")

    def k_minimum(self, value, want, _base, at):
        if is_type(value, "number") and value < want:
            raise Bad(f"{at}: {value} is below {want}")

    def k_maximum(self, value, want, _base, at):
        if is_type(value, "number") and value > want:
            raise Bad(f"{at}: {value} is above {want}")

    def k_minitems(self, value, want, _base, at):
        if isinstance(value, list) and len(value) < want:
            raise Bad(f"{at}: {len(value)} items, at least {want}")

    def k_required(self, value, want, _base, at):
        for key in want if isinstance(value, dict) else []:
            if key not in value:
                raise Bad(f"{at}: no '{key}'")

    def k_items(self, value, want, base, at):
        for i, item in enumerate(value if isinstance(value, list) else []):
            self.check(item, want, base, f"{at}[{i}]")

    def k_properties(self, value, want, base, at):
        for key, rule in want.items():
            if isinstance(value, dict) and key in value:
                self.check(value[key], rule, base, f"{at}.{key}")

    def k_pattern_properties(self, value, want, base, at):
        for pattern, rule in want.items():
            for key in value if isinstance(value, dict) else []:
                if re.search(pattern, key):
                    self.check(value[key], rule, base, f"{at}.{key}")

    def k_allof(self, value, want, base, at):
        for rule in want:
            self.check(value, rule, base, at)

    def k_oneof(self, value, want, base, at):
        good = 0
        for rule in want:
            try:
                self.check(value, rule, base, at)
                good += 1
            except Bad:
                pass
        if good != 1:
            raise Bad(f"{at}: {good} of {len(want)} kinds fit")


def documents(text):
    decoder = json.JSONDecoder()
    at = 0
    while text[at:].strip():
        while text[at].isspace():
            at += 1
        value, at = decoder.raw_decode(text, at)
        yield value


def main():
    schema = Schema(sys.argv[1])
    count = 0
    try:
        for value in documents(sys.stdin.read()):
            schema.check(value, schema.file(schema.path), schema.path, "$")
            count += 1
    except (Bad, ValueError) as e:
        print(e)
        return 1
    if not count:
        print("no document")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
