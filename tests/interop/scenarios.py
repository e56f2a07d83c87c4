"""What is asserted, on both ends: what the client saw (its driver's report) and what the server stored and counts.

A scenario is a name that the drivers know, a title for the page and a check. A check takes a Case and raises Failed.
"""
import collections
import dataclasses
import functools
from typing import Callable, Optional

import allocation
import compression
import mixed
import pop
import quotas
import reset
import rooms
import shared_group
import subscriptions
from outcome import MAKES, require, until

QUEUES = 4


@dataclasses.dataclass
class Case:
    """One run of one scenario: the driver's report, and the server to be asked."""
    report: dict
    broker_make: str
    observer: object
    topic: str
    group: str

    @property
    def sent(self):
        return self.report["sent"]

    @property
    def received(self):
        return self.report["received"]

    def stored(self):
        return self.observer.stored(self.topic, QUEUES)

    def bodies_sent(self, prefix):
        return [row["body"] for row in self.sent if row["body"].startswith(prefix)]

    def bodies(self, member=None, prefix=""):
        return [row["body"] for row in self.received
                if member in (None, row["member"]) and row["body"].startswith(prefix)]


def no_error(case):
    require("error" not in case.report, case.report.get("error"))


def count_stored(case, count):
    ends = case.observer.ends(case.topic, QUEUES)
    total = sum(last - first for first, last in ends)
    require(total == count, f"the server counts {total} messages instead of {count}")
    stored = case.stored()
    require(len(stored) == count, f"{len(stored)} messages can be read instead of {count}")
    for record in stored:
        require(record["crc_ok"] and record["topic"] == case.topic, f"the stored record is not what was sent: {record}")
    return stored


def stored_as_answered(case, count):
    """Each answer to a send names the place where exactly that message is."""
    no_error(case)
    require(len(case.sent) == count, f"{len(case.sent)} sends were answered instead of {count}")
    places = {(record["queue"], record["offset"]): record for record in count_stored(case, count)}
    for row in case.sent:
        require(row["status"] == "SEND_OK", f"a send was answered with {row['status']}")
        record = places.get((row["queue"], row["offset"]))
        require(record and record["body"] == row["body"], f"{row['body']} is not at queue {row['queue']} offset {row['offset']}")
        if row["id"]:  # ali-ons does not say it
            require(record["properties"].get("UNIQ_KEY") == row["id"], f"{row['body']} is stored with another unique key")
    return list(places.values())


def received_once(case, bodies):
    counted, wanted = collections.Counter(case.bodies()), collections.Counter(bodies)
    require(counted == wanted, f"received {dict(counted)} instead of {dict(wanted)}"[:300])


def committed_all(case, ends=None):
    """The group has committed what it consumed; the last commit comes as the client leaves, one way."""
    wanted = [last for _, last in ends or case.observer.ends(case.topic, QUEUES)]

    def reached():
        found = case.observer.committed(case.group, case.topic, QUEUES)
        return all(offset == end or (offset is None and end == 0) for offset, end in zip(found, wanted))

    until(lambda: f"the group committed {case.observer.committed(case.group, case.topic, QUEUES)} of {wanted}", reached)


def in_order(case):
    """Per queue, offsets come in order and without a gap."""
    queues = collections.defaultdict(list)
    for row in case.received:
        queues[row["queue"]].append(row["offset"])
    for queue, offsets in queues.items():
        require(offsets == sorted(offsets), f"queue {queue} came in the order {offsets}")


# The checks --------------------------------------------------------------------------------------------------------------------------


def send_single(case):
    stored_as_answered(case, 10)


def send_oneway(case):
    no_error(case)
    until("not all one-way messages are stored",
               lambda: sum(last for _, last in case.observer.ends(case.topic, QUEUES)) >= 10)
    require(sorted(record["body"] for record in count_stored(case, 10)) == sorted(f"m{i}" for i in range(10)),
            "other messages are stored than were sent")


def send_batch(case):
    no_error(case)
    stored = count_stored(case, 10)
    require([record["body"] for record in stored] == [f"m{i}" for i in range(10)], "the batch is not stored in its order")
    require(len({record["queue"] for record in stored}) == 1, "the batch is spread over queues")
    require([record["properties"].get("KEYS") for record in stored] == [f"key{i}" for i in range(10)], "keys are lost")
    row = case.sent[0]
    require((row["queue"], row["offset"]) == (stored[0]["queue"], stored[0]["offset"]), "the answer names another place")


