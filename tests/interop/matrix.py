"""Runs each operation of each client, and says how it ended."""
import concurrent.futures
import contextlib
import fnmatch
import itertools
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


def result(output, log):
    """A driver's report, from its output."""
    rows = dict(line.split(" ", 1) for line in output.splitlines() if line.startswith(("RESULT ", "CLI ")))
    if "RESULT" not in rows:
        errors = log.read_text(errors="replace")[-300:] if log.exists() else ""
        raise Failed(f"the client ended without a result: {output[-300:]}{errors}")
    try:
        report = json.loads(rows["RESULT"])
    except ValueError as problem:
        raise Failed(f"the client's report of {len(rows['RESULT'])} bytes is cut off or wrong: {problem}") from None
    if "CLI" in rows:
        report["cli"] = json.loads(rows["CLI"])
    return report


class Drivers:
    """Starts `client`'s driver for one scenario, with its errors in LOG; ends in the end what still runs."""

    def __init__(self, client, name_server, command, home, log):
        self.client = client
        self.name_server = name_server
        self._command = command
        self._home = home
        self._log = log
        self._started = []

    def __call__(self):
        with open(self._log, "wb") as errors:
            self._started.append(subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                                  cwd=self._home, env=self.client.environment(self._home), start_new_session=True))
        return self._started[-1]

    def other(self, client, name, *words):
        """The report of a driver of another client, which runs a scenario NAME beside."""
        home = self._home / client.name
        home.mkdir()
        with open(home / "errors.log", "wb") as errors:
            process = subprocess.Popen(client.command(home, name, self.name_server, *words), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=errors, cwd=home, env=client.environment(home),
                                       start_new_session=True)
        self._started.append(process)
        return result(finished(process, 60) or "", home / "errors.log")

    def end(self):
        for process in self._started:
            finished(process, 0)


def run_driver(client, server, scenario, topic, group):
    """The report of a client's driver."""
    home = server.directory / f"{client.name}-{scenario.name}"
    home.mkdir()
    log = home / "errors.log"
    name_server = server.observer.name_server
    start = Drivers(client, name_server, client.command(home, scenario.name, name_server, topic, group), home, log)
    if scenario.run:
        try:
            output = scenario.run(server, start, home, topic, group)
        finally:
            start.end()
    else:
        output = finished(start(), scenario.timeout)
    if output is None:
        raise Failed(f"the client did not end in {scenario.timeout} s")
    report = result(output, log)
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


def run_client(client, server, pattern, numbers):
    """Cells by client and operation: {"result": "pass" | "known" | "fails", "reason"}."""
    cells = {}
    with client.session(server) as runner:
        for operation in client.operations():
            if not fnmatch.fnmatch(operation.name, pattern) or server.broker_make not in operation.makes:
                continue
            with server.turn if operation.alone else contextlib.nullcontext():
                begin = time.monotonic()
                reason = known_reason(server.name, client.name, operation.name)
                try:
                    runner(operation, next(numbers))
                    cell = {"result": "pass"}
                    note = f"  passes now: remove its row from expected.py ({reason})" if reason else ""
                except (Failed, OSError, RuntimeError, subprocess.TimeoutExpired) as failure:
                    cell = {"result": "known" if reason else "fails", "reason": reason or one_line(failure)}
                    note = f"  {one_line(failure)}"
            cells[f"{client.name} {operation.name}"] = cell
            print(f"{cell['result']:<6} {client.name:<20} {operation.name:<22} {time.monotonic() - begin:5.1f} s{note}", flush=True)
    return cells


def run(server, chosen_clients, pattern, jobs=1):
    """Cells of all clients, in their order. JOBS of them work at once, but for tools, which change the broker under others."""
    numbers = itertools.count(1)
    found = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        beside = [client for client in chosen_clients if not client.is_tool]
        found.update(zip(beside, pool.map(lambda client: run_client(client, server, pattern, numbers), beside)))
    for client in chosen_clients:
        if client.is_tool:
            found[client] = run_client(client, server, pattern, numbers)
    return {name: cell for client in chosen_clients for name, cell in found[client].items()}
