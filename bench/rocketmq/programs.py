"""The load: RocketMQ's own benchmark programs (package org.apache.rocketmq.example.benchmark), and Troupe's generator.

RocketMQ's programs print a line every ten seconds with the rates of the last nine or ten; the first line of each is warm-up.
"""
import json
import re
import select
import signal
import subprocess
import time

import servers

PACKAGE = "org.apache.rocketmq.example.benchmark"
CLIENT_JVM = ["-server", "-Xms512m", "-Xmx512m", "-XX:+UseG1GC"]
REPORT_SECONDS = 10
NUMBER = re.compile(r"([A-Za-z0-9() ]+?): *(-?\d+(?:\.\d+)?)(?= |$)")


def parse_line(line):
    """{"Send TPS": 12345.0, ...} of a report, None for other lines."""
    if "TPS:" not in line or line.startswith("[Complete]"):
        return None
    parts = line.split("|")[1:] # the first names the time
    return {name.strip(): float(value) for part in parts for name, value in NUMBER.findall(part.strip())}


class Program:
    """One running program. Its lines are read as they come, because the broker's CPU time is taken when one does."""

    def __init__(self, jars, name, server, log_directory, *arguments):
        self.name = name
        self._errors = open(log_directory / f"{name}.log", "ab")
        # Its logs and offset files go where the run's others are.
        self._process = subprocess.Popen(
            ["java", *CLIENT_JVM, *servers.JAVA_OPENS, f"-Duser.home={log_directory}",
             f"-Drocketmq.client.logRoot={log_directory}", "-cp", f"{jars}/*", f"{PACKAGE}.{name}", "-n", server.name_server,
             *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True, cwd=log_directory)
        self._rest = b""

    @property
    def pid(self):
        return self._process.pid

    def next_report(self):
        """Waits for the next line of figures."""
        deadline = time.monotonic() + 3 * REPORT_SECONDS
        while True:
            while b"\n" in self._rest:
                line, self._rest = self._rest.split(b"\n", 1)
                self._errors.write(line + b"\n")
                figures = parse_line(line.decode(errors="replace").strip())
                if figures:
                    return figures
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            data = self._process.stdout.read1() if ready else b""
            if not data:
                self.stop()
                raise RuntimeError(f"{self.name} printed no figures; what it said is in {self._errors.name}")
            self._rest += data

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL) # it runs for ever, and would only wait for its threads
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


class Usage:
    """CPU seconds of broker and clients from one moment to another."""

    def __init__(self, server, clients):
        self._pids = [server.pid, *(client.pid for client in clients)]
        self._begin = [servers.cpu_seconds(pid) for pid in self._pids]
        self._time = time.monotonic()

    def since(self):
        """Seconds that passed, CPU seconds of the broker, CPU seconds of the clients."""
        spent = [servers.cpu_seconds(pid) - begin for pid, begin in zip(self._pids, self._begin)]
        return time.monotonic() - self._time, spent[0], sum(spent[1:])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def cpu_figures(usage, rate):
    seconds, broker, clients = usage.since()
    return {"broker_cpu_us": broker * 1e6 / (rate * seconds), "client_cpu_us": clients * 1e6 / (rate * seconds),
            "broker_cores": broker / seconds}


def run_producer(jars, server, log_directory, topic, threads, body, reports, batch=0):
    """Sends for a warm-up and REPORTS reports. Rates are messages per second, latencies are of requests, in milliseconds."""
    arguments = ["-t", topic, "-w", str(threads), "-s", str(body)] + (["-b", str(batch)] if batch else [])
    program = Program(jars, "BatchProducer" if batch else "Producer", server, log_directory, *arguments)
    try:
        program.next_report()
        usage = Usage(server, [program])
        lines = [program.next_report() for _ in range(reports)]
        rate = mean(line["Send MPS" if batch else "Send TPS"] for line in lines)
        if rate == 0:
            raise RuntimeError(f"{server.name} took no message; see {log_directory}")
        # Its "Max RT" is not taken: it counts from the program's start, so it is that of the client's own warm-up.
        figures = {"rate": rate, "average_ms": mean(line["Average RT(ms)"] for line in lines),
                   "failed": sum(value for name, value in lines[-1].items() if name.endswith("Failed"))}
        return figures | cpu_figures(usage, rate)
    finally:
        program.stop()


def run_end_to_end(jars, server, log_directory, topic, threads, body, reports):
    """A consumer that follows a producer: milliseconds from the client that sends to the one that receives."""
    consumer = Program(jars, "Consumer", server, log_directory, "-t", topic, "-g", f"group-{topic}")
    producer = None
    try:
        producer = Program(jars, "Producer", server, log_directory, "-t", topic, "-w", str(threads), "-s", str(body))
        producer.next_report()
        consumer.next_report() # may hold some of the warm-up
        consumer.next_report()
        usage = Usage(server, [producer, consumer])
        lines = [consumer.next_report() for _ in range(reports)]
        rate = mean(line["Consume TPS"] for line in lines)
        if rate == 0:
            raise RuntimeError(f"{server.name} handed out no message; see {log_directory}")
        return {"rate": rate, "average_ms": mean(line["AVG(B2C) RT(ms)"] for line in lines),
                "max_ms": max(line["MAX(B2C) RT(ms)"] for line in lines)} | cpu_figures(usage, rate)
    finally:
        for program in (producer, consumer):
            if program:
                program.stop()


def run_generator(troupe, server, topic, senders, body, seconds, rate=0):
    """Troupe's load generator, against either broker: the Java client's own pauses and CPU are not in the way.

    RATE is in messages per second of all senders, with latency from the intended time; 0: as fast as answers come.
    """
    command = [troupe, "bench", "send", "--broker", server.broker, "--topic", topic, "--queues", str(servers.QUEUES), "--senders",
               str(senders), "--body-bytes", str(body), "--warm-up", "3s", "--measure", f"{seconds}s", "--rate",
               str(rate), "--broker-process", str(server.pid), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed against {server.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)
