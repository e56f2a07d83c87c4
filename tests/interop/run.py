#!/usr/bin/env python3
"""Runs unmodified RocketMQ clients against a server: client x version x operation, each asserted on both ends.

Use it through `./dev interop`. A full run prints the matrix and rewrites docs/interop.md; a part (--client, --only) only prints.
Exit code 0: everything passes but what expected.py names; 1: something else fails.
"""
import argparse
import fnmatch
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import clients
import cxx
import matrix
import page
import servers

ROOT = Path(__file__).resolve().parents[2]


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev interop", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--against", choices=sorted(servers.SERVERS), default="troupe", help="the server under test (troupe)")
    parser.add_argument("--client", default="*", help="patterns of clients, for example java-5.3.3 or 'mqadmin-*,go-*'")
    parser.add_argument("--only", default="*", help="pattern of operations, for example 'push-*'")
    parser.add_argument("--binary", default=str(ROOT / "build/release/apps/troupe"), metavar="PATH",
                        help="another build of Troupe's program than build/release")
    parser.add_argument("--work", default=str(ROOT / "build/interop"), metavar="FOLDER", help="for clients, logs and reports")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many clients at once (1)")
    parser.add_argument("--page", action="store_true", help="write a part into docs/interop.md, too")
    return parser.parse_args()


def fetch(chosen):
    """Those clients that could be had, and whether that is all of them."""
    had, complete = [], True
    for client in chosen:
        print(f"fetching {client.name}", flush=True)
        try:
            client.ready()
            had.append(client)
        except (clients.Missing, RuntimeError, FileNotFoundError, subprocess.TimeoutExpired) as problem:
            print(f"absent {client.name:<20} {problem}", flush=True)
            complete = complete and isinstance(problem, clients.Missing)
    return had, complete


def main():
    options = parse_options()
    work = Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    everyone = cxx.everyone(work / "clients", options.binary)
    chosen = [client for client in everyone if any(fnmatch.fnmatch(client.name, pattern) for pattern in options.client.split(","))]
    if not chosen:
        print(f"interop: no client matches {options.client}; there are {', '.join(c.name for c in everyone)}", file=sys.stderr)
        return 2
    chosen, complete = fetch(chosen)
    directory = Path(tempfile.mkdtemp(prefix=f"run-{options.against}-", dir=work))
    server = servers.SERVERS[options.against](directory, options.binary, work / "clients")
    server.everyone = {client.name: client for client in everyone}
    print(f"{server.name} {server.version}; logs and reports are in {server.directory}", flush=True)
    try:
        cells = matrix.run(server, chosen, options.only, options.jobs)
    finally:
        server.stop()
    print()
    print(page.matrix(cells, [client.name for client in chosen]))
    whole = options.client == options.only == "*" and complete
    if whole or options.page:
        page.save(options.against, server, cells, whole)
        print(f"wrote {page.write(ROOT)}")
    failed = [name for name, cell in cells.items() if cell["result"] == "fails"]
    known = [name for name, cell in cells.items() if cell["result"] == "known"]
    print(f"{len(cells)} run: {len(cells) - len(failed) - len(known)} pass, {len(known)} known not to, {len(failed)} fail")
    return 0 if cells and complete and not failed else 1


if __name__ == "__main__":
    # The end by a signal ends the servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.TimeoutExpired, FileNotFoundError) as problem:
        print(f"interop: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
