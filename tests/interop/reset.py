"""The offsets of a group are set back by time, with mqadmin or Troupe's command line, while members of several kinds consume: as its broker is
configured, and with a broker of RocketMQ that leaves it to the members (request 220)."""
import contextlib
import functools
import json
import subprocess
import time

from member import Member
from mixed import Cli
from outcome import Failed, require, until

QUEUES = 4
NAMES = ("east-1", "west-1")
# Where nothing is asked of RocketMQ's broker, it moves the offset with the members' next pull.
BROKER_LEAVES_IT = "useServerSideResetOffset"


def send_round(cli, topic, name):
    """Two to each queue."""
    bodies = [f"{name}-{queue}-{number}" for queue in range(QUEUES) for number in range(2)]
    for body in bodies:
        cli.run("send", topic, body, "--queue", f"interop:{body.split('-')[1]}")
    return bodies


def mqadmin(tool, server, home, *words):
    """What the tool's command printed; it says success with its text alone."""
    done = subprocess.run([*tool.java(home), "org.apache.rocketmq.tools.command.MQAdminStartup", *words, "-n", server.observer.name_server],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=90, check=False, cwd=home, env={**tool.environment(home), "ROCKETMQ_HOME": str(home)})
    (home / "mqadmin.log").write_text(done.stdout)
    return done.stdout


def run(by_members, by_cli, server, start, home, topic, group):
    cli = Cli(server.troupe, server.observer.name_server, home)
    tool = start.client if start.client.name.startswith("java-") else server.everyone["java-5.3.3"]
    (home / "conf").mkdir()
    (home / "conf" / "logback_tools.xml").write_text("<configuration/>\n")
    kinds = dict(zip(NAMES, (start.client, server.everyone["cxx-troupe"])))
    with contextlib.ExitStack() as opened:
        if by_members:
            server.observer.configure_broker(BROKER_LEAVES_IT, "false")
            opened.callback(server.observer.configure_broker, BROKER_LEAVES_IT, "true")
        members = {name: Member(kind, server, home, "own", topic, group, name, "average") for name, kind in kinds.items()}
        for member in members.values():
            opened.callback(member.leave)

        def owned():
            return {name: len(member.owned() or []) for name, member in members.items()}

        def received():
            return [body for member in members.values() for body in member.bodies()]

        until(lambda: f"members own {owned()}", lambda: set(owned().values()) == {QUEUES // len(NAMES)}, 60)
        sent = {"before": send_round(cli, topic, "before")}
        until(lambda: f"received {received()}", lambda: len(received()) == len(sent["before"]), 60)
        # The tool's clock has milliseconds, and what it looks for is a time of storing.
        time.sleep(0.1)
        between = int(time.time() * 1000)
        time.sleep(0.1)
        sent["after"] = send_round(cli, topic, "after")
        everything = sent["before"] + sent["after"]
        until(lambda: f"received {received()}", lambda: len(received()) == len(everything), 60)
        until(lambda: f"committed {server.observer.committed(group, topic, QUEUES)}",
              lambda: server.observer.committed(group, topic, QUEUES) == [4] * QUEUES, 60)
        if by_cli:
            output = json.dumps(cli.run("group", "reset", group, topic, "--to", f"time:{between}"))
        else:
            output = mqadmin(tool, server, home, "resetOffsetByTime", "-g", group, "-t", topic, "-s", str(between))
        with contextlib.suppress(Failed):
            until("what was sent since comes again", lambda: len(received()) >= len(everything) + len(sent["after"]), 60)
        time.sleep(1)  # for what comes too often
        with contextlib.suppress(Failed):
            until("it is committed", lambda: server.observer.committed(group, topic, QUEUES) == [4] * QUEUES, 30)
        report = {"sent": sent, "received": {name: member.bodies() for name, member in members.items()}, "output": output[-1500:],
                  "owned": {name: member.owned() for name, member in members.items()}}
    return f"RESULT {json.dumps(report)}"


def check(case):
    """What was stored since that time comes once more to each member, of its own queues; nothing before, and no queue stands still."""
    for name, bodies in case.report["received"].items():
        queues = case.report["owned"][name]
        for round_name, times in (("before", 1), ("after", 2)):
            wanted = sorted([body for body in case.sent[round_name] if int(body.split("-")[1]) in queues] * times)
            found = sorted(body for body in bodies if body.startswith(round_name))
            require(found == wanted, f"{name} with queues {queues} received {found} instead of {wanted}; {case.report['output']}")
    committed = case.observer.committed(case.group, case.topic, QUEUES)
    require(committed == [4] * QUEUES, f"the group committed {committed}")


as_configured = functools.partial(run, False, False)
by_members = functools.partial(run, True, False)
by_members_and_cli = functools.partial(run, True, True)
