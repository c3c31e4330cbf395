#!/usr/bin/env python3
"""module-order.py FOLDER NAME...: paths of kernel modules, each after those it needs, as .modinfo tells (no kmod needed)."""
import os
import subprocess
import sys

paths = {}
for folder, _, files in os.walk(sys.argv[1]):
    for file in files:
        if file.endswith(".ko"):
            paths[file[:-3].replace("-", "_")] = os.path.join(folder, file)
order = []


def add(name):
    path = paths.get(name.replace("-", "_"))
    if path is None:
        print("no module, so it is built in or missing:", name, file=sys.stderr)
        return
    if path in order:
        return
    section = ["objcopy", "-O", "binary", "-j", ".modinfo", path, "/dev/stdout"]
    for line in subprocess.run(section, stdout=subprocess.PIPE, check=True).stdout.split(b"\0"):
        key, _, value = line.decode("latin1").partition("=")
        if key == "softdep" and value.startswith("pre:"):
            for needed in value[4:].split("post:")[0].split():
                add(needed)
        if key == "depends":
            for needed in filter(None, value.split(",")):
                add(needed)
    if path not in order:
        order.append(path)


for wanted in sys.argv[2:]:
    add(wanted)
print("\n".join(order))
