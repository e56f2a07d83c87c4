"""The matrix as text, and the page docs/interop.md made of the last full run against each server."""
import json
from pathlib import Path

import cxx
import expected

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
MARKS = {"pass": "pass", "known": "no", "fails": "FAILS"}
SERVERS = ("troupe", "apache", "apache-broker", "apache-name-server")


def titles():
    """Title by operation, in the order of the page."""
    return {operation.name: operation.title for client in cxx.everyone(Path()) for operation in client.operations()}


def matrix(cells, names):
    """Markdown: one row per operation, one column per client; an empty cell where the client has no such operation."""
    lines = ["| operation | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    for name, title in titles().items():
        marks = [MARKS.get(cells.get(f"{client} {name}", {}).get("result"), "") for client in names]
        if any(marks):
            lines.append(f"| {title} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def reasons(cells):
    """What did not pass, by reason."""
    found = {}
    for key, cell in cells.items():
        if cell["result"] != "pass":
            client, operation = key.split(" ", 1)
            found.setdefault((MARKS[cell["result"]], cell["reason"]), {}).setdefault(f"`{operation}`", []).append(client)
    return "".join(f"- {mark}: {', '.join(operations)}: {reason}\n" for (mark, reason), operations in found.items())


def save(against, server, cells, whole):
    """A whole run replaces what was there; a part is put into it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{against}.json"
    if path.exists() and not whole:
        cells = {**json.loads(path.read_text())["cells"], **cells}
    title = f"{server.name} {server.version}".strip()
    path.write_text(json.dumps({"title": title, "cells": cells}, indent=1) + "\n")


def section(title, cells):
    everyone = [client.name for client in cxx.everyone(Path())]
    present = {key.split(" ")[0] for key in cells}
    text = f"\n## {title}\n"
    for tool in (False, True):
        names = [name for name in everyone if name in present and name.startswith("mqadmin") == tool]
        if names:
            text += f"\n{matrix(cells, names)}\n"
    return text + (f"\n{reasons(cells)}" if reasons(cells) else "")


def differences():
    if not expected.DIFFERENCES:
        return ""
    lines = ["", "## Differences, each a decision", "", "| operation | Apache RocketMQ 5.3.3 | Troupe | why |", "| --- | --- | --- | --- |"]
    lines += ["| " + " | ".join(row) + " |" for row in expected.DIFFERENCES]
    return "\n".join(lines) + "\n"


def write(root):
    text = (HERE / "page_head.md").read_text()
    for server in SERVERS:
        file = RESULTS / f"{server}.json"
        if file.exists():
            result = json.loads(file.read_text())
            text += section(result["title"], result["cells"])
    path = root / "docs" / "interop.md"
    path.write_text(text + differences())
    return path.relative_to(root)
