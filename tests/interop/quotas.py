"""What clients see of a topic's and a group's quota. RocketMQ's broker has none, so these run against Troupe's alone."""
import json

from mixed import Cli
from outcome import require

QUEUES = 4
SEND_RATE = 5
BURST = 20
DELIVER_RATE = 20
TOTAL = 80
SECONDS = 90
SYSTEM_BUSY = 2


def throttled(server, name):
    return int(server.observer.runtime(name))


def run_send(server, start, home, topic, _):
    """The driver's output, with how many attempts the broker refused meanwhile."""
    Cli(server.troupe, server.observer.name_server, home).run("topic", "update", topic, "--send-rate", str(SEND_RATE))
    before = throttled(server, "sendsThrottledTotal")
    output = start().communicate(timeout=SECONDS)[0].decode(errors="replace")
    return f"{output}\nCLI {json.dumps({'refused': throttled(server, 'sendsThrottledTotal') - before})}"


def check_send(case):
    """Of a burst about a second's worth is taken; the rest is refused at once as busy, with the limit; a second later there is room again."""
    require("error" not in case.report, case.report.get("error"))
    taken = case.bodies_sent("burst-")
    refused = case.report["refused"]
    records = case.stored()
    times = [record["stored_at"] for record in records if record["body"].startswith("burst-")]
    # A second's worth is saved up, and the burst itself takes its time.
    most = SEND_RATE * (2 + (max(times) - min(times)) / 1000)
    require(SEND_RATE <= len(taken) <= most, f"{len(taken)} of {BURST} were taken at {SEND_RATE} a second, not at most {most}")
    require(len(taken) + len(refused) == BURST, f"{len(refused)} were refused and {len(taken)} taken of {BURST}")
    for row in refused:
        require(row["code"] == SYSTEM_BUSY, f"refused with {row}")
        require(str(SEND_RATE) in row["remark"] and case.topic in row["remark"], f"the text does not name limit and topic: {row['remark']}")
    require(case.bodies_sent("later-") == ["later-0"], f"later were taken {case.bodies_sent('later-')}")
    stored = sorted(record["body"] for record in records)
    require(stored == sorted(row["body"] for row in case.sent), f"stored are {stored}")
    # A message that is taken may have been refused before.
    attempts, each = case.report["cli"]["refused"], case.report["attempts"]
    least, most = each * len(refused), each * len(refused) + (each - 1) * len(case.sent)
    require(least <= attempts <= most, f"the broker refused {attempts} attempts, not {least} to {most}")


def run_deliver(server, start, home, topic, group):
    server.observer.create_group(group)
    Cli(server.troupe, server.observer.name_server, home).run("group", "update", group, "--deliver-rate", str(DELIVER_RATE))
    before = throttled(server, "pullsThrottledTotal")
    output = start().communicate(timeout=SECONDS)[0].decode(errors="replace")
    return f"{output}\nCLI {json.dumps({'waited': throttled(server, 'pullsThrottledTotal') - before})}"


def check_deliver(case):
    """All come, once, and no faster than the quota: beyond a second's worth and what a pull of each queue may bring at once."""
    require("error" not in case.report, case.report.get("error"))
    counted = sorted(case.bodies())
    require(counted == sorted(f"m{i}" for i in range(TOTAL)), f"received {len(counted)} instead of {TOTAL}")
    times = sorted(row["at"] for row in case.received)
    batch = case.report["batch"]
    least = 1000 * (TOTAL - DELIVER_RATE - QUEUES * batch) / DELIVER_RATE - 200  # for what messages need to arrive
    took = times[-1] - times[0]
    require(least <= took <= 4 * 1000 * TOTAL / DELIVER_RATE, f"{TOTAL} messages came in {took} ms at {DELIVER_RATE} a second")
    require(case.report["cli"]["waited"] > 0, "no pull waited")
