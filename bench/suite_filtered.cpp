#include "bench/load_support.hpp"
#include "bench/suite_support.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace troupe::bench {

namespace {

constexpr std::int32_t queues = 8;
constexpr std::int32_t rare_every = 100;
constexpr std::uint64_t messages_wanted = 1'000'000;
constexpr int rounds = 3;
constexpr double cost_target = 1.5;
constexpr double evaluations_target = 500'000;
constexpr std::chrono::seconds patience{60};

/// What one reading from the beginning of a topic to its end cost.
struct scan {
    std::uint64_t bytes = 0; ///< of records that came
    double seconds = 0;
    double broker_cpu_seconds = 0;
};

std::optional<std::int64_t> number(const protocol::remoting_command& answer, const char* name) {
    const auto* text = answer.fields.find(name);
    return text != nullptr ? std::optional{std::stoll(*text)} : std::nullopt;
}

/// Pulls queue after queue, one pull at a time.
result<scan> read_all(const node_under_test& node, const consume_load& load) {
    auto connection = peer::connect(node.broker());
    if (!connection) {
        return connection.failure();
    }
    if (auto known = announce_group(*connection, load.group, load.topic); !known) {
        return known.failure();
    }
    scan done;
    const auto cpu_before = read_process_stats(node.process()).cpu_ns;
    const auto began = now_ns();
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        for (std::int64_t offset = 0;;) {
            auto command = protocol::decode_frame(payload{pull_frame(load, queue, offset, std::chrono::milliseconds{0})});
            if (!command) {
                return command.failure();
            }
            const auto answer = connection->call(std::move(*command), patience);
            if (!answer) {
                return answer.failure();
            }
            const auto next = number(*answer, "nextBeginOffset");
            const auto end = number(*answer, "maxOffset");
            if (!next || !end) {
                return error{errc::protocol_error, "a pull was answered " + std::to_string(answer->code) + " " + answer->remark};
            }
            done.bytes += answer->body.size();
            if (*next >= *end) {
                break;
            }
            offset = *next;
        }
    }
    done.seconds = static_cast<double>(now_ns() - began) / 1e9;
    done.broker_cpu_seconds = static_cast<double>(read_process_stats(node.process()).cpu_ns - cpu_before) / 1e9;
    return done;
}

/// The best of some rounds: the others shared the machine.
std::optional<scan> best_scan(const node_under_test& node, const std::string& topic, const std::string& expression, const std::string& type,
                              report& out) {
    consume_load load;
    load.topic = topic;
    load.group = "filtered";
    load.queues = queues;
    load.expression = expression;
    load.expression_type = type;
    std::optional<scan> best;
    for (int round = 0; round < rounds; ++round) {
        auto done = read_all(node, load);
        if (!done) {
            out.failed("P33", to_string(done.failure()));
            return std::nullopt;
        }
        if (!best || done->seconds < best->seconds) {
            best = *done;
        }
    }
    return best;
}

std::optional<std::uint64_t> fill(const suite_options& options, const node_under_test& node, const std::string& topic, std::int32_t every,
                                  std::uint64_t wanted, report& out) {
    auto load = basic_load(options, node);
    load.topic = topic;
    load.senders = 4;
    load.window = 2;
    load.batch = rare_every;
    load.rare_every = every;
    load.warm_up = std::chrono::milliseconds{0};
    load.measure = std::chrono::milliseconds{100};
    std::uint64_t stored = 0;
    while (stored < wanted) {
        const auto done = measured(load, "P33", out);
        if (!done || done->messages == 0) {
            return std::nullopt;
        }
        stored += done->messages;
    }
    return stored;
}

} // namespace

void measure_filtered_pulls(const suite_options& options, report& out) {
    auto node = fresh_node(options, "filtered", false, "P33", out);
    if (!node) {
        return;
    }
    if (auto made = node->create_topic("rare", queues); !made) {
        out.failed("P33", to_string(made.failure()));
        return;
    }
    const auto stored = fill(options, *node, "load0", rare_every, messages_wanted, out);
    const auto alone_stored = stored ? fill(options, *node, "rare0", 1, *stored / rare_every, out) : std::nullopt;
    const auto none = alone_stored ? best_scan(*node, "load0", "absent", "TAG", out) : std::nullopt;
    const auto alone = none ? best_scan(*node, "rare0", "*", "TAG", out) : std::nullopt;
    const auto tagged = alone ? best_scan(*node, "load0", "rare", "TAG", out) : std::nullopt;
    const auto sql = tagged ? best_scan(*node, "load0", "kind = 'rare'", "SQL92", out) : std::nullopt;
    if (!sql) {
        return;
    }
    if (tagged->bytes == 0 || tagged->bytes != sql->bytes || none->bytes != 0) {
        out.failed("P33", "the filters let " + std::to_string(none->bytes) + ", " + std::to_string(tagged->bytes) + " and " +
                              std::to_string(sql->bytes) + " bytes pass");
        return;
    }
    // "Alone" was filled by time, and holds somewhat more than the matching messages.
    const auto alone_seconds = alone->seconds * static_cast<double>(tagged->bytes) / static_cast<double>(alone->bytes);
    const auto messages = static_cast<double>(*stored);
    out.add({"P33",
             "a tag that one message in 100 has",
             messages / tagged->seconds,
             "msg/s",
             std::nullopt,
             goal::at_least,
             {{"seconds", tagged->seconds}, {"broker_cpu_seconds", tagged->broker_cpu_seconds}, {"messages", messages}}});
    out.add({"P33",
             "  its cost, to reading the matching messages alone and scanning the index",
             tagged->seconds / (alone_seconds + none->seconds),
             "ratio",
             cost_target,
             goal::at_most,
             {{"alone_seconds", alone_seconds}, {"index_seconds", none->seconds}}});
    out.add({"P33",
             "SQL92, one message in 100, per second of the broker's CPU",
             messages / sql->broker_cpu_seconds,
             "msg/s",
             evaluations_target,
             goal::at_least,
             {{"seconds", sql->seconds}, {"broker_cpu_seconds", sql->broker_cpu_seconds}}});
    node->kill();
    clear(options, "filtered");
}

} // namespace troupe::bench
