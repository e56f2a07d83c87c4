#!/usr/bin/env python3
"""Runs clang-tidy over every source of the project, several at a time, and only where something changed since the last run.

Usage: tools/tidy.py BUILD_DIR [--product]. With --product the tests are left out, which take half of the time. BUILD_DIR is configured for Clang (preset lint); its compile commands say how. A source that was
clean leaves a stamp in BUILD_DIR/tidy: a hash over .clang-tidy, its compile command, itself and the project's headers it reads.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from source_tree import ROOT, sources

CHECKER = "clang-tidy-14"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


@cache
def own_includes(path):
    """The project's headers that a file names itself, as paths from the root."""
    text = (ROOT / path).read_text(encoding="utf-8")
    beside = ((path.parent / name, Path(name)) for name in INCLUDE.findall(text))
    return [next((place for place in places if (ROOT / place).is_file()), None) for places in beside]


def reads(source):
    """Every header of the project that a source reads, directly or not."""
    seen, waiting = set(), [source]
    while waiting:
        for header in own_includes(waiting.pop()):
            if header is not None and header not in seen:
                seen.add(header)
                waiting.append(header)
    return seen


def fingerprint(source, command):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + command.encode())
    for path in sorted({source, *reads(source)}):
        digest.update(path.as_posix().encode())
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/lint").resolve()
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    product_only = "--product" in sys.argv[2:]
    left_out = {"examples", "tests"} if product_only else {"examples"}  # examples are a project of their own: ./dev example
    wanted = {ROOT / path for path in sources(".cpp") if path.parts[0] not in left_out}
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)

    work = []
    for entry in entries:
        source = Path(entry["file"])
        if source not in wanted:
            continue
        wanted.discard(source)  # one compile command is enough
        mark = fingerprint(source.relative_to(ROOT), entry["command"])
        stamp = stamps / source.relative_to(ROOT).as_posix().replace("/", "__")
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != mark:
            work.append((source, stamp, mark))

    def check(item):
        source, stamp, mark = item
        run = subprocess.run([CHECKER, "--quiet", "-p", str(build), str(source)], capture_output=True, text=True, check=False)
        if run.returncode == 0:
            stamp.write_text(mark, encoding="utf-8")
        return source, run

    failed = len(wanted)
    for source in sorted(wanted):
        print(f"{source.relative_to(ROOT)}: no target of the build compiles it, so nothing checks it or its header", flush=True)
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
