#include "client/internal/reply_agent.hpp"

#include "client/embedded.hpp"
#include "client/internal/connection_core.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "tests/client/fake_cluster.hpp"

#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

struct agent_setup {
    test::world world;
    test::fake_cluster cluster{world, {"a"}};
    connection via = *embed(world.system(), {{cluster.name_server}, cluster.handles}, {});
    reply_agent_actor agent = spawn_reply_agent(world.system(), via.core().hub(), "g", {});
    std::shared_ptr<std::atomic<std::size_t>> waiting = std::make_shared<std::atomic<std::size_t>>(0);
    std::vector<errc> told; ///< in order; none: a reply

    ~agent_setup() {
        caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
        world.run();
    }
    void wait_for(const std::string& id, std::chrono::milliseconds timeout) {
        ++*waiting;
        const auto tell = [this](result<received_message> outcome) { told.push_back(outcome.code()); };
        caf::anon_send(agent, await_reply{id, timeout, std::make_shared<awaited_reply>(tell, waiting)});
        world.run();
    }
    void reply(const std::string& id) {
        actors::deliver_reply reply;
        protocol::set_property(reply.reply.message.properties, protocol::property_name::correlation_id, id);
        caf::anon_send(agent, reply_arrived{std::move(reply)});
        world.run();
    }
};

} // namespace

TEST_CASE_FIXTURE(agent_setup, "reply_agent: each request ends at its time, in whatever order they came") {
    wait_for("late", 300ms);
    wait_for("early", 100ms);
    world.run_for(90ms);
    CHECK(told.empty());
    world.run_for(20ms);
    CHECK(told == std::vector{errc::timed_out});
    reply("late");
    CHECK(told == std::vector{errc::timed_out, errc::none});
    world.run_for(1s);
    CHECK(told.size() == 2);
    CHECK(*waiting == 0);
}

TEST_CASE_FIXTURE(agent_setup, "reply_agent: while one request waits for long, the others leave no timers behind") {
    wait_for("long", 10min);
    const auto before = world.timers();
    for (int i = 0; i < 200; ++i) {
        wait_for("short", 100ms);
        reply("short");
        world.run_for(101ms);
    }
    CHECK(told.size() == 200);
    // The tick of the long request, one for each short one's time that has been, at most.
    CHECK(world.timers() <= before + 2);
}

TEST_CASE_FIXTURE(agent_setup, "requester: a request that is over is not sent any more") {
    cluster.add_topic("t", 1);
    auto& broker = *cluster.brokers.at("a");
    broker.down = true;
    requester_options options;
    options.sending.group = "askers";
    auto opened = requester::open(via, options);
    REQUIRE(opened.ok());
    message m;
    m.topic = "t";
    m.body = "why?";
    opened->request_async(m, 100ms, [this](const result<received_message>& outcome) { told.push_back(outcome.code()); });
    world.run_for(500ms);
    REQUIRE(told.size() == 1);
    broker.down = false;
    world.run_for(5s);
    CHECK(broker.bodies({"t", queue_id{0}}).empty());
    opened->close();
    world.run();
}
