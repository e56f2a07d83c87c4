"""One consumer group with a member of each kind: Troupe's own client (its command line) and a client under test.

The driver waits until it owns half of the queues, sends two messages to each queue, and leaves when it has consumed its half.
"""
import contextlib
import json
import signal
import subprocess

from outcome import Failed, require, until

QUEUES = 4


class Cli:
    """`troupe`, pointed at the server under test."""

    def __init__(self, program, name_server, home):
        self._program = program
        self._name_server = name_server
        self._home = home

    def _command(self, *words):
        return [self._program, *words, "--name-server", self._name_server]

    def run(self, *words):
        done = subprocess.run(self._command(*words, "-o", "json"), capture_output=True, text=True, timeout=30, check=False)
        require(done.returncode == 0, f"troupe {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def member(self, topic, group):
        """A consumer of the group; yields a function for what it has printed so far. It leaves as with Ctrl-C."""
        path = self._home / "member.json"
        with open(path, "wb") as out, open(self._home / "member.log", "wb") as log:
            process = subprocess.Popen(self._command("consume", topic, "--group", group, "--follow", "--from", "first", "-o", "json"),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True)
            try:
                yield lambda: [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def run(server, start, home, topic, group):
    """The driver's output, with what the command line sent and received as one more line."""
    cli = Cli(server.troupe, server.observer.name_server, home)
    rows = {"sent": [], "members": []}

    def send(prefix):
        for queue in range(QUEUES):
            rows["sent"] += cli.run("send", topic, f"{prefix}{queue}", "--queue", f"interop:{queue}", "--tag", "TagC", "--key",
                                    f"key{queue}", "--property", "from=cpp")

    with cli.member(topic, group) as received:
        until("the command line is a member", lambda: len(server.observer.members(group)) == 1, 40)
        driver = start()
        until("the client has sent 8 messages", lambda: driver.poll() is not None
              or sum(last for _, last in server.observer.ends(topic, QUEUES)) >= 8, 60)
        if driver.poll() is None:
            rows["members"] = server.observer.members(group)
            send("cpp-")
        output = driver.communicate(timeout=60)[0].decode(errors="replace")
        if "RESULT " in output:
            send("after-")
            with contextlib.suppress(Failed):
                until("the command line has the rest", lambda: len(received()) >= 10)
    rows["received"] = received()
    rows["lag"] = cli.run("group", "show", group)["lag"]
    return f"{output}\nCLI {json.dumps(rows)}"


def check(case):
    """Each half, each message once, in order; afterwards the command line has all queues."""
    require("error" not in case.report, case.report.get("error"))
    cli = case.report["cli"]
    mine = [row["body"] for row in cli["received"]]
    theirs = case.bodies()
    wanted = [row["body"] for row in case.sent] + [f"{prefix}{queue}" for prefix in ("cpp-", "after-") for queue in range(QUEUES)]
    require(len(cli["members"]) == 2, f"the group has the members {cli['members']}")
    require(sorted(mine + theirs) == sorted(wanted), f"the command line received {mine}, the client {theirs}")
    require(len(theirs) == 6, f"the client received {len(theirs)} messages, not its half")
    for row in case.received:
        if row["body"].startswith("cpp-"):
            found = {name: row["properties"].get(name) for name in ("TAGS", "KEYS", "from")}
            require(found == {"TAGS": "TagC", "KEYS": f"key{row['body'][4:]}", "from": "cpp"}, f"the client received {found}")
    sent = {row["body"]: row for row in case.sent}
    for row in cli["received"]:
        if row["body"] in sent:
            place = (row["queue"], row["offset"], row["message_id"])
            expected = tuple(sent[row["body"]][name] for name in ("queue", "offset", "id"))
            require(place == expected, f"the command line received {place} instead of {expected}")
    require(cli["lag"] == 0, f"the group is {cli['lag']} messages behind")
    require(len(case.stored()) == len(wanted), "other messages are stored than were sent")
