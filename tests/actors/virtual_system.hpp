#pragma once

#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>

namespace troupe::test_support {

using namespace std::chrono_literals;

class testing_config : public caf::actor_system_config {
public:
    testing_config() {
        actors::register_types(*this);
        set("scheduler.policy", caf::atom("testing"));
    }
};

/// An actor system on the test's own thread, in virtual time.
class virtual_system {
public:
    virtual_system() : system_{config_} {}
    ~virtual_system() {
        // A failed check leaves actors behind; waiting for them would hang the test.
        system_.await_actors_before_shutdown(false);
    }
    virtual_system(const virtual_system&) = delete;
    virtual_system& operator=(const virtual_system&) = delete;

    caf::actor_system& system() { return system_; }
    caf::scheduler::test_coordinator& scheduler() { return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler()); }
    /// Handles messages until none is left.
    void run() { scheduler().run(); }
    /// Moves time in steps, so that timers set by timers fire in between too.
    void advance(std::chrono::milliseconds by, std::chrono::milliseconds step = 10ms) {
        run();
        for (; by > 0ms; by -= step) {
            scheduler().advance_time(std::min(by, step));
            run();
        }
    }
    /// A wall clock that follows virtual time.
    actors::wall_clock wall_clock() {
        return [this] {
            const auto since = scheduler().clock().now().time_since_epoch();
            return timestamp_ms{1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
        };
    }

    /// Where the answer to a request goes; empty as long as there is none.
    template <class Answer>
    using awaited = std::shared_ptr<std::optional<result<Answer>>>;

    template <class Answer, class Role, class Order>
    awaited<Answer> ask(const Role& role, Order order) {
        auto place = std::make_shared<std::optional<result<Answer>>>();
        system_.spawn([role, order, place](caf::event_based_actor* self) {
            self->request(role, caf::infinite, order)
                .then([place](Answer& answer) { *place = result<Answer>{std::move(answer)}; },
                      [place](caf::error& failure) { *place = result<Answer>{actors::to_error(failure)}; });
        });
        run();
        return place;
    }

private:
    testing_config config_;
    caf::actor_system system_;
};

/// A ticket holder that writes down what it is told.
struct recorded_tickets {
    std::map<std::uint64_t, actors::append_outcome> appended;
    std::map<std::uint64_t, actors::pull_answered> pulled;
    std::size_t append_messages = 0; ///< messages that carried the outcomes
    std::size_t repeated = 0;        ///< tickets answered more than once
};
inline actors::ticket_holder_actor spawn_recorder(caf::actor_system& system, std::shared_ptr<recorded_tickets> record) {
    return system.spawn([record](actors::ticket_holder_actor::pointer) -> actors::ticket_holder_actor::behavior_type {
        return {
            [record](const actors::records_appended& message) {
                ++record->append_messages;
                for (const auto& outcome : message.outcomes)
                    record->repeated += record->appended.emplace(outcome.ticket, outcome).second ? 0u : 1u;
            },
            [record](const actors::pull_answered& message) {
                record->repeated += record->pulled.emplace(message.ticket, message).second ? 0u : 1u;
            },
        };
    });
}

} // namespace troupe::test_support