def send_selector(case):
    queues = collections.defaultdict(list)
    for record in stored_as_answered(case, 12):
        queues[int(record["body"][1:]) % 3].append(record)
    for key, records in queues.items():
        require(len({record["queue"] for record in records}) == 1, f"key {key} went to several queues")
        records.sort(key=lambda record: record["offset"])
        require([record["body"] for record in records] == [f"m{i}" for i in range(key, 12, 3)], f"key {key} is out of order")


def send_properties(case):
    (record,) = stored_as_answered(case, 1)
    wanted = {"TAGS": "TagA", "KEYS": "order-1 order-2", "colour": "blau \u00fc \u4e2d"}
    for side, properties in (("stored", record["properties"]), ("received", case.received[0]["properties"])):
        for name, value in wanted.items():
            require(properties.get(name) == value, f"{side} with {name}={properties.get(name)!r} instead of {value!r}")
    has_checksum = "__CRC32#" in record["properties"]
    require(has_checksum == (case.broker_make == "Troupe"), f"stored with the properties {sorted(record['properties'])}")
    require(record["flag"] == 17, f"stored with flag {record['flag']} instead of 17")
    received_once(case, ["m0"])
    require(case.received[0]["id"] == record["properties"]["UNIQ_KEY"], "received with another id than sent")
    committed_all(case)


def send_compressed(case):
    (record,) = stored_as_answered(case, 1)
    require(record["system_flag"] & 1 and record["stored_bytes"] < 1000, "the body is not stored compressed")
    received_once(case, [case.sent[0]["body"]])


def send_at_limit(case):
    (record,) = stored_as_answered(case, 1)
    require(record["stored_bytes"] == 4 << 20, f"{record['stored_bytes']} bytes are stored")
    received_once(case, [case.sent[0]["body"]])


def send_over_limit(case):
    """Refused with MESSAGE_ILLEGAL, with nothing stored and the limit in the text."""
    remark = case.report.get("remark") or case.report.get("error") or ""
    require(not case.sent, "the message was accepted")
    require(case.report.get("refused", 13) == 13, f"refused with code {case.report.get('refused')} instead of 13")
    require("4194304" in remark, f"the text does not name the limit: {remark}")
    count_stored(case, 0)


def send_unknown_topic(case):
    require("error" in case.report and not case.sent, "a topic that nobody created was accepted")
    require(not case.observer.has_route(case.topic), "the topic was created")


def query_key(case):
    stored_as_answered(case, 6)
    received_once(case, ["m1", "m3", "m5"])


def query_id(case):
    stored_as_answered(case, 1)
    require([row["member"] for row in case.received] == ["by offset id", "by unique id"], "not found by both ids")
    for row in case.received:
        require((row["body"], row["queue"], row["offset"]) == ("m0", case.sent[0]["queue"], case.sent[0]["offset"]),
                f"{row['member']}: another message was found")


def clustering(case):
    """Nothing is lost while members come and go. What was consumed but not yet committed may come twice: at least once."""
    no_error(case)
    count_stored(case, len(case.sent))
    bodies = {row["body"] for row in case.sent}
    require(set(case.bodies()) == bodies, f"never received: {sorted(bodies - set(case.bodies()))}")
    for member, prefix, least, most in (("first", "alone-", 8, 8), ("first", "shared-", 4, 4), ("second", "shared-", 4, 8),
                                        ("second", "left-", 8, 8), ("first", "left-", 0, 0)):
        found = len(set(case.bodies(member, prefix)))
        require(least <= found <= most, f"the {member} member received {found} of {prefix}, not {least}")
    committed_all(case)


def broadcasting(case):
    stored_as_answered(case, 8)
    for member in ("first", "second"):
        require(sorted(case.bodies(member)) == sorted(row["body"] for row in case.sent), f"the {member} member missed messages")
    found = case.observer.committed(case.group, case.topic, QUEUES)
    require(not any(found), f"a broadcasting group committed {found} at the broker")


def orderly(case):
    stored_as_answered(case, 40)
    received_once(case, [f"m{i}" for i in range(40)])
    in_order(case)
    committed_all(case)


def tags(case):
    stored_as_answered(case, 12)
    received_once(case, [f"m{i}" for i in range(12) if i % 3 != 1])


