#include "actors/broker/broker_state.hpp"
#include "protocol/vocabulary/names.hpp"

#include <string>
#include <utility>

// Whether a group takes messages of a topic by pulls or by pops. RocketMQ: SET_MESSAGE_REQUEST_MODE.

namespace troupe::actors {

void broker_state::follow_commits_of(const std::string& group, const std::string& topic, continuation next) {
    if (!setup_.pop_keeper)
        return next({});
    send_notes();
    self_->request(setup_.pop_keeper, caf::infinite, follow_commits{group, topic})
        .then([next](pops_changed) { next({}); }, [next](const caf::error& failure) { next(to_error(failure)); });
}

caf::result<request_mode_set> broker_state::handle(const set_request_mode& order) {
    const auto& wish = order.mode;
    if (is_retry_topic(wish.topic))
        return make_caf_error(errc::not_permitted, "topic " + wish.topic + " belongs to a group: its messages are pulled");
    if (topics_->find(wish.topic) == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + wish.topic + " does not exist on this broker");
    if (!groups_.contains(wish.group))
        return make_caf_error(errc::group_not_found, "group " + wish.group + " does not exist on this broker");
    if (wish.mode != "PULL" && wish.mode != "POP")
        return make_caf_error(errc::argument_illegal,
                              "a group takes messages by PULL or by POP, there is no mode " + wish.mode.substr(0, 64));
    request_mode mode{wish.topic, wish.group, wish.mode == "POP", wish.pop_share_queues};
    const auto change = change_of_mode(mode.topic, mode.group);
    if (const auto free = check_unchanging(change); !free)
        return make_caf_error(free.failure());
    if (const auto room = modes_.check_room(mode.topic, mode.group); !room)
        return make_caf_error(room.failure());
    auto promise = self_->make_response_promise<request_mode_set>();
    const continuation done = [promise](const error& failure) mutable {
        if (failure.code == errc::none)
            promise.deliver(request_mode_set{});
        else
            promise.deliver(make_caf_error(failure));
    };
    if (!begin_change(change, false, done))
        return promise;
    if (!mode.is_pop)
        store_mode(mode, change);
    else
        follow_commits_of(mode.group, mode.topic, [this, mode, change](const error& failure) {
            if (failure.code != errc::none)
                return end_change(change, failure);
            store_mode(mode, change);
        });
    return promise;
}

void broker_state::store_mode(const request_mode& mode, const std::string& change) {
    self_->request(setup_.metadata_keeper, caf::infinite, put_request_mode{mode})
        .then(
            [this, mode, change](request_mode_put) {
                modes_.set(mode);
                if (mode.is_pop)
                    return end_change(change, {});
                // Whoever pulls begins at what is committed, and what is out for pops comes once more.
                forget_popped(mode.group, mode.topic, [this, change](const error& failure) { end_change(change, failure); });
            },
            [this, change](const caf::error& failure) { end_change(change, to_error(failure)); });
}

caf::result<request_modes_listed> broker_state::handle(const list_request_modes&) {
    request_modes_listed listed;
    for (const auto& mode : modes_.list())
        listed.modes.push_back({mode.topic, mode.group, mode.is_pop ? "POP" : "PULL", mode.share_queues});
    return listed;
}

void broker_state::forget_modes(const std::string& topic, const std::string& group) {
    modes_.forget(topic, group);
    assigner_.forget_topic(topic);
}

} // namespace troupe::actors
