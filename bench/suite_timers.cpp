#include "bench/load_support.hpp"
#include "bench/suite_support.hpp"
#include "protocol/bodies.hpp"
#include "protocol/properties.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace troupe::bench {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kib = 1024;
constexpr std::int32_t code_runtime_info = 28;
constexpr std::chrono::hours far_min{2};
constexpr std::chrono::hours far_max{24};
/// Timers that fire while the others wait, and when.
constexpr double firing_rate = 2'000;
constexpr milliseconds near_min{1'000};
constexpr milliseconds near_max{3'000};
constexpr milliseconds settle_limit{300'000};

/// One counter of a broker; fails with what the broker answers.
result<std::int64_t> counter(peer& connection, const std::string& name) {
    const auto answer = connection.call(binary_command(code_runtime_info), std::chrono::seconds{10});
    if (!answer) {
        return answer.failure();
    }
    const auto table = protocol::decode_key_value_table(answer->body.view());
    if (!table) {
        return table.failure();
    }
    const auto found = table->find(name);
    if (found == table->end()) {
        return error{errc::not_found, "the broker has no counter " + name};
    }
    return std::stoll(found->second);
}

/// Waits until everything sent is among the timers. Returns the seconds that it took.
result<double> settle(peer& connection) {
    const auto began = now_ns();
    for (;;) {
        const auto behind = counter(connection, "timerOffsetBehind");
        if (!behind) {
            return behind.failure();
        }
        const auto took = static_cast<double>(now_ns() - began) / 1e9;
        if (*behind == 0) {
            return took;
        }
        if (took * 1e3 > static_cast<double>(settle_limit.count())) {
            return error{errc::timed_out, std::to_string(*behind) + " timers are not taken in"};
        }
        std::this_thread::sleep_for(milliseconds{20});
    }
}

double megabytes_in(const std::filesystem::path& directory) {
    std::uintmax_t total = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory, ignored}) {
        total += entry.is_regular_file(ignored) ? entry.file_size(ignored) : 0;
    }
    return static_cast<double>(total) / mebi;
}

/// How late the messages of the topic's queues were stored, against what they say of when they were due.
result<histogram> lateness(peer& connection, const send_load& load) {
    histogram late;
    consume_load pull;
    pull.topic = load.topic;
    if (auto known = announce_group(connection, pull.group, pull.topic); !known) {
        return known.failure();
    }
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        for (std::int64_t offset = 0;;) {
            auto command = binary_command(code_pull);
            command.fields.set("consumerGroup", pull.group);
            command.fields.set("topic", pull.topic);
            command.fields.set("queueId", std::int64_t{queue});
            command.fields.set("queueOffset", offset);
            command.fields.set("maxMsgNums", std::int64_t{1024});
            command.fields.set("sysFlag", std::int64_t{4});
            command.fields.set("commitOffset", std::int64_t{0});
            command.fields.set("suspendTimeoutMillis", std::int64_t{0});
            command.fields.set("subscription", std::string{"*"});
            command.fields.set("subVersion", std::int64_t{0});
            const auto answer = connection.call(command, std::chrono::seconds{10});
            if (!answer) {
                return answer.failure();
            }
            if (answer->code != answer_success) {
                break;
            }
            const auto messages = protocol::decode_records(answer->body);
            if (!messages) {
                return messages.failure();
            }
            for (const auto& message : *messages) {
                if (const auto due = protocol::find_property(message.properties, "TIMER_OUT_MS")) {
                    late.record((message.stored.value() - std::stoll(std::string{*due})) * 1'000'000);
                }
                offset = message.offset.value() + 1;
            }
        }
    }
    return late;
}

double percentile_ms(const histogram& times, double fraction) {
    return static_cast<double>(times.percentile(fraction)) / 1e6;
}

/// Timed sends beside plain ones of the same shape, in turn on one broker.
bool measure_rate(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    auto load = basic_load(options, node);
    load.senders = 64;
    load.body_bytes = kib;
    const auto plain = measured(load, "P32", out);
    load.delay_min = far_min;
    load.delay_max = far_max;
    const auto timed = plain ? measured(load, "P32", out) : std::nullopt;
    if (!timed) {
        return false;
    }
    out.add({"P32", "timed sends, 64 senders, 1 KiB, async flush", timed->messages_per_second, "msg/s", std::nullopt, goal::at_least,
             details_of(*timed)});
    out.add_ratio("P32", "plain sends of the same shape", timed->messages_per_second, plain->messages_per_second, 0.5);
    const auto took = settle(connection);
    if (!took) {
        out.failed("P32", to_string(took.failure()));
        return false;
    }
    out.add({"P32", "  until all of them were among the timers", *took, "s", std::nullopt, goal::at_most, {}});
    return true;
}