def retry(case):
    """Refused once, it comes again as the first retry, not before the first delay of 10 s, and is then done."""
    no_error(case)
    require([row["body"] for row in case.received] == ["m0", "m0"], f"received {case.bodies()}")
    first, again = case.received
    require((first["retries"], again["retries"]) == (0, 1), f"counted as retry {again['retries']}")
    require(again["topic"] == case.topic, f"came again as a message of {again['topic']}")
    require(again["at"] - first["at"] >= 9000, f"came again after {again['at'] - first['at']} ms, not by the delay of 10 s")
    committed_all(case)
    retry_topic = f"%RETRY%{case.group}"
    until("the retry is not committed", lambda: case.observer.committed(case.group, retry_topic, 1) == [1])


def delayed(case):
    """Delay level 2 is 5 s."""
    no_error(case)
    received_once(case, ["m0"])
    waited = case.received[0]["at"] - case.received[0]["born_at"]
    require(4500 <= waited <= 12000, f"came after {waited} ms instead of 5 s")
    count_stored(case, 1)


def timed(case):
    """3 s, to the millisecond of the broker's clock."""
    no_error(case)
    received_once(case, ["m0"])
    waited = case.received[0]["at"] - case.received[0]["born_at"]
    require(2500 <= waited <= 10000, f"came after {waited} ms instead of 3 s")


def timed_forms(case):
    no_error(case)
    received_once(case, ["m0", "m1"])
    for row in case.received:
        waited = row["at"] - row["born_at"]
        require(2500 <= waited <= 10000, f"{row['body']} came after {waited} ms instead of 3 s")


def recall(case):
    no_error(case)
    require(case.report["recalled"] == case.sent[0]["id"], f"the id of the recalled message is {case.report['recalled']}")
    received_once(case, ["m1"])
    count_stored(case, 1)


def trace(case):
    """The client's own record of both ends, under the message's id as its key."""
    no_error(case)
    received_once(case, ["m0"])
    name = case.sent[0]["id"]

    def traces():
        return [row["body"] for row in case.observer.stored("RMQ_SYS_TRACE_TOPIC", 1)
                if name in row["properties"].get("KEYS", "").split()]

    # The consumer's is long, and so only its checksum is here.
    until(lambda: f"the trace topic has {traces()} of the message",
          lambda: len(traces()) >= 2 and any(body.startswith("Pub\x01") for body in traces()))


def dead_letter(case):
    no_error(case)
    require(case.bodies() == ["m0"], f"received {case.bodies()}")
    dead = f"%DLQ%{case.group}"
    until("there is no dead letter", lambda: case.observer.ends(dead, 1) == [(0, 1)])
    (record,) = case.observer.stored(dead, 1)
    require(record["body"] == "m0" and record["properties"].get("RETRY_TOPIC") == case.topic, f"the dead letter is {record}")
    committed_all(case)


def sql(case):
    stored_as_answered(case, 8)
    received_once(case, ["m5", "m6", "m7"])


def request_reply(case):
    no_error(case)
    require(case.report["replies"] == [f"re: m{i}" for i in range(3)], f"replied {case.report['replies']}")
    warm_ups = case.bodies(prefix="warm-up")  # of clients that a broker does not know before they have sent something
    received_once(case, [f"m{i}" for i in range(3)] + warm_ups)
    count_stored(case, 3 + len(warm_ups))


def transaction(case):
    """Only the committed message is in the topic."""
    no_error(case)
    received_once(case, ["committed"])
    count_stored(case, 1)


def transaction_check(case):
    """The broker asks the producer, and does what it answers."""
    transaction(case)
    require(set(case.report["asked"]) == {"committed", "rolled back"}, f"asked about {case.report['asked']}")


def from_timestamp(case):
    """RocketMQ's clients read a young queue from its first message on, whatever they were told: their broker's rule, and ours for them."""
    stored_as_answered(case, 16)
    rounds = ("before", "after") if case.report.get("begins") == "first" else ("after",)
    received_once(case, [f"{name}-{i}" for name in rounds for i in range(8)])
    committed_all(case)


def circle(case):
    """Every other queue, in the order of the members' ids."""
    stored_as_answered(case, 16)
    received_once(case, [f"m{i}" for i in range(16)])
    owned = [{row["queue"] for row in case.received if row["member"] == member} for member in ("first", "second")]
    require(sorted(map(sorted, owned)) == [[0, 2], [1, 3]], f"the members own {owned}")
    committed_all(case)


