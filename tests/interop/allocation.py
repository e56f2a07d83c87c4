"""Members of one group, two of the client under test and one of Troupe's, share out the queues by one of RocketMQ's rules.

They join one after the other and leave so. After each change every member must own what the rule gives it, which is worked out here
once more, and get exactly the messages of its queues.
"""
import contextlib
import hashlib
import json

from member import Member
from mixed import Cli
from outcome import require, until

QUEUES = 8
ADDRESS = "127.0.0.1"
# Names within client ids. What is before the dash is the room in which the member is.
NAMES = ("east-1", "west-1", "east-2")
CONFIGURED = {"east-1": [0, 1, 2], "west-1": [5, 7], "east-2": [3, 4, 6]}
VIRTUAL_NODES = 10


def averagely(queues, members):
    """Contiguous shares, the first ones larger by one."""
    count, more = divmod(len(queues), len(members))
    shares, begin = {}, 0
    for number, member in enumerate(sorted(members)):
        end = begin + count + (1 if number < more else 0)
        shares[member] = queues[begin:end]
        begin = end
    return shares


def point(text):
    return int.from_bytes(hashlib.md5(text.encode()).digest()[:4], "big")


def consistent_hash(topic, members):
    """Each queue to the member whose place on the ring is next."""
    ring = {point(f"{ADDRESS}@{member}-{number}"): member for member in members for number in range(VIRTUAL_NODES)}
    shares = {member: [] for member in members}
    for queue in range(QUEUES):
        place = point(f"MessageQueue [topic={topic}, brokerName=interop, queueId={queue}]")
        shares[ring[min((at for at in ring if at >= place), default=min(ring))]].append(queue)
    return shares


def nearby(_, members):
    """Even queues are in the room east. A room's queues go to its own members, those of an empty room to all."""
    shares = {member: [] for member in members}
    for room, queues in (("east", list(range(0, QUEUES, 2))), ("west", list(range(1, QUEUES, 2)))):
        inside = [member for member in members if member.startswith(room)]
        for member, share in averagely(queues, inside or members).items():
            shares[member] = sorted(shares[member] + share)
    return shares


def by_config(_, members):
    return {member: CONFIGURED[member] for member in members}


RULES = {"hash": consistent_hash, "nearby": nearby, "config": by_config}


def words_of(rule, name):
    return [name, "config:" + ",".join(map(str, CONFIGURED[name])) if rule == "config" else rule]


def check_stage(cli, topic, number, members, wanted):
    """All members own their shares (WANTED: queues "broker:number" by name), and one message to each queue reaches its owner alone.

    The bodies that were sent.
    """
    def owned():
        return {name: member.queues() for name, member in members.items()}

    until(lambda: f"members own {owned()} instead of {wanted}", lambda: owned() == wanted, 60)
    sent = {f"{number}-{queue}": name for name, queues in wanted.items() for queue in queues}
    for body in sent:
        cli.run("send", topic, body, "--queue", body.split("-", 1)[1])
    got = {}

    def all_got():
        got.update((body, name) for name, member in members.items() for body in member.bodies() if body in sent)
        return len(got) == len(sent)

    until(lambda: f"of {sorted(sent)} were received {sorted(got)}", all_got, 60)
    counted = sorted((body, name) for name, member in members.items() for body in member.bodies() if body in sent)
    require(counted == sorted(sent.items()), f"received by {counted} instead of by {sorted(sent.items())}")
    return list(sent)


def come_and_go(names, join, check_members):
    """Members join one after the other and leave so, the last one stays; CHECK_MEMBERS(number, members) returns the bodies that it sent.

    All that were sent, and all that were received.
    """
    sent, members, left = [], {}, []
    with contextlib.ExitStack() as opened:
        for number, name in enumerate(names):
            members[name] = join(name)
            opened.callback(members[name].leave)
            sent += check_members(number, members)
        for number, name in enumerate(names[:-1], len(names)):
            members[name].leave()
            left += members.pop(name).bodies()
            sent += check_members(number, members)
        return sent, left + [body for member in members.values() for body in member.bodies()]


def run(rule, server, start, home, topic, group):
    cli = Cli(server.troupe, server.observer.name_server, home)
    server.observer.create_topic(topic, QUEUES)
    until("the topic has its queues", lambda: server.observer.route(topic)["queueDatas"][0]["readQueueNums"] == QUEUES)
    kinds = dict(zip(NAMES, (start.client, start.client, server.everyone["cxx-troupe"])))

    def join(name):
        return Member(kinds[name], server, home, "own", topic, group, *words_of(rule, name))

    def check_members(number, members):
        shares = RULES[rule](topic, list(members))
        wanted = {name: [f"interop:{queue}" for queue in queues] for name, queues in shares.items()}
        return check_stage(cli, topic, number, members, wanted)

    sent, received = come_and_go(NAMES, join, check_members)
    return f"RESULT {json.dumps({'sent': sent, 'received': received})}"


def check(case):
    """What is there to check of each stage was checked in it. In all, nothing is lost."""
    lost = sorted(set(case.sent) - set(case.received))
    require(not lost, f"never received: {lost}")
    ends = [last for _, last in case.observer.ends(case.topic, QUEUES)]
    require(sum(ends) == len(case.sent), f"{sum(ends)} messages are stored instead of {len(case.sent)}")
