"""Messages that are taken by pop: by a push consumer, for which the broker assigns queues, and in order, request by request."""
from outcome import require, until

SECONDS = 120


def run(server, start, _home, topic, group):
    """The mode is set before the consumer asks for its queues; the group must be there for that."""
    server.observer.create_group(group)
    server.observer.set_request_mode(topic, group, "POP")
    return start().communicate(timeout=SECONDS)[0].decode(errors="replace")


def check(case):
    """The listener refused m3 once, so it comes twice, by the client's first back-off of 10 s. Everything is acknowledged in the end."""
    require("error" not in case.report, case.report.get("error"))
    wanted = sorted([f"m{i}" for i in range(12)] + ["m3"])
    require(sorted(case.bodies()) == wanted, f"received {sorted(case.bodies())}")
    first, again = [row for row in case.received if row["body"] == "m3"]
    require((first["retries"], again["retries"]) == (0, 1), f"counted as retries {first['retries']} and {again['retries']}")
    require(again["topic"] == case.topic, f"came again as a message of {again['topic']}")
    require(again["at"] - first["at"] >= 9000, f"came again after {again['at'] - first['at']} ms, not by the back-off of 10 s")
    for row in case.received:
        require("POP_CK" in row["properties"], f"{row['body']} was not popped")
    wanted = [end for _, end in case.observer.ends(case.topic, 4)]
    until(lambda: f"the group committed {case.observer.committed(case.group, case.topic, 4)} of {wanted}",
          lambda: case.observer.committed(case.group, case.topic, 4) == wanted)


def check_orderly(case):
    """One pop's messages at a time: a queue gives nothing more while one of them is out, and what comes again comes first."""
    require("error" not in case.report, case.report.get("error"))
    pops = {row["name"]: row["messages"] for row in case.report["pops"]}
    found = {name: [message["body"] for message in messages] for name, messages in pops.items()}
    require(found == {
        "first": ["m0", "m1"],
        "another while they are out": [],
        "the first, repeated": ["m0", "m1"],
        "m0 acknowledged": [],
        "m1 given back": ["m1", "m2"],
        "both acknowledged": ["m3", "m4"],
        "their time is over": ["m3", "m4"],
        "both acknowledged, again": ["m5"],
        "all acknowledged": [],
    }, f"popped {found}")
    retries = {name: [message["retries"] for message in messages] for name, messages in pops.items()}
    for name, wanted in (("first", [0, 0]), ("the first, repeated", [0, 0]), ("m1 given back", [1, 0]), ("their time is over", [1, 1])):
        require(retries[name] == wanted, f"{name}: counted as retries {retries[name]} instead of {wanted}")
    until(lambda: f"the group committed {case.observer.committed(case.group, case.topic, 1)} instead of 6",
          lambda: case.observer.committed(case.group, case.topic, 1) == [6])