def kept_its_queue_waiting(case):
    """Of 16 messages over four queues m5 came three times in a row, and all else once, in order."""
    stored_as_answered(case, 16)
    rows = collections.defaultdict(list)
    for row in case.received:
        rows[row["queue"]].append(row["body"])
    queue = next(row["queue"] for row in case.sent if row["body"] == "m5")
    require(rows.pop(queue) == ["m1", "m5", "m5", "m5", "m9", "m13"], f"its queue came as {rows}")
    for bodies in rows.values():
        require(bodies == sorted(bodies, key=lambda body: int(body[1:])) and len(bodies) == 4, f"another queue came as {bodies}")


def orderly_retry(case):
    """A refused message keeps its queue waiting, and comes again there: its queue has m1, m5, m9, m13."""
    kept_its_queue_waiting(case)
    committed_all(case)


def orderly_poison(case):
    """A message that is refused each time keeps its queue waiting for its three deliveries; then it is a dead letter, and the queue goes on."""
    kept_its_queue_waiting(case)
    dead = f"%DLQ%{case.group}"
    until("there is no dead letter", lambda: case.observer.ends(dead, 1) == [(0, 1)])
    (record,) = case.observer.stored(dead, 1)
    require(record["body"] == "m5" and record["properties"].get("RETRY_TOPIC") == case.topic, f"the dead letter is {record}")
    committed_all(case)


def orderly_members(case):
    """Order holds as queues change hands: what comes again, because its commit was lost, does so from there on in order."""
    stored_as_answered(case, 64)
    require(set(case.bodies()) == {row["body"] for row in case.sent}, "messages are missing")
    require(len(case.received) <= 64 + 32, f"{len(case.received) - 64} messages came twice")
    at = {}
    for row in case.received:
        offset = row["offset"]
        require(offset <= at.get(row["queue"], -1) + 1, f"queue {row['queue']} went from {at.get(row['queue'])} to {offset}")
        at[row["queue"]] = offset
    committed_all(case)


def late(case):
    """The first member gets what was there before it, the second only what came after the first had committed and left."""
    stored_as_answered(case, 12)
    received_once(case, [row["body"] for row in case.sent])
    require(sorted(case.bodies("second")) == [f"between-{i}" for i in range(4)], f"the second received {case.bodies('second')}")
    committed_all(case)


def pop_consume(case):
    """m3 is given back twice, m5 forgotten once: they come so much oftener, counted, and then no more; the others once."""
    stored_as_answered(case, 8)
    received_once(case, [f"m{i}" for i in range(8)] + ["m3", "m3", "m5"])
    for body, wanted in (("m3", [0, 1, 2]), ("m5", [0, 1])):
        retries = [row["retries"] for row in case.received if row["body"] == body]
        require(retries == wanted, f"{body} came as retries {retries}")


def lite_assign(case):
    """From offset 1 of each of the four queues, after a seek."""
    stored_as_answered(case, 12)
    require(sorted((row["queue"], row["offset"]) for row in case.received) == [(q, o) for q in range(QUEUES) for o in (1, 2)],
            f"received {sorted((row['queue'], row['offset']) for row in case.received)}")
    in_order(case)
    committed_all(case)


def lite_subscribe(case):
    stored_as_answered(case, 12)
    received_once(case, [row["body"] for row in case.sent])
    in_order(case)
    committed_all(case)


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    check: Callable[[Case], None]
    timeout: int = 90
    create_topic: bool = True
    # Runs the driver, where more runs beside it.
    run: Optional[Callable] = None
    # Of the brokers on which it runs.
    makes: tuple = MAKES
    # Never at once with another of these: it changes the broker's settings, or counts what the broker does.
    alone: bool = False


