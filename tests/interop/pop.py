"""Messages that are taken by pop: by a push consumer, for which the broker assigns queues; and in order, request by request or by members."""
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


# Of 24 messages over four queues, popped three at a time: m5 is forgotten for 5 s, m6 given back for 2 s; each holds up its queue.
IN_ORDER = {
    "Troupe": (["m1", "m5", "m9", "m5", "m13", "m17", "m21"], ["m2", "m6", "m10", "m6", "m14", "m18", "m22"]),
    # What was acknowledged behind the first that was not comes again with it: docs/reference/quirks.md.
    "Apache RocketMQ": (["m1", "m5", "m9", "m5", "m9", "m13", "m17", "m21"], ["m2", "m6", "m10", "m6", "m10", "m14", "m18", "m22"]),
}


def check_members_in_order(case):
    """One not acknowledged blocks its queue, and nothing else, until its time is over; then it comes first."""
    require("error" not in case.report, case.report.get("error"))
    rows = {queue: [row for row in case.received if row["queue"] == queue] for queue in range(4)}
    forgotten, given_back = IN_ORDER[case.broker_make]
    wanted = {0: [f"m{i}" for i in range(0, 24, 4)], 1: forgotten, 2: given_back, 3: [f"m{i}" for i in range(3, 24, 4)]}
    for queue, bodies in wanted.items():
        found = [row["body"] for row in rows[queue]]
        require(found == bodies, f"queue {queue} came as {found} instead of {bodies}")
    for queue, blocking, least, most in ((1, "m5", 5000, 8000), (2, "m6", 2000, 4500)):
        first, again = [row for row in rows[queue] if row["body"] == blocking]
        waited = again["at"] - first["at"]
        # The time begins at the broker, a little before the client says that the message came.
        require(least - 500 <= waited <= most, f"{blocking} came again after {waited} ms")
        seen = set()
        for row in rows[queue]:
            times = 1 if row["body"] in seen else 0
            require(row["retries"] == times, f"{row['body']} came as retry {row['retries']} instead of {times}")
            seen.add(row["body"])
        late = [row["body"] for other in (0, 3) for row in rows[other] if row["at"] > again["at"]]
        require(not late, f"queue {queue} held up {late} of other queues")
    require({row["member"] for row in case.received} == {"first", "second"}, "one member had everything")
    until(lambda: f"the group committed {case.observer.committed(case.group, case.topic, 4)} instead of 6 of each queue",
          lambda: case.observer.committed(case.group, case.topic, 4) == [6] * 4)
