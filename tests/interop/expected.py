"""What is known not to pass, with the reason. Anything else that fails makes the run fail.

Each row: server, pattern of clients, pattern of operations, reason. A row goes when what it names is served: the runner says so.
"""
KNOWN = [
    ("Apache RocketMQ*", "rust-*", "push-tags", "with two tags the client receives nothing from Apache's broker"),
]

# What Apache RocketMQ does otherwise, and why Troupe does not: operation, Apache, Troupe, reason. The checks know both.
DIFFERENCES = [
    ("every message", "has no checksum but that of its body (`enabledAppendPropCRC` is off)",
     "has the property `__CRC32#` over the whole record",
     "a damaged record is found wherever the damage is (docs/formats/record.md)"),
    ("`updateBrokerConfig` of an unknown key", "says success and changes nothing", "refuses with code 29 and names the key",
     "a typing error must not look like a change"),
    ("`updateBrokerConfig`", "writes the change into its configuration file", "keeps it until the next start",
     "the configuration file is its operator's; what is in it holds"),
    ("the committed offset of a queue that holds nothing and was never committed (code 14)", "is not there (22)", "is 0",
     "nothing can be skipped by beginning there, and the first message is not missed"),
    ("members of a group that nobody knows (code 38)", "code 1", "code 26, group does not exist", "a tool can tell it from a failure"),
    ("statistics that were never counted (code 315)", "code 1", "code 22, not found", "likewise"),
    ("a reply to a request (codes 324, 325)", "is pushed to the client, and stored in a topic that nobody reads", "is pushed only",
     "docs/decisions/0009-clients-and-their-offsets.md"),
    ("a topic with the name of the cluster, the broker or `<cluster>_REPLY_TOPIC`", "can be created", "is refused",
     "clients take those names for something else"),
    ("a broker that registers exactly one topic with a name server that does not know it", "is refused by a version 5", "is registered",
     "a small broker is a broker"),
    ("heartbeat version 2 (fingerprints instead of subscriptions)", "is announced to clients", "is understood and not announced",
     "a heartbeat is small, and a whole one cannot be misunderstood"),
    ("topics that begin with `%RETRY%`, `rmq_sys_` and so on in `topicList`", "lists some twelve topics of its own",
     "lists topics only that somebody made", "Troupe has no need of most of them"),
    ("the property `__STARTDELIVERTIME` of clients of Alibaba's ONS (Node's `setStartDeliverTime`)", "is ignored: the message comes at once",
     "is a time like `TIMER_DELIVER_MS`", "a message that was sent for later must not come now"),
    ("the topic `BenchmarkTest`", "exists from the start, with 1,024 queues", "is made like any other topic, by hand or by auto-create",
     "a broker for real messages has no need of it"),
    ("a send to a missing topic whose sender names a template other than `TBW102` (`createTopicKey`), with `autoCreateTopicEnable` off",
     "makes the topic", "is refused with code 17", "off means that no send makes topics"),
    ("a send to a topic whose permission lacks write", "is stored", "is refused with code 16",
     "clients with an old route would go on for as long as they keep it"),
    ("the `groupRetryPolicy` of a group", "is told to gRPC clients; a message that is given back waits by its level",
     "says how long a message waits that is given back without a level", "a setting that is shown should hold"),
    ("the `subscriptionDataSet` of a group (`updateSubGroup`)", "is kept, and used with `useStaticSubscription`", "is not kept",
     "members say what they subscribe to: docs/decisions/0013-each-member-has-its-subscription.md"),
    ("SQL-92 expressions that are not wholly an expression, and comparisons of other kinds of numbers", "are read in part, or differently",
     "are refused with their column; docs/reference/sql92.md has each difference", "a filter that means something else must not pass"),
    ("a transaction that is committed twice, or by a crash in the middle", "may be delivered twice", "is delivered once",
     "docs/states/transaction.md"),
]
