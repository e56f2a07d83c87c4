"""What is asserted of each mqadmin command: its output, and what the server says afterwards.

They run in this order on one stage (mqadmin.py); each leaves the stage as it was, but the last ones.
"""
import dataclasses
import re
import time
from pathlib import Path
from typing import Callable

import remoting
from mqadmin import QUEUES, Staying
from outcome import MAKES, Failed, require, until

CLUSTER = ["-c", "DefaultCluster"]


@dataclasses.dataclass(frozen=True)
class Command:
    name: str
    title: str
    check: Callable
    makes: tuple = MAKES
    alone: bool = False  # one tool runs at a time


COMMANDS = []


def command(name, variant=""):
    def add(check):
        COMMANDS.append(Command(f"mqadmin-{name}{variant}", f"`{name}`: {check.__doc__}", check))
        return check
    return add


def equal(what, found, wanted):
    require(found == wanted, f"{what}: {found} instead of {wanted}"[:280])


def queue_data(stage, topic):
    """Read queues, write queues and permission as the name server says; nothing without a route."""
    route = stage.observer.route(topic) or {"queueDatas": []}
    return [(data["readQueueNums"], data["writeQueueNums"], data["perm"]) for data in route["queueDatas"]]


# Topics ---------------------------------------------------------------------------------------------------------------


@command("updateTopic")
def update_topic(stage):
    """creates a topic, then changes it"""
    for read, write in ((3, 2), (4, 4)):
        output = stage("updateTopic", *CLUSTER, "-t", stage.other_topic, "-r", str(read), "-w", str(write))
        require(f"create topic to {stage.observer.broker} success" in output, output[:200])
        until(f"the route says {read} and {write} queues",
              lambda wanted=[(read, write, 6)]: queue_data(stage, stage.other_topic) == wanted)


@command("updateTopicPerm")
def update_topic_perm(stage):
    """forbids writing, and allows it again"""
    for perm in (4, 6):
        stage("updateTopicPerm", *CLUSTER, "-t", stage.other_topic, "-p", str(perm))
        until(f"the route says permission {perm}", lambda wanted=[(4, 4, perm)]: queue_data(stage, stage.other_topic) == wanted)


@command("topicList")
def topic_list(stage):
    """names, and with -c the groups of each topic"""
    names = {row[0] for row in stage.table("topicList")}
    require({stage.topic, stage.other_topic} <= names, f"lists {sorted(names)}")
    groups = {tuple(row) for row in stage.table("topicList", "-c")}
    wanted = {("DefaultCluster", stage.topic, group) for group in (stage.online, stage.offline)}
    require(wanted <= groups, f"lists {sorted(row for row in groups if stage.topic in row)}")


@command("topicRoute")
def topic_route(stage):
    """brokers, queues and permission"""
    output = stage("topicRoute", "-t", stage.topic)
    route = remoting.parse_json(output[output.index("{"):])
    equal("brokers", [(data["brokerName"], data["cluster"], data["brokerAddrs"]) for data in route["brokerDatas"]],
          [("interop", "DefaultCluster", {"0": stage.observer.broker})])
    equal("queues", [(data["readQueueNums"], data["writeQueueNums"], data["perm"]) for data in route["queueDatas"]], [(4, 4, 6)])


@command("topicClusterList")
def topic_cluster_list(stage):
    """the cluster of a topic"""
    equal("clusters", stage("topicClusterList", "-t", stage.topic).split(), ["DefaultCluster"])


@command("topicStatus")
def topic_status(stage):
    """bounds of each queue and the time of its last message"""
    rows = stage.table("topicStatus", "-t", stage.topic)[:QUEUES]
    equal("bounds", [row[:4] for row in rows], [["interop", str(queue), "0", "2"] for queue in range(QUEUES)])
    for row in rows:
        at = time.mktime(time.strptime(" ".join(row[4:6]).split(",")[0], "%Y-%m-%d %H:%M:%S"))
        require(abs(time.time() - at) < 600, f"the last message is of {row[4:]}")


