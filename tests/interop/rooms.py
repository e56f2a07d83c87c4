"""Two brokers in two machine rooms, which their names begin with, and a group whose members share out the queues by rooms.

Nearby: a room's queues go to its own members, those of an empty room to all. By machine room: each group reads the rooms that its
members are told, and leaves the others to other groups.
"""
import functools
import json

import allocation
from member import Member
from mixed import Cli
from outcome import require, until

QUEUES = 4  # of each broker
BROKERS = {"roomA": "roomA@broker-a", "roomB": "roomB@broker-b"}
# Within client ids; the room of a member is before the dash.
NEARBY = ("roomA-1", "roomB-1", "roomA-2")
IN_ONE_ROOM = ("roomA-1", "roomA-2", "roomA-3")


def queues_of(room):
    return [f"{BROKERS[room]}:{queue}" for queue in range(QUEUES)]


def nearby(members):
    shares = {member: [] for member in members}
    for room in BROKERS:
        inside = [member for member in members if member.startswith(room)]
        for member, share in allocation.averagely(queues_of(room), inside or members).items():
            shares[member] += share
    return shares


def in_room(room, members):
    """Equal shares in order; what is over follows all of them, one for each of the first members."""
    queues, members = queues_of(room), sorted(members)
    count = len(queues) // len(members)
    shares = {member: queues[number * count:(number + 1) * count] for number, member in enumerate(members)}
    for member, queue in zip(members, queues[count * len(members):]):
        shares[member].append(queue)
    return shares


class Scene:
    """The topic on both brokers, and members of any kind."""

    def __init__(self, server, home, topic, observers):
        self.cli = Cli(server.troupe, server.observer.name_server, home)
        self._server, self._home, self._topic, self._observers = server, home, topic, observers
        for observer in observers.values():
            observer.create_topic(topic, QUEUES)
        until("the topic has its queues", lambda: sorted(
            (data["brokerName"], data["readQueueNums"]) for data in server.observer.route(topic)["queueDatas"]
        ) == sorted((name, QUEUES) for name in BROKERS.values()))

    def join(self, client, group, name, rule):
        return Member(client, self._server, self._home, "own", self._topic, group, name, rule)

    def check(self, number, members, wanted):
        return allocation.check_stage(self.cli, self._topic, number, members, wanted)

    def send(self, prefix, queues):
        bodies = [f"{prefix}-{queue}" for queue in queues]
        for body, queue in zip(bodies, queues):
            self.cli.run("send", self._topic, body, "--queue", queue)
        return bodies

    def stored(self):
        return {name: sum(last for _, last in observer.ends(self._topic, QUEUES)) for name, observer in self._observers.items()}

    def committed(self, group):
        return {name: observer.committed(group, self._topic, QUEUES) for name, observer in self._observers.items()}


def on_two_brokers(run):
    """A scenario's run, of RUN(scene, kinds of clients, group)."""
    @functools.wraps(run)
    def run_on_two(server, start, home, topic, group):
        kinds = [start.client, start.client, server.everyone["cxx-troupe"]]
        with server.more_brokers(list(BROKERS.values())) as observers:
            report = run(Scene(server, home, topic, observers), kinds, group)
        return f"RESULT {json.dumps(report)}"
    return run_on_two


@on_two_brokers
def run_nearby(scene, kinds, group):
    kinds = dict(zip(NEARBY, kinds))
    sent, received = allocation.come_and_go(
        NEARBY, lambda name: scene.join(kinds[name], group, name, "rooms-nearby"),
        lambda number, members: scene.check(number, members, nearby(list(members))))
    return {"sent": sent, "received": received, "stored": scene.stored()}


@on_two_brokers
def run_by_room(scene, kinds, group):
    """The group reads roomA. What is in roomB waits for another group, whose only member reads it in the end."""
    waiting = scene.send("waiting", queues_of("roomB"))
    kinds = dict(zip(IN_ONE_ROOM, kinds))
    sent, received = allocation.come_and_go(
        IN_ONE_ROOM, lambda name: scene.join(kinds[name], group, name, "rooms:roomA"),
        lambda number, members: scene.check(number, members, in_room("roomA", list(members))))
    other = scene.join(kinds["roomA-1"], f"{group}-roomB", "roomB-1", "rooms:roomB")
    try:
        sent_there = scene.check("roomB", {"roomB-1": other}, {"roomB-1": queues_of("roomB")})
        until(lambda: f"the other room's member received {other.bodies()}", lambda: len(other.bodies()) == len(waiting + sent_there), 60)
    finally:
        other.leave()
    return {"sent": sent, "received": received, "sent_there": waiting + sent_there, "received_there": other.bodies(),
            "committed": scene.committed(group), "stored": scene.stored()}


def check(case):
    """What is there to check of each stage was checked in it. In all, nothing is lost, and no room's messages came to the other's group."""
    lost = sorted(set(case.sent) - set(case.received))
    require(not lost, f"never received: {lost}")
    stored = case.report["stored"]
    sent = case.sent + case.report.get("sent_there", [])
    wanted = {name: sum(name in body for body in sent) for name in BROKERS.values()}
    require(stored == wanted, f"{stored} messages are stored instead of {wanted}")
    if "sent_there" in case.report:
        strangers = [body for body in case.received if BROKERS["roomB"] in body] + [
            body for body in case.report["received_there"] if BROKERS["roomA"] in body]
        require(not strangers, f"received in another room: {strangers}")
        require(sorted(case.report["received_there"]) == sorted(case.report["sent_there"]),
                f"the other room's group received {case.report['received_there']} instead of {case.report['sent_there']}")
        committed = case.report["committed"][BROKERS["roomB"]]
        require(not any(committed), f"the group committed {committed} in the other room")
