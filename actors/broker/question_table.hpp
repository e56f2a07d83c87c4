#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace troupe::actors {

/// Questions to roles and clients whose answers are not there yet, by number, and whom to tell when there will be none.
///
/// Threads  not synchronised.
/// Bounded  at most `questions_max`; beyond them the answer is busy.
/// Always   a continuation that was taken is told of one failure, or its question is answered; never both, and neither twice.
class question_table {
public:
    using continuation = std::function<void(const error& failure)>;

    explicit question_table(std::size_t questions_max) : questions_max_{questions_max} {}

    /// The number to ask under. Nothing: too many are under way, and `fail` has been told busy.
    [[nodiscard]] std::optional<std::uint64_t> add(continuation fail);
    /// The answer is here. False: the question has failed already, and the answer comes too late to mean anything.
    [[nodiscard]] bool end(std::uint64_t number);
    /// Tells who waits for the question's answer, unless it has failed already.
    void fail(std::uint64_t number, const error& failure);
    /// All of them, and those that are asked because of that, for an owner that ends. Who asks anew must give up in the end.
    void fail_all(const error& failure);

    [[nodiscard]] bool is_empty() const { return questions_.empty(); }

private:
    std::size_t questions_max_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, continuation> questions_;
};

} // namespace troupe::actors
