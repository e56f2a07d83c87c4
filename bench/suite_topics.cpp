#include "bench/process_stats.hpp"
#include "bench/suite_support.hpp"

namespace troupe::bench {

namespace {

constexpr std::int32_t topics = 10'000;
constexpr std::int32_t queues = 8;
constexpr std::int32_t held_pulls = 2'000;

double private_mebi(const node_under_test& node) {
    return static_cast<double>(read_process_stats(node.process()).private_bytes) / mebi;
}

} // namespace

void measure_topics(const suite_options& options, report& out) {
    auto node = fresh_node(options, "topics", false, "P20", out);
    if (!node) {
        return;
    }
    const auto before = private_mebi(*node);
    auto load = basic_load(options, *node);
    load.senders = 64;
    const auto one_topic = measured(load, "P20", out);
    const auto created = run_create_topics(node->broker(), "many", topics, queues, 64);
    if (!created || created->failures > 0) {
        out.failed("P20", created ? std::to_string(created->failures) + " topics were refused" : to_string(created.failure()));
        return;
    }
    out.add({"P20", "creating 10,000 topics of 8 queues", created->seconds, "s", 10, goal::at_most, details_of(*created)});

    const auto idle = private_mebi(*node);
    bool measured_held = false;
    const auto held = run_held_pulls(node->broker(), "many", topics, queues, held_pulls, std::chrono::seconds{4}, [&] {
        measured_held = true;
        out.add({"P20",
                 "memory per held pull",
                 (private_mebi(*node) - idle) * mebi / held_pulls / 1024,
                 "KiB",
                 std::nullopt,
                 goal::at_most,
                 {}});
    });
    if (!held || held->failures > 0 || !measured_held) {
        out.failed("P20", held ? std::to_string(held->failures) + " held pulls were answered wrongly" : to_string(held.failure()));
    } else {
        out.add({"P20",
                 "2,000 pulls held for 4 s: last answer after",
                 static_cast<double>(held->latency.max()) / 1e9,
                 "s",
                 5,
                 goal::at_most,
                 {}});
    }
    const auto many = run_send_load_over_topics(load, "many", topics);
    if (!many || !one_topic) {
        out.failed("P20", many ? "no rate of one topic to compare with" : to_string(many.failure()));
        return;
    }
    out.add({"P20", "64 senders, 1 KiB, round robin, to one topic", many->messages_per_second / one_topic->messages_per_second, "ratio",
             0.7, goal::at_least, details_of(*many)});
    const auto after = private_mebi(*node);
    out.add({"P20",
             "private memory with all topics written to",
             after,
             "MiB",
             200,
             goal::at_most,
             {{"before", before}, {"bytes_per_queue", (after - before) * mebi / topics / queues}}});
    node->kill();
    clear(options, "topics");
}

} // namespace troupe::bench
