#include "bench/member_load.hpp"
#include "bench/process_stats.hpp"
#include "bench/suite_support.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::bench {

namespace {

constexpr std::int32_t members = 1'000;
constexpr std::int32_t pop_queues = 4;
constexpr std::int32_t push_queues = 1'000;
/// Below what either side can take, so that latency is that of a broker that keeps up.
constexpr double steady_rate = 5'000;

struct side {
    const char* name;
    bool pops;
    std::int32_t queues;
};
constexpr side pop_side{"pop, 4 queues", true, pop_queues};
constexpr side push_side{"push, 1,000 queues", false, push_queues};

struct side_report {
    member_report steady; ///< at the steady rate
    member_report full;   ///< as fast as the senders' answers come
    double idle_mebi = 0;
};

double mebi_of(std::int64_t bytes) {
    return static_cast<double>(bytes) / mebi;
}

double latency_ms(const member_report& measured, double fraction) {
    return static_cast<double>(measured.deliveries.latency.percentile(fraction)) / 1e6;
}

std::map<std::string, double> details(const member_report& measured, const load_report& sent) {
    auto all = details_of(measured.deliveries);
    all["sent_per_second"] = sent.messages_per_second;
    all["acknowledged_per_second"] = measured.acknowledged_per_second;
    all["messages_of_run"] = static_cast<double>(measured.messages);
    all["messages_per_answer"] = measured.answers > 0 ? static_cast<double>(measured.messages) / static_cast<double>(measured.answers) : 0;
    all["repeated"] = static_cast<double>(measured.repeated);
    all["redelivered"] = static_cast<double>(measured.redelivered);
    all["drain_seconds"] = measured.drain_seconds;
    return all;
}

/// All members and the senders on a topic of their own.
std::optional<member_report> measure_load(const suite_options& options, const node_under_test& node, const side& one,
                                          const std::string& topic, double rate, report& out) {
    const auto failed = [&](const error& why) { out.failed("P35", std::string{one.name} + ", " + topic + ": " + to_string(why)); };
    if (auto created = node.create_topic(topic, one.queues); !created) {
        failed(created.failure());
        return std::nullopt;
    }
    member_load load;
    load.broker = node.broker();
    load.topic = topic + "0";
    load.group = "members-of-" + topic;
    load.queues = one.queues;
    load.members = members;
    load.pops = one.pops;
    load.measure = options.measure;
    load.broker_process = node.process();
    auto send = basic_load(options, node);
    send.topic = load.topic;
    send.queues = one.queues;
    send.senders = 64;
    send.window = rate > 0 ? 16 : 1;
    send.rate = rate;
    send.warm_up = load.warm_up;
    load_report sent;
    auto measured = run_member_load(load, [&send, &sent]() -> result<void> {
        auto done = run_send_load(send);
        if (!done) {
            return done.failure();
        }
        sent = std::move(*done);
        return sent.failures == 0 ? result<void>{} : error{errc::internal, std::to_string(sent.failures) + " sends were refused"};
    });
    if (!measured) {
        failed(measured.failure());
        return std::nullopt;
    }
    const auto name = std::string{one.name} + (rate > 0 ? ", " + std::to_string(static_cast<int>(rate)) + "/s sent" : ", 64 senders");
    out.add({"P35", name + ": delivered", measured->deliveries.messages_per_second, "msg/s", std::nullopt, goal::at_least,
             details(*measured, sent)});
    out.add({"P35", "  acknowledged", measured->acknowledged_per_second, "msg/s", std::nullopt, goal::at_least, {}});
    out.add({"P35", "  end to end, p50", latency_ms(*measured, 0.5), "ms", std::nullopt, goal::at_most, {}});
    out.add({"P35", "  end to end, p99", latency_ms(*measured, 0.99), "ms", std::nullopt, goal::at_most, {}});
    out.add({"P35",
             "  broker CPU per message, sent until acknowledged",
             measured->deliveries.broker_cpu_us_per_message,
             "us",
             std::nullopt,
             goal::at_most,
             {}});
    out.add({"P35",
             "  smallest share of a member, to the largest",
             measured->largest_share > 0 ? measured->smallest_share / measured->largest_share : 0,
             "ratio",
             std::nullopt,
             goal::at_least,
             {{"smallest_to_mean", measured->smallest_share}, {"largest_to_mean", measured->largest_share}}});
    out.add({"P35", "  delivered more than once", static_cast<double>(measured->repeated), "messages", std::nullopt, goal::at_most, {}});
    return std::move(*measured);
}

std::optional<side_report> measure_side(const suite_options& options, const side& one, report& out) {
    auto node = fresh_node(options, "members", false, "P35", out);
    if (!node) {
        return std::nullopt;
    }
    side_report all;
    all.idle_mebi = mebi_of(read_process_stats(node->process()).private_bytes);
    auto steady = measure_load(options, *node, one, "steady", steady_rate, out);
    auto full = steady ? measure_load(options, *node, one, "full", 0, out) : std::nullopt;
    node->kill();
    clear(options, "members");
    if (!full) {
        return std::nullopt;
    }
    all.steady = std::move(*steady);
    all.full = std::move(*full);
    out.add({"P35",
             std::string{one.name} + ": members join, until all know of all",
             all.steady.join_seconds,
             "s",
             std::nullopt,
             goal::at_most,
             {{"broker_cpu_seconds", all.steady.join_cpu_seconds}}});
    const auto waiting = mebi_of(all.steady.private_bytes_waiting);
    out.add({"P35",
             "  private memory, all members wait",
             waiting,
             "MiB",
             std::nullopt,
             goal::at_most,
             {{"idle_before", all.idle_mebi}, {"kib_per_member", (waiting - all.idle_mebi) * 1024 / members}}});
    out.add({"P35", "  after both loads", mebi_of(all.full.private_bytes_after), "MiB", std::nullopt, goal::at_most, {}});
    return all;
}

} // namespace

void measure_members(const suite_options& options, report& out) {
    const auto pop = measure_side(options, pop_side, out);
    const auto push = pop ? measure_side(options, push_side, out) : std::nullopt;
    if (!push) {
        return;
    }
    const auto compare = [&out](const std::string& what, double ours, double theirs, goal direction) {
        out.add({"P35",
                 "pop to push, " + what,
                 theirs > 0 ? ours / theirs : 0,
                 "ratio",
                 std::nullopt,
                 direction,
                 {{"pop", ours}, {"push", theirs}}});
    };
    compare("messages/s with 64 senders", pop->full.deliveries.messages_per_second, push->full.deliveries.messages_per_second,
            goal::at_least);
    compare("p99 at a steady rate", latency_ms(pop->steady, 0.99), latency_ms(push->steady, 0.99), goal::at_most);
    compare("broker CPU per message with 64 senders", pop->full.deliveries.broker_cpu_us_per_message,
            push->full.deliveries.broker_cpu_us_per_message, goal::at_most);
    compare("private memory after both loads", mebi_of(pop->full.private_bytes_after), mebi_of(push->full.private_bytes_after),
            goal::at_most);
}

} // namespace troupe::bench
