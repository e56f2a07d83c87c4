#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "actors/net/name_server_proxy.hpp"
#include "bench/peer.hpp"
#include "bench/process_stats.hpp"
#include "bench/suite_support.hpp"
#include "client/client.hpp"
#include "client/embedded.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace troupe::bench {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t members = 100;
constexpr std::int32_t queues = 1'000;
constexpr std::size_t dying = 10;
constexpr std::chrono::seconds patience{120};
constexpr milliseconds look_every{20};

/// One actor system for all members: a hundred of them would measure the machine's threads.
struct shared_config : caf::actor_system_config {
    shared_config() {
        load<caf::io::middleman>();
        actors::register_types(*this);
        set("scheduler.policy", caf::atom("sharing"));
        set("scheduler.max-threads", std::size_t{2});
        set("scheduler.max-throughput", std::size_t{100});
        set("logger.verbosity", caf::atom("quiet"));
        set("middleman.workers", std::size_t{0});
    }
};

/// A client with connections of its own, and its consumer.
class group_member {
public:
    group_member(caf::actor_system& system, const node_under_test& node, std::size_t number)
        : name_server_{actors::net::spawn_name_server_proxy(system, node.name_server_address())},
          broker_{actors::net::spawn_broker_proxy(system, node.broker_address())} {
        client::client_options options;
        options.client_id = "member-" + std::to_string(number);
        connection_.emplace(client::embed(system, {{name_server_}, {{node.broker_name(), broker_}}}, options).value());
    }
    group_member(const group_member&) = delete;
    group_member& operator=(const group_member&) = delete;
    ~group_member() {
        consumer_.reset();
        die();
    }

    [[nodiscard]] result<void> start(const std::string& topic) {
        client::push_consumer_options options;
        options.group = "members";
        options.from = client::consume_from::first_offset;
        options.handler_threads = 1;
        auto opened = client::push_consumer::open(*connection_, options, [](const auto&) { return client::consume_outcome::done; });
        if (!opened) {
            return opened.failure();
        }
        consumer_.emplace(std::move(*opened));
        if (auto subscribed = consumer_->subscribe(topic); !subscribed) {
            return subscribed;
        }
        return consumer_->start();
    }
    void leave() { consumer_->stop(); }
    /// Its connections end, and it says nothing.
    void die() {
        caf::anon_send_exit(broker_, caf::exit_reason::user_shutdown);
        caf::anon_send_exit(name_server_, caf::exit_reason::user_shutdown);
    }
    [[nodiscard]] std::map<client::message_queue, queue_offset> assignment() const { return consumer_->assignment(); }

private:
    actors::name_server_actor name_server_;
    actors::broker_actor broker_;
    std::optional<client::connection> connection_;
    std::optional<client::push_consumer> consumer_;
};

using group = std::vector<std::unique_ptr<group_member>>;

/// Every queue has one reader, and shares are even.
bool is_stable(const group& all) {
    std::set<client::message_queue> owned;
    std::size_t total = 0;
    const std::size_t share = queues / all.size();
    for (const auto& each : all) {
        const auto assignment = each->assignment();
        if (assignment.size() < share || assignment.size() > share + 1) {
            return false;
        }
        total += assignment.size();
        for (const auto& [queue, offset] : assignment) {
            owned.insert(queue);
        }
    }
    return total == queues && owned.size() == queues;
}

/// Seconds until the group is stable.
std::optional<double> settle(const group& all, const std::string& what, std::int64_t began, report& out) {
    while (!is_stable(all)) {
        if (now_ns() - began > std::chrono::nanoseconds{patience}.count()) {
            out.failed("P34", what + ": the group is not stable after " + std::to_string(patience.count()) + " s");
            return std::nullopt;
        }
        std::this_thread::sleep_for(look_every);
    }
    return static_cast<double>(now_ns() - began) / 1e9;
}

/// Does something to the group and reports how long it took to find its shares again.
template <class Change>
bool measure_change(group& all, const std::string& what, const node_under_test& node, report& out, Change change) {
    const auto cpu = read_process_stats(node.process()).cpu_ns;
    const auto began = now_ns();
    change();
    const auto took = settle(all, what, began, out);
    if (took) {
        const auto used = static_cast<double>(read_process_stats(node.process()).cpu_ns - cpu) / 1e9;
        out.add({"P34", what + ", until stable", *took, "s", std::nullopt, goal::at_most, {{"broker_cpu_seconds", used}}});
    }
    return took.has_value();
}

} // namespace

void measure_groups(const suite_options& options, report& out) {
    auto node = fresh_node(options, "groups", false, "P34", out);
    if (!node) {
        return;
    }
    if (auto made = node->create_topic("shared", queues); !made) {
        out.failed("P34", to_string(made.failure()));
        return;
    }
    shared_config config;
    caf::actor_system system{config};
    {
        group all;
        std::vector<std::unique_ptr<group_member>> dead;
        const auto join = [&] {
            for (std::size_t i = 0; i < members; ++i) {
                all.push_back(std::make_unique<group_member>(system, *node, i));
                if (auto started = all.back()->start("shared0"); !started) {
                    out.failed("P34", to_string(started.failure()));
                }
            }
        };
        const auto leave = [&] {
            all.back()->leave();
            all.pop_back();
        };
        const auto die = [&] {
            for (std::size_t i = 0; i < dying; ++i) {
                all.back()->die();
                dead.push_back(std::move(all.back()));
                all.pop_back();
            }
        };
        static_cast<void>(measure_change(all, "100 members of 1,000 queues join at once", *node, out, join) &&
                          measure_change(all, "one of them leaves", *node, out, leave) &&
                          measure_change(all, "ten of them die", *node, out, die));
    }
    node->kill();
    clear(options, "groups");
}

} // namespace troupe::bench
