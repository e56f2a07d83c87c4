#!/usr/bin/env python3
"""Records what RocketMQ's Java clients and its admin tool send, as test data: tests/protocol/golden/<client>-<header form>.txt.

They talk to Troupe through a proxy that keeps every frame, in a network of their own that has nothing but the loopback, so that
nothing of this machine is in the data. Of each request in FRAMES the first that fits is written, as a line "NAME HEX"; of the tool's commands
in COMMANDS the first request of that code.
"""
import argparse
import dataclasses
import fcntl
import fnmatch
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import clients
import remoting
import servers

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ["4.9.8", "5.3.3"]
TOOL_VERSION = "5.3.3"
FORMS = ["JSON", "ROCKETMQ"]
TOPIC, BROKER = "golden", "golden-broker"
# Behind each of the proxy's ports, at 10000 more, is the server's. In that network no port is taken.
NAME_SERVER_PORT, BROKER_PORT = 9876, 10911
BEHIND = 10000
INSIDE = "TROUPE_RECORD_INSIDE"


@dataclasses.dataclass
class Frame:
    """A request, as far as FRAMES looks at it."""
    code: int
    flag: int
    fields: dict
    body: bytes
    data: bytes

    @property
    def oneway(self):
        return bool(self.flag & 2)

    def has(self, *names):
        """Its properties name those."""
        properties = self.fields.get("i", "").split("\x02")
        return all(any(entry.startswith(f"{name}\x01") for entry in properties) for name in names)

    def of_group(self, group):
        return group in (self.fields.get("consumerGroup"), self.fields.get("group"))


def heartbeat_of(group):
    return lambda frame: group.encode() in frame.body


FRAMES = {
    "route": (105, lambda frame: frame.fields["topic"] == TOPIC),
    "heartbeat_producer": (34, heartbeat_of("golden-producers")),
    "heartbeat_consumer": (34, heartbeat_of("golden-readers")),
    "send": (310, lambda frame: frame.has("colour")),
    "send_oneway": (310, lambda frame: frame.oneway),
    "send_delayed": (310, lambda frame: frame.has("DELAY")),
    "send_compressed": (310, lambda frame: int(frame.fields["f"]) & 1),
    "send_batch": (320, lambda frame: True),
    "unregister_producer": (35, lambda frame: frame.fields.get("producerGroup") == "golden-producers"),
    "members": (38, lambda frame: frame.of_group("golden-readers")),
    "query_offset": (14, lambda frame: frame.of_group("golden-readers") and frame.fields["topic"] == TOPIC),
    "pull": (11, lambda frame: frame.of_group("golden-readers") and frame.fields["queueId"] == "1"),
    "pull_commit": (11, lambda frame: frame.of_group("golden-readers") and frame.fields["commitOffset"] != "0"),
    "send_back": (36, lambda frame: frame.of_group("golden-readers")),
    "max_offset": (30, lambda frame: frame.fields["queueId"] == "1"),
    "min_offset": (31, lambda frame: frame.fields["queueId"] == "1"),
    "search_offset": (29, lambda frame: frame.fields["queueId"] == "1"),
    "view_message": (33, lambda frame: True),
    "update_offset": (15, lambda frame: frame.of_group("golden-readers") and frame.fields["topic"] == TOPIC
                      and frame.fields["queueId"] == "1"),
    "unregister_consumer": (35, lambda frame: frame.fields.get("consumerGroup") == "golden-readers"),
    "lock": (41, lambda frame: True),
    "unlock": (42, lambda frame: True),
}


