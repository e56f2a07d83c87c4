#pragma once

#include "actors/base/log.hpp"
#include "tests/actors/broker_world.hpp"
#include "tests/actors/stored_messages.hpp"
#include "tests/support/crash_enumeration.hpp"
#include "tests/support/random_seed.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test_support {

/// A broker in virtual time that crashes as planned and comes up again, while a script goes on.
struct crashing_broker : broker_world {
    /// What happens each `pause`, by its number.
    using step = std::function<void(int number)>;
    static constexpr std::chrono::milliseconds pause{50};

    actors::broker_options options;
    std::vector<fault_plan> plans;     ///< in turn: the first counts calls from the end of the first start, each other from a start on
    std::chrono::milliseconds down{0}; ///< how long the broker is away after a crash
    std::function<void()> on_restart;
    std::vector<std::string> hits;  ///< what each crash met
    std::vector<timestamp_ms> ends; ///< of lives after which deliveries may be repeated: by a crash or, in flush mode async, in order
    timestamp_ms started;           ///< the last time
    std::uint64_t calls = 0;        ///< of a life without a crash, its first start left out

    crashing_broker(std::shared_ptr<fault_file_system> disk, actors::broker_options with)
        : broker_world{std::move(disk)}, options{std::move(with)} {
        actors::set_log_sink([](actors::log_level, std::string_view) {}); // it complains of each crash at length
    }
    ~crashing_broker() {
        if (node)
            crash(crash_mode::keep_all); // the quick way
        actors::set_log_sink({});
    }

    /// The broker's life over so many steps, with one orderly restart; then `rest` without crashes.
    void live(int steps, int restart_at, int rest, const step& act) {
        start(options);
        const auto calls_before = files->calls();
        plan_next(calls_before);
        for (int number = 0; number < steps; ++number) {
            if (number == restart_at)
                restart_in_order();
            act(number);
            world.advance(pause);
            recover_if_crashed();
        }
        if (hits.empty())
            calls = files->calls() - calls_before;
        files->set_plan({});
        recover_if_crashed();
        for (int number = steps; number < steps + rest; ++number) {
            act(number);
            world.advance(pause);
        }
        REQUIRE_FALSE(files->crashed());
    }

    /// What came of an order; a broker that dies meanwhile fails it.
    template <class Answer, class Role, class Order>
    result<Answer> attempt(const Role& role, Order order) {
        const auto place = world.ask<Answer>(role, std::move(order));
        for (int i = 0; i < 100 && !*place && !files->crashed(); ++i)
            world.advance(std::chrono::milliseconds{10});
        if (place->has_value())
            return **place;
        REQUIRE(files->crashed()); // one that lives answers
        return error{errc::shutting_down, "the broker died"};
    }

    [[nodiscard]] std::vector<protocol::message> stored(const std::string& topic, std::int32_t queue = 0) const {
        return stored_messages(node->store(), {topic, queue_id{queue}});
    }
    /// How long what the schedule has delivered may not be noted: until the next write of offsets and, in flush mode async, before that
    /// until the next sync of the log is seen.
    [[nodiscard]] std::chrono::milliseconds unnoted_max() const {
        const auto until_synced =
            options.store.flush == storage::flush_mode::async ? options.flush_interval + std::chrono::seconds{1} : std::chrono::seconds{0};
        return until_synced + options.offset_interval + 2 * pause;
    }
    /// Whether what the schedule delivered at this time may be delivered again, as it was so shortly before the end of a life.
    [[nodiscard]] bool may_repeat(timestamp_ms delivered) const {
        return std::any_of(ends.begin(), ends.end(),
                           [this, delivered](timestamp_ms at) { return delivered <= at && at - delivered <= unnoted_max().count(); });
    }
    /// A power loss takes what was acknowledged in flush mode async, as it may.
    [[nodiscard]] bool may_have_lost() const {
        return options.store.flush == storage::flush_mode::async &&
               std::any_of(plans.begin(), plans.end(), [](const fault_plan& plan) { return plan.mode != crash_mode::keep_all; });
    }
    /// For a failure's report.
    [[nodiscard]] std::string story() const {
        std::string text;
        for (const auto& hit : hits)
            text += (text.empty() ? "" : "; then ") + hit;
        return text;
    }

private:
    void plan_next(std::uint64_t from) {
        fault_plan plan;
        if (hits.size() < plans.size())
            plan = plans[hits.size()];
        mode_ = plan.mode;
        if (plan.crash_before > 0)
            plan.crash_before += from;
        if (plan.crash_after > 0)
            plan.crash_after += from;
        files->set_plan(plan);
    }

