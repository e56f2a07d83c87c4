#include "actors/base/log.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

result<void> check_subscriptions(const protocol::consumer_data& consumer) {
    if (consumer.subscriptions.size() > limits::subscriptions_per_consumer_max)
        return error{errc::argument_illegal, "group " + consumer.group + " subscribes to " + std::to_string(consumer.subscriptions.size()) +
                                                 " topics; at most " + std::to_string(limits::subscriptions_per_consumer_max) +
                                                 " are allowed"};
    for (const auto& subscription : consumer.subscriptions) {
        if (const auto legal = check_topic_name(subscription.topic); !legal)
            return legal;
        if (subscription.expression.size() > limits::expression_bytes_max)
            return error{errc::subscription_illegal, "the expression of group " + consumer.group + " for topic " + subscription.topic +
                                                         " has " + std::to_string(subscription.expression.size()) + " bytes; at most " +
                                                         std::to_string(limits::expression_bytes_max) + " are allowed"};
    }
    return {};
}

/// What one heartbeat may make the broker keep.
result<void> check_heartbeat(const protocol::heartbeat_data& data) {
    if (data.client_id.size() > limits::client_id_bytes_max)
        return error{errc::argument_illegal, "the client id has " + std::to_string(data.client_id.size()) + " bytes; at most " +
                                                 std::to_string(limits::client_id_bytes_max) + " are allowed"};
    if (data.consumers.size() > limits::consumers_per_heartbeat_max)
        return error{errc::argument_illegal, "client " + data.client_id + " consumes in " + std::to_string(data.consumers.size()) +
                                                 " groups; at most " + std::to_string(limits::consumers_per_heartbeat_max) +
                                                 " are allowed: use several clients"};
    if (data.producer_groups.size() > limits::consumers_per_heartbeat_max)
        return error{errc::argument_illegal, "client " + data.client_id + " produces in " + std::to_string(data.producer_groups.size()) +
                                                 " groups; at most " + std::to_string(limits::consumers_per_heartbeat_max) +
                                                 " are allowed: use several clients"};
    for (const auto& consumer : data.consumers)
        if (const auto legal = check_subscriptions(consumer); !legal)
            return legal;
    return {};
}

} // namespace

// ---- membership -----------------------------------------------------------------------------------------------------

bool broker_state::may_use_group(const std::string& group) const {
    return groups_.contains(group) || is_predefined_group(group) || (setup_.options.auto_create_groups && check_group_name(group).ok());
}

session_number broker_state::number_of(const client_session_actor& session, const client_origin& origin) {
    if (!session)
        return 0;
    const auto entered = sessions_.enter(session, origin);
    if (entered.is_new)
        self_->monitor(session);
    return entered.number;
}

void broker_state::notify(const std::set<std::string>& groups, bool quiet_too) {
    for (const auto& group : groups) {
        if (const auto config = groups_.find(group); !quiet_too && config != groups_.end() && !config->second.notify_members_changed)
            continue; // its members look for themselves, three times a minute
        if (notices_.changed(group, now()))
            tell_members(group);
    }
    arm_notices();
}

void broker_state::tell_members(const std::string& group) {
    for (const auto session : members_.sessions(group))
        if (const auto* client = sessions_.find(session))
            self_->send(client->actor, consumers_changed{group});
}

/// Keeps one tick on its way, for the window that ends first.
void broker_state::arm_notices() {
    const auto next = notices_.next_due();
    if (!next || std::exchange(notices_armed_, true))
        return;
    self_->delayed_send(self_, std::max(*next - now(), clock_time::duration::zero()), notices_tick{});
}

void broker_state::handle(notices_tick) {
    notices_armed_ = false;
    for (const auto& group : notices_.take_due(now()))
        tell_members(group);
    arm_notices();
}

/// A difference is nobody's failure to be answered: those who deploy a new version of a consumer have one for a while.
void broker_state::tell_differences() {
    constexpr std::size_t groups_per_tick_max = 10;
    for (const auto& news : members_.take_news(now(), groups_per_tick_max)) {
        if (news.differences.empty())
            write_log(log_level::info, "broker: the members of group " + news.group + " subscribe to the same again");
        else
            write_log(log_level::warning, "broker: the members of group " + news.group +
                                              " do not subscribe to the same: " + news.differences +
                                              ". Each is handed only what it subscribes to itself, and what its queues hold for the "
                                              "others is passed over; let all of them subscribe to the same");
    }
    for (const auto& shared : members_.take_shared_ids(groups_per_tick_max)) {
        std::string addresses;
        for (const auto session : shared.sessions)
            addresses += (addresses.empty() ? "" : " and ") + connection_of(shared.client_id, session).address;
        write_log(log_level::warning, "broker: several clients of group " + shared.group + " have the same client id " +
                                          protocol::shown_client_id(shared.client_id) + ", by turns from " + addresses +
                                          ". They count as one member, so all of them read the same queues; give each an id of its own "
                                          "(an instance name, for RocketMQ's clients)");
    }
}

