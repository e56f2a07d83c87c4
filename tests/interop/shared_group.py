"""One consumer group with members of three kinds: Java's client, Go's, and Troupe's own (its command line).

Each member must see the same group in the same order, or two of them take one queue and nobody takes another. Members leave one after
the other; after each change the runner sends rounds of one message per queue until each is received once, by members that share.
"""
import contextlib
import json
import time

from member import Member
from mixed import QUEUES, Cli
from outcome import Failed, require, until

ROUNDS = 120


def share(cli, topic, name, members):
    """Sends rounds until one is received once, by all of `members` (a function of what it has received, by name)."""
    sent = []
    for number in range(ROUNDS):
        bodies = {f"{name}-{number}-{queue}" for queue in range(QUEUES)}
        for queue, body in enumerate(sorted(bodies)):
            cli.run("send", topic, body, "--queue", f"interop:{queue}")
        sent += sorted(bodies)

        def counts(wanted=frozenset(bodies)):
            return {member: sum(body in wanted for body in received()) for member, received in members.items()}

        until(f"round {number} of {name} is received", lambda wanted=bodies: all(
            any(body in received() for received in members.values()) for body in wanted))
        time.sleep(0.3)  # for what comes twice
        found = counts()
        if sum(found.values()) == QUEUES and all(found.values()):
            return sent, found
        time.sleep(0.5)
    raise Failed(f"{name} did not share {QUEUES} queues: {found}")


def run(server, _, home, topic, group):
    cli = Cli(server.troupe, server.observer.name_server, home)
    report = {"sent": [], "received": [], "shares": []}
    clients = {"java": server.everyone["java-5.3.3"], "go": server.everyone["go-2.1.2"]}
    for client in clients.values():
        client.ready()
    with contextlib.ExitStack() as opened:
        received = opened.enter_context(cli.member(topic, group))
        seen = {"troupe": lambda: [row["body"] for row in received()]}
        leaving = []
        for name, client in clients.items():
            member = Member(client, server, home, "share", topic, group)
            opened.callback(member.leave)
            seen[name] = member.bodies
            leaving.append((name, member))
        until("all three are members", lambda: len(server.observer.members(group)) == 3, 60)
        for stage in ("three", "two", "one"):
            sent, shares = share(cli, topic, stage, seen)
            report["sent"] += sent
            report["shares"].append(sorted(shares.values()))
            if leaving:
                name, member = leaving.pop()
                member.leave()
                report["received"] += seen.pop(name)()
        report["received"] += seen.pop("troupe")()
    report["lag"] = cli.run("group", "show", group)["lag"]
    return f"RESULT {json.dumps(report)}"


def check(case):
    """Nothing is lost, members share as evenly as four queues allow, and everything is committed in the end."""
    require("error" not in case.report, case.report.get("error"))
    require(case.report["shares"] == [[1, 1, 2], [2, 2], [4]], f"the members' queues are {case.report['shares']}")
    lost = sorted(set(case.sent) - set(case.received))
    require(not lost, f"never received: {lost}")
    require(case.report["lag"] == 0, f"the group is {case.report['lag']} messages behind")
