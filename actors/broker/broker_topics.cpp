#include "actors/broker/broker_config.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

result<void> broker_state::check_topic_config(const topic_config& topic) const {
    if (auto legal = check_topic_name(topic.name); !legal)
        return legal;
    if (is_own_topic(setup_.options, topic.name))
        return error{errc::system_name, "topic name " + topic.name + " is reserved for the system"};
    if (topic.perm < 0 || topic.perm > 7)
        return error{errc::argument_illegal, "permission " + std::to_string(topic.perm) + " of topic " + topic.name + " is not in 0 to 7"};
    for (const auto queues : {topic.read_queues, topic.write_queues})
        if (queues < 1 || queues > limits::queues_per_topic_max)
            return error{errc::argument_illegal, std::to_string(queues) + " queues for topic " + topic.name + "; allowed are 1 to " +
                                                     std::to_string(limits::queues_per_topic_max)};
    std::size_t attributes_bytes = 0;
    for (const auto& attribute : topic.attributes)
        attributes_bytes += attribute.first.size() + attribute.second.size();
    if (attributes_bytes > limits::attributes_bytes_max)
        return error{errc::argument_illegal, "the attributes of topic " + topic.name + " have " + std::to_string(attributes_bytes) +
                                                 " bytes; at most " + std::to_string(limits::attributes_bytes_max) + " are allowed"};
    return {};
}

/// RocketMQ: TopicConfigManager.createTopicInSendMessageMethod. There topics named like the cluster and the broker are templates, too; here
/// these names mean the usual one, and so does none.
result<topic_config> broker_state::topic_from_template(const send_messages& order) const {
    const auto refuse = [&order](const std::string& why) {
        return error{errc::topic_not_found, "topic " + order.topic +
                                                " does not exist on this broker, and cannot be made from the template " +
                                                order.topic_template + " that its sender names: " + why + "; create it first"};
    };
    const auto& named = order.topic_template;
    const bool is_usual = named.empty() || named == setup_.options.cluster || named == setup_.options.broker_name;
    const auto* from = topics_->find(is_usual ? template_topic(setup_.options).name : named);
    if (from == nullptr)
        return refuse("there is no such topic");
    if ((from->perm & permission::inherit) == 0)
        return refuse("its permission lacks inherit");
    if (order.topic_template_queues < 1)
        return refuse("it asks for " + std::to_string(order.topic_template_queues) + " queues");
    constexpr std::int32_t unit_flag = 1; // RocketMQ: TopicSysFlag
    topic_config made;
    made.name = order.topic;
    made.read_queues = made.write_queues = std::min(order.topic_template_queues, from->write_queues);
    made.perm = from->perm & ~permission::inherit;
    made.sys_flag = order.unit_mode ? unit_flag : 0;
    return made;
}

result<void> broker_state::check_queue(const topic_queue& queue) const {
    const auto* topic = topics_->find(queue.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + queue.topic + " does not exist on this broker"};
    const auto queues = std::max(topic->read_queues, topic->write_queues);
    if (queue.queue.value() < 0 || queue.queue.value() >= queues)
        return error{errc::queue_not_found,
                     "topic " + queue.topic + " has " + std::to_string(queues) + " queues, there is no queue " + to_string(queue.queue)};
    return {};
}

result<void> broker_state::check_takes_messages() const {
    if ((topics_->broker_perm() & permission::write) == 0)
        return error{errc::not_permitted, "this broker takes no messages (its permission lacks write)"};
    return {};
}

void broker_state::publish(std::shared_ptr<const topic_snapshot> next) {
    topics_ = std::move(next);
    setup_.directory->publish(topics_);
    for (const auto& watcher : watchers_)
        self_->send(watcher.second, topics_changed{});
}

void broker_state::handle(const watch_topics& order) {
    if (!watchers_.emplace(order.watcher.address(), order.watcher).second)
        return;
    self_->monitor(order.watcher);
    self_->send(order.watcher, topics_changed{});
}

void broker_state::ensure_topic(topic_config topic, continuation done) {
    if (topics_->find(topic.name) != nullptr)
        return done({});
    store_topic(topic, std::move(done));
}

void broker_state::store_topic(const topic_config& topic, continuation done) {
    if (const auto legal = check_topic_config(topic); !legal)
        return done(legal.failure());
    if (topics_->find(topic.name) == nullptr &&
        topics_->size() + changes_.count(change_of_topic("")) >= setup_.options.topics_max + system_topics_)
        return done({errc::busy, "this broker has its " + std::to_string(setup_.options.topics_max) +
                                     " topics; there is no room for topic " + topic.name + " until another is deleted"});
    const auto change = change_of_topic(topic.name);
    if (undropped_.contains(topic.name))
        return done({errc::busy, "the old messages of topic " + topic.name + " are not gone yet; delete it again first"});
    if (!begin_change(change, false, std::move(done)))
        return;
    self_->request(setup_.metadata_keeper, caf::infinite, put_topic{topic})
        .then(
            [this, topic, change](topic_put) {
                setup_.quotas->set(topic.name, send_rates_of(topic));
                retention_.note(topic, now());
                publish(topics_->with(topic, setup_.options.now().value()));
                end_change(change, {});
            },
            [this, change](const caf::error& failure) { end_change(change, to_error(failure)); });
}