SCENARIOS = [
    Scenario("send-sync", "send, synchronous", send_single),
    Scenario("send-async", "send, asynchronous", send_single),
    Scenario("send-oneway", "send, one-way", send_oneway),
    Scenario("send-batch", "send, batch", send_batch),
    Scenario("send-selector", "send, ordered by selector", send_selector),
    Scenario("send-properties", "properties, tags and keys", send_properties),
    Scenario("send-compressed", "compressed body", send_compressed),
    *(Scenario(f"compressed-{method}", f"compressed body, {title}; read by another client, too",
               functools.partial(compression.check, method), run=compression.run)
      for method, title in (("lz4", "LZ4"), ("zstd", "Zstandard"))),
    Scenario("send-at-limit", "body of 4 MiB", send_at_limit),
    Scenario("send-over-limit", "body over 4 MiB", send_over_limit),
    Scenario("send-unknown-topic", "send to an unknown topic", send_unknown_topic, create_topic=False),
    Scenario("push-clustering", "push, clustering; members join and leave", clustering, timeout=150),
    Scenario("push-late", "push, started after the messages, and again", late),
    Scenario("push-broadcasting", "push, broadcasting", broadcasting),
    Scenario("push-orderly", "push, orderly listener", orderly),
    Scenario("orderly-retry", "push, orderly; a refused message keeps its queue", orderly_retry),
    Scenario("orderly-poison", "push, orderly; a message that always fails is given up", orderly_poison),
    Scenario("orderly-members", "push, orderly; members join and leave", orderly_members, timeout=150),
    Scenario("push-circle", "push, allocation by circle", circle),
    *(Scenario(f"allocate-{rule}", f"push, allocation by {title}, with Troupe's client; members join and leave", allocation.check,
               run=functools.partial(allocation.run, rule))
      for rule, title in (("hash", "consistent hash"), ("nearby", "nearness, rooms by queue"), ("config", "configuration"))),
    *(Scenario(f"allocate-{rule}", f"push, allocation by {title}, with Troupe's client; members join and leave", rooms.check,
               run=run, create_topic=False, alone=True)
      for rule, title, run in (("rooms-nearby", "nearness, rooms of two brokers", rooms.run_nearby),
                               ("rooms", "machine room, of two brokers", rooms.run_by_room))),
    Scenario("push-timestamp", "push, from a point in time", from_timestamp),
    Scenario("push-tags", "push, tags", tags),
    Scenario("subscriptions", "push, members of a group with different tags", subscriptions.check, run=subscriptions.run),
    Scenario("push-retry", "push, consume again later", retry),
    Scenario("push-dead-letter", "push, dead letter", dead_letter),
    Scenario("pop", "push in pop mode, consume again later", pop.check, run=pop.run),
    Scenario("pop-orderly", "pop in order, request by request", pop.check_orderly, run=pop.run),
    Scenario("pop-consume", "pop; acknowledge, give back, forget", pop_consume, timeout=150),
    Scenario("pop-consume-orderly", "pop in order by two members; acknowledge, give back, forget", pop.check_members_in_order, timeout=150),
    Scenario("lite-assign", "lite pull, assign and seek", lite_assign),
    Scenario("lite-subscribe", "lite pull, subscribe", lite_subscribe),
    Scenario("query-key", "query by key", query_key),
    Scenario("query-id", "query by offset id and unique id", query_id),
    Scenario("mixed", "a group shared with Troupe's client", mixed.check, run=mixed.run),
    Scenario("shared-group", "a group of Java, Go and Troupe's client", shared_group.check, run=shared_group.run),
    Scenario("reset-running", "offsets set back by time, beside Troupe's client", reset.check, run=reset.as_configured, alone=True),
    Scenario("reset-members", "the same, where the broker leaves it to its members", reset.check, run=reset.by_members,
             makes=("Apache RocketMQ",), alone=True),
    Scenario("reset-members-cli", "the same, by `troupe group reset`", reset.check, run=reset.by_members_and_cli,
             makes=("Apache RocketMQ",), alone=True),
    Scenario("quota-send", "a topic's quota of sends", quotas.check_send, run=quotas.run_send, makes=("Troupe",), alone=True),
    Scenario("quota-deliver", "a group's quota of deliveries", quotas.check_deliver, run=quotas.run_deliver, makes=("Troupe",), alone=True),
    Scenario("request-reply", "request and reply", request_reply),
    Scenario("delayed", "delayed by level", delayed),
    Scenario("timed", "delayed to the millisecond", timed),
    Scenario("timed-forms", "delayed in seconds, and to a point in time", timed_forms),
    Scenario("recall", "taken back before its time", recall),
    Scenario("trace", "message trace by the client", trace),
    Scenario("transaction", "transaction, committed and rolled back", transaction),
    Scenario("transaction-check", "transaction, the broker asks", transaction_check, timeout=120),
    Scenario("push-sql", "push, SQL-92 filter", sql),
]
