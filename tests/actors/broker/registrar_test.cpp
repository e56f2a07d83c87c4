#include "actors/broker/registrar.hpp"

#include "tests/actors/virtual_system.hpp"

#include <caf/actor_cast.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// What a name server saw, and what it answers.
struct scripted_server {
    std::vector<register_broker> registrations;
    int heartbeats = 0;
    int farewells = 0;
    bool keeps_farewells = false; ///< never answers them
    errc registration_outcome = errc::none;
    errc heartbeat_outcome = errc::none;
};

caf::result<broker_registered> answer(errc code) {
    if (code == errc::none)
        return broker_registered{};
    return make_caf_error(code, "as the test wants it");
}

name_server_actor spawn_scripted(caf::actor_system& system, scripted_server& script) {
    return caf::actor_cast<name_server_actor>(system.spawn([&script](caf::event_based_actor* self) -> caf::behavior {
        return {
            [&script](const register_broker& order) {
                script.registrations.push_back(order);
                return answer(script.registration_outcome);
            },
            [&script](const broker_heartbeat&) {
                ++script.heartbeats;
                return answer(script.heartbeat_outcome);
            },
            [&script, self](const unregister_broker&) -> caf::result<broker_unregistered> {
                ++script.farewells;
                if (script.keeps_farewells)
                    return self->make_response_promise<broker_unregistered>();
                return broker_unregistered{};
            },
        };
    }));
}

struct fixture : virtual_system {
    std::shared_ptr<topic_directory> topics = std::make_shared<topic_directory>(std::make_shared<const topic_snapshot>(
        permission::read_write, 0, std::vector<topic_config>{topic_config{"orders", 4, 4, 6, 0, false, {}}}));
    topics_watcher_actor watcher;
    std::vector<name_server_actor> told;
    caf::actor broker = system().spawn([this](caf::event_based_actor*) -> caf::behavior {
        return {[this](const watch_topics& message) { watcher = message.watcher; },
                [this](const use_name_servers& message) { told = message.name_servers; }};
    });
    scripted_server scripts[2];
    std::vector<name_server_actor> servers{spawn_scripted(system(), scripts[0]), spawn_scripted(system(), scripts[1])};
    registrar_actor registrar;

    void start() {
        registrar_options options;
        options.address = "10.0.0.1:10911";
        registrar = spawn_registrar(system(), options, caf::actor_cast<local_broker_actor>(broker), topics, servers);
        advance(10ms);
    }
    void stop() {
        caf::anon_send_exit(registrar, caf::exit_reason::user_shutdown);
        run();
    }
    ~fixture() {
        told.clear();
        watcher = nullptr;
        caf::anon_send_exit(broker, caf::exit_reason::kill);
        for (const auto& server : servers)
            caf::anon_send_exit(server, caf::exit_reason::kill);
        run();
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a broker registers with every name server, beats, and repeats its registration") {
    start();
    for (const auto& script : scripts) {
        REQUIRE(script.registrations.size() == 1);
        CHECK(script.registrations[0].address == "10.0.0.1:10911");
        CHECK(script.registrations[0].topics.topics.contains("orders"));
        CHECK(script.registrations[0].session);
    }
    advance(29s);
    CHECK(scripts[0].registrations.size() == 1);
    CHECK(scripts[0].heartbeats >= 27);
    advance(2s);
    CHECK(scripts[0].registrations.size() == 2);
    stop();
}

TEST_CASE_FIXTURE(fixture, "a change of topics is registered at once") {
    start();
    topics->publish(topics->current()->with(topic_config{"bills", 2, 2, 6, 0, false, {}}, 5));
    caf::anon_send(watcher, topics_changed{});
    run();
    REQUIRE(scripts[1].registrations.size() == 2);
    CHECK(scripts[1].registrations[1].topics.topics.contains("bills"));
    stop();
}

TEST_CASE_FIXTURE(fixture, "a name server that lost the broker gets it again at once, the other is left alone") {
    start();
    scripts[0].heartbeat_outcome = errc::connection_lost;
    advance(1'100ms);
    CHECK(scripts[0].registrations.size() >= 2);
    CHECK(scripts[1].registrations.size() == 1);
    scripts[0].heartbeat_outcome = errc::none;
    stop();
}

TEST_CASE_FIXTURE(fixture, "a name server that is not there is tried again, ever less often, until it is") {
    scripts[0].registration_outcome = errc::connect_failed;
    start();
    advance(1s);
    const auto early = scripts[0].registrations.size();
    CHECK(early >= 3);
    CHECK(early <= 6);
    advance(20s);
    CHECK(scripts[0].registrations.size() - early <= 8);
    scripts[0].registration_outcome = errc::none;
    advance(6s);
    CHECK(scripts[0].heartbeats > 0);
    CHECK(scripts[1].registrations.size() == 1);
    stop();
}

TEST_CASE_FIXTURE(fixture, "a broker that ends says goodbye to every server that knows it") {
    scripts[1].registration_outcome = errc::connect_failed;
    start();
    caf::anon_send_exit(broker, caf::exit_reason::user_shutdown);
    run();
    CHECK(scripts[0].farewells == 1);
    CHECK(scripts[1].farewells == 0);
}

TEST_CASE_FIXTURE(fixture, "a name server that does not answer the goodbye holds up the end for a second, not for a request's time") {
    scripts[1].keeps_farewells = true;
    start();
    bool ended = false;
    caf::actor_cast<caf::actor>(registrar)->attach_functor([&ended](const caf::error&) { ended = true; });
    stop();
    CHECK(scripts[1].farewells == 1);
    advance(900ms);
    CHECK_FALSE(ended);
    advance(200ms);
    CHECK(ended);
}
