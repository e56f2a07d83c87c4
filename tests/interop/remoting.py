"""A client of RocketMQ's remoting protocol, as small as the runner's questions to a server: what is stored, what is committed.

It is independent of the clients under test, and asks Troupe and Apache RocketMQ the same.
"""
import hashlib
import json
import re
import socket
import struct
import zlib

# Request codes
PULL_MESSAGE = 11
QUERY_CONSUMER_OFFSET = 14
UPDATE_AND_CREATE_TOPIC = 17
GET_MAX_OFFSET = 30
GET_MIN_OFFSET = 31
GET_MEMBERS = 38
GET_KV_CONFIG = 101
GET_ROUTE = 105
GET_CLUSTER = 106
UPDATE_BROKER_CONFIG = 25
GET_BROKER_CONFIG = 26
GET_RUNTIME_INFO = 28
UPDATE_AND_CREATE_GROUP = 200
GET_ALL_GROUPS = 201
SET_REQUEST_MODE = 401

BODY_SHOWN_MAX = 200


class Refused(RuntimeError):
    def __init__(self, request, code, remark):
        super().__init__(f"request {request} was answered with {code}: {remark}")
        self.code = code


class Connection:
    """One request at a time; TIMEOUT in seconds holds for each."""

    def __init__(self, address, timeout=5):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout)
        self._opaque = 0

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, code, fields=None, body=b""):
        """The answer's code, header fields, remark and body."""
        self._opaque += 1
        header = json.dumps({
            "code": code, "language": "PYTHON", "version": 401, "opaque": self._opaque, "flag": 0,
            "serializeTypeCurrentRPC": "JSON", "extFields": {name: str(value) for name, value in (fields or {}).items()},
        }).encode()
        self._socket.sendall(struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body)
        while True:
            length, header_length = struct.unpack(">II", self._receive(8))
            header_length &= 0xFFFFFF
            answer = json.loads(self._receive(header_length))
            answer_body = self._receive(length - 4 - header_length)
            if answer["opaque"] == self._opaque and answer["flag"] & 1:
                return answer["code"], answer.get("extFields") or {}, answer.get("remark"), answer_body

    def ask(self, code, fields=None, body=b""):
        """Header fields and body of the answer; Refused unless it is a success."""
        status, header, remark, answer = self.request(code, fields, body)
        if status != 0:
            raise Refused(code, status, remark)
        return header, answer

    def _receive(self, count):
        data = bytearray()
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return bytes(data)


def shown(body):
    """Short bodies as text, long ones as digest and length, as the drivers print them."""
    if len(body) <= BODY_SHOWN_MAX:
        return body.decode("utf-8", "replace")
    return f"sha256:{hashlib.sha256(body).hexdigest()}:{len(body)}"


def decode_records(data):
    """The stored records of a pull's body (docs/formats/record.md)."""
    position = 0
    while position < len(data):
        yield decode_record(data[position:position + struct.unpack_from(">i", data, position)[0]])
        position += struct.unpack_from(">i", data, position)[0]


def decode_record(data):
    _, magic, crc, queue, flag, offset, position_in_log, system_flag, born = struct.unpack_from(">iIIiiqqiq", data, 0)
    position = 48 + (20 if system_flag & 0x10 else 8)
    (stored,) = struct.unpack_from(">q", data, position)
    position += 8 + (20 if system_flag & 0x20 else 8)
    (retries,) = struct.unpack_from(">i", data, position)
    position += 4 + 8
    (length,) = struct.unpack_from(">i", data, position)
    body = data[position + 4:position + 4 + length]
    position += 4 + length
    form = ">H" if magic == 0xDAA320AB else ">B"
    (length,) = struct.unpack_from(form, data, position)
    position += struct.calcsize(form)
    topic = data[position:position + length].decode()
    position += length
    (length,) = struct.unpack_from(">H", data, position)
    pairs = data[position + 2:position + 2 + length].decode().split("\x02")
    # Only zlib can be unpacked here; 0 is how version 4 says it.
    is_zlib = system_flag & 1 and system_flag & 0x700 in (0, 0x300)
    return {
        "queue": queue, "offset": offset, "position": position_in_log, "flag": flag, "topic": topic, "system_flag": system_flag,
        "retries": retries, "born_at": born, "stored_at": stored, "stored_bytes": len(body), "begins": body[:4].hex(),
        "crc_ok": crc & 0x7FFFFFFF == zlib.crc32(body) & 0x7FFFFFFF,
        "body": shown(zlib.decompress(body) if is_zlib else body),
        "properties": dict(pair.split("\x01", 1) for pair in pairs if "\x01" in pair),
    }


