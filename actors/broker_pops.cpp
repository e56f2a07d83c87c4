#include "actors/broker_state.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <string>
#include <utility>

// Pop consumers: what they may take, and which queues a client reads. Source: reference "remoting-client.md" 4.7, 4.8.

namespace troupe::actors {

namespace {

constexpr std::int32_t messages_per_pop_max = 32;
constexpr std::int64_t poll_ms_max = 3'600'000;
constexpr std::int64_t invisible_ms_max = std::int64_t{7} * 24 * 3'600 * 1'000;
constexpr std::chrono::seconds route_fresh_for{5};
constexpr std::chrono::seconds route_deadline{2};
constexpr std::size_t routes_max = 10'000;
constexpr std::size_t modes_max = 100'000;

/// Deliveries before a message is dead: the first one, and as many tries as its group allows.
std::int32_t deliveries_of(std::int32_t retry_max) {
    return (retry_max < 0 ? retry_max_default : std::min(retry_max, 1'000'000)) + 1;
}

} // namespace

// ---- pops -----------------------------------------------------------------------------------------------------------

void broker_state::handle(const pop_ticketed& order) {
    const auto refuse = [this, ticket = order.ticket, holder = order.reply_to](const error& failure) {
        self_->send(holder, pop_answered{ticket, failure, {}});
    };
    auto pop = finishing_ ? result<checked_pop>{closing()} : check_pop(order.pop);
    if (!pop || !setup_.pop_keeper)
        return refuse(pop ? error{errc::not_supported, "this broker serves no pops"} : pop.failure());
    if (!groups_.contains(order.pop.group)) // what is kept of a group is bounded by the number of groups
        return ensure_group(order.pop.group, [this, order, refuse](const error& failure) {
            if (failure.code != errc::none || !groups_.contains(order.pop.group))
                return refuse(failure.code != errc::none ? failure : error{errc::busy, "group " + order.pop.group + " is being deleted"});
            handle(order);
        });
    pop->ticket = order.ticket;
    pop->reply_to = order.reply_to;
    if (order.pop.kind == pop_kind::take) {
        resets_.forget_queues(order.pop.group, order.pop.topic, order.pop.queue); // whoever pops is where they say
        const auto share = std::clamp<std::int64_t>(setup_.shares->messages_max(order.pop.group), 1, messages_per_pop_max);
        pop->pop.messages_max = std::min(pop->pop.messages_max, static_cast<std::int32_t>(share));
        if (setup_.shares->wait(order.pop.group, now()).count() > 0) {
            if (const auto waits = throttle({order.pop.group, std::move(*pop), throttle_deadline(order.pop.poll_ms)}); !waits)
                refuse(waits.failure());
            return;
        }
    }
    self_->send(setup_.pop_keeper, std::move(*pop));
}

void broker_state::answer_nothing(const checked_pop& pop) {
    messages_popped nothing;
    nothing.kind = pop.pop.kind;
    nothing.popped = setup_.options.now();
    nothing.invisible_ms = pop.pop.invisible_ms;
    nothing.revive_queue = pop.pop.ordered ? protocol::ordered_revive_queue : 0;
    self_->send(pop.reply_to, pop_answered{pop.ticket, {}, std::move(nothing)});
}

void broker_state::handle(const pops_abandoned& order) {
    setup_.hold_admission->release(throttled_pops_.drop(order.reply_to, order.tickets));
    if (setup_.pop_keeper)
        self_->send(setup_.pop_keeper, order); // behind the pops that it speaks of
}

result<checked_pop> broker_state::check_pop(const pop_messages& order) {
    if ((topics_->broker_perm() & permission::read) == 0)
        return error{errc::not_permitted, "this broker hands out no messages (its permission lacks read)"};
    if (order.messages_max < 1 || order.messages_max > messages_per_pop_max)
        return error{errc::argument_illegal,
                     std::to_string(order.messages_max) + " messages in one pop; ask for 1 to " + std::to_string(messages_per_pop_max)};
    if (order.kind == pop_kind::take && (order.invisible_ms < 1 || order.invisible_ms > invisible_ms_max))
        return error{errc::argument_illegal,
                     "invisible time " + std::to_string(order.invisible_ms) + " ms is outside 1 to " + std::to_string(invisible_ms_max)};
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + order.topic + " does not exist on this broker; create it first"};
    if ((topic->perm & permission::read) == 0)
        return error{errc::not_permitted, "topic " + order.topic + " hands out no messages (its permission lacks read)"};
    if (order.queue.value() >= topic->read_queues)
        return error{errc::queue_not_found, "topic " + order.topic + " has " + std::to_string(topic->read_queues) +
                                                " queues to read, there is no queue " + to_string(order.queue)};
    if (!may_use_group(order.group))
        return error{errc::group_not_found, "group " + order.group + " does not exist on this broker; create it first"};
    const auto group = groups_.find(order.group);
    if (group != groups_.end() && !group->second.consume_enable)
        return error{errc::not_permitted, "group " + order.group + " may not consume (consume_enable is off)"};
    if (order.attempt.size() > limits::client_id_bytes_max)
        return error{errc::argument_illegal, "the attempt id has " + std::to_string(order.attempt.size()) + " bytes; at most " +
                                                 std::to_string(limits::client_id_bytes_max) + " are allowed"};
    if (auto settled = check_settled(order.topic, order.group); !settled)
        return settled.failure();
    auto filter = filter_for(order.topic, order.expression, order.expression_type);
    if (!filter)
        return filter.failure();
    checked_pop pop;
    pop.pop = order;
    pop.pop.poll_ms = std::clamp(order.poll_ms, std::int64_t{0}, poll_ms_max); // no sum of what a client says overflows
    pop.filter = std::move(*filter);
    pop.queues = topic->read_queues;
    pop.deliveries_max = deliveries_of(group == groups_.end() ? retry_max_default : group->second.retry_max);
    return pop;
}

