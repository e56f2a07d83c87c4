#pragma once

#include "client/embedded.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/reader.hpp"
#include "tests/client/fake_cluster.hpp"

#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Consumers in virtual time: real readers against fake brokers, and handlers that the test plays.
namespace troupe::test {

using namespace troupe::client;
using namespace std::chrono_literals;

/// Stands for the handler threads: the test decides when a message is done.
struct fake_sink : delivery_sink {
    void deliver(delivery d) override {
        for (const auto& m : d.messages)
            bodies.emplace_back(unpacked(m).body.view());
        waiting.push_back(std::move(d));
    }
    void revoke(const message_queue& queue) override { revoked.push_back(queue); }
    bool consume(std::shared_ptr<direct_consumption> one) override {
        if (is_stopping)
            return false;
        direct.push_back(std::move(one));
        return true;
    }
    void run_blocking(std::function<void()> job) override {
        if (disk_is_slow)
            jobs.push_back(std::move(job));
        else
            job();
    }

    std::deque<delivery> waiting;
    std::vector<std::string> bodies; ///< everything ever delivered
    std::vector<message_queue> revoked;
    std::vector<std::shared_ptr<direct_consumption>> direct; ///< of tools, in order
    bool is_stopping = false;
    bool disk_is_slow = false; ///< the test runs what may block
    std::vector<std::function<void()>> jobs;
};

/// One member of a group: a client of its own with a reader.
struct member {
    member(test::world& all, const fake_cluster& cluster, const std::string& id, reader_options options)
        : world{all}, via{connect(all, cluster, id)} {
        options.client_id = id;
        options.group = "g";
        reader = spawn_reader(all.system(), std::move(options), via.core().hub(), sink, reports, counters);
    }
    ~member() { caf::anon_send_exit(reader, caf::exit_reason::user_shutdown); }
    member(const member&) = delete;
    member& operator=(const member&) = delete;

    static connection connect(test::world& all, const fake_cluster& cluster, const std::string& id) {
        client_options options;
        options.client_id = id;
        return *embed(all.system(), {{cluster.name_server}, cluster.handles}, options);
    }
    void start(const std::string& expression = "*") {
        caf::anon_send(reader, change_subscription{"t", expression});
        caf::anon_send(reader, begin_reading{});
        world.run();
    }
    /// Reports the oldest delivery: all done, or its message with body `failing` failed.
    void handle_one(const std::string& failing = {}) {
        auto d = std::move(sink->waiting.front());
        sink->waiting.pop_front();
        delivery_report report{d.queue, d.generation, {}, {}, false, true};
        for (auto& m : d.messages) {
            if (!failing.empty() && m.message.body.view() == failing) {
                ++m.message.local_redeliveries;
                report.failed = true;
                ++report.failures;
                report.again.push_back(std::move(m));
            } else if (report.failed && ordered) {
                report.again.push_back(std::move(m));
            } else {
                report.done.emplace_back(m.message.offset, window_bytes(m));
            }
        }
        reports->put(std::move(report));
        caf::anon_send(reader, inbox_filled{});
        world.run();
    }
    /// What handler threads do with deliveries of queues that were taken from them: nothing, and say so.
    void pass_over_revoked() {
        std::deque<delivery> kept;
        for (auto& d : sink->waiting) {
            if (d.revoked->load())
                reports->put({d.queue, d.generation, {}, {}, false, true});
            else
                kept.push_back(std::move(d));
        }
        sink->waiting = std::move(kept);
        caf::anon_send(reader, inbox_filled{});
        world.run();
    }
    void handle_all() {
        while (!sink->waiting.empty())
            handle_one();
    }
    queue_positions positions() {
        auto answer = std::make_shared<std::promise<result<queue_positions>>>();
        auto known = answer->get_future();
        caf::anon_send(reader, ask_positions{std::move(answer)});
        world.run();
        return *known.get();
    }
    /// Ends as push_consumer::stop does. The last positions.
    queue_positions stop() {
        auto answer = std::make_shared<std::promise<result<queue_positions>>>();
        auto ended = answer->get_future();
        caf::anon_send(reader, end_reading{std::move(answer)});
        REQUIRE(world.run_until([&] { return ended.wait_for(0s) == std::future_status::ready; }, 10s));
        return *ended.get();
    }

    test::world& world;
    connection via;
    std::shared_ptr<fake_sink> sink = std::make_shared<fake_sink>();
    std::shared_ptr<report_inbox> reports = std::make_shared<report_inbox>();
    std::shared_ptr<reader_counters> counters = std::make_shared<reader_counters>();
    bool ordered = false;
    reader_actor reader;
};

inline reader_options in_group() {
    reader_options options;
    options.in_group = true;
    options.from = consume_from::first_offset;
    return options;
}

/// A cluster with topic "t", and members of group "g".
struct consumer_world {
    explicit consumer_world(int queues = 1, const std::vector<std::string>& broker_names = {"a"}) : cluster{world, broker_names} {
        cluster.add_topic("t", queues);
    }
    fake_broker& broker(const std::string& broker_name = "a") { return *cluster.brokers.at(broker_name); }
    std::unique_ptr<member> join(const std::string& id, reader_options options = in_group(), const std::string& expression = "*") {
        const bool ordered = options.ordered;
        auto m = std::make_unique<member>(world, cluster, id, std::move(options));
        m->ordered = ordered;
        m->start(expression);
        return m;
    }
    void store(int first, int count, int queue = 0) {
        for (int i = first; i < first + count; ++i)
            broker().store({"t", queue_id{queue}}, std::to_string(i));
        world.run();
    }
    std::optional<queue_offset> committed(int queue = 0, const std::string& broker_name = "a") {
        const auto at = broker(broker_name).offsets.find({"g", {"t", queue_id{queue}}});
        return at != broker(broker_name).offsets.end() ? std::optional{at->second} : std::nullopt;
    }
    test::world world;
    fake_cluster cluster;
};

inline const message_queue queue_a0{"t", "a", 0};

} // namespace troupe::test