/// A group gets its configuration from its first member; it has none when there was no room, or when it was deleted under its members.
/// Whoever pulls without a heartbeat never makes one, and on a quiet topic it commits nothing: its pulls alone show that it is there.
void broker_state::keep_offsets_of_users() {
    auto groups = members_.groups_outside(groups_);
    for (const auto& group : pull_positions_.take_pulled())
        if (!groups_.contains(group))
            groups.push_back(group);
    if (!groups.empty())
        self_->send(setup_.offset_keeper, keep_offsets{std::move(groups)});
}

caf::result<heartbeat_accepted> broker_state::handle(const client_heartbeat& order) {
    return accept(order.data, number_of(order.session), true);
}

caf::result<heartbeat_accepted> broker_state::accept(protocol::heartbeat_data data, session_number session, bool with_subscriptions) {
    if (const auto legal = check_heartbeat(data); !legal)
        return make_caf_error(legal.failure());
    // A group that may not exist is left out, without failing the others (RocketMQ: ClientManageProcessor).
    std::erase_if(data.consumers, [this](const auto& consumer) { return !may_use_group(consumer.group); });
    if (members_.member_count() + data.consumers.size() > limits::members_per_broker_max) {
        add(setup_.metrics->busy_answers);
        return make_caf_error(errc::busy, "this broker keeps at most " + std::to_string(limits::members_per_broker_max) +
                                              " group members; stop some, or wait until silent ones have expired");
    }
    std::erase_if(data.producer_groups, [](const auto& group) { return group.empty() || group.size() > limits::internal_topic_bytes_max; });
    if (!producers_.heartbeat(data.client_id, data.producer_groups, session, now())) {
        add(setup_.metrics->busy_answers);
        return make_caf_error(errc::busy, "this broker keeps at most " + std::to_string(limits::members_per_broker_max) +
                                              " clients of producer groups; stop some, or wait until silent ones have expired");
    }
    // Members join before their group is durable: a session that ends meanwhile must find them to take out.
    notify(members_.heartbeat(data, session, now(), with_subscriptions));

    auto promise = self_->make_response_promise<heartbeat_accepted>();
    const auto one_done = joint_answer(promise, 1 + 2 * data.consumers.size());
    for (const auto& consumer : data.consumers) {
        ensure_group(consumer.group, one_done);
        ensure_topic(topic_for_returned(retry_topic_of(consumer.group), consumer.group), one_done);
    }
    one_done({});
    return promise;
}

caf::result<client_unregistered> broker_state::handle(const unregister_client& order) {
    if (!order.consumer_group.empty())
        notify(members_.unregister(order.client_id, order.consumer_group));
    if (!order.producer_group.empty())
        producers_.unregister(order.client_id, order.producer_group);
    return client_unregistered{};
}

caf::result<group_members> broker_state::handle(const list_group_members& order) {
    if (!members_.has_members(order.group))
        return make_caf_error(errc::group_not_found, "group " + order.group + " has no live member");
    return group_members{members_.members(order.group)};
}

// ---- offsets --------------------------------------------------------------------------------------------------------

caf::result<offset_committed> broker_state::handle(const commit_offset& order) {
    if (!may_use_group(order.key.group))
        return make_caf_error(errc::group_not_found, "group " + order.key.group + " does not exist on this broker; create it first");
    if (const auto known = check_queue(order.key.queue); !known)
        return make_caf_error(known.failure());
    if (order.offset.value() < 0)
        return make_caf_error(errc::argument_illegal, "offset " + to_string(order.offset) + " is below 0");
    if (resets_.contains(order.key)) // the consumer does not know yet that it is to go elsewhere
        return offset_committed{};
    send_notes();
    return questions_.pass_on<offset_committed>(setup_.offset_keeper, order);
}

caf::result<offset_found> broker_state::handle(const query_offset& order) {
    if (const auto known = check_queue(order.key.queue); !known)
        return make_caf_error(known.failure());
    send_notes();
    return questions_.pass_on<offset_found>(setup_.offset_keeper, order);
}

// ---- administration -------------------------------------------------------------------------------------------------

void broker_state::ensure_group(const std::string& group, continuation done) {
    if (groups_.contains(group))
        return done({});
    group_config config;
    config.name = group;
    store_group(config, std::move(done));
}

