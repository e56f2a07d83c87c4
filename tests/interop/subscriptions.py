"""Two members of a group that subscribe to different tags of a topic, and what the broker says of that."""
import contextlib
import json

from member import Member
from mixed import Cli
from outcome import require, until

QUEUES = 4


def run(server, start, home, topic, group):
    """The driver's output; while its members run, Troupe's command line looks at the group."""
    cli = Cli(server.troupe, server.observer.name_server, home)
    with contextlib.ExitStack() as opened:
        driver = Member(start.client, server, home, "subscriptions", topic, group)
        opened.callback(driver.leave)
        driver.wait_until_ready(150)
        ends = [last for _, last in server.observer.ends(topic, QUEUES)]
        until(lambda: f"the group committed {server.observer.committed(group, topic, QUEUES)} of {ends}",
              lambda: server.observer.committed(group, topic, QUEUES) == ends, 30)
        shown = cli.run("group", "show", group)
    return f"{driver.output()}\nCLI {json.dumps(shown)}"


def check(case):
    """Alone, the first gets all that it asked for. Together each owns half of the queues, and what its queues hold for the other is lost."""
    require("error" not in case.report, case.report.get("error"))
    where = {row["body"]: (row["tag"], row["queue"]) for row in case.report["tagged"]}
    owned = case.report["owned"]
    require(sorted(owned["first"] + owned["second"]) == list(range(QUEUES)), f"members own {owned}")

    def wanted(tag, queues, prefix):
        return sorted(body for body, place in where.items() if body.startswith(prefix) and place[0] == tag and place[1] in queues)

    def require_received(member, bodies, prefix, is_all):
        found = sorted(case.bodies(member, prefix))
        require(found == bodies if is_all else set(found) <= set(bodies),
                f"the {member} member received {found} of {prefix} instead of {bodies}")

    # RocketMQ's broker has one subscription for the group, the newest that any heartbeat brought; its clients make theirs new whenever
    # queues change hands, so that nobody can say whose it is. Troupe's has one for each member. Our client's pulls say what they want, so
    # that both brokers go by it.
    is_each_its_own = case.broker_make == "Troupe" or case.report.get("pulls_say_what", False)
    require_received("first", wanted("TagA", range(QUEUES), "alone-"), "alone-", True)
    require_received("first", wanted("TagA", owned["first"], "both-"), "both-", is_each_its_own)
    require_received("second", wanted("TagB", owned["second"], "both-"), "both-", is_each_its_own)
    # The last message of a queue that nobody wanted is not committed by clients before another comes; the next owner gets to see it.
    passed_over = set(case.bodies("second", "alone-")) - set(wanted("TagB", owned["second"], "alone-"))
    require(not passed_over, f"the second received {sorted(passed_over)}")
    if case.broker_make == "Troupe":
        diagnosed(case)


def diagnosed(case):
    """`troupe group show` has the topic on which they differ, and who says what."""
    shown = case.report["cli"]
    require(shown["members_differ"] is True, f"the group's members do not differ: {shown}")
    rows = [row for row in shown["differences"] if row["difference"] == f"topic {case.topic}"]
    require(len(rows) == 2, f"the differences are {shown['differences']}")
    for tag, member in (("TagA", "first"), ("TagB", "second")):
        said = [row["members"] for row in rows if row["said"] == tag]
        require(len(said) == 1 and all(name.endswith(f"@{member}") for name in said[0]), f"{member} does not say {tag}: {rows}")
