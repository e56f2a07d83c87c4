#pragma once

#include "actors/broker/question.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Stands for a role that is asked one kind of question, and answers when the test says so. It lives as long as whoever asks it.
template <class Order, class Answer>
class asked_questions {
public:
    [[nodiscard]] question<Order, Answer> way() {
        return [this](Order order, std::function<void(const error&)> fail, std::function<void(Answer&)> then) {
            open_.push_back({std::move(order), std::move(fail), std::move(then)});
        };
    }
    [[nodiscard]] std::size_t open() const { return open_.size(); }
    /// The question that has waited longest.
    [[nodiscard]] const Order& next() const {
        REQUIRE_FALSE(open_.empty());
        return open_.front().order;
    }
    void answer(Answer answer) { take().then(answer); }
    void fail(errc code) { take().fail({code, "as the test says"}); }
    /// Nobody answers any more.
    void forget() { open_.clear(); }

private:
    struct one {
        Order order;
        std::function<void(const error&)> fail;
        std::function<void(Answer&)> then;
    };
    one take() {
        REQUIRE_FALSE(open_.empty());
        auto taken = std::move(open_.front());
        open_.erase(open_.begin());
        return taken;
    }
    std::vector<one> open_;
};

} // namespace troupe::actors
