#!/usr/bin/env python3
"""Moves the fragments of changelog/unreleased/ into CHANGELOG.md under a new version.

Usage: tools/release_notes.py VERSION
"""
import datetime
import re
import subprocess
import sys

from source_tree import ROOT

KINDS = ["added", "changed", "fixed", "removed"]


def main():
    if len(sys.argv) != 2 or not re.fullmatch(r"\d+\.\d+\.\d+", sys.argv[1]):
        sys.exit(__doc__)
    fragments = sorted((ROOT / "changelog/unreleased").glob("*.md"))
    wrong = [path.name for path in fragments if path.name.split("-")[0] not in KINDS]
    if wrong:
        sys.exit(f"name these fragments <kind>-<short-title>.md, kind one of {', '.join(KINDS)}: {', '.join(wrong)}")
    if not fragments:
        sys.exit("changelog/unreleased/ holds no fragments: nothing to release")
    lines = [f"## {sys.argv[1]} ({datetime.date.today().isoformat()})", ""]
    for kind in KINDS:
        texts = [" ".join(path.read_text(encoding="utf-8").split()) for path in fragments if path.name.startswith(kind + "-")]
        if texts:
            lines += [f"### {kind.capitalize()}", *(f"- {text}" for text in texts), ""]
    changelog = ROOT / "CHANGELOG.md"
    head, separator, rest = changelog.read_text(encoding="utf-8").partition("\n## ")
    changelog.write_text(head.rstrip() + "\n\n" + "\n".join(lines) + (separator + rest).lstrip("\n"), encoding="utf-8")
    subprocess.run(["git", "-C", str(ROOT), "rm", "-q", "--", *map(str, fragments)], check=True)


if __name__ == "__main__":
    main()