def parse_json(text):
    """RocketMQ writes numbers as keys without quotes."""
    return json.loads(re.sub(r"([{,]\s*)(-?\d+):", r'\1"\2":', text))


class Observer:
    """What the server says about itself, through connections of its own."""

    def __init__(self, name_server, broker):
        self.name_server = name_server
        self.broker = broker

    def create_topic(self, topic, queues):
        with Connection(self.broker) as broker:
            broker.ask(UPDATE_AND_CREATE_TOPIC, {
                "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": 6,
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false"})

    def create_group(self, group):
        with Connection(self.broker) as broker:
            broker.ask(UPDATE_AND_CREATE_GROUP, body=json.dumps({"groupName": group}).encode())

    def set_request_mode(self, topic, group, mode):
        with Connection(self.broker) as broker:
            broker.ask(SET_REQUEST_MODE, body=json.dumps(
                {"topic": topic, "consumerGroup": group, "mode": mode, "popShareQueueNum": 0}).encode())

    def has_route(self, topic):
        with Connection(self.name_server) as server:
            return server.request(GET_ROUTE, {"topic": topic})[0] == 0

    def route(self, topic):
        """As JSON, or None. Broker ids are numbers without quotes there."""
        with Connection(self.name_server) as server:
            code, _, _, body = server.request(GET_ROUTE, {"topic": topic})
        return parse_json(body.decode()) if code == 0 else None

    def group_settings(self, group):
        with Connection(self.broker) as broker:
            return parse_json(broker.ask(GET_ALL_GROUPS)[1].decode())["subscriptionGroupTable"].get(group)

    def broker_settings(self):
        with Connection(self.broker) as broker:
            lines = broker.ask(GET_BROKER_CONFIG)[1].decode().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def configure_broker(self, key, value):
        with Connection(self.broker) as broker:
            broker.ask(UPDATE_BROKER_CONFIG, body=f"{key}={value}\n".encode())

    def runtime(self, name):
        """One of the numbers that the broker tells of itself."""
        with Connection(self.broker) as broker:
            return json.loads(broker.ask(GET_RUNTIME_INFO)[1])["table"][name]

    def kv(self, space, key):
        with Connection(self.name_server) as server:
            code, fields, _, _ = server.request(GET_KV_CONFIG, {"namespace": space, "key": key})
        return fields.get("value") if code == 0 else None

    def broker_is_registered(self):
        with Connection(self.name_server) as server:
            return self.broker.encode() in server.ask(GET_CLUSTER)[1]

    def members(self, group):
        """Client ids of the group's members."""
        with Connection(self.broker) as broker:
            code, _, _, body = broker.request(GET_MEMBERS, {"consumerGroup": group})
        return json.loads(body)["consumerIdList"] if code == 0 else []

    def ends(self, topic, queues):
        """The minimum and maximum offset of each queue."""
        with Connection(self.broker) as broker:
            return [tuple(int(broker.ask(code, {"topic": topic, "queueId": queue})[0]["offset"])
                          for code in (GET_MIN_OFFSET, GET_MAX_OFFSET)) for queue in range(queues)]

    def committed(self, group, topic, queues):
        """What the group committed for each queue; None where nothing."""
        with Connection(self.broker) as broker:
            answers = [broker.request(QUERY_CONSUMER_OFFSET, {
                "consumerGroup": group, "topic": topic, "queueId": queue, "setZeroIfNotFound": "false"})
                for queue in range(queues)]
        return [int(fields["offset"]) if code == 0 else None for code, fields, _, _ in answers]

    def stored(self, topic, queues):
        """Every stored record of the topic, in order of queue and offset."""
        records = []
        with Connection(self.broker, 15) as broker:
            for queue, (offset, end) in enumerate(self.ends(topic, queues)):
                while offset < end:
                    code, fields, remark, body = broker.request(PULL_MESSAGE, {
                        "consumerGroup": "interop-observer", "topic": topic, "queueId": queue, "queueOffset": offset,
                        "maxMsgNums": 32, "sysFlag": 4, "commitOffset": 0, "suspendTimeoutMillis": 0,
                        "subscription": "*", "subVersion": 0, "expressionType": "TAG"})
                    if code not in (0, 20):
                        raise Refused(PULL_MESSAGE, code, remark)
                    records += decode_records(body)
                    offset = int(fields["nextBeginOffset"])
        return records