/// Sends until enough wait.
bool fill(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    auto load = basic_load(options, node);
    load.senders = 64;
    load.body_bytes = kib;
    load.delay_min = far_min;
    load.delay_max = far_max;
    load.warm_up = milliseconds{0};
    load.measure = milliseconds{1'000};
    const auto began = now_ns();
    std::int64_t first = -1;
    for (;;) {
        const auto took = settle(connection);
        const auto pending = took ? counter(connection, "timersPending") : took.failure();
        if (!pending) {
            out.failed("P32", to_string(pending.failure()));
            return false;
        }
        first = first < 0 ? *pending : first;
        if (*pending >= static_cast<std::int64_t>(options.timers)) {
            const auto seconds = static_cast<double>(now_ns() - began) / 1e9;
            if (*pending > first) {
                out.add({"P32",
                         "inserted until " + std::to_string(options.timers) + " waited",
                         static_cast<double>(*pending - first) / seconds,
                         "msg/s",
                         std::nullopt,
                         goal::at_least,
                         {{"pending", static_cast<double>(*pending)}}});
            }
            return true;
        }
        if (!measured(load, "P32", out)) {
            return false;
        }
    }
}

void measure_firing(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    auto load = basic_load(options, node);
    load.topic = "due0";
    load.senders = 4;
    load.window = 64;
    load.body_bytes = kib;
    load.rate = firing_rate;
    load.delay_min = near_min;
    load.delay_max = near_max;
    if (auto created = node.create_topic("due", load.queues); !created || !measured(load, "P32", out)) {
        return;
    }
    std::this_thread::sleep_for(near_max + milliseconds{2'000});
    const auto late = lateness(connection, load);
    if (!late || late->count() == 0) {
        out.failed("P32", late ? "no timer fired" : to_string(late.failure()));
        return;
    }
    const std::map<std::string, double> details{{"messages", static_cast<double>(late->count())}};
    out.add({"P32", "late, " + std::to_string(static_cast<int>(firing_rate)) + " due per second beside them, p50",
             percentile_ms(*late, 0.5), "ms", std::nullopt, goal::at_most, details});
    out.add({"P32", "  p99", percentile_ms(*late, 0.99), "ms", 100, goal::at_most, {}});
    out.add({"P32", "  max", percentile_ms(*late, 1), "ms", 1'000, goal::at_most, {}});
}

void measure_restart(const suite_options& options, node_under_test& node, report& out) {
    node.kill();
    node_settings settings;
    settings.program = options.program;
    settings.directory = options.directory / "timers";
    settings.flush_sync = false;
    auto again = node_under_test::start(settings);
    if (!again) {
        out.failed("P32", to_string(again.failure()));
        return;
    }
    out.add(
        {"P32", "serving again after kill -9", std::chrono::duration<double>(again->time_to_ready()).count(), "s", 1, goal::at_most, {}});
    auto connection = peer::connect(again->broker());
    const auto took = connection ? settle(*connection) : connection.failure();
    const auto pending = took ? counter(*connection, "timersPending") : took.failure();
    if (!pending) {
        out.failed("P32", to_string(pending.failure()));
        return;
    }
    out.add({"P32",
             "  and until every timer was known again",
             *took,
             "s",
             std::nullopt,
             goal::at_most,
             {{"pending", static_cast<double>(*pending)}}});
    if (*pending < static_cast<std::int64_t>(options.timers)) {
        out.failed("P32", "only " + std::to_string(*pending) + " timers are there after the restart");
    }
}

} // namespace

void measure_timers(const suite_options& options, report& out) {
    auto node = fresh_node(options, "timers", false, "P32", out);
    auto connection = node ? peer::connect(node->broker()) : result<peer>{error{errc::connect_failed, "no node"}};
    if (!connection) {
        return;
    }
    const auto idle = static_cast<double>(read_process_stats(node->process()).private_bytes) / mebi;
    if (measure_rate(options, *node, *connection, out) && fill(options, *node, *connection, out)) {
        out.add({"P32",
                 "private memory with them, idle before " + std::to_string(static_cast<int>(idle)) + " MiB",
                 static_cast<double>(read_process_stats(node->process()).private_bytes) / mebi,
                 "MiB",
                 300,
                 goal::at_most,
                 {}});
        out.add({"P32",
                 "disk for the timers",
                 megabytes_in(node->commit_log_directory().parent_path() / "timers"),
                 "MiB",
                 std::nullopt,
                 goal::at_most,
                 {}});
        measure_firing(options, *node, *connection, out);
        measure_restart(options, *node, out);
    }
    clear(options, "timers");
}

} // namespace troupe::bench