@command("statsAll")
def stats_all(stage):
    """counts of a topic and lag of its groups"""
    rows = {row[1]: row for row in stage.table("statsAll", "-t", stage.topic) if len(row) > 5}
    for group, lag in ((stage.online, 0), (stage.offline, 4)):
        require(group in rows, f"has no row for {group}: {sorted(rows)}")
        equal(f"lag of {group}", rows[group][2], str(lag))
    # A new window counts from its second sample, so messages of the last seconds may be missing.
    require(0 <= int(rows[stage.online][5]) <= 8, f"counts {rows[stage.online][5]} messages of the day")


# Groups -----------------------------------------------------------------------------------------------------------------


@command("updateSubGroup")
def update_group(stage):
    """creates a group, then changes it"""
    for retries in (5, 7):
        output = stage("updateSubGroup", *CLUSTER, "-g", stage.other_group, "-r", str(retries), "-q", "2", "-d", "true")
        require(f"create subscription group to {stage.observer.broker} success" in output, output[:200])
        settings = stage.observer.group_settings(stage.other_group)
        equal("settings", [settings[name] for name in ("retryMaxTimes", "retryQueueNums", "consumeBroadcastEnable", "consumeEnable")],
              [retries, 2, True, True])


def progress(stage, group):
    rows = [row for row in stage.table("consumerProgress", "-g", group) if row[0] == stage.topic]
    return sorted((int(row[2]), int(row[3]), int(row[4]), int(row[5])) for row in rows)


@command("consumerProgress")
def consumer_progress(stage):
    """lag by queue of one group; members and lag of all"""
    equal("progress of the online group", progress(stage, stage.online), [(queue, 2, 2, 0) for queue in range(QUEUES)])
    equal("progress of the offline group", progress(stage, stage.offline), [(queue, 2, 1, 1) for queue in range(QUEUES)])
    require("Diff Total: 4" in stage("consumerProgress", "-g", stage.offline), "the total is not 4")
    rows = {row[0]: row for row in stage.table("consumerProgress")}
    online = rows[stage.online]
    equal("the online group", online[1:5] + online[-1:], ["1", f"V{stage.client.version.replace('.', '_')}", "PUSH", "CLUSTERING", "0"])
    offline = rows[stage.offline]
    equal("the offline group", offline[1:3] + offline[-1:], ["0", "OFFLINE", "4"])


@command("brokerConsumeStats")
def broker_consume_stats(stage):
    """lag of all groups of a broker"""
    output = stage("brokerConsumeStats", "-b", stage.observer.broker)
    total = int(re.search(r"Diff Total: (\d+)", output).group(1))
    require(total >= 4, f"the total lag is {total}")
    lines = (line.split() for line in output.splitlines())
    rows = {(row[1], row[3]): row for row in lines if len(row) > 6 and row[0] == stage.topic}
    if stage.client.version != "4.9.8":  # which prints no rows
        equal("lag", [rows[(stage.offline, str(queue))][6] for queue in range(QUEUES)], ["1"] * QUEUES)


def client_id(stage):
    (found,) = stage.observer.members(stage.online)
    return found


@command("consumerConnection")
def consumer_connection(stage):
    """clients of a group, what they subscribe to and how they consume"""
    output = stage("consumerConnection", "-g", stage.online)
    rows = [line.split() for line in output.splitlines()]
    (row,) = [row for row in rows if row and row[0] == client_id(stage)]
    require(re.fullmatch(r"127\.0\.0\.1:\d+", row[1]), f"the client's address is {row[1]}")
    equal("language and version", row[2:], ["JAVA", f"V{stage.client.version.replace('.', '_')}"])
    require([stage.topic, "*"] in rows, "the subscription is missing")
    for wanted in ("ConsumeType: CONSUME_PASSIVELY", "MessageModel: CLUSTERING", "ConsumeFromWhere: CONSUME_FROM_FIRST_OFFSET"):
        require(wanted in output, f"does not say {wanted}")


@command("producerConnection")
def producer_connection(stage):
    """clients of a producer group"""
    row = stage("producerConnection", "-g", f"{stage.online}-producer", "-t", stage.topic).split()
    require(client_id(stage) in row, f"the client is missing: {row}")
    require("JAVA" in row and f"V{stage.client.version.replace('.', '_')}" in row, f"says {row}")


