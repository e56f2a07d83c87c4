"""Bodies packed with one of the methods that clients of version 5 know: stored packed, and read by two kinds of clients."""
import json

from outcome import require

BODY_BYTES = 20_000
# Bits of a record's flags, and how a body of the method begins (RocketMQ: MessageSysFlag; LZ4 Frame Format; RFC 8878).
METHODS = {"lz4": (1, "04224d18"), "zstd": (2, "28b52ffd"), "zlib": (3, "78")}
SECONDS = 90


def run(server, start, home, topic, group):
    """The driver sends and reads; then a client of the other kind reads in a group of its own."""
    output = start().communicate(timeout=SECONDS)[0].decode(errors="replace")
    other = server.everyone["java-5.3.3" if start.client.name == "cxx-troupe" else "cxx-troupe"]
    other.ready()
    return f"{output}\nCLI {json.dumps(start.other(other, 'read', topic, group + '-other'))}"


def check(method, case):
    require("error" not in case.report, case.report.get("error"))
    (row,) = case.sent
    (record,) = case.stored()
    bits, begin = METHODS[method]
    require(record["system_flag"] & 0x701 == bits << 8 | 1, f"stored with the flags {record['system_flag']:#x}, which are not {method}'s")
    require(record["stored_bytes"] < 1000 and record["begins"].startswith(begin),
            f"stored as {record['stored_bytes']} bytes: {record['begins']}")
    require(row["body"].endswith(f":{BODY_BYTES}"), f"sent {row['body']}")
    others = [one["body"] for one in case.report["cli"]["received"]]
    for reader, found in (("the sender's client", case.bodies()), ("the other client", others)):
        require(found == [row["body"]], f"{reader} received {found} instead of {row['body']}")
