"""mqadmin as a client: the stage it plays on, and how its output is read. What is asserted is in mqadmin_commands.py.

The stage: a topic of four queues with two messages each. One group consumed everything and is online; another consumed the first
half and has left.
"""
import contextlib
import json
import re
import subprocess
import sys

from matrix import finished
from mixed import Cli
from outcome import Failed, require, until

QUEUES = 4


class Staying:
    """A client that stays until it is told to leave: of Java and the same version, if it is not said which."""

    def __init__(self, stage, group, client=None):
        client = client or stage.client
        self._command = client.command(stage.home, "stay", stage.observer.name_server, stage.topic, group)
        self._log = open(stage.home / f"{group}.log", "wb")
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=stage.home,
                                         env=client.environment(stage.home), start_new_session=True)
        line = self._process.stdout.readline()
        if line != b"READY\n":
            raise RuntimeError(f"the staying client did not start: {line!r}; {finished(self._process, 0)}")

    def leave(self, count=0):
        """Its report, when it has received COUNT messages; None when it has left before."""
        if self._process.poll() is not None:
            return None
        self._process.stdin.write(f"{count}\n".encode())
        output = finished(self._process, 60) or ""
        self._log.close()
        lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
        require(lines, "the staying client left without a report")
        return json.loads(lines[0][len("RESULT "):])


class Stage:
    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.observer = server.observer
        self.home = server.directory / client.name
        (self.home / "conf").mkdir(parents=True)
        # 4.9 does not start without.
        (self.home / "conf" / "logback_tools.xml").write_text("<configuration/>\n")
        # Names of its own: a deleted topic's messages can be found by key for a while.
        name = "stage-" + client.version.replace(".", "-")
        self.topic, self.other_topic = name, f"{name}-other"
        self.online, self.offline, self.other_group = f"{name}-online", f"{name}-offline", f"{name}-group"
        self.cli = Cli(server.troupe, self.observer.name_server, self.home)
        self.observer.create_topic(self.topic, QUEUES)
        until("the topic has a route", lambda: self.observer.has_route(self.topic))
        with contextlib.ExitStack() as opened:
            self.staying = Staying(self, self.online)
            opened.callback(self.staying.leave)
            leaving = Staying(self, self.offline)
            opened.callback(leaving.leave)
            self._send("first-")
            self._consumed(self.offline)
            leaving.leave()
            self._send("second-")
            self._consumed(self.online)
            opened.pop_all()
        self.records = self.observer.stored(self.topic, QUEUES)

    def _send(self, prefix):
        for queue in range(QUEUES):
            self.cli.run("send", self.topic, f"{prefix}{queue}", "--queue", f"interop:{queue}", "--tag", "TagA",
                         "--key", f"{prefix}key{queue}", "--property", "colour=red")

    def _consumed(self, group):
        ends = [last for _, last in self.observer.ends(self.topic, QUEUES)]
        until(f"{group} has committed all", lambda: self.observer.committed(group, self.topic, QUEUES) == ends, 40)

    def close(self):
        with contextlib.suppress(Failed):
            self.staying.leave()

    def __call__(self, *words):
        """The output of an mqadmin command that succeeds."""
        command = [*self.client.java(self.home), "org.apache.rocketmq.tools.command.MQAdminStartup", *words,
                   "-n", self.observer.name_server]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=90, check=False, cwd=self.home, env={
                                  **self.client.environment(self.home), "ROCKETMQ_HOME": str(self.home)})
        with open(self.home / "mqadmin.log", "a", encoding="utf-8") as log:
            log.write(f"### {' '.join(words)}\n{done.stdout}\n")
        problem = re.search(r"^(?!MessageTrack).*?(CODE: \d+ +DESC: .*)", done.stdout, re.M) or re.search(
            r"(SubCommandException.*|^usage: .*)", done.stdout, re.M)
        require(not problem, problem and problem.group(1))
        return done.stdout

    def table(self, *words):
        """The rows under the headings, as words."""
        return [line.split() for line in self(*words).splitlines() if line.strip() and not line.startswith("#")]

    def settings(self, *words):
        """Lines like `name = value` or `name : value`, as a dictionary."""
        return dict(re.findall(r"^(\S+)\s+[=:]\s+(.*?)\s*$", self(*words), re.M))

    def offset_id(self, record):
        host, port = self.observer.broker.split(":")
        return "".join(f"{int(part):02X}" for part in host.split(".")) + f"{int(port):08X}{record['position']:016X}"


@contextlib.contextmanager
def session(client, server):
    try:
        stage, failure = Stage(client, server), None
    except (Failed, RuntimeError, OSError) as problem:
        stage, failure = None, problem

    def run(command, _):
        if stage is None:
            raise Failed(f"the stage could not be set: {failure}")
        try:
            command.check(stage)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            line = sys.exc_info()[2].tb_next.tb_lineno
            raise Failed(f"the output is not as expected: {type(error).__name__} {error} (line {line} of the check)") from None

    try:
        yield run
    finally:
        if stage:
            stage.close()