AT_BROKER = ["-b", f"127.0.0.1:{BROKER_PORT}"]
# Name of the frame, its code, and the command that sends it; in this order, because some need what others have made.
COMMANDS = [
    ("update_topic", 17, ["updateTopic", *AT_BROKER, "-t", "golden-tool", "-r", "3", "-w", "2", "-p", "6", "-a", "+message.type=FIFO"]),
    ("topic_status", 202, ["topicStatus", "-t", TOPIC]),
    ("topic_list", 206, ["topicList"]),
    ("update_group", 200, ["updateSubGroup", *AT_BROKER, "-g", "golden-tools", "-r", "5", "-q", "2", "-d", "false"]),
    ("consumer_progress", 208, ["consumerProgress", "-g", "golden-readers"]),
    ("consumer_connection", 203, ["consumerConnection", "-g", "golden-readers"]),
    ("producer_connection", 204, ["producerConnection", "-g", "golden-producers", "-t", TOPIC]),
    ("broker_consume_stats", 317, ["brokerConsumeStats", *AT_BROKER]),
    ("statistics", 315, ["statsAll", "-t", TOPIC]),
    ("cluster_list", 106, ["clusterList"]),
    ("broker_status", 28, ["brokerStatus", *AT_BROKER]),
    ("get_broker_config", 26, ["getBrokerConfig", *AT_BROKER]),
    ("update_broker_config", 25, ["updateBrokerConfig", *AT_BROKER, "-k", "brokerPermission", "-v", "6"]),
    ("send", 310, ["sendMessage", "-t", TOPIC, "-p", "by hand", "-k", "order-1", "-c", "TagA", "-b", BROKER, "-i", "1"]),
    ("query_by_key", 12, ["queryMsgByKey", "-t", TOPIC, "-k", "order-1"]),
    ("query_queue", 321, ["queryCq", "-t", TOPIC, "-q", "1", "-i", "0", "-c", "2", *AT_BROKER]),
    ("reset_offsets", 222, ["resetOffsetByTime", "-g", "golden-tools", "-t", TOPIC, "-s", "1700000000000"]),
    ("set_consume_mode", 401, ["setConsumeMode", *AT_BROKER, "-t", TOPIC, "-g", "golden-tools", "-m", "POP", "-q", "0"]),
    ("update_kv", 100, ["updateKvConfig", "-s", "golden-space", "-k", "colour", "-v", "blue"]),
    ("delete_kv", 102, ["deleteKvConfig", "-s", "golden-space", "-k", "colour"]),
    ("get_name_server_config", 319, ["getNamesrvConfig"]),
    ("wipe_write_perm", 205, ["wipeWritePerm", "-b", BROKER]),
    ("add_write_perm", 327, ["addWritePerm", "-b", BROKER]),
    ("clean_queues", 306, ["cleanExpiredCQ", *AT_BROKER]),
    ("clean_topics", 316, ["cleanUnusedTopic", *AT_BROKER]),
    ("delete_group", 207, ["deleteSubGroup", *AT_BROKER, "-g", "golden-tools"]),
    ("delete_topic", 215, ["deleteTopic", "-c", "DefaultCluster", "-t", "golden-tool"]),
]


def decode_frame(data):
    """One whole frame with its length word; both header forms."""
    (header_word,) = struct.unpack_from(">I", data, 4)
    header_length = header_word & 0xFFFFFF
    header, body = data[8:8 + header_length], data[8 + header_length:]
    if header_word >> 24 == 0:
        read = json.loads(header)
        return Frame(read["code"], read["flag"], read.get("extFields") or {}, body, data)
    code, _, _, _, flag, remark_length = struct.unpack_from(">hbhiii", header, 0)
    position = 17 + remark_length + 4
    fields = {}
    while position < len(header):
        (name_length,) = struct.unpack_from(">h", header, position)
        name = header[position + 2:position + 2 + name_length].decode()
        position += 2 + name_length
        (value_length,) = struct.unpack_from(">i", header, position)
        fields[name] = header[position + 4:position + 4 + value_length].decode()
        position += 4 + value_length
    return Frame(code, flag, fields, body, data)


class RecordingProxy:
    """Passes the bytes of PORT on to the port BEHIND it, and keeps what clients sent."""

    def __init__(self, port):
        self._port = port
        self._streams = []
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._port + BEHIND))
            stream = bytearray()
            self._streams.append(stream)
            for source, sink, kept in [(client, server, stream), (server, client, None)]:
                threading.Thread(target=self._pass, args=(source, sink, kept), daemon=True).start()

    @staticmethod
    def _pass(source, sink, kept):
        try:
            while data := source.recv(65536):
                if kept is not None:
                    kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side has closed

    def forget(self):
        self._streams.clear()

    def frames(self):
        for stream in self._streams:
            data, position = bytes(stream), 0
            while position + 4 <= len(data):
                end = position + 4 + struct.unpack_from(">I", data, position)[0]
                yield decode_frame(data[position:end])
                position = end


class RecordedNode:
    """Troupe behind the proxies, with the topic that the clients use."""

    def __init__(self, directory, binary):
        self._log = directory / "node.log"
        path = directory / "node.json"
        path.write_text(json.dumps({
            "roles": ["name_server", "broker"],
            "name_server": {"host": "127.0.0.1", "port": NAME_SERVER_PORT + BEHIND},
            "broker": {
                "name": BROKER, "host": "127.0.0.1", "port": BROKER_PORT + BEHIND, "advertised_address": f"127.0.0.1:{BROKER_PORT}",
                "name_servers": [f"127.0.0.1:{NAME_SERVER_PORT + BEHIND}"], "store": {"directory": str(directory / "store")}}}))
        with open(self._log, "wb") as out:
            self._process = subprocess.Popen([binary, "node", "--config", str(path)], stdin=subprocess.DEVNULL, stdout=out,
                                             stderr=subprocess.STDOUT, start_new_session=True)
        observer = remoting.Observer(f"127.0.0.1:{NAME_SERVER_PORT + BEHIND}", f"127.0.0.1:{BROKER_PORT}")
        try:
            servers.wait_until("the node starts", observer.broker_is_registered, 60, self._process, self._log)
            observer.create_topic(TOPIC, 2)
            servers.wait_until("the topic has a route", lambda: observer.has_route(TOPIC), 30, self._process, self._log)
        except RuntimeError:
            self.stop()
            raise

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)