/// What is being forgotten must not come back by a pop that came meanwhile.
result<void> broker_state::check_settled(const std::string& topic, const std::string& group) const {
    const auto deletion = changes_.find("group " + group);
    if ((deletion != changes_.end() && deletion->second.removes) || changes_.contains(change_of_mode(topic, group)))
        return error{errc::busy, "group " + group + " is being deleted, or how it takes messages of topic " + topic +
                                     " is being changed; pop again later"};
    return {};
}

/// What was popped goes first; then `next` is told of the outcome.
void broker_state::forget_popped(const std::string& group, const std::string& topic, continuation next) {
    if (!setup_.pop_keeper)
        return next({});
    self_->request(setup_.pop_keeper, caf::infinite, forget_pops{group, topic})
        .then([next](pops_changed) { next({}); }, [next](const caf::error& failure) { next(to_error(failure)); });
}

void broker_state::follow_commits_of(const std::string& group, const std::string& topic, continuation next) {
    if (!setup_.pop_keeper)
        return next({});
    send_notes();
    self_->request(setup_.pop_keeper, caf::infinite, follow_commits{group, topic})
        .then([next](pops_changed) { next({}); }, [next](const caf::error& failure) { next(to_error(failure)); });
}

// ---- modes ----------------------------------------------------------------------------------------------------------

request_mode broker_state::mode_of(const std::string& topic, const std::string& group) const {
    const auto set = modes_.find({topic, group});
    return set == modes_.end() ? request_mode{topic, group} : set->second;
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
    if (modes_.size() >= modes_max && !modes_.contains({mode.topic, mode.group}))
        return make_caf_error(errc::busy, "this broker keeps the modes of at most " + std::to_string(modes_max) + " groups and topics");
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
                modes_.insert_or_assign({mode.topic, mode.group}, mode);
                if (mode.is_pop)
                    return end_change(change, {});
                // Whoever pulls begins at what is committed, and what is out for pops comes once more.
                forget_popped(mode.group, mode.topic, [this, change](const error& failure) { end_change(change, failure); });
            },
            [this, change](const caf::error& failure) { end_change(change, to_error(failure)); });
}