@command("consumerStatus")
def consumer_status(stage):
    """asks the client itself, through the broker"""
    output = stage("consumerStatus", "-g", stage.online)
    require(client_id(stage) in output and "Rebalance OK" in output, output[-200:])
    output = stage("consumerStatus", "-g", stage.online, "-i", client_id(stage))
    require("#Consumer Offset#" in output and stage.topic in output, output[:200])


@command("consumerStatus", "-cxx")
def consumer_status_of_cxx(stage):
    """asks a push consumer of Troupe's C++ library likewise, and `queryMsgById -d` lets it consume one message"""
    group = f"{stage.topic}-cxx"
    cxx = stage.server.everyone["cxx-troupe"]
    cxx.prepare()
    member = Staying(stage, group, cxx)
    try:
        until("it has consumed everything", lambda: stage.observer.committed(group, stage.topic, QUEUES) == [
            last for _, last in stage.observer.ends(stage.topic, QUEUES)], 40)
        (client,) = stage.observer.members(group)
        output = stage("consumerStatus", "-g", group)
        require(client in output and "Rebalance OK" in output, output[-200:])
        output = stage("consumerStatus", "-g", group, "-i", client)
        offsets, rates = re.search(r"#Consumer Offset#(.*?)#Consumer MQ Detail#.*#Consumer RT&TPS#(.*)", output, re.S).groups()
        found = [line.split()[2:4] for line in offsets.splitlines() if line.startswith(f"{stage.topic} ")]
        ends = [last for _, last in stage.observer.ends(stage.topic, QUEUES)]
        equal("offsets", found, [[str(queue), str(end)] for queue, end in enumerate(ends)])
        require(stage.topic in rates, "the rates are missing")
        record = stage.records[5]
        topic = ["-t", stage.topic] if stage.client.version.startswith("5") else []
        output = stage("queryMsgById", "-i", stage.offset_id(record), *topic, "-g", group, "-d", client)
        require("consumeResult=CR_SUCCESS" in output, output[-300:])
    finally:
        report = member.leave()
    bodies = [message["body"] for message in report["received"]]
    equal("times it was consumed", bodies.count(record["body"]), 2)


# The broker and the name server -----------------------------------------------------------------------------------------


@command("clusterList")
def cluster_list(stage):
    """brokers with address and version"""
    rows = [row for row in stage.table("clusterList") if row[0] == "DefaultCluster"]
    equal("brokers", [row[:4] for row in rows], [["DefaultCluster", "interop", "0", stage.observer.broker]])
    require(re.fullmatch(r"V\d+_\d+_\d+.*", rows[0][4]), f"the version is {rows[0][4]}")


@command("brokerStatus")
def broker_status(stage):
    """state and rates"""
    status = stage.settings("brokerStatus", "-b", stage.observer.broker)
    end = max(record["position"] for record in stage.records)
    require(int(status["commitLogMaxOffset"]) > end, f"the log ends at {status['commitLogMaxOffset']}")
    equal("start of the log", status["commitLogMinOffset"], "0")
    first = min(record["stored_at"] for record in stage.observer.stored(stage.topic, QUEUES))
    require(0 < int(status["earliestMessageTimeStamp"]) <= first, f"the first message is of {status['earliestMessageTimeStamp']}")
    require(int(status["bootTimestamp"]) / 1000 < time.time(), f"started at {status['bootTimestamp']}")
    for rate in ("putTps", "getTotalTps", "getTransferredTps"):
        require(all(float(number) >= 0 for number in status[rate].split()), f"{rate} is {status[rate]}")


@command("getBrokerConfig")
def broker_config(stage):
    """settings of a broker"""
    settings = stage.settings("getBrokerConfig", "-b", stage.observer.broker)
    equal("settings", [settings[name] for name in ("brokerName", "brokerClusterName", "brokerId")], ["interop", "DefaultCluster", "0"])


