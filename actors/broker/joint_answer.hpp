#pragma once

#include "actors/messages/type_ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace troupe::actors {

/// A continuation that delivers `Done` when as many outcomes as `open` says have come; the first failure among them is the answer.
/// Only the promise's own actor may call it. Fewer outcomes, no answer: whoever is told of it must be told in any case.
template <class Done>
std::function<void(const error&)> joint_answer(caf::typed_response_promise<Done> promise, std::size_t open = 1) {
    struct progress {
        caf::typed_response_promise<Done> promise;
        std::size_t open;
        error failure;
    };
    auto all = std::make_shared<progress>(progress{std::move(promise), open, {}});
    return [all](const error& failure) {
        if (failure.code != errc::none && all->failure.code == errc::none)
            all->failure = failure;
        if (--all->open > 0)
            return;
        if (all->failure.code == errc::none)
            all->promise.deliver(Done{});
        else
            all->promise.deliver(make_caf_error(all->failure));
    };
}

/// What delivers one outcome, answer or failure. Only the promise's own actor may call it.
template <class Answer>
std::function<void(result<Answer>)> deliver_to(caf::typed_response_promise<Answer> promise) {
    return [promise = std::move(promise)](result<Answer> outcome) mutable {
        if (outcome)
            promise.deliver(std::move(*outcome));
        else
            promise.deliver(make_caf_error(outcome.failure()));
    };
}

} // namespace troupe::actors
