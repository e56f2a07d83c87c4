#include "client/internal/transaction_agent.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/call_gate.hpp"
#include "client/internal/hub.hpp"
#include "protocol/message_codec.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::client;

namespace {

transaction_asked question(const std::string& body) {
    protocol::message m;
    m.topic = "t";
    m.body = payload{body};
    auto record = protocol::encode_record(m);
    protocol::place_record(std::span<char>{*record}, queue_offset{0}, log_position{0}, timestamp_ms{1});
    transaction_asked asked;
    asked.question.group = "g";
    asked.question.broker_name = "a";
    asked.question.record = payload{std::move(*record)};
    return asked;
}

} // namespace

TEST_CASE("transaction_agent: when its gate is closed no check runs, and none begins") {
    struct config : caf::actor_system_config {
        config() {
            set("logger.verbosity", caf::atom("quiet"));
            actors::register_types(*this);
        }
    };
    std::atomic<int> calls{0};
    std::atomic<bool> has_ended{false};
    {
        config settings;
        caf::actor_system system{settings};
        std::promise<void> entered;
        std::promise<void> released;
        transaction_agent_options options;
        options.hub = spawn_hub(system, {}, {});
        options.group = "g";
        options.check = [&](const received_message&) {
            if (++calls == 1) {
                entered.set_value();
                released.get_future().wait();
                has_ended = true;
            }
            return transaction_outcome::commit;
        };
        const auto gate = options.gate;
        const auto hub = options.hub;
        const auto agent = spawn_transaction_agent(system, std::move(options));
        for (const auto* body : {"0", "1", "2"})
            caf::anon_send(agent, question(body));
        entered.get_future().wait();
        std::thread closing{[&gate, &has_ended] {
            gate->close();
            CHECK(has_ended);
        }};
        while (!gate->is_closed())
            std::this_thread::yield();
        released.set_value();
        closing.join();
        caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
        caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
    } // all actors have ended
    CHECK(calls == 1);
}

TEST_CASE("call_gate: may be closed from inside a call") {
    call_gate gate;
    int calls = 0;
    const auto call = [&] {
        ++calls;
        gate.close();
    };
    gate.pass(call);
    gate.pass(call);
    CHECK(calls == 1);
}