caf::result<request_modes_listed> broker_state::handle(const list_request_modes&) {
    request_modes_listed listed;
    for (const auto& entry : modes_) {
        const auto& mode = entry.second;
        listed.modes.push_back({mode.topic, mode.group, mode.is_pop ? "POP" : "PULL", mode.share_queues});
    }
    return listed;
}

void broker_state::forget_modes(const std::string& topic, const std::string& group) {
    std::erase_if(modes_, [&](const auto& entry) { return entry.first.first == topic || entry.first.second == group; });
    routes_.erase(topic);
}

// ---- assignments ----------------------------------------------------------------------------------------------------

void broker_state::handle(const use_name_servers& order) {
    name_servers_ = order.name_servers;
}

caf::result<assignment_found> broker_state::handle(const query_assignment& order) {
    const auto& request = order.request;
    if (request.strategy != "AVG" && request.strategy != "AVG_BY_CIRCLE")
        return make_caf_error(errc::argument_illegal,
                              "queues are assigned by AVG or AVG_BY_CIRCLE, there is no strategy " + request.strategy.substr(0, 64));
    if (const auto legal = check_topic_name(request.topic); !legal && !is_retry_topic(request.topic))
        return make_caf_error(legal.failure());
    auto promise = self_->make_response_promise<assignment_found>();
    if (name_servers_.empty()) {
        const auto* topic = topics_->find(request.topic);
        const bool is_readable = topic != nullptr && (topic->perm & permission::read) != 0;
        promise.deliver(assign(request, is_readable ? std::vector<protocol::queue_data>{{setup_.options.broker_name, topic->read_queues,
                                                                                         topic->write_queues, topic->perm, 0}}
                                                    : std::vector<protocol::queue_data>{}));
        return promise;
    }
    if (const auto known = routes_.find(request.topic); known != routes_.end() && now() < known->second.fresh_until) {
        promise.deliver(assign(request, known->second.queues));
        return promise;
    }
    find_topic_route(request, 0, promise);
    return promise;
}

/// Asks one name server after the other. When none knows the topic what was known counts, and else nobody should change anything: a
/// name server that has just started knows little.
void broker_state::find_topic_route(const protocol::assignment_request& request, std::size_t server,
                                    caf::typed_response_promise<assignment_found> promise) {
    if (server >= name_servers_.size()) {
        const auto known = routes_.find(request.topic);
        promise.deliver(known == routes_.end() ? assignment_found{} : assign(request, known->second.queues));
        return;
    }
    ask_within<route_found>(
        route_deadline, name_servers_[server], find_route{request.topic},
        [this, request, server, promise](const error&) {
            find_topic_route(request, finishing_ ? name_servers_.size() : server + 1, promise);
        },
        [this, request, promise](route_found& found) mutable {
            if (routes_.size() >= routes_max)
                routes_.clear();
            auto& known = routes_[request.topic];
            known = {std::move(found.route.queues), now() + route_fresh_for};
            promise.deliver(assign(request, known.queues));
        });
}

assignment_found broker_state::assign(const protocol::assignment_request& request, const std::vector<protocol::queue_data>& route) const {
    auto queues = readable_queues(request.topic, route);
    assignment_found found;
    if (request.is_broadcasting) {
        found.is_known = true;
        for (auto& queue : queues)
            found.queues.push_back({std::move(queue), false});
        return found;
    }
    assignment_question question;
    question.client_id = request.client_id;
    question.strategy = request.strategy;
    if (!is_retry_topic(request.topic)) // those are always pulled
        question.mode = mode_of(request.topic, request.group);
    question.queues = std::move(queues);
    question.members = members_.members(request.group);
    auto assigned = assign_queues(std::move(question));
    if (assigned) // a client that is no member yet keeps what it has
        found = {true, std::move(*assigned)};
    return found;
}

} // namespace troupe::actors