def record(client, form, proxies, binary, work):
    """Frames by name."""
    directory = Path(tempfile.mkdtemp(prefix=f"record-{client.name}-", dir=work))
    node = RecordedNode(directory, binary)
    try:
        for proxy in proxies:
            proxy.forget()
        java, *options = client.java(directory)
        command = [java, f"-Drocketmq.serialize.type={form}", *options, "interop.Recording", f"127.0.0.1:{NAME_SERVER_PORT}", TOPIC, BROKER]
        clients.run_logged(command, directory / "client.log", env=client.environment(directory))
        sent = [frame for proxy in proxies for frame in proxy.frames()]
    finally:
        node.stop()
    chosen = {name: next((frame for frame in sent if frame.code == code and fits(frame)), None) for name, (code, fits) in FRAMES.items()}
    if missing := [name for name, frame in chosen.items() if frame is None]:
        raise RuntimeError(f"{client.name} {form}: not sent: {', '.join(missing)}; see {directory}")
    return chosen


def record_tool(tool, form, proxies, binary, work):
    """Frames by name."""
    directory = Path(tempfile.mkdtemp(prefix=f"record-{tool.name}-", dir=work))
    node = RecordedNode(directory, binary)
    java, *options = tool.java(directory)
    begin = [java, f"-Drocketmq.serialize.type={form}", *options, "org.apache.rocketmq.tools.command.MQAdminStartup"]
    found = {}
    try:
        # Of a group that never had members the tool asks nothing.
        clients.run_logged([*begin[:-1], "interop.Recording", f"127.0.0.1:{NAME_SERVER_PORT}", TOPIC, BROKER], directory / "client.log",
                           env=tool.environment(directory))
        for name, code, words in COMMANDS:
            for proxy in proxies:
                proxy.forget()
            # What it answers is not looked at here: a group without members is an error, too.
            subprocess.run([*begin, *words, "-n", f"127.0.0.1:{NAME_SERVER_PORT}"], stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=90, check=False, env={**tool.environment(directory), "ROCKETMQ_HOME": str(directory)})
            found[name] = next((frame for proxy in proxies for frame in proxy.frames() if frame.code == code), None)
    finally:
        node.stop()
    if missing := [name for name, frame in found.items() if frame is None]:
        raise RuntimeError(f"{tool.name} {form}: not sent: {', '.join(missing)}; see {directory}")
    return found


def check_anonymous(frame):
    """Nothing but the loopback's address, and no name of this machine or its user."""
    found = set(re.findall(rb"\d+\.\d+\.\d+\.\d+", frame.data)) - {b"127.0.0.1"}
    found |= {name.encode() for name in (socket.gethostname(), str(Path.home())) if len(name) > 3 and name.encode() in frame.data}
    if found:
        raise RuntimeError(f"a frame of code {frame.code} names this machine: {found}")


def write(path, client, form, frames):
    for frame in frames.values():
        check_anonymous(frame)
    head = f"# {client.name}, rocketmq.serialize.type={form}; see README.md\n"
    path.write_text(head + "".join(f"{name} {frame.data.hex()}\n" for name, frame in frames.items()))
    print(f"wrote {path}", flush=True)


def open_loopback():
    """A new network's loopback is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binary", default=str(ROOT / "build/release/apps/troupe"), metavar="PATH", help="Troupe's program")
    parser.add_argument("--work", default=str(ROOT / "build/interop"), metavar="FOLDER", help="for clients and logs")
    parser.add_argument("--into", default=str(ROOT / "tests/protocol/golden"), metavar="FOLDER", help="for the frames")
    parser.add_argument("--client", default="*", help="pattern of what is recorded, for example mqadmin-5.3.3")
    options = parser.parse_args()
    work = Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    chosen = [clients.Java(work / "clients", version) for version in VERSIONS]
    tool = clients.Mqadmin(work / "clients", TOOL_VERSION)
    if INSIDE not in os.environ:
        for client in [*chosen, tool]:
            print(f"fetching {client.name}", flush=True)
            client.ready()
        inside = ["unshare", "--map-root-user", "--net", sys.executable, __file__, *sys.argv[1:]]
        return subprocess.run(inside, env={**os.environ, INSIDE: "1"}, check=False).returncode
    open_loopback()
    proxies = [RecordingProxy(NAME_SERVER_PORT), RecordingProxy(BROKER_PORT)]
    recorders = [*((client, record) for client in chosen), (tool, record_tool)]
    for client, recorder in recorders:
        if not fnmatch.fnmatch(client.name, options.client):
            continue
        for form in FORMS:
            frames = recorder(client, form, proxies, options.binary, work)
            write(Path(options.into) / f"{client.name}-{form.lower()}.txt", client, form, frames)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.TimeoutExpired, FileNotFoundError) as problem:
        print(f"record: {problem}", file=sys.stderr)
        sys.exit(1)
