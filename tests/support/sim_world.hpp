#pragma once

#include "actors/base/wall_clock.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <cstdint>
#include <random>

namespace troupe::test_support {

/// A world of actors in one thread: which of the runnable ones goes next is the seed's choice, and time only passes when
/// nobody can run. The same seed gives the same run, as long as the actors keep to the rules: time from the actor clock,
/// chance from random(), no order taken from addresses.
class sim_world {
public:
    explicit sim_world(std::uint64_t seed);
    ~sim_world();
    sim_world(const sim_world&) = delete;
    sim_world& operator=(const sim_world&) = delete;

    [[nodiscard]] caf::actor_system& system() { return system_; }
    [[nodiscard]] std::mt19937_64& random() { return random_; }
    /// A number in [low, high].
    std::int64_t pick(std::int64_t low, std::int64_t high);
    bool chance(double probability);

    /// Lets `span` of virtual time pass.
    void run_for(std::chrono::milliseconds span);
    /// Runs until nobody can run without time passing.
    void settle();
    /// Runs until `done()` or until `limit` has passed; whether it is done.
    template <class Done>
    bool run_until(Done done, std::chrono::milliseconds limit) {
        for (auto passed = std::chrono::milliseconds{0}; !done() && passed < limit; passed += look_interval) {
            run_for(look_interval);
        }
        return done();
    }

    [[nodiscard]] caf::actor_clock::time_point now() { return scheduler_.clock().now(); }
    [[nodiscard]] actors::wall_clock wall_clock();

    /// Every choice that was made, as one number.
    [[nodiscard]] std::uint64_t trace() const { return trace_; }
    void note(std::uint64_t value) { trace_ = (trace_ ^ value) * 1'099'511'628'211u; }
    [[nodiscard]] std::uint64_t steps() const { return steps_; }

private:
    struct config : caf::actor_system_config {
        config();
    };

    bool step();

    static constexpr std::chrono::milliseconds look_interval{50};
    config config_;
    caf::actor_system system_;
    caf::scheduler::test_coordinator& scheduler_;
    std::mt19937_64 random_;
    std::uint64_t trace_ = 14'695'981'039'346'656'037u;
    std::uint64_t steps_ = 0;
};

} // namespace troupe::test_support