caf::result<topic_put> broker_state::handle(const put_topic& order) {
    if (const auto legal = check_topic_config(order.topic); !legal)
        return make_caf_error(legal.failure());
    if (const auto* known = topics_->find(order.topic.name); known != nullptr && *known == order.topic)
        return topic_put{};
    if (const auto free = check_unchanging(change_of_topic(order.topic.name)); !free)
        return make_caf_error(free.failure());
    auto promise = self_->make_response_promise<topic_put>();
    store_topic(order.topic, joint_answer(promise));
    return promise;
}

caf::result<topic_deleted> broker_state::handle(const delete_topic& order) {
    if (const auto legal = check_topic_name(order.topic); !legal)
        return make_caf_error(legal.failure());
    if (is_own_topic(setup_.options, order.topic))
        return make_caf_error(errc::system_name, "topic " + order.topic + " belongs to the system");
    const auto* known = topics_->find(order.topic);
    const auto change = change_of_topic(order.topic);
    if (const auto free = check_unchanging(change); !free)
        return make_caf_error(free.failure());
    if (known == nullptr && !undropped_.contains(order.topic))
        return topic_deleted{}; // as RocketMQ: deleting on every broker must not fail where it never was
    auto promise = self_->make_response_promise<topic_deleted>();
    const bool begun = begin_change(change, true, joint_answer(promise));
    if (!begun)
        return promise;
    if (known == nullptr) {
        drop_index(order.topic, change);
        return promise;
    }
    // First nobody may use it any more, then it goes: offsets and configuration in one write, its index after that.
    const auto topic = *known;
    pull_positions_.forget_topic(topic.name);
    setup_.traffic->forget_topic(topic.name);
    setup_.deliveries->forget_topic(topic.name);
    setup_.quotas->forget(topic.name);
    topic_config without_rule;
    without_rule.name = topic.name;
    retention_.note(without_rule, now());
    publish(topics_->without(topic.name, setup_.options.now().value()));
    finish_queues(finish{false}, topic.name);
    send_notes();
    const continuation failed = [this, topic, change](const error& failure) { // it is still there
        setup_.quotas->set(topic.name, send_rates_of(topic));
        retention_.note(topic, now());
        publish(topics_->with(topic, setup_.options.now().value()));
        end_change(change, failure);
    };
    forget_popped({}, topic.name, [this, order, topic, change, failed](const error& failure) {
        if (failure.code != errc::none)
            return failed(failure);
        self_->request(setup_.offset_keeper, caf::infinite, order)
            .then(
                [this, topic, change](topic_deleted) {
                    resets_.forget_topic(topic.name);
                    forget_modes(topic.name, {});
                    drop_index(topic.name, change);
                },
                [failed](const caf::error& why) { failed(to_error(why)); });
    });
    return promise;
}

void broker_state::drop_index(const std::string& topic, const std::string& change) {
    self_->request(setup_.log_writer, caf::infinite, drop_topic_index{topic})
        .then(
            [this, topic, change](topic_index_dropped) {
                undropped_.erase(topic);
                self_->send(setup_.metadata_keeper, forget_deleted_topic{topic});
                end_change(change, {});
            },
            [this, topic, change](const caf::error& failure) {
                undropped_.insert(topic); // a topic of this name must not come to life with the old messages
                end_change(change, to_error(failure));
            });
}

caf::result<topics_listed> broker_state::handle(const list_topics&) {
    return topics_listed{topics_->table()};
}

caf::result<topic_described> broker_state::handle(const describe_topic& order) {
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + order.topic + " does not exist on this broker");
    const auto queues = std::max(topic->read_queues, topic->write_queues);
    return questions_.pass_on<topic_described>(background_reader(), describe_queues{order.topic, setup_.options.broker_name, queues});
}

caf::result<offset_found> broker_state::handle(const find_max_offset& order) {
    if (const auto known = check_queue(order.queue); !known)
        return make_caf_error(known.failure());
    return questions_.pass_on<offset_found>(setup_.log_readers.front(), order);
}

caf::result<offset_found> broker_state::handle(const find_min_offset& order) {
    if (const auto known = check_queue(order.queue); !known)
        return make_caf_error(known.failure());
    return questions_.pass_on<offset_found>(setup_.log_readers.front(), order);
}

caf::result<offset_found> broker_state::handle(const search_offset& order) {
    if (const auto known = check_queue(order.queue); !known)
        return make_caf_error(known.failure());
    return questions_.pass_on<offset_found>(background_reader(), order);
}

} // namespace troupe::actors
