"""What is known not to pass, with the reason. Anything else that fails makes the run fail.

Each row: server, pattern of clients, pattern of operations, reason. A row goes when what it names is served: the runner says so.
"""
KNOWN = [
    ("Troupe", "*", "timed", "delivery at a given time is not served yet"),
    ("Troupe", "*", "transaction", "transactions are not served yet (request 37)"),
    ("Troupe", "*", "push-sql", "filters are tags only so far"),
]

# What Apache RocketMQ does otherwise, and why Troupe does not: operation, Apache, Troupe, reason. The checks know both.
DIFFERENCES = [
    ("every message", "has no checksum but that of its body (`enabledAppendPropCRC` is off)",
     "has the property `__CRC32#` over the whole record",
     "a damaged record is found wherever the damage is (docs/formats/record.md)"),
    ("`updateBrokerConfig` of an unknown key", "says success and changes nothing", "refuses with code 29 and names the key",
     "a typing error must not look like a change"),
    ("topics that begin with `%RETRY%`, `rmq_sys_` and so on in `topicList`", "lists some twelve topics of its own",
     "lists topics only that somebody made", "Troupe has no need of most of them"),
    ("a transaction, a time to the millisecond, an SQL-92 filter", "serves them", "refuses with code 3 or 1 and says so", "not there yet"),
]