@command("updateBrokerConfig")
def update_broker_config(stage):
    """changes a setting of a running broker"""
    before = stage.observer.broker_settings()["defaultTopicQueueNums"]
    for value in ("9", before):
        stage("updateBrokerConfig", "-b", stage.observer.broker, "-k", "defaultTopicQueueNums", "-v", value)
        equal("the setting", stage.observer.broker_settings()["defaultTopicQueueNums"], value)
    # A difference: RocketMQ says success and changes nothing.
    try:
        stage("updateBrokerConfig", "-b", stage.observer.broker, "-k", "noSuchKey", "-v", "1")
        refused = False
    except Failed as failure:
        refused = "noSuchKey" in str(failure)
    equal("an unknown key is refused by name", refused, stage.server.broker_make == "Troupe")


@command("wipeWritePerm")
def wipe_write_perm(stage):
    """takes the broker's topics out of writing"""
    output = stage("wipeWritePerm", "-b", "interop")
    require(re.search(r"wipe write perm of broker\[interop\] in name server\[\S+\] OK, [1-9]", output), output[:200])
    equal("permission", queue_data(stage, stage.topic), [(4, 4, 4)])


@command("addWritePerm")
def add_write_perm(stage):
    """lets them be written again"""
    output = stage("addWritePerm", "-b", "interop")
    require(re.search(r"add write perm of broker\[interop\] in name server\[\S+\] OK, [1-9]", output), output[:200])
    equal("permission", queue_data(stage, stage.topic), [(4, 4, 6)])


@command("updateKvConfig")
def update_kv(stage):
    """sets a key of the name server"""
    stage("updateKvConfig", "-s", "interop-space", "-k", "colour", "-v", "blue")
    equal("the value", stage.observer.kv("interop-space", "colour"), "blue")


@command("deleteKvConfig")
def delete_kv(stage):
    """deletes it"""
    stage("deleteKvConfig", "-s", "interop-space", "-k", "colour")
    equal("the value", stage.observer.kv("interop-space", "colour"), None)


@command("getNamesrvConfig")
def name_server_config(stage):
    """settings of the name server"""
    settings = stage.settings("getNamesrvConfig")
    equal("listenPort", settings["listenPort"], stage.observer.name_server.split(":")[1])


@command("cleanExpiredCQ")
def clean_expired(stage):
    """removes nothing that is still there"""
    equal("output", stage("cleanExpiredCQ", "-b", stage.observer.broker).split()[-1], "success")
    equal("messages", len(stage.observer.stored(stage.topic, QUEUES)), 2 * QUEUES)


@command("cleanUnusedTopic")
def clean_unused(stage):
    """removes nothing that is still there"""
    equal("output", stage("cleanUnusedTopic", "-b", stage.observer.broker).split()[-1], "success")
    equal("messages", len(stage.observer.stored(stage.topic, QUEUES)), 2 * QUEUES)


# Messages -------------------------------------------------------------------------------------------------------------------


def is_record(stage, output, record):
    """The output describes exactly this record and who consumed it, and the body is in the file that it names."""
    fields = dict(re.findall(r"^([A-Z][\w ]+):\s+(.*?)\s*$", output, re.M))
    wanted = {"Topic": stage.topic, "Tags": "[TagA]", "Keys": f"[{record['properties']['KEYS']}]", "Queue ID": str(record["queue"]),
              "Queue Offset": str(record["offset"]), "CommitLog Offset": str(record["position"]), "Reconsume Times": "0"}
    equal("fields", {name: fields.get(name) for name in wanted}, wanted)
    require("colour=red" in fields["Properties"], f"the property is missing: {fields['Properties']}")
    for group, state in ((stage.online, "CONSUMED"), (stage.offline, "NOT_ONLINE")):
        require(f"MessageTrack [consumerGroup={group}, trackType={state}," in output, f"does not say that {group} is {state}")
    equal("body", Path(fields["Message Body Path"]).read_text(encoding="utf-8"), record["body"])


@command("queryMsgById")
def query_by_id(stage):
    """by offset id"""
    record = stage.records[5]
    topic = ["-t", stage.topic] if stage.client.version.startswith("5") else []
    is_record(stage, stage("queryMsgById", "-i", stage.offset_id(record), *topic), record)


