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

constexpr std::int32_t code_runtime_info = 28;
constexpr std::chrono::hours far_min{2};
constexpr std::chrono::hours far_max{24};
/// Timers that fire while the others wait, and when.
constexpr double firing_rate = 2'000;
constexpr milliseconds near_min{1'000};
constexpr milliseconds near_max{3'000};
constexpr milliseconds settle_limit{300'000};
/// Memory must not grow with what waits: it is read with so few, with ten times as many, and so on.
constexpr std::uint64_t few = 10'000;
/// What a timer takes on the disk beside its body, twice: in the log and among the timers, which are merged now and then. And what the
/// rest of the scenario takes.
constexpr std::uint64_t disk_overhead_bytes = 400;
constexpr std::uint64_t disk_rest_bytes = 2ull << 30;

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

/// "1 KiB", "128 B".
std::string size_text(std::size_t bytes) {
    constexpr std::size_t kib = 1024;
    return bytes % kib == 0 ? std::to_string(bytes / kib) + " KiB" : std::to_string(bytes) + " B";
}

/// Fails when the disk is too small: a full one would disturb more than this run.
result<void> check_disk(const suite_options& options) {
    std::error_code failure;
    std::filesystem::create_directories(options.directory, failure);
    const auto space = std::filesystem::space(options.directory, failure);
    if (failure) {
        return error{errc::io, options.directory.string() + ": " + failure.message()};
    }
    const auto needed = options.timers * 2 * (options.timer_body_bytes + disk_overhead_bytes) + disk_rest_bytes;
    if (space.available < needed) {
        return error{errc::disk_full, std::to_string(options.timers) + " timed messages of " + size_text(options.timer_body_bytes) +
                                          " need about " + std::to_string(needed >> 30) + " GiB in " + options.directory.string() +
                                          ", and " + std::to_string(space.available >> 30) +
                                          " GiB are free; take fewer (--timers) or smaller ones (--timer-body-bytes)"};
    }
    return {};
}

double percentile_ms(const histogram& times, double fraction) {
    return static_cast<double>(times.percentile(fraction)) / 1e6;
}

/// Timed sends beside plain ones of the same shape, in turn on one broker.
bool measure_rate(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    auto load = basic_load(options, node);
    load.senders = 64;
    load.body_bytes = options.timer_body_bytes;
    const auto plain = measured(load, "P32", out);
    load.delay_min = far_min;
    load.delay_max = far_max;
    const auto timed = plain ? measured(load, "P32", out) : std::nullopt;
    if (!timed) {
        return false;
    }
    out.add({"P32", "timed sends, 64 senders, " + size_text(load.body_bytes) + ", async flush", timed->messages_per_second, "msg/s",
             std::nullopt, goal::at_least, details_of(*timed)});
    out.add_ratio("P32", "plain sends of the same shape", timed->messages_per_second, plain->messages_per_second, 0.5);
    const auto took = settle(connection);
    if (!took) {
        out.failed("P32", to_string(took.failure()));
        return false;
    }
    out.add({"P32", "  until all of them were among the timers", *took, "s", std::nullopt, goal::at_most, {}});
    return true;
}

struct filled {
    std::int64_t pending = 0;  ///< that wait now
    std::int64_t inserted = 0; ///< by this call
    double seconds = 0;
};

/// Sends until `wanted` wait.
result<filled> fill(const suite_options& options, const node_under_test& node, peer& connection, std::uint64_t wanted) {
    constexpr std::int64_t per_slice = 20'000; ///< fewer than a slice of a second brings: the last ones are sent at a rate
    auto load = basic_load(options, node);
    load.senders = 64;
    load.body_bytes = options.timer_body_bytes;
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
            return pending.failure();
        }
        first = first < 0 ? *pending : first;
        const auto missing = static_cast<std::int64_t>(wanted) - *pending;
        if (missing <= 0) {
            return filled{*pending, *pending - first, static_cast<double>(now_ns() - began) / 1e9};
        }
        load.rate = missing < per_slice ? static_cast<double>(missing) * 1.01 + 10 : 0; // a few are not answered when the slice ends
        const auto sent = run_send_load(load);
        if (!sent) {
            return sent.failure();
        }
        if (sent->failures > 0) {
            return error{errc::internal, std::to_string(sent->failures) + " timed sends were refused"};
        }
    }
}

double private_mebi(const node_under_test& node) {
    return static_cast<double>(read_process_stats(node.process()).private_bytes) / mebi;
}

/// Private memory with a few that wait, before anything else was sent. None: it could not be measured.
std::optional<double> measure_few(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    const auto idle = private_mebi(node);
    const auto waiting = fill(options, node, connection, std::min(few, options.timers));
    if (!waiting) {
        out.failed("P32", to_string(waiting.failure()));
        return std::nullopt;
    }
    const auto memory = private_mebi(node);
    out.add({"P32",
             "private memory, " + std::to_string(few) + " wait",
             memory,
             "MiB",
             std::nullopt,
             goal::at_most,
             {{"pending", static_cast<double>(waiting->pending)}, {"idle_before", idle}}});
    return memory;
}

/// Inserts until enough wait, and looks at the memory at each power of ten on the way.
bool measure_pending(const suite_options& options, const node_under_test& node, peer& connection, double with_few, report& out) {
    filled all;
    std::uint64_t step = few;
    double memory = 0;
    do {
        step = std::min(step * 10, options.timers);
        const auto waiting = fill(options, node, connection, step);
        if (!waiting) {
            out.failed("P32", to_string(waiting.failure()));
            return false;
        }
        memory = private_mebi(node);
        all.pending = waiting->pending;
        all.inserted += waiting->inserted;
        all.seconds += waiting->seconds;
        if (step < options.timers && waiting->inserted > 0) {
            out.add({"P32",
                     "private memory, " + std::to_string(step) + " wait",
                     memory,
                     "MiB",
                     std::nullopt,
                     goal::at_most,
                     {{"pending", static_cast<double>(waiting->pending)}}});
        }
    } while (step < options.timers);
    if (all.inserted > 0) {
        out.add({"P32",
                 "inserted until " + std::to_string(options.timers) + " waited",
                 static_cast<double>(all.inserted) / all.seconds,
                 "msg/s",
                 std::nullopt,
                 goal::at_least,
                 {{"pending", static_cast<double>(all.pending)}, {"inserted", static_cast<double>(all.inserted)}}});
    }
    const auto pending = static_cast<double>(all.pending);
    out.add(
        {"P32", "private memory, " + std::to_string(options.timers) + " wait", memory, "MiB", 300, goal::at_most, {{"pending", pending}}});
    out.add({"P32",
             "  more than with " + std::to_string(few) + ", per timer",
             (memory - with_few) * mebi / pending,
             "bytes",
             std::nullopt,
             goal::at_most,
             {{"mebibytes", memory - with_few}}});
    return true;
}

void measure_firing(const suite_options& options, const node_under_test& node, peer& connection, report& out) {
    auto load = basic_load(options, node);
    load.topic = "due0";
    load.senders = 4;
    load.window = 64;
    load.body_bytes = options.timer_body_bytes;
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
    if (auto roomy = check_disk(options); !roomy) {
        out.failed("P32", to_string(roomy.failure()));
        return;
    }
    auto node = fresh_node(options, "timers", false, "P32", out);
    if (!node) {
        return;
    }
    auto connection = peer::connect(node->broker());
    if (!connection) {
        out.failed("P32", to_string(connection.failure()));
        return;
    }
    const auto with_few = measure_few(options, *node, *connection, out);
    if (with_few && measure_rate(options, *node, *connection, out) && measure_pending(options, *node, *connection, *with_few, out)) {
        out.add({"P32",
                 "disk for the timers",
                 megabytes_in(node->commit_log_directory().parent_path() / "timers"),
                 "MiB",
                 std::nullopt,
                 goal::at_most,
                 {{"log", megabytes_in(node->commit_log_directory())}}});
        measure_firing(options, *node, *connection, out);
        measure_restart(options, *node, out);
    }
    node->kill();
    clear(options, "timers");
}

} // namespace troupe::bench
