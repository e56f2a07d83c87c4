#pragma once

#include "protocol/vocabulary/result.hpp"

#include <functional>

namespace troupe::actors {

/// The way to ask one kind of question, for classes that decide what to ask and need not know whom. One of `fail` and `then` is called,
/// once; when there are too many questions, at once. broker_questions makes it of a role, a test of whatever it likes.
template <class Order, class Answer>
using question = std::function<void(Order order, std::function<void(const error& failure)> fail, std::function<void(Answer& answer)> then)>;

} // namespace troupe::actors