@command("queryMsgByUniqueKey")
def query_by_unique_key(stage):
    """by unique id"""
    record = stage.records[5]
    is_record(stage, stage("queryMsgByUniqueKey", "-i", record["properties"]["UNIQ_KEY"], "-t", stage.topic), record)


@command("queryMsgByKey")
def query_by_key(stage):
    """by key"""
    record = stage.records[5]
    equal("found", stage.table("queryMsgByKey", "-t", stage.topic, "-k", record["properties"]["KEYS"]),
          [[record["properties"]["UNIQ_KEY"], str(record["queue"]), str(record["offset"])]])


@command("queryMsgByOffset")
def query_by_offset(stage):
    """by place in a queue"""
    record = stage.records[5]
    place = ["-i", str(record["queue"]), "-o", str(record["offset"])]
    is_record(stage, stage("queryMsgByOffset", "-t", stage.topic, "-b", "interop", *place), record)


@command("printMsg")
def print_msg(stage):
    """every message of a topic"""
    found = re.findall(r"^MSGID: (\S+) ", stage("printMsg", "-t", stage.topic), re.M)
    equal("messages", sorted(found), sorted(record["properties"]["UNIQ_KEY"] for record in stage.records))


@command("consumeMessage")
def consume_message(stage):
    """the messages of one queue"""
    output = stage("consumeMessage", "-t", stage.topic, "-b", "interop", "-i", "1", "-o", "0", "-c", "2")
    found = re.findall(r"^MSGID: (\S+) ", output, re.M)
    equal("messages", found, [record["properties"]["UNIQ_KEY"] for record in stage.records if record["queue"] == 1])


@command("sendMessage")
def send_message(stage):
    """stores body, key and tag in the queue it names"""
    (row,) = stage.table("sendMessage", "-t", stage.other_topic, "-p", "by mqadmin", "-k", "key7", "-c", "TagB", "-b", "interop", "-i", "2")
    equal("answer", row[:3], ["interop", "2", "SEND_OK"])
    (record,) = stage.observer.stored(stage.other_topic, QUEUES)
    equal("stored", (record["queue"], record["body"], record["properties"]["KEYS"], record["properties"]["TAGS"],
                     record["properties"]["UNIQ_KEY"]), (2, "by mqadmin", "key7", "TagB", row[3]))


# Offsets, and what leaves the stage ------------------------------------------------------------------------------------------


@command("cloneGroupOffset")
def clone_offsets(stage):
    """gives another group the same offsets"""
    stage("cloneGroupOffset", "-s", stage.offline, "-d", stage.other_group, "-t", stage.topic)
    equal("offsets", stage.observer.committed(stage.other_group, stage.topic, QUEUES), [1] * QUEUES)


@command("resetOffsetByTime")
def reset_offsets(stage):
    """a group that is away begins again, one that is online at once"""
    stage("resetOffsetByTime", "-g", stage.offline, "-t", stage.topic, "-s", "0")
    equal("offsets of the group that is away", stage.observer.committed(stage.offline, stage.topic, QUEUES), [0] * QUEUES)
    rows = stage.table("resetOffsetByTime", "-g", stage.online, "-t", stage.topic, "-s", "0")
    equal("offsets shown", sorted(row[1:] for row in rows if row[0] == "interop"), [[str(queue), "0"] for queue in range(QUEUES)])
    report = stage.staying.leave(2 * len(stage.records))
    bodies = sorted(row["body"] for row in report["received"])
    equal("received", bodies, sorted([record["body"] for record in stage.records] * 2))


@command("deleteSubGroup")
def delete_group(stage):
    """forgets a group"""
    stage("deleteSubGroup", *CLUSTER, "-g", stage.other_group)
    equal("settings", stage.observer.group_settings(stage.other_group), None)


@command("deleteTopic")
def delete_topic(stage):
    """at the broker and at the name server"""
    for topic in (stage.other_topic, stage.topic):
        output = stage("deleteTopic", *CLUSTER, "-t", topic)
        require("from NameServer success" in output, output[:200])
        until(f"{topic} has no route", lambda name=topic: not stage.observer.has_route(name))
