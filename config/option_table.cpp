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

const std::vector<option> table{
    {.key = "roles",
     .kind = kind::choice_list,
     .default_text = "name_server,broker",
     .choices = {"name_server", "broker"},
     .meaning = "What this process is: a name server, a broker, or both (standalone).",
     .apply =
         [](config& c, const value& v) {
             c.runs_name_server = std::ranges::count(list_of(v), "name_server") > 0;
             c.runs_broker = std::ranges::count(list_of(v), "broker") > 0;
         }},

    {.key = "name_server.host",
     .kind = kind::host,
     .default_text = "127.0.0.1",
     .meaning =
         "Address to listen on. The default is loopback: nothing outside this machine can connect. There is no authentication yet, so "
         "bind to other addresses only on a network you trust.",
     .apply = [](config& c, const value& v) { c.name_server.host = text_of(v); }},
    {.key = "name_server.port",
     .kind = kind::integer,
     .default_text = "9876",
     .min = "0",
     .max = "65535",
     .meaning = "TCP port to listen on; 0 takes any free one.",
     .apply = [](config& c, const value& v) { c.name_server.port = number_of<std::uint16_t>(v); }},
    {.key = "name_server.scan_interval",
     .kind = kind::duration,
     .default_text = "5s",
     .min = "100ms",
     .max = "10m",
     .meaning = "How often expired brokers are looked for.",
     .apply = [](config& c, const value& v) { c.name_server.scan_interval = duration_of(v); }},
    {.key = "name_server.kv_config_path",
     .kind = kind::text,
     .default_text = "",
     .meaning =
         "File of the texts that tools store at a name server (`mqadmin updateKvConfig`); written at their first change, with the missing "
         "directories. One name server at a time. Empty: kvConfig.json, in the store's directory if the node is a broker, too, else in the "
         "working directory.",
     .apply = [](config& c, const value& v) { c.name_server.kv_config_path = text_of(v); }},

    {.key = "broker.cluster",
     .kind = kind::name,
     .default_text = "DefaultCluster",
     .meaning = "Cluster the broker belongs to.",
     .apply = [](config& c, const value& v) { c.broker.cluster = text_of(v); }},
    {.key = "broker.name",
     .kind = kind::broker_name,
     .default_text = "broker-a",
     .meaning = "Name of the broker set; unique in the cluster. It stays with the data: do not change it once messages are stored. For "
                "clients that share out queues by machine rooms it may begin with the name of its room and an @, like room-a@broker-1.",
     .apply = [](config& c, const value& v) { c.broker.name = text_of(v); }},
    {.key = "broker.id",
     .kind = kind::integer,
     .default_text = "0",
     .min = "0",
     .max = "0",
     .meaning = "Number of the broker in its set. Only 0, the master, exists until replication does.",
     .apply = [](config& c, const value& v) { c.broker.id = integer_of(v); }},
    {.key = "broker.host",
     .kind = kind::host,
     .default_text = "127.0.0.1",
     .meaning =
         "Address to listen on. The default is loopback: nothing outside this machine can connect. There is no authentication yet, so "
         "bind to other addresses only on a network you trust.",
     .apply = [](config& c, const value& v) { c.broker.host = text_of(v); }},
    {.key = "broker.port",
     .kind = kind::integer,
     .default_text = "10911",
     .min = "0",
     .max = "65535",
     .meaning = "TCP port to listen on; 0 takes any free one.",
     .apply = [](config& c, const value& v) { c.broker.port = number_of<std::uint16_t>(v); }},
    {.key = "broker.vip_port",
     .kind = kind::boolean,
     .default_text = "true",
     .meaning =
         "Whether to listen two ports below `broker.port` as well, where RocketMQ clients with their \"VIP channel\" on connect. Not "
         "with port 0. When that port is taken, the broker says so and goes on without it. Give brokers on one machine ports that are "
         "not two apart, or the one that starts first takes the other's.",
     .apply = [](config& c, const value& v) { c.broker.vip_port = integer_of(v) != 0; }},
    {.key = "broker.advertised_address",
     .kind = kind::address,
     .default_text = "",
     .meaning =
         "The \"host:port\" that clients are told to dial; a name is allowed. Empty: `broker.host` and the port that was bound, with "
         "the address of the default route when `broker.host` is 0.0.0.0 or ::. Set it in a container, whose own address nobody else "
         "can dial. `troupe doctor` says what clients are told.",
     .apply = [](config& c, const value& v) { c.broker.advertised_address = text_of(v); }},
    {.key = "broker.name_servers",
     .kind = kind::address_list,
     .default_text = "",
     .meaning = "Name servers to register with, each \"host:port\"; all of them, not one of them. Empty: the name server in this process.",
     .apply = [](config& c, const value& v) { c.broker.name_servers = list_of(v); }},
    {.key = "broker.register_interval",
     .kind = kind::duration,
     .default_text = "30s",
     .min = "100ms",
     .max = "10m",
     .meaning = "How often the broker repeats its registration, besides every change of its topics.",
     .apply = [](config& c, const value& v) { c.broker.register_interval = duration_of(v); }},
    {.key = "broker.heartbeat_interval",
     .kind = kind::duration,
     .default_text = "1s",
     .min = "100ms",
     .max = "1m",
     .meaning = "How often the broker tells each name server that it is alive.",
     .apply = [](config& c, const value& v) { c.broker.heartbeat_interval = duration_of(v); }},
    {.key = "broker.expiry",
     .kind = kind::duration,
     .default_text = "120s",
     .min = "1s",
     .max = "1h",
     .meaning =
         "Name servers drop the broker from the routes after this long without a sign of life. A lost connection removes it at once.",
     .apply = [](config& c, const value& v) { c.broker.expiry = duration_of(v); }},
    {.key = "broker.client_expiry",
     .kind = kind::duration,
     .default_text = "120s",
     .min = "1s",
     .max = "1h",
     .meaning = "A client leaves its groups after this long without a heartbeat. A closed connection removes it at once.",
     .apply = [](config& c, const value& v) { c.broker.client_expiry = duration_of(v); }},
    {.key = "broker.slow_after",
     .kind = kind::duration,
     .default_text = "10m",
     .min = "0s",
     .max = "365d",
     .meaning =
         "A consumer group with members is slow when its oldest uncommitted message is older than this: the log says so, and `troupe group "
         "list` marks it. 0s: none is.",
     .apply = [](config& c, const value& v) { c.broker.slow_after = duration_of(v); }},
    {.key = "broker.offset_expiry",
     .kind = kind::duration,
     .default_text = "30d",
     .min = "0s",
     .max = "36500d",
     .meaning =
         "Committed offsets of a group that was deleted, or never existed, go after this long without a commit, a question for one, a "
         "pull and a member. 0s: they stay. Those of a group that exists stay in any case.",
     .apply = [](config& c, const value& v) { c.broker.offset_expiry = duration_of(v); }},
    {.key = "broker.request_timeout",
     .kind = kind::duration,
     .default_text = "3s",
     .min = "100ms",
     .max = "1m",
     .meaning = "How long the broker waits for an answer of a name server.",
     .apply = [](config& c, const value& v) { c.broker.request_timeout = duration_of(v); }},
    {.key = "broker.append_pending_bytes_max",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "16MiB",
     .max = "16GiB",
     .meaning = "Message bytes accepted but not yet stored, over all connections. Above it sends are answered \"busy\" at once.",
     .apply = [](config& c, const value& v) { c.broker.append_pending_bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "broker.auto_create_topics",
     .kind = kind::boolean,
     .default_text = "false",
     .meaning =
         "Whether sending to an unknown topic creates it (RocketMQ: autoCreateTopicEnable), from the template topic that the sender names. "
         "Off: a mistyped name is an error.",
     .apply = [](config& c, const value& v) { c.broker.auto_create_topics = integer_of(v) != 0; }},
    {.key = "broker.auto_create_groups",
     .kind = kind::boolean,
     .default_text = "true",
     .meaning = "Whether the first heartbeat of an unknown consumer group creates it (RocketMQ: autoCreateSubscriptionGroup).",
     .apply = [](config& c, const value& v) { c.broker.auto_create_groups = integer_of(v) != 0; }},
    {.key = "broker.property_filter",
     .kind = kind::boolean,
     .default_text = "true",
     .meaning = "Whether consumers may choose messages by SQL92 expressions (RocketMQ: enablePropertyFilter, off there by default).",
     .apply = [](config& c, const value& v) { c.broker.property_filter = integer_of(v) != 0; }},
    {.key = "broker.topic_queues",
     .kind = kind::integer,
     .default_text = "8",
     .min = "1",
     .max = "1024",
     .meaning =
         "Queues of the template topic TBW102 (RocketMQ: defaultTopicQueueNums): a topic that a send creates from it has no more, and no "
         "more than its producer asks for, which is 4 as a rule.",
     .apply = [](config& c, const value& v) { c.broker.topic_queues = number_of<std::int32_t>(v); }},
    {.key = "broker.delay_levels",
     .kind = kind::text,
     .default_text = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
     .meaning =
         "Delays of the levels 1, 2, ... that a message may be sent with and failed messages are tried again after (RocketMQ: "
         "messageDelayLevel); 1 to 64 of them. Messages that wait keep their level, so a changed delay counts for them too. Keep the "
         "longest below `broker.store.retention_age`: retention also takes messages that still wait, and the log then says how many.",
     .apply = [](config& c, const value& v) { c.broker.delay_levels = text_of(v); }},
    {.key = "broker.timer_max_delay",
     .kind = kind::duration,
     .default_text = "72h",
     .min = "1s",
     .max = "366d",
     .meaning =
         "How far ahead a message may be timed (RocketMQ: timerMaxDelaySec), and how long one that failed may wait by its group's retry "
         "policy. A timed message stays on disk until it is delivered, whatever `broker.store.retention_age` is.",
     .apply = [](config& c, const value& v) { c.broker.timer_max_delay = duration_of(v); }},
    {.key = "broker.recall_messages",
     .kind = kind::boolean,
     .default_text = "true",
     .meaning =
         "Whether producers may take timed messages back (RocketMQ: recallMessageEnable, which is off there). `troupe timer cancel` always "
         "may.",
     .apply = [](config& c, const value& v) { c.broker.recall_messages = integer_of(v) != 0; }},
    {.key = "broker.trace_topic",
     .kind = kind::boolean,
     .default_text = "true",
     .meaning = "Whether there is a topic RMQ_SYS_TRACE_TOPIC, for what RocketMQ's clients write when their message trace is on (RocketMQ: "
                "traceTopicEnable, which is off there). `troupe message trace` needs none.",
     .apply = [](config& c, const value& v) { c.broker.trace_topic = integer_of(v) != 0; }},
    {.key = "broker.pop_leases_max",
     .kind = kind::integer,
     .default_text = "10000",
     .min = "1",
     .max = "1000000",
     .meaning =
         "Messages that one group may have popped from one queue and not acknowledged. Above it the group gets no new messages of that "
         "queue, but those come again whose invisible time is over. Each takes about a hundred bytes of memory.",
     .apply = [](config& c, const value& v) { c.broker.pop_leases_max = number_of<std::size_t>(v); }},
    {.key = "broker.pop_leases_total_max",
     .kind = kind::integer,
     .default_text = "1000000",
     .min = "1000",
     .max = "100000000",
     .meaning =
         "The same for all groups and queues of this broker together. Above it a group gets new messages by pop only while it has less "
         "than its share, which is this number divided by the number of groups that have such messages; so what groups have that never "
         "acknowledge stops nobody else.",
     .apply = [](config& c, const value& v) { c.broker.pop_leases_total_max = number_of<std::size_t>(v); }},

    {.key = "broker.transaction.timeout",
     .kind = kind::duration,
     .default_text = "6s",
     .min = "100ms",
     .max = "1d",
     .meaning =
         "A producer is asked what became of its half message when it has said nothing for this long (RocketMQ: transactionTimeOut). A "
         "message may say otherwise, in its property CHECK_IMMUNITY_TIME_IN_SECONDS.",
     .apply = [](config& c, const value& v) { c.broker.transaction.timeout = duration_of(v); }},
    {.key = "broker.transaction.check_interval",
     .kind = kind::duration,
     .default_text = "30s",
     .min = "100ms",
     .max = "1d",
     .meaning = "Time between two questions about the same half message (RocketMQ: transactionCheckInterval).",
     .apply = [](config& c, const value& v) { c.broker.transaction.check_interval = duration_of(v); }},
    {.key = "broker.transaction.checks_max",
     .kind = kind::integer,
     .default_text = "15",
     .min = "1",
     .max = "1000",
     .meaning =
         "Questions about one half message (RocketMQ: transactionCheckMax). If the last is not answered either, the message goes to the "
         "topic TRANS_CHECK_MAX_TIME_TOPIC, and no consumer sees it. Only questions that reached a producer count.",
     .apply = [](config& c, const value& v) { c.broker.transaction.checks_max = number_of<std::int32_t>(v); }},
    {.key = "broker.transaction.pending_max",
     .kind = kind::integer,
     .default_text = "200000",
     .min = "0",
     .max = "10000000",
     .meaning =
         "Half messages without an outcome, over all producers; each takes about 300 bytes of memory. Above it further ones are answered "
         "\"busy\"; 0 refuses all of them (RocketMQ: rejectTransactionMessage).",
     .apply = [](config& c, const value& v) { c.broker.transaction.pending_max = number_of<std::size_t>(v); }},

    {.key = "broker.store.directory",
     .kind = kind::text,
     .default_text = "data",
     .meaning = "Directory of everything stored; created when missing. One process at a time. Relative to the working directory.",
     .apply = [](config& c, const value& v) { c.broker.store.directory = text_of(v); }},
    {.key = "broker.store.flush",
     .kind = kind::choice,
     .default_text = "sync",
     .choices = {"sync", "async"},
     .meaning =
         "When a message counts as stored. `sync`: it is on disk, and survives power loss. `async`: it is written and survives the death "
         "of the process; up to `broker.store.flush_interval` of acknowledged messages are lost with the machine.",
     .apply = [](config& c, const value& v) { c.broker.store.flush = text_of(v) == "async" ? flush_policy::async : flush_policy::sync; }},
    {.key = "broker.store.flush_interval",
     .kind = kind::duration,
     .default_text = "500ms",
     .min = "10ms",
     .max = "1m",
     .meaning = "How often the log is synced in flush mode async.",
     .apply = [](config& c, const value& v) { c.broker.store.flush_interval = duration_of(v); }},
    {.key = "broker.store.segment_size",
     .kind = kind::size,
     .default_text = "1GiB",
     .min = "8MiB",
     .max = "2GiB",
     .meaning = "Size of one file of the commit log. Retention removes whole segments.",
     .apply = [](config& c, const value& v) { c.broker.store.segment_bytes = number_of<std::uint64_t>(v); }},
    {.key = "broker.store.checkpoint_size",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "1MiB",
     .max = "2GiB",
     .meaning = "Log written between two checkpoints; a restart reads at most about this much. At most `broker.store.segment_size`.",
     .apply = [](config& c, const value& v) { c.broker.store.checkpoint_bytes = number_of<std::uint64_t>(v); }},
    {.key = "broker.store.retention_age",
     .kind = kind::duration,
     .default_text = "72h",
     .min = "1m",
     .max = "36500d",
     .meaning = "Segments whose last message is older are removed.",
     .apply = [](config& c, const value& v) { c.broker.store.retention_age = duration_of(v); }},
    {.key = "broker.store.retention_size",
     .kind = kind::size,
     .default_text = "0B",
     .min = "0B",
     .max = "1024TiB",
     .meaning = "The oldest segments are removed while the log is larger; 0B means no limit, otherwise at least twice "
                "`broker.store.segment_size`.",
     .apply = [](config& c, const value& v) { c.broker.store.retention_bytes = number_of<std::uint64_t>(v); }},
    {.key = "broker.store.retention_interval",
     .kind = kind::duration,
     .default_text = "10s",
     .min = "100ms",
     .max = "1h",
     .meaning = "How often segments to remove are looked for.",
     .apply = [](config& c, const value& v) { c.broker.store.retention_interval = duration_of(v); }},
    {.key = "broker.store.disk_clean_ratio",
     .kind = kind::ratio,
     .default_text = "0.85",
     .min = "0.05",
     .max = "1",
     .meaning = "Used part of the disk above which the oldest segments are removed whatever their age.",
     .apply = [](config& c, const value& v) { c.broker.store.disk_clean_ratio = ratio_of(v); }},
    {.key = "broker.store.disk_full_ratio",
     .kind = kind::ratio,
     .default_text = "0.95",
     .min = "0.05",
     .max = "1",
     .meaning = "Used part of the disk above which sends are refused with \"disk full\". Above `broker.store.disk_clean_ratio`.",
     .apply = [](config& c, const value& v) { c.broker.store.disk_full_ratio = ratio_of(v); }},
    {.key = "broker.store.disk_reserve",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "1MiB",
     .max = "1TiB",
     .meaning = "Room on the disk kept free for offsets and the index: sends are refused before it is used up.",
     .apply = [](config& c, const value& v) { c.broker.store.disk_reserve_bytes = number_of<std::uint64_t>(v); }},
    {.key = "broker.store.index_memory_max",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "1MiB",
     .max = "16GiB",
     .meaning = "Memory for index entries that are not yet in the database. Above it sends are answered \"busy\".",
     .apply = [](config& c, const value& v) { c.broker.store.index_memory_bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "broker.store.block_cache",
     .kind = kind::size,
     .default_text = "8MiB",
     .min = "1MiB",
     .max = "64GiB",
     .meaning = "Memory for blocks of the index read from the database.",
     .apply = [](config& c, const value& v) { c.broker.store.block_cache_bytes = number_of<std::uint64_t>(v); }},

    {.key = "broker.pull.messages_max",
     .kind = kind::integer,
     .default_text = "1024",
     .min = "1",
     .max = "65536",
     .meaning = "Most messages in one answer to a pull, whatever the client asks for.",
     .apply = [](config& c, const value& v) { c.broker.pull.messages_max = number_of<std::int32_t>(v); }},
    {.key = "broker.pull.bytes_max",
     .kind = kind::size,
     .default_text = "4MiB",
     .min = "4KiB",
     .max = "15MiB",
     .meaning = "Most bytes in one answer to a pull, unless its first message alone is larger.",
     .apply = [](config& c, const value& v) { c.broker.pull.bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "broker.pull.hold_max",
     .kind = kind::duration,
     .default_text = "30s",
     .min = "0ms",
     .max = "10m",
     .meaning = "Longest time a pull that finds nothing is held open, whatever the client asks for.",
     .apply = [](config& c, const value& v) { c.broker.pull.hold_max = duration_of(v); }},

    {.key = "broker.pull.held_max",
     .kind = kind::integer,
     .default_text = "100000",
     .min = "1",
     .max = "10000000",
     .meaning = "Pulls held open at the same time, over all queues; more are answered \"busy\".",
     .apply = [](config& c, const value& v) { c.broker.pull.held_max = number_of<std::size_t>(v); }},
    {.key = "broker.pull.reads_pending_max",
     .kind = kind::integer,
     .default_text = "10000",
     .min = "1",
     .max = "10000000",
     .meaning = "Reads of the log that wait for a reader thread; more are answered \"busy\".",
     .apply = [](config& c, const value& v) { c.broker.pull.reads_pending_max = number_of<std::size_t>(v); }},

    {.key = "network.connections_max",
     .kind = kind::integer,
     .default_text = "10000",
     .min = "1",
     .max = "1000000",
     .meaning =
         "Connections to one listening port at the same time; more are closed at once. The limit of open files is raised to match, as far "
         "as the system allows.",
     .apply = [](config& c, const value& v) { c.network.connections_max = number_of<std::size_t>(v); }},
    {.key = "network.connection_requests_max",
     .kind = kind::integer,
     .default_text = "4096",
     .min = "1",
     .max = "1000000",
     .meaning = "Requests of one connection that are not yet answered, held pulls included; more are answered \"busy\".",
     .apply = [](config& c, const value& v) { c.network.connection_requests_max = number_of<std::size_t>(v); }},
    {.key = "network.connection_bytes_max",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "16MiB",
     .max = "4GiB",
     .meaning = "Message bytes of one connection that are not yet answered; more are answered \"busy\".",
     .apply = [](config& c, const value& v) { c.network.connection_bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "network.unsent_bytes_max",
     .kind = kind::size,
     .default_text = "64MiB",
     .min = "16MiB",
     .max = "4GiB",
     .meaning = "Answers that one connection has not taken yet; a reader that lets them grow further is disconnected.",
     .apply = [](config& c, const value& v) { c.network.unsent_bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "network.kept_bytes_max",
     .kind = kind::size,
     .default_text = "1GiB",
     .min = "64MiB",
     .max = "1TiB",
     .meaning =
         "Bytes that all connections to one listening port keep together: unfinished requests, requests that wait for their turn, and "
         "answers not taken yet. Beyond it, the connections that keep most are closed.",
     .apply = [](config& c, const value& v) { c.network.kept_bytes_max = number_of<std::uint64_t>(v); }},
    {.key = "network.rest_max_us",
     .kind = kind::integer,
     .default_text = "150",
     .min = "0",
     .max = "1000",
     .meaning =
         "How long a busy port rests after each round at most, in microseconds, so that the next round finds more sends: more than "
         "15,000 a second that come no slower for it. It saves a quarter to a half of the broker's CPU time per message there. 0: never.",
     .apply = [](config& c, const value& v) { c.network.rest_max_us = integer_of(v); }},
    {.key = "network.request_timeout",
     .kind = kind::duration,
     .default_text = "10s",
     .min = "100ms",
     .max = "10m",
     .meaning = "A request is answered with an error after this long; a held pull gets its hold time on top.",
     .apply = [](config& c, const value& v) { c.network.request_timeout = duration_of(v); }},
    {.key = "network.half_frame_timeout",
     .kind = kind::duration,
     .default_text = "30s",
     .min = "100ms",
     .max = "10m",
     .meaning = "A connection that leaves a frame half sent for this long is closed.",
     .apply = [](config& c, const value& v) { c.network.half_frame_timeout = duration_of(v); }},
    {.key = "network.idle_timeout",
     .kind = kind::duration,
     .default_text = "120s",
     .min = "1s",
     .max = "1h",
     .meaning = "A connection that neither sends nor takes a byte for this long is closed.",
     .apply = [](config& c, const value& v) { c.network.idle_timeout = duration_of(v); }},

    {.key = "runtime.scheduler_policy",
     .kind = kind::choice,
     .default_text = "sharing",
     .choices = {"sharing", "stealing"},
     .meaning =
         "How actors are given to threads: from one queue for all (`sharing`), or from one of each thread (`stealing`). On two cores they "
         "measured alike.",
     .apply = [](config& c,
                 const value& v) { c.runtime.policy = text_of(v) == "stealing" ? scheduler_policy::stealing : scheduler_policy::sharing; }},
    {.key = "runtime.scheduler_threads",
     .kind = kind::integer,
     .default_text = "0",
     .min = "0",
     .max = "1024",
     .meaning = "Threads that run actors; 0 means one per core.",
     .apply = [](config& c, const value& v) { c.runtime.threads = number_of<std::size_t>(v); }},
    {.key = "runtime.scheduler_max_throughput",
     .kind = kind::integer,
     .default_text = "100",
     .min = "1",
     .max = "1000000",
     .meaning = "Messages an actor handles before it lets others run. Larger is faster under load and less fair.",
     .apply = [](config& c, const value& v) { c.runtime.max_throughput = number_of<std::size_t>(v); }},

    {.key = "log.level",
     .kind = kind::choice,
     .default_text = "info",
     .choices = {"trace", "debug", "info", "warning", "error"},
     .meaning = "Least important line that is written to standard error.",
     .apply = [](config& c, const value& v) { c.log.level = log_level_of(text_of(v)); }},
    {.key = "log.format",
     .kind = kind::choice,
     .default_text = "text",
     .choices = {"text", "json"},
     .meaning = "`text` for people, `json` for one object per line.",
     .apply = [](config& c, const value& v) { c.log.format = text_of(v) == "json" ? log_format::json : log_format::text; }},
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
