#include "actors/broker/question_table.hpp"

#include <string>
#include <utility>

namespace troupe::actors {

std::optional<std::uint64_t> question_table::add(continuation fail) {
    if (questions_.size() >= questions_max_) {
        fail(
            {errc::busy, "more than " + std::to_string(questions_max_) + " requests wait for the disk or a client; repeat this one later"});
        return std::nullopt;
    }
    const auto number = next_++;
    questions_.emplace(number, std::move(fail));
    return number;
}

bool question_table::end(std::uint64_t number) {
    return questions_.erase(number) != 0;
}

/// Whoever is told may ask again at once: the question is out of the table before.
void question_table::fail(std::uint64_t number, const error& failure) {
    if (const auto question = questions_.extract(number); !question.empty())
        question.mapped()(failure);
}

/// Whoever is told may ask somebody else at once; that fails, too, until nobody asks any more.
void question_table::fail_all(const error& failure) {
    while (!questions_.empty())
        for (const auto& question : std::exchange(questions_, {}))
            question.second(failure);
}

} // namespace troupe::actors
