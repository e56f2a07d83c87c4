#!/usr/bin/env python3
"""Compares Troupe with Apache RocketMQ: RocketMQ's own benchmark programs against both, in turn, on this machine.

Use it through `./dev bench rocketmq`. docs/performance.md says what is measured and how to read it. Exit code 1: something could not
be measured; a missed goal is a result.
"""
import argparse
import contextlib
import fcntl
import fnmatch
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures
import programs
import servers

ROOT = Path(__file__).resolve().parents[2]
BATCH = 16
BATCH_THREADS = 16
FOLLOWED_THREADS = 4 # of the producer that a consumer follows: a load that both brokers bear without queueing
SENDERS = 64
STEADY_RATE = 10_000 # messages/s of the generator where both brokers get the same load: well below what either bears
LOCK_SECONDS = 270 # after which the lock is released when a scenario ends
WARM_UP_REPORTS = 3 # of ten seconds, after the client's own: until the Java broker's compiler has done its work


def plan():
    """Scenarios of one flush mode in the order they run: name, and how to measure it."""
    for threads in (1, 8, 64):
        for body in (128, 1024):
            yield f"{threads} threads, {body} B", lambda run, server, threads=threads, body=body: programs.run_producer(
                run.programs, server, run.logs, "sends", threads, body, run.reports)
    for body in (128, 1024):
        yield f"{BATCH_THREADS} threads, batches of {BATCH}, {body} B", lambda run, server, body=body: programs.run_producer(
            run.programs, server, run.logs, "sends", BATCH_THREADS, body, run.reports, BATCH)
    yield f"end to end, {FOLLOWED_THREADS} threads, 1024 B", lambda run, server: programs.run_end_to_end(
        run.programs, server, run.logs, "followed", FOLLOWED_THREADS, 1024, run.reports)
    for name, rate in (("", 0), (f", {STEADY_RATE} messages/s", STEADY_RATE)):
        yield f"generator, {SENDERS} senders, 1024 B{name}", lambda run, server, rate=rate: generator_figures(programs.run_generator(
            run.troupe, server, "sends", SENDERS, 1024, run.reports * programs.REPORT_SECONDS, rate))


def generator_figures(report):
    return {"rate": report["messages_per_second"], "p50_ms": report["p50_us"] / 1000, "p99_ms": report["p99_us"] / 1000,
            "p999_ms": report["p999_us"] / 1000, "max_ms": report["max_us"] / 1000, "failed": report["failures"],
            "broker_cpu_us": report["broker_cpu_us_per_message"], "client_cpu_us": report["client_cpu_us_per_message"]}


def memory_figures(server):
    resident = servers.resident_mib(server.pid)
    return {"resident_mib": resident["all"], "private_mib": resident["private"]}


def fetch(work, profile):
    """Jars of one profile of pom.xml; fetched once."""
    directory = work / profile
    if not (directory / "complete").exists():
        print(f"fetching {profile} from Maven Central", flush=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(ROOT / "bench/rocketmq/pom.xml"), "-P", profile, f"-Dout={directory}",
                               "package"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch the {profile}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        (directory / "complete").touch()
    return directory / "lib"


class Run:
    """One comparison, and what it has measured: {scenario: [{"apache": figures, "troupe": figures}, ...]}."""

    def __init__(self, options):
        self.options = options
        self.troupe = str(Path(options.troupe).resolve())
        self.reports = options.reports
        self.work = Path(options.work).resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.jars, self.programs = fetch(self.work, "servers"), fetch(self.work, "programs")
        self.logs = Path(tempfile.mkdtemp(prefix="run-", dir=self.work))
        self.rounds = {}
        self.failures = []
        self._lock, self._lock_began = None, 0.0
        with self.alone():
            self.machine = machine() | {"worst_wake_up_ms": worst_wake_up_ms()}
        if options.append and options.json and Path(options.json).exists():
            self.rounds = json.loads(Path(options.json).read_text(encoding="utf-8"))["rounds"]

    @contextlib.contextmanager
    def alone(self):
        """Holds the lock that others on this machine respect, if there is one, for several scenarios but not for ever."""
        if self.options.lock and not self._lock:
            self._lock = open(self.options.lock, "w", encoding="utf-8")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._lock_began = time.monotonic()
        yield
        if self._lock and time.monotonic() - self._lock_began > LOCK_SECONDS:
            self.let_others()

    def let_others(self):
        if self._lock:
            self._lock.close()
            self._lock = None

    def note(self, scenario, pair):
        self.rounds.setdefault(scenario, []).append(pair)
        self.save()
        print("  " + scenario + ": " + "  ".join(
            f"{figures.COLUMNS[name][0]} {figures.cell(name, values)}" for name, values in figures.summarise([pair]).items()), flush=True)

    def save(self):
        """After each scenario, so that a run that is ended early has measured something."""
        whole, text = report(self)
        if self.options.json:
            Path(self.options.json).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        if self.options.markdown:
            Path(self.options.markdown).write_text(text, encoding="utf-8")
        return text

    def measure(self, scenario, pair, work):
        """WORK on each server, one after the other and without anybody else."""
        try:
            with self.alone():
                self.fill_page_cache()
                self.note(scenario, {key: work(server) for key, server in pair.items()})
        except RuntimeError as problem:
            self.failures.append({"scenario": scenario, "why": str(problem)})
            print(f"  {scenario}: {problem}", flush=True)

    def fill_page_cache(self):
        """As on a machine that has been up for long: what is written takes its pages from the cache (docs/performance.md, Method)."""
        if self.options.page_cache_as_is:
            return
        done = subprocess.run([self.troupe, "bench", "page-cache", "--directory", self.logs], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the page cache could not be filled: {done.stderr.strip()}")

    def is_wanted(self, scenario):
        return not self.options.only or any(fnmatch.fnmatch(scenario, pattern) for pattern in self.options.only)

    def round(self, flush):
        """New brokers with empty stores, warmed up, and every scenario once against each, in turn."""
        chosen = [(f"{flush}, {name}", work) for name, work in plan() if self.is_wanted(f"{flush}, {name}")]
        if not chosen:
            return
        pair = {"apache": servers.Apache(self.logs / "apache", self.troupe, self.jars),
                "troupe": servers.Troupe(self.logs / "troupe", self.troupe)}
        try:
            self.measure(f"{flush}, start and memory of an empty broker", pair,
                         lambda server: {"start_s": server.start(flush)} | self.settle(server))
            self.measure(f"{flush}, warm-up of the brokers (64 threads, 1024 B)", pair,
                         lambda server: programs.run_producer(self.programs, server, self.logs, "sends", 64, 1024, WARM_UP_REPORTS))
            for scenario, work in chosen:
                self.measure(scenario, pair, lambda server, work=work: work(self, server))
            if not self.options.only:
                self.measure(f"{flush}, memory after the loads", pair, memory_figures)
        finally:
            for server in pair.values():
                server.stop()
            self.let_others()

    @staticmethod
    def settle(server):
        for topic in ("sends", "followed"):
            server.create_topic(topic)
        time.sleep(2)
        return memory_figures(server)


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) // 1048576 for line in Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal"))
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]
    return {"cores": os.cpu_count(), "processor": model, "memory_gib": memory, "kernel": platform.release(), "java": java}


