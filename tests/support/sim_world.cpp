#include "tests/support/sim_world.hpp"

#include "actors/messages/type_ids.hpp"

#include <caf/atom.hpp>

#include <utility>

namespace troupe::test_support {

sim_world::config::config() {
    actors::register_types(*this);
    set("scheduler.policy", caf::atom("testing"));
}

sim_world::sim_world(std::uint64_t seed)
    : system_{config_}, scheduler_{dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())}, random_{seed} {}

sim_world::~sim_world() {
    // Whoever is left when a check failed would be waited for without end.
    system_.await_actors_before_shutdown(false);
}

std::int64_t sim_world::pick(std::int64_t low, std::int64_t high) {
    // Not std::uniform_int_distribution: its results are the library's own.
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
}

bool sim_world::chance(double probability) {
    return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

bool sim_world::step() {
    auto& jobs = scheduler_.jobs;
    if (jobs.empty())
        return false;
    if (jobs.size() > 1) {
        const auto chosen = random_() % jobs.size();
        note(chosen);
        std::swap(jobs.front(), jobs[chosen]);
    }
    ++steps_;
    return scheduler_.try_run_once();
}

void sim_world::settle() {
    while (step()) {
    }
}

void sim_world::run_for(std::chrono::milliseconds span) {
    auto& clock = scheduler_.clock();
    const auto end = clock.now() + span;
    for (;;) {
        settle();
        const auto& timers = clock.schedule();
        if (timers.empty() || timers.begin()->first > end)
            break;
        const auto due = timers.begin()->first;
        scheduler_.advance_time(due > clock.now() ? due - clock.now() : caf::actor_clock::duration_type{0});
    }
    if (end > clock.now())
        scheduler_.advance_time(end - clock.now());
    settle();
    note(steps_);
}

actors::wall_clock sim_world::wall_clock() {
    return [this] {
        const auto since = now().time_since_epoch();
        return timestamp_ms{1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
    };
}

} // namespace troupe::test_support
