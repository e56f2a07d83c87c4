#!/usr/bin/env python3
"""Runs clang-tidy over every source of the project, several at a time, and only where something changed since the last run.

Usage: tools/tidy.py BUILD_DIR. BUILD_DIR is a Ninja build made with Clang (preset lint), already built: its compile
commands say how, and its dependency log says which headers a source reads. A source that was clean leaves a stamp with a
hash over .clang-tidy, the source and its headers in BUILD_DIR/tidy.
"""
import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from source_tree import ROOT, sources

CHECKER = "clang-tidy-14"


def dependencies(build):
    """Object file -> files it was compiled from, without those of the system, from Ninja's log."""
    text = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    result, current = {}, None
    for line in text.splitlines():
        if line.startswith("    "):
            path = line.strip()
            if current is not None and not path.startswith("/usr/"):
                current.append(path)
        elif ":" in line:
            current = result.setdefault(line.split(":", 1)[0], [])
    return result


def object_of(entry):
    """The file that a compile command writes; CMake 3.25 says it only in the command itself."""
    words = shlex.split(entry["command"])
    return words[words.index("-o") + 1]


def fingerprint(source, headers, build):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for path in sorted({str(source), *headers}):
        absolute = Path(path) if os.path.isabs(path) else build / path
        digest.update(path.encode())
        digest.update(absolute.read_bytes() if absolute.exists() else b"gone")
    return digest.hexdigest()


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/lint").resolve()
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    by_object = dependencies(build)
    wanted = {ROOT / path for path in sources(".cpp")}
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)

    work = []
    for entry in entries:
        source = Path(entry["file"])
        if source not in wanted:
            continue
        wanted.discard(source)  # one compile command is enough
        headers = by_object.get(object_of(entry))
        if headers is None:
            sys.exit(f"{source.relative_to(ROOT)} was not built in {build}: build everything there first")
        mark = fingerprint(source, headers, build)
        stamp = stamps / source.relative_to(ROOT).as_posix().replace("/", "__")
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != mark:
            work.append((source, stamp, mark))

    def check(item):
        source, stamp, mark = item
        run = subprocess.run([CHECKER, "--quiet", "-p", str(build), str(source)], capture_output=True, text=True, check=False)
        if run.returncode == 0:
            stamp.write_text(mark, encoding="utf-8")
        return source, run

    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for number, (source, run) in enumerate(pool.map(check, work), start=1):
            print(f"[{number}/{len(work)}] {source.relative_to(ROOT)}", flush=True)
            if run.returncode != 0:
                failed += 1
                print(run.stdout + run.stderr, flush=True)
    print(f"clang-tidy: {len(work)} checked, {failed} with findings")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