def worst_wake_up_ms(seconds=8, nap=0.0001):
    """How late a thread wakes up at worst that sleeps again and again while nothing else runs: what no broker here can be better than."""
    worst, end = 0.0, time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        time.sleep(nap)
        worst = max(worst, time.monotonic() - began - nap)
    return worst * 1000


def report(run):
    summaries = {scenario: figures.summarise(rounds) for scenario, rounds in run.rounds.items() if "warm-up" not in scenario}
    goals = figures.goals(summaries)
    memory = {name: each for name, each in summaries.items() if "memory" in name}
    generator = {name: each for name, each in summaries.items() if "generator" in name}
    sends = {name: each for name, each in summaries.items() if name not in memory and name not in generator}
    where = run.machine
    rounds = max((len(pairs) for pairs in run.rounds.values()), default=0)
    parts = [f"Apache RocketMQ / Troupe, medians of up to {rounds} rounds, and how many times better Troupe is (median of the pairs' "
             f"ratios). {where['cores']} cores of {where['processor']}, {where['memory_gib']} GiB, {where['java']}; with nothing running, "
             f"a thread that sleeps wakes up to {where['worst_wake_up_ms']:.1f} ms late."]
    if sends:
        parts.append("RocketMQ's own programs:\n\n" +
                     figures.table(sends, ["rate", "average_ms", "max_ms", "broker_cpu_us", "client_cpu_us", "failed"]))
    if generator:
        parts.append("Troupe's load generator:\n\n" + figures.table(
            generator, ["rate", "p50_ms", "p99_ms", "p999_ms", "max_ms", "broker_cpu_us", "failed"]))
    if memory:
        parts.append("The broker's process:\n\n" + figures.table(memory, ["start_s", "resident_mib", "private_mib"]))
    if goals:
        parts.append("Goals:\n\n" + figures.goal_table(goals))
    whole = {"machine": where, "time": int(time.time()), "rounds": run.rounds, "summaries": summaries, "goals": goals,
             "failures": run.failures}
    return whole, "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench rocketmq", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds per flush mode, each with new brokers (3)")
    parser.add_argument("--reports", type=int, default=1, help="measured reports of ten seconds per scenario (1)")
    parser.add_argument("--flush", choices=["async", "sync", "both"], default="both", help="flush mode of both brokers")
    parser.add_argument("--only", action="append", help="pattern of scenarios, for example '*64 threads, 1024 B'; may be repeated")
    parser.add_argument("--json", help="where to write every figure of every round")
    parser.add_argument("--append", action="store_true", help="add to what the file of --json holds of earlier runs")
    parser.add_argument("--markdown", help="where to write the tables")
    parser.add_argument("--page-cache-as-is", action="store_true", help="leave the page cache as it is, instead of filling it")
    parser.add_argument("--lock", help="file to hold with flock(2) while measuring, where several people share a machine")
    parser.add_argument("--troupe", default=str(ROOT / "build/release/apps/troupe"), help="Troupe's program")
    parser.add_argument("--work", default=str(ROOT / "build/rocketmq"), help="jars, logs and stores")
    options = parser.parse_args()
    run = Run(options)
    print(f"logs and stores are in {run.logs}", flush=True)
    for flush in (["async", "sync"] if options.flush == "both" else [options.flush]):
        for number in range(options.rounds):
            print(f"{flush} flush, round {number + 1} of {options.rounds}: Apache RocketMQ / Troupe (times better)", flush=True)
            run.round(flush)
    print("\n" + run.save())
    for failure in run.failures:
        print(f"not measured: {failure['scenario']}: {failure['why']}", file=sys.stderr)
    (run.logs / "page-cache").unlink(missing_ok=True)
    for store in run.logs.glob("*/store"):
        shutil.rmtree(store, ignore_errors=True)
    return 1 if run.failures else 0


def end_by_signal(*_):
    """Ends the brokers, too; a second signal must not interrupt that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end_by_signal)
    try:
        sys.exit(main())
    except (RuntimeError, FileNotFoundError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(1)
