#pragma once

#include "actors/log/pull_hold.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// What a change is of, as people are told, too. Of an empty topic or group: what all of them begin with.
std::string change_of_topic(std::string_view topic);
std::string change_of_group(std::string_view group);
std::string change_of_mode(std::string_view topic, std::string_view group);

/// Changes of topics, groups and request modes on their way to the disk, by what they are of, and who waits for their outcome. Of one thing
/// only one change at a time is under way: the first caller works, later ones wait for what comes of it. A change stays until the disk has
/// answered, also when all who wait are over their deadline: until then nobody knows whether it happened, and a second one must not begin.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  at most `waiting_max` callers wait; beyond them the answer is busy.
/// Always   a continuation that was taken is given back exactly once, by end, take_overdue or take_all, for its owner to call.
class running_changes {
public:
    using continuation = std::function<void(const error& failure)>; ///< code none: it worked

    explicit running_changes(std::size_t waiting_max) : waiting_max_{waiting_max} {}

    enum class place : std::uint8_t { first, behind };
    /// `first`: the caller is to work, and then to call end. `behind`: another works already. Fails with busy, without having taken `done`:
    /// the running change is of the other kind, or too many wait.
    result<place> begin(const std::string& what, bool removes, const continuation& done, clock_time deadline);
    /// The disk has answered: whoever waits, in the order in which they came. Nothing: there is no such change (any more).
    [[nodiscard]] std::optional<std::vector<continuation>> end(const std::string& what);
    /// Those over their deadline; their changes go on.
    [[nodiscard]] std::vector<continuation> take_overdue(clock_time now);
    /// All, for an owner that ends; no change is left.
    [[nodiscard]] std::vector<continuation> take_all();

    [[nodiscard]] bool is_empty() const { return changes_.empty(); }
    [[nodiscard]] bool contains(const std::string& what) const { return changes_.contains(what); }
    [[nodiscard]] bool is_removed(const std::string& what) const;
    /// Changes whose name begins so.
    [[nodiscard]] std::size_t count(std::string_view prefix) const;

private:
    struct waiter {
        continuation done;
        clock_time deadline;
    };
    struct change {
        bool removes = false;
        std::vector<waiter> waiting; ///< may be empty
    };
    std::size_t waiting_max_;
    std::size_t waiting_ = 0; ///< in changes_
    std::map<std::string, change> changes_;
};

} // namespace troupe::actors
