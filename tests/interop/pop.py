"""A push consumer that takes its messages by pop: the broker assigns, and each message is acknowledged by itself."""
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