void broker_state::store_group(const group_config& group, continuation done) {
    if (!groups_.contains(group.name) && groups_.size() + changes_.count(change_of_group("")) >= setup_.options.groups_max)
        return done({errc::busy, "this broker has its " + std::to_string(setup_.options.groups_max) +
                                     " groups; there is no room for group " + group.name + " until another is deleted"});
    const auto change = change_of_group(group.name);
    if (!begin_change(change, false, std::move(done)))
        return;
    self_->request(setup_.metadata_keeper, caf::infinite, put_group{group})
        .then(
            [this, group, change](group_put) {
                groups_.insert_or_assign(group.name, group);
                self_->send(setup_.offset_keeper, claim_group{group.name});
                setup_.shares->set(group.name, group.deliver_messages);
                setup_.tries->set(group.name, group.retry_max);
                groups_version_.timestamp_ms = setup_.options.now().value();
                ++groups_version_.counter;
                end_change(change, {});
            },
            [this, change](const caf::error& failure) { end_change(change, to_error(failure)); });
}

result<void> broker_state::check_group_config(const group_config& group) const {
    if (const auto legal = check_group_name(group.name); !legal)
        return legal;
    if (group.retry_queues < 0 || group.retry_max < -1)
        return error{errc::argument_illegal, "group " + group.name + ": retry_queues and retry_max may not be negative"};
    if (group.retry_queues > limits::queues_per_topic_max)
        return error{errc::argument_illegal, std::to_string(group.retry_queues) + " retry queues for group " + group.name + "; at most " +
                                                 std::to_string(limits::queues_per_topic_max) + " are allowed"};
    if (group.deliver_messages < 0)
        return error{errc::argument_illegal, "group " + group.name + ": quota.deliver.messages is " +
                                                 std::to_string(group.deliver_messages) +
                                                 "; it is a whole number from 0 on, and 0 means without limit"};
    if (!group.unknown_attributes.empty())
        return error{errc::argument_illegal, "group " + group.name + ": there is no attribute " + group.unknown_attributes.begin()->first +
                                                 " here; a group can have quota.deliver.messages"};
    if (const auto legal = check_retries(group.retries, setup_.options.timer_horizon); !legal)
        return error{errc::argument_illegal, "group " + group.name + ": " + legal.failure().text};
    return {};
}

caf::result<group_put> broker_state::handle(const put_group& order) {
    const auto& group = order.group;
    if (const auto legal = check_group_config(group); !legal)
        return make_caf_error(legal.failure());
    if (const auto known = groups_.find(group.name); known != groups_.end() && known->second == group)
        return group_put{};
    if (const auto free = check_unchanging(change_of_group(group.name)); !free)
        return make_caf_error(free.failure());
    auto promise = self_->make_response_promise<group_put>();
    store_group(group, joint_answer(promise));
    return promise;
}

caf::result<group_deleted> broker_state::handle(const delete_group& order) {
    if (const auto legal = check_group_name(order.group); !legal && !groups_.contains(order.group))
        return make_caf_error(legal.failure());
    const auto change = change_of_group(order.group);
    if (const auto free = check_unchanging(change); !free)
        return make_caf_error(free.failure());
    auto promise = self_->make_response_promise<group_deleted>();
    const bool begun = begin_change(change, true, joint_answer(promise));
    if (!begun)
        return promise;
    forget_popped(order.group, {}, [this, order, change](const error& failure) {
        if (failure.code != errc::none)
            return end_change(change, failure);
        send_notes();
        self_->request(setup_.offset_keeper, caf::infinite, order)
            .then(
                [this, group = order.group, change](group_deleted) {
                    groups_.erase(group);
                    pull_positions_.forget_group(group);
                    setup_.traffic->forget_group(group);
                    setup_.deliveries->forget_group(group);
                    lags_.forget(group);
                    setup_.shares->forget(group);
                    setup_.tries->forget(group);
                    resets_.forget_group(group);
                    forget_modes({}, group);
                    groups_version_.timestamp_ms = setup_.options.now().value();
                    ++groups_version_.counter;
                    end_change(change, {});
                },
                [this, change](const caf::error& why) { end_change(change, to_error(why)); });
    });
    return promise;
}

caf::result<groups_listed> broker_state::handle(const list_groups&) {
    groups_listed listed;
    listed.table.version = groups_version_;
    listed.table.groups = {groups_.begin(), groups_.end()};
    return listed;
}

caf::result<group_described> broker_state::handle(const describe_group& order) {
    if (!order.topic.empty() && topics_->find(order.topic) == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + order.topic + " does not exist on this broker");
    auto promise = self_->make_response_promise<group_described>();
    send_notes();
    progress_.describe(order, deliver_to(promise));
    return promise;
}

} // namespace troupe::actors