    void restart_in_order() {
        const auto roles = node->finish_order();
        for (auto role = roles.begin(); role != roles.end() && !files->crashed(); ++role) {
            caf::anon_send(*role, actors::finish{});
            world.advance(pause);
        }
        if (files->crashed())
            return recover_if_crashed();
        if (options.store.flush == storage::flush_mode::async)
            ends.push_back(world.wall_clock()());
        node.reset();
        come_up();
        recover_if_crashed();
    }

    void recover_if_crashed() {
        while (files->crashed()) {
            hits.push_back(to_string(mode_) + ", " + files->hit());
            ends.push_back(world.wall_clock()());
            crash(mode_);
            world.advance(down);
            plan_next(0);
            come_up();
        }
    }

    void come_up() {
        started = world.wall_clock()();
        if (const auto up = try_start(options); !up)
            REQUIRE_MESSAGE(files->crashed(), to_string(up.failure()));
        if (!files->crashed() && on_restart)
            on_restart();
    }

    crash_mode mode_ = crash_mode::keep_all;
};

/// A script of a broker's life and the check of what came of it. Returns how many deliveries of the schedule were repeated. `is_odd` tells
/// one half of the lives from the other.
using checked_life = std::function<int(crashing_broker& broker, bool is_odd)>;

/// Lives once without a crash, and then with a crash at each call to the file system, on copies of `disk`. Without
/// power losses only the process dies.
inline void enumerate_lives(const std::shared_ptr<fault_file_system>& disk, const actors::broker_options& options, std::uint64_t seed,
                            const checked_life& live, bool with_power_losses = true) {
    const bool is_async = options.store.flush == storage::flush_mode::async;
    std::uint64_t calls = 0;
    {
        crashing_broker broker{disk->restart(), options};
        const auto repeated = live(broker, false);
        CHECK((repeated == 0 || is_async)); // where an orderly restart repeats what was not seen to be on the disk
        calls = broker.calls;
    }
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 100);
    int repeated = 0;
    int repeated_max = 0;
    const std::uint64_t one_of = full_run() ? 1 : 3; // a life of a whole broker takes long with sanitizers
    const auto crashes = enumerate_crashes(
        1, calls,
        [&](std::uint64_t call, const fault_plan& plan) {
            if (!with_power_losses && plan.mode != crash_mode::keep_all)
                return false;
            crashing_broker broker{disk->restart(seed + call), options};
            INFO("seed ", seed, ", ", broker.story());
            broker.plans = {plan};
            broker.down = std::chrono::milliseconds{call % 3 == 0 ? 700 : 0};
            const auto again = live(broker, call % 2 != 0);
            repeated += again;
            repeated_max = std::max(repeated_max, again);
            return !broker.hits.empty();
        },
        one_of);
    MESSAGE(crashes, " crashes, ", repeated, " deliveries repeated, at most ", repeated_max, " by one");
    CHECK(crashes > calls / one_of / (with_power_losses ? 2 : 8));
    CHECK(repeated > 0); // the moment between a delivery and the note of it was hit
}

/// Lives of several crashes each, also while the broker comes up.
inline void walk_lives(const std::shared_ptr<fault_file_system>& disk, const actors::broker_options& options, std::uint64_t seed,
                       const checked_life& live) {
    const std::uint64_t walks = full_run() ? 1'000 : 25;
    const auto crashes = walk_crashes(seed, walks, [&](std::uint64_t number, std::vector<fault_plan> plans) {
        crashing_broker broker{disk->restart(seed + number), options};
        INFO("seed ", seed, ", walk ", number, ", ", broker.story());
        broker.plans = std::move(plans);
        live(broker, number % 2 != 0);
        return broker.hits.size();
    });
    MESSAGE(crashes, " crashes");
    CHECK(crashes > 2 * walks);
}

} // namespace troupe::test_support
