"""Runs each operation of each client, and says how it ended."""
import fnmatch
import json
import os
import signal
import subprocess
import time

import expected
from outcome import Failed, until
from scenarios import QUEUES, Case


def known_reason(server, client, operation):
    for on, clients_of, operations_of, reason in expected.KNOWN:
        if fnmatch.fnmatch(server, on) and fnmatch.fnmatch(client, clients_of) and fnmatch.fnmatch(operation, operations_of):
            return reason
    return None


def finished(process, seconds):
    """What the process printed, or None when it had to be ended. It has a group of its own, so nothing stays behind."""
    try:
        return process.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def run_driver(client, server, scenario, topic, group):
    """The report of a client's driver."""
    home = server.directory / f"{client.name}-{scenario.name}"
    home.mkdir()
    log = home / "errors.log"
    command = client.command(home, scenario.name, server.observer.name_server, topic, group)
    processes = []

    def start():
        with open(log, "wb") as errors:
            processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=home,
                                              env=client.environment(home), start_new_session=True))
        return processes[-1]

    if scenario.run:
        try:
            output = scenario.run(server, start, home, topic, group)
        finally:
            for process in processes:
                finished(process, 0)
    else:
        output = finished(start(), scenario.timeout)
    if output is None:
        raise Failed(f"the client did not end in {scenario.timeout} s")
    rows = dict(line.split(" ", 1) for line in output.splitlines() if line.startswith(("RESULT ", "CLI ")))
    if "RESULT" not in rows:
        raise Failed(f"the client ended without a result: {output[-300:]}{log.read_text(errors='replace')[-300:]}")
    try:
        report = json.loads(rows["RESULT"])
    except ValueError as problem:
        raise Failed(f"the client's report of {len(rows['RESULT'])} bytes is cut off or wrong: {problem}") from None
    if "CLI" in rows:
        report["cli"] = json.loads(rows["CLI"])
    (home / "report.json").write_text(json.dumps(report, indent=1))
    return report


def run_scenario(client, server, scenario, number):
    """Raises Failed with the reason."""
    observer = server.observer
    topic, group = f"{scenario.name}-{number}", f"group-{scenario.name}-{number}"
    if scenario.create_topic:
        observer.create_topic(topic, QUEUES)
        until("the topic has a route", lambda: observer.has_route(topic))
    report = run_driver(client, server, scenario, topic, group)
    try:
        scenario.check(Case(report, server.broker_make, observer, topic, group))
    except Failed as failure:
        # The client's own error says more than what is missing after it.
        error = report.get("error")
        raise Failed(f"{failure}; the client says: {error}" if error and error not in str(failure) else str(failure)) from None
    except (OSError, RuntimeError, ValueError, IndexError, KeyError) as error:
        raise Failed(f"could not be checked: {type(error).__name__} {error}; the client says: {report.get('error')}") from None
    if not server.alive():
        raise Failed("the server ended")


def one_line(text):
    return " ".join(str(text).split())[:300]


def run(server, chosen_clients, pattern):
    """Cells by client and operation: {"result": "pass" | "known" | "fails", "reason"}."""
    cells, number = {}, 0
    for client in chosen_clients:
        with client.session(server) as runner:
            for operation in client.operations():
                if not fnmatch.fnmatch(operation.name, pattern):
                    continue
                number += 1
                begin = time.monotonic()
                reason = known_reason(server.name, client.name, operation.name)
                try:
                    runner(operation, number)
                    cell = {"result": "pass"}
                    note = f"  passes now: remove its row from expected.py ({reason})" if reason else ""
                except (Failed, OSError, RuntimeError, subprocess.TimeoutExpired) as failure:
                    cell = {"result": "known" if reason else "fails", "reason": reason or one_line(failure)}
                    note = f"  {one_line(failure)}"
                cells[f"{client.name} {operation.name}"] = cell
                print(f"{cell['result']:<6} {client.name:<20} {operation.name:<22} {time.monotonic() - begin:5.1f} s{note}", flush=True)
    return cells
