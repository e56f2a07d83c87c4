#include "config/option_table.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace troupe::config {

namespace {

std::int64_t integer_of(const option_value& value) {
    return std::get<std::int64_t>(value);
}
template <class Number>
Number number_of(const option_value& value) {
    return static_cast<Number>(integer_of(value));
}
std::chrono::milliseconds duration_of(const option_value& value) {
    return std::chrono::milliseconds{integer_of(value)};
}
double ratio_of(const option_value& value) {
    return std::get<double>(value);
}
const std::string& text_of(const option_value& value) {
    return std::get<std::string>(value);
}
const std::vector<std::string>& list_of(const option_value& value) {
    return std::get<std::vector<std::string>>(value);
}

log_level log_level_of(const std::string& text) {
    if (text == "trace") {
        return log_level::trace;
    }
    if (text == "debug") {
        return log_level::debug;
    }
    if (text == "warning") {
        return log_level::warning;
    }
    return text == "error" ? log_level::error : log_level::info;
}

using config = node_config;
using value = option_value;
using kind = option_kind;

// Columns: key, kind, default, min, max, choices, meaning, where it goes.
const std::vector<option> table{
    {"roles",
     kind::choice_list,
     "name_server,broker",
     "",
     "",
     {"name_server", "broker"},
     "What this process is: a name server, a broker, or both (standalone).",
     [](config& c, const value& v) {
         c.runs_name_server = std::ranges::count(list_of(v), "name_server") > 0;
         c.runs_broker = std::ranges::count(list_of(v), "broker") > 0;
     }},

    {"name_server.host",
     kind::host,
     "127.0.0.1",
     "",
     "",
     {},
     "Address to listen on. The default is loopback: nothing outside this machine can connect. There is no authentication yet, so "
     "bind to other addresses only on a network you trust.",
     [](config& c, const value& v) { c.name_server.host = text_of(v); }},
    {"name_server.port",
     kind::integer,
     "9876",
     "0",
     "65535",
     {},
     "TCP port to listen on; 0 takes any free one.",
     [](config& c, const value& v) { c.name_server.port = number_of<std::uint16_t>(v); }},
    {"name_server.scan_interval",
     kind::duration,
     "5s",
     "100ms",
     "10m",
     {},
     "How often expired brokers are looked for.",
     [](config& c, const value& v) { c.name_server.scan_interval = duration_of(v); }},
    {"name_server.kv_config_path",
     kind::text,
     "",
     "",
     "",
     {},
     "File of the texts that tools store at a name server (`mqadmin updateKvConfig`); written at their first change, with the missing "
     "directories. One name server at a time. Empty: kvConfig.json, in the store's directory if the node is a broker, too, else in the "
     "working directory.",
     [](config& c, const value& v) { c.name_server.kv_config_path = text_of(v); }},

    {"broker.cluster",
     kind::name,
     "DefaultCluster",
     "",
     "",
     {},
     "Cluster the broker belongs to.",
     [](config& c, const value& v) { c.broker.cluster = text_of(v); }},
    {"broker.name",
     kind::broker_name,
     "broker-a",
     "",
     "",
     {},
     "Name of the broker set; unique in the cluster. It stays with the data: do not change it once messages are stored. For clients that "
     "share out queues by machine rooms it may begin with the name of its room and an @, like room-a@broker-1.",
     [](config& c, const value& v) { c.broker.name = text_of(v); }},
    {"broker.id",
     kind::integer,
     "0",
     "0",
     "0",
     {},
     "Number of the broker in its set. Only 0, the master, exists until replication does.",
     [](config& c, const value& v) { c.broker.id = integer_of(v); }},
    {"broker.host",
     kind::host,
     "127.0.0.1",
     "",
     "",
     {},
     "Address to listen on. The default is loopback: nothing outside this machine can connect. There is no authentication yet, so "
     "bind to other addresses only on a network you trust.",
     [](config& c, const value& v) { c.broker.host = text_of(v); }},
    {"broker.port",
     kind::integer,
     "10911",
     "0",
     "65535",
     {},
     "TCP port to listen on; 0 takes any free one.",
     [](config& c, const value& v) { c.broker.port = number_of<std::uint16_t>(v); }},
    {"broker.vip_port",
     kind::boolean,
     "true",
     "",
     "",
     {},
     "Whether to listen two ports below `broker.port` as well, where RocketMQ clients with their \"VIP channel\" on connect. Not "
     "with port 0. When that port is taken, the broker says so and goes on without it. Give brokers on one machine ports that are "
     "not two apart, or the one that starts first takes the other's.",
     [](config& c, const value& v) { c.broker.vip_port = integer_of(v) != 0; }},
    {"broker.advertised_address",
     kind::address,
     "",
     "",
     "",
     {},
     "The \"host:port\" that clients are told to dial; a name is allowed. Empty: `broker.host` and the port that was bound, with "
     "the address of the default route when `broker.host` is 0.0.0.0 or ::. Set it in a container, whose own address nobody else "
     "can dial. `troupe doctor` says what clients are told.",
     [](config& c, const value& v) { c.broker.advertised_address = text_of(v); }},
    {"broker.name_servers",
     kind::address_list,
     "",
     "",
     "",
     {},
     "Name servers to register with, each \"host:port\"; all of them, not one of them. Empty: the name server in this process.",
     [](config& c, const value& v) { c.broker.name_servers = list_of(v); }},
    {"broker.register_interval",
     kind::duration,
     "30s",
     "100ms",
     "10m",
     {},
     "How often the broker repeats its registration, besides every change of its topics.",
     [](config& c, const value& v) { c.broker.register_interval = duration_of(v); }},
    {"broker.heartbeat_interval",
     kind::duration,
     "1s",
     "100ms",
     "1m",
     {},
     "How often the broker tells each name server that it is alive.",
     [](config& c, const value& v) { c.broker.heartbeat_interval = duration_of(v); }},
    {"broker.expiry",
     kind::duration,
     "120s",
     "1s",
     "1h",
     {},
     "Name servers drop the broker from the routes after this long without a sign of life. A lost connection removes it at once.",
     [](config& c, const value& v) { c.broker.expiry = duration_of(v); }},
    {"broker.client_expiry",
     kind::duration,
     "120s",
     "1s",
     "1h",
     {},
     "A client leaves its groups after this long without a heartbeat. A closed connection removes it at once.",
     [](config& c, const value& v) { c.broker.client_expiry = duration_of(v); }},
    {"broker.slow_after",
     kind::duration,
     "10m",
     "0s",
     "365d",
     {},
     "A consumer group with members is slow when its oldest uncommitted message is older than this: the log says so, and `troupe group "
     "list` marks it. 0s: none is.",
     [](config& c, const value& v) { c.broker.slow_after = duration_of(v); }},
    {"broker.offset_expiry",
     kind::duration,
     "30d",
     "0s",
     "36500d",
     {},
     "Committed offsets of a group that was deleted, or never existed, go after this long without a commit, a question for one, a "
     "pull and a member. 0s: they stay. Those of a group that exists stay in any case.",
     [](config& c, const value& v) { c.broker.offset_expiry = duration_of(v); }},
    {"broker.request_timeout",
     kind::duration,
     "3s",
     "100ms",
     "1m",
     {},
     "How long the broker waits for an answer of a name server.",
     [](config& c, const value& v) { c.broker.request_timeout = duration_of(v); }},
    {"broker.append_pending_bytes_max",
     kind::size,
     "64MiB",
     "16MiB",
     "16GiB",
     {},
     "Message bytes accepted but not yet stored, over all connections. Above it sends are answered \"busy\" at once.",
     [](config& c, const value& v) { c.broker.append_pending_bytes_max = number_of<std::uint64_t>(v); }},
    {"broker.auto_create_topics",
     kind::boolean,
     "false",
     "",
     "",
     {},
     "Whether sending to an unknown topic creates it (RocketMQ: autoCreateTopicEnable), from the template topic that the sender names. "
     "Off: a mistyped name is an error.",
     [](config& c, const value& v) { c.broker.auto_create_topics = integer_of(v) != 0; }},
    {"broker.auto_create_groups",
     kind::boolean,
     "true",
     "",
     "",
     {},
     "Whether the first heartbeat of an unknown consumer group creates it (RocketMQ: autoCreateSubscriptionGroup).",
     [](config& c, const value& v) { c.broker.auto_create_groups = integer_of(v) != 0; }},
    {"broker.property_filter",
     kind::boolean,
     "true",
     "",
     "",
     {},
     "Whether consumers may choose messages by SQL92 expressions (RocketMQ: enablePropertyFilter, off there by default).",
     [](config& c, const value& v) { c.broker.property_filter = integer_of(v) != 0; }},
    {"broker.topic_queues",
     kind::integer,
     "8",
     "1",
     "1024",
     {},
     "Queues of the template topic TBW102 (RocketMQ: defaultTopicQueueNums): a topic that a send creates from it has no more, and no more "
     "than its producer asks for, which is 4 as a rule.",
     [](config& c, const value& v) { c.broker.topic_queues = number_of<std::int32_t>(v); }},
    {"broker.delay_levels",
     kind::text,
     "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
     "",
     "",
     {},
     "Delays of the levels 1, 2, ... that a message may be sent with and failed messages are tried again after (RocketMQ: "
     "messageDelayLevel); 1 to 64 of them. Messages that wait keep their level, so a changed delay counts for them too. Keep the "
     "longest below `broker.store.retention_age`: retention also takes messages that still wait, and the log then says how many.",
     [](config& c, const value& v) { c.broker.delay_levels = text_of(v); }},
    {"broker.timer_max_delay",
     kind::duration,
     "72h",
     "1s",
     "366d",
     {},
     "How far ahead a message may be timed (RocketMQ: timerMaxDelaySec), and how long one that failed may wait by its group's retry "
     "policy. A timed message stays on disk until it is delivered, whatever `broker.store.retention_age` is.",
     [](config& c, const value& v) { c.broker.timer_max_delay = duration_of(v); }},
    {"broker.recall_messages",
     kind::boolean,
     "true",
     "",
     "",
     {},
     "Whether producers may take timed messages back (RocketMQ: recallMessageEnable, which is off there). `troupe timer cancel` always "
     "may.",
     [](config& c, const value& v) { c.broker.recall_messages = integer_of(v) != 0; }},
    {"broker.trace_topic",
     kind::boolean,
     "true",
     "",
     "",
     {},
     "Whether there is a topic RMQ_SYS_TRACE_TOPIC, for what RocketMQ's clients write when their message trace is on (RocketMQ: "
     "traceTopicEnable, which is off there). `troupe message trace` needs none.",
     [](config& c, const value& v) { c.broker.trace_topic = integer_of(v) != 0; }},
    {"broker.pop_leases_max",
     kind::integer,
     "10000",
     "1",
     "1000000",
     {},
     "Messages that one group may have popped from one queue and not acknowledged. Above it the group gets no new messages of that queue, "
     "but those come again whose invisible time is over. Each takes about a hundred bytes of memory.",
     [](config& c, const value& v) { c.broker.pop_leases_max = number_of<std::size_t>(v); }},
    {"broker.pop_leases_total_max",
     kind::integer,
     "1000000",
     "1000",
     "100000000",
     {},
     "The same for all groups and queues of this broker together. Above it a group gets new messages by pop only while it has less than "
     "its "
     "share, which is this number divided by the number of groups that have such messages; so what groups have that never acknowledge "
     "stops nobody else.",
     [](config& c, const value& v) { c.broker.pop_leases_total_max = number_of<std::size_t>(v); }},

    {"broker.transaction.timeout",
     kind::duration,
     "6s",
     "100ms",
     "1d",
     {},
     "A producer is asked what became of its half message when it has said nothing for this long (RocketMQ: transactionTimeOut). A "
     "message may say otherwise, in its property CHECK_IMMUNITY_TIME_IN_SECONDS.",
     [](config& c, const value& v) { c.broker.transaction.timeout = duration_of(v); }},
    {"broker.transaction.check_interval",
     kind::duration,
     "30s",
     "100ms",
     "1d",
     {},
     "Time between two questions about the same half message (RocketMQ: transactionCheckInterval).",
     [](config& c, const value& v) { c.broker.transaction.check_interval = duration_of(v); }},
    {"broker.transaction.checks_max",
     kind::integer,
     "15",
     "1",
     "1000",
     {},
     "Questions about one half message (RocketMQ: transactionCheckMax). If the last is not answered either, the message goes to the "
     "topic TRANS_CHECK_MAX_TIME_TOPIC, and no consumer sees it. Only questions that reached a producer count.",
     [](config& c, const value& v) { c.broker.transaction.checks_max = number_of<std::int32_t>(v); }},
    {"broker.transaction.pending_max",
     kind::integer,
     "200000",
     "0",
     "10000000",
     {},
     "Half messages without an outcome, over all producers; each takes about 300 bytes of memory. Above it further ones are answered "
     "\"busy\"; 0 refuses all of them (RocketMQ: rejectTransactionMessage).",
     [](config& c, const value& v) { c.broker.transaction.pending_max = number_of<std::size_t>(v); }},

    {"broker.store.directory",
     kind::text,
     "data",
     "",
     "",
     {},
     "Directory of everything stored; created when missing. One process at a time. Relative to the working directory.",
     [](config& c, const value& v) { c.broker.store.directory = text_of(v); }},
    {"broker.store.flush",
     kind::choice,
     "sync",
     "",
     "",
     {"sync", "async"},
     "When a message counts as stored. `sync`: it is on disk, and survives power loss. `async`: it is written and survives the death "
     "of the process; up to `broker.store.flush_interval` of acknowledged messages are lost with the machine.",
     [](config& c, const value& v) { c.broker.store.flush = text_of(v) == "async" ? flush_policy::async : flush_policy::sync; }},
    {"broker.store.flush_interval",
     kind::duration,
     "500ms",
     "10ms",
     "1m",
     {},
     "How often the log is synced in flush mode async.",
     [](config& c, const value& v) { c.broker.store.flush_interval = duration_of(v); }},
    {"broker.store.segment_size",
     kind::size,
     "1GiB",
     "8MiB",
     "2GiB",
     {},
     "Size of one file of the commit log. Retention removes whole segments.",
     [](config& c, const value& v) { c.broker.store.segment_bytes = number_of<std::uint64_t>(v); }},
    {"broker.store.checkpoint_size",
     kind::size,
     "64MiB",
     "1MiB",
     "2GiB",
     {},
     "Log written between two checkpoints; a restart reads at most about this much. At most `broker.store.segment_size`.",
     [](config& c, const value& v) { c.broker.store.checkpoint_bytes = number_of<std::uint64_t>(v); }},
    {"broker.store.retention_age",
     kind::duration,
     "72h",
     "1m",
     "36500d",
     {},
     "Segments whose last message is older are removed.",
     [](config& c, const value& v) { c.broker.store.retention_age = duration_of(v); }},
    {"broker.store.retention_size",
     kind::size,
     "0B",
     "0B",
     "1024TiB",
     {},
     "The oldest segments are removed while the log is larger; 0B means no limit, otherwise at least twice `broker.store.segment_size`.",
     [](config& c, const value& v) { c.broker.store.retention_bytes = number_of<std::uint64_t>(v); }},
    {"broker.store.retention_interval",
     kind::duration,
     "10s",
     "100ms",
     "1h",
     {},
     "How often segments to remove are looked for.",
     [](config& c, const value& v) { c.broker.store.retention_interval = duration_of(v); }},
    {"broker.store.disk_clean_ratio",
     kind::ratio,
     "0.85",
     "0.05",
     "1",
     {},
     "Used part of the disk above which the oldest segments are removed whatever their age.",
     [](config& c, const value& v) { c.broker.store.disk_clean_ratio = ratio_of(v); }},
    {"broker.store.disk_full_ratio",
     kind::ratio,
     "0.95",
     "0.05",
     "1",
     {},
     "Used part of the disk above which sends are refused with \"disk full\". Above `broker.store.disk_clean_ratio`.",
     [](config& c, const value& v) { c.broker.store.disk_full_ratio = ratio_of(v); }},
    {"broker.store.disk_reserve",
     kind::size,
     "64MiB",
     "1MiB",
     "1TiB",
     {},
     "Room on the disk kept free for offsets and the index: sends are refused before it is used up.",
     [](config& c, const value& v) { c.broker.store.disk_reserve_bytes = number_of<std::uint64_t>(v); }},
    {"broker.store.index_memory_max",
     kind::size,
     "64MiB",
     "1MiB",
     "16GiB",
     {},
     "Memory for index entries that are not yet in the database. Above it sends are answered \"busy\".",
     [](config& c, const value& v) { c.broker.store.index_memory_bytes_max = number_of<std::uint64_t>(v); }},
    {"broker.store.block_cache",
     kind::size,
     "8MiB",
     "1MiB",
     "64GiB",
     {},
     "Memory for blocks of the index read from the database.",
     [](config& c, const value& v) { c.broker.store.block_cache_bytes = number_of<std::uint64_t>(v); }},

    {"broker.pull.messages_max",
     kind::integer,
     "1024",
     "1",
     "65536",
     {},
     "Most messages in one answer to a pull, whatever the client asks for.",
     [](config& c, const value& v) { c.broker.pull.messages_max = number_of<std::int32_t>(v); }},
    {"broker.pull.bytes_max",
     kind::size,
     "4MiB",
     "4KiB",
     "15MiB",
     {},
     "Most bytes in one answer to a pull, unless its first message alone is larger.",
     [](config& c, const value& v) { c.broker.pull.bytes_max = number_of<std::uint64_t>(v); }},
    {"broker.pull.hold_max",
     kind::duration,
     "30s",
     "0ms",
     "10m",
     {},
     "Longest time a pull that finds nothing is held open, whatever the client asks for.",
     [](config& c, const value& v) { c.broker.pull.hold_max = duration_of(v); }},

    {"broker.pull.held_max",
     kind::integer,
     "100000",
     "1",
     "10000000",
     {},
     "Pulls held open at the same time, over all queues; more are answered \"busy\".",
     [](config& c, const value& v) { c.broker.pull.held_max = number_of<std::size_t>(v); }},
    {"broker.pull.reads_pending_max",
     kind::integer,
     "10000",
     "1",
     "10000000",
     {},
     "Reads of the log that wait for a reader thread; more are answered \"busy\".",
     [](config& c, const value& v) { c.broker.pull.reads_pending_max = number_of<std::size_t>(v); }},

    {"network.connections_max",
     kind::integer,
     "10000",
     "1",
     "1000000",
     {},
     "Connections to one listening port at the same time; more are closed at once. The limit of open files is raised to match, as far "
     "as the system allows.",
     [](config& c, const value& v) { c.network.connections_max = number_of<std::size_t>(v); }},
    {"network.connection_requests_max",
     kind::integer,
     "4096",
     "1",
     "1000000",
     {},
     "Requests of one connection that are not yet answered, held pulls included; more are answered \"busy\".",
     [](config& c, const value& v) { c.network.connection_requests_max = number_of<std::size_t>(v); }},
    {"network.connection_bytes_max",
     kind::size,
     "64MiB",
     "16MiB",
     "4GiB",
     {},
     "Message bytes of one connection that are not yet answered; more are answered \"busy\".",
     [](config& c, const value& v) { c.network.connection_bytes_max = number_of<std::uint64_t>(v); }},
    {"network.unsent_bytes_max",
     kind::size,
     "64MiB",
     "16MiB",
     "4GiB",
     {},
     "Answers that one connection has not taken yet; a reader that lets them grow further is disconnected.",
     [](config& c, const value& v) { c.network.unsent_bytes_max = number_of<std::uint64_t>(v); }},
    {"network.kept_bytes_max",
     kind::size,
     "1GiB",
     "64MiB",
     "1TiB",
     {},
     "Bytes that all connections to one listening port keep together: unfinished requests, requests that wait for their turn, and "
     "answers not taken yet. Beyond it, the connections that keep most are closed.",
     [](config& c, const value& v) { c.network.kept_bytes_max = number_of<std::uint64_t>(v); }},
    {"network.rest_max_us",
     kind::integer,
     "150",
     "0",
     "1000",
     {},
     "How long a busy port rests after each round at most, in microseconds, so that the next round finds more sends: more than "
     "15,000 a second that come no slower for it. It saves a quarter to a half of the broker's CPU time per message there. 0: never.",
     [](config& c, const value& v) { c.network.rest_max_us = integer_of(v); }},
    {"network.request_timeout",
     kind::duration,
     "10s",
     "100ms",
     "10m",
     {},
     "A request is answered with an error after this long; a held pull gets its hold time on top.",
     [](config& c, const value& v) { c.network.request_timeout = duration_of(v); }},
    {"network.half_frame_timeout",
     kind::duration,
     "30s",
     "100ms",
     "10m",
     {},
     "A connection that leaves a frame half sent for this long is closed.",
     [](config& c, const value& v) { c.network.half_frame_timeout = duration_of(v); }},
    {"network.idle_timeout",
     kind::duration,
     "120s",
     "1s",
     "1h",
     {},
     "A connection that neither sends nor takes a byte for this long is closed.",
     [](config& c, const value& v) { c.network.idle_timeout = duration_of(v); }},

    {"runtime.scheduler_policy",
     kind::choice,
     "sharing",
     "",
     "",
     {"sharing", "stealing"},
     "How actors are given to threads: from one queue for all (`sharing`), or from one of each thread (`stealing`). On two cores they "
     "measured alike.",
     [](config& c, const value& v) {
         c.runtime.policy = text_of(v) == "stealing" ? scheduler_policy::stealing : scheduler_policy::sharing;
     }},
    {"runtime.scheduler_threads",
     kind::integer,
     "0",
     "0",
     "1024",
     {},
     "Threads that run actors; 0 means one per core.",
     [](config& c, const value& v) { c.runtime.threads = number_of<std::size_t>(v); }},
    {"runtime.scheduler_max_throughput",
     kind::integer,
     "100",
     "1",
     "1000000",
     {},
     "Messages an actor handles before it lets others run. Larger is faster under load and less fair.",
     [](config& c, const value& v) { c.runtime.max_throughput = number_of<std::size_t>(v); }},

    {"log.level",
     kind::choice,
     "info",
     "",
     "",
     {"trace", "debug", "info", "warning", "error"},
     "Least important line that is written to standard error.",
     [](config& c, const value& v) { c.log.level = log_level_of(text_of(v)); }},
    {"log.format",
     kind::choice,
     "text",
     "",
     "",
     {"text", "json"},
     "`text` for people, `json` for one object per line.",
     [](config& c, const value& v) { c.log.format = text_of(v) == "json" ? log_format::json : log_format::text; }},
};

} // namespace

std::span<const option> option_table() {
    return table;
}

const option* find_option(std::string_view key) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const option& each) { return each.key == key; });
    return found == table.end() ? nullptr : &*found;
}

std::string environment_name(const option& what) {
    std::string name = "TROUPE_";
    for (const char c : what.key) {
        name += c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    }
    return name;
}

std::string flag_name(const option& what) {
    std::string name = "--" + std::string{what.key};
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '.' || c == '_'; }, '-');
    return name;
}

node_config default_config() {
    node_config result;
    for (const option& each : table) {
        const auto parsed = parse_option(each, each.default_text);
        // A default outside its own range is our mistake; a test goes through the table.
        assert(parsed.ok());
        each.apply(result, *parsed);
    }
    return result;
}

} // namespace troupe::config
