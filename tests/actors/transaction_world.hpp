#pragma once

#include "actors/messages/member_messages.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "storage/pending_transaction.hpp"
#include "tests/actors/broker_world.hpp"

#include <caf/actor_cast.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::test_support {

/// A producer's connection in the broker's process: it writes down what it is asked, and answers by `says`.
struct asked_producer {
    std::vector<actors::check_transaction> questions;
    std::function<actors::transaction_decision(const actors::check_transaction&)> says;
    caf::actor session;
};
using producer_session_actor = actors::client_session_actor::extend_with<actors::transaction_asker_actor>;

/// A broker in virtual time, and producers of transactions.
struct transaction_world : broker_world {
    explicit transaction_world(actors::broker_options options = small_broker()) : broker_world{std::move(options)} { make_topic("orders"); }
    ~transaction_world() {
        for (const auto& producer : producers)
            producer->session = nullptr; // which has its producer too
    }

    /// Answers of the broker's heartbeat to one more client of `group`.
    std::shared_ptr<asked_producer> join(const std::string& client_id, const std::string& group = "payers") {
        auto producer = std::make_shared<asked_producer>();
        const auto broker = caf::actor_cast<actors::transaction_actor>(node->broker());
        const auto session =
            world.system().spawn([producer, broker, group](producer_session_actor::pointer) -> producer_session_actor::behavior_type {
                return {
                    [](const actors::consumers_changed&) {},
                    [producer, broker, group](const actors::check_transaction& question) {
                        producer->questions.push_back(question);
                        const auto decision = producer->says ? producer->says(question) : actors::transaction_decision::unknown;
                        caf::anon_send(broker, actors::end_transaction{group, question.position, question.offset, decision, true, {}, {}});
                        return actors::transaction_check_sent{};
                    },
                };
            });
        producer->session = caf::actor_cast<caf::actor>(session);
        producers.push_back(producer);
        beat(client_id, group, producer->session);
        return producer;
    }
    void beat(const std::string& client_id, const std::string& group, const caf::actor& session) {
        actors::client_heartbeat beat;
        beat.data.client_id = client_id;
        beat.data.producer_groups = {group};
        beat.session = caf::actor_cast<actors::client_session_actor>(session);
        REQUIRE(answer<actors::heartbeat_accepted>(beat).ok());
    }

    actors::messages_stored prepare(const std::string& body, const std::string& more = {}, const std::string& group = "payers") {
        const auto stored = answer<actors::messages_stored>(half(body, more, group));
        REQUIRE_MESSAGE(stored.ok(), to_string(stored.ok() ? error{} : stored.failure()));
        return *stored;
    }
    static actors::send_messages half(const std::string& body, const std::string& more = {}, const std::string& group = "payers") {
        auto order = message(body, 1, "TRAN_MSG\x01true\x02UNIQ_KEY\x01key of " + body + "\x02" + more);
        order.producer_group = group;
        order.sys_flag = protocol::message_sys_flag::prepared;
        return order;
    }

    static actors::end_transaction end_of(const actors::messages_stored& half, actors::transaction_decision decision,
                                          const std::string& group = "payers") {
        const auto place = protocol::parse_offset_message_id(half.message_ids);
        REQUIRE(place);
        return {group, place->second, half.offset, decision, false, half.transaction_id, "orders"};
    }
    virtual_system::awaited<actors::transaction_ended> begin_end(const actors::end_transaction& order) {
        return world.ask<actors::transaction_ended>(caf::actor_cast<actors::transaction_actor>(node->broker()), order);
    }
    result<actors::transaction_ended> end(const actors::end_transaction& order) {
        auto place = begin_end(order);
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    result<actors::transaction_ended> commit(const actors::messages_stored& half) {
        return end(end_of(half, actors::transaction_decision::commit));
    }
    result<actors::transaction_ended> roll_back(const actors::messages_stored& half) {
        return end(end_of(half, actors::transaction_decision::roll_back));
    }
    /// By the id of a given-up message, or of the half message that was given up.
    virtual_system::awaited<actors::transaction_resumed> begin_resume(const std::string& id) {
        return world.ask<actors::transaction_resumed>(caf::actor_cast<actors::transaction_actor>(node->broker()),
                                                      actors::resume_transaction{id, {}});
    }
    result<actors::transaction_resumed> resume(const std::string& id) {
        auto place = begin_resume(id);
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    protocol::transaction_list list(const actors::list_transactions& order = {}) {
        auto place = world.ask<actors::transactions_listed>(caf::actor_cast<actors::transaction_actor>(node->broker()), order);
        REQUIRE(place->has_value());
        REQUIRE_MESSAGE((*place)->ok(), to_string((*place)->ok() ? error{} : (*place)->failure()));
        return (**place)->list;
    }

    /// All messages of a queue, whoever may read it.
    std::vector<protocol::message> stored(const std::string& topic, std::int32_t queue) const {
        std::vector<protocol::message> all;
        const topic_queue of{topic, queue_id{queue}};
        const auto bounds = node->store().bounds(of);
        REQUIRE(bounds);
        for (auto at = bounds->min; at < bounds->max;) {
            const auto read = node->store().read(of, at, {}, {1'000, 1u << 20});
            REQUIRE(read);
            const auto messages = protocol::decode_records(read->records);
            REQUIRE(messages);
            all.insert(all.end(), messages->begin(), messages->end());
            REQUIRE(read->next > at);
            at = read->next;
        }
        return all;
    }
    /// Bodies of what consumers of "orders" see.
    std::vector<std::string> committed() const {
        std::vector<std::string> all;
        for (const auto& one : stored("orders", 1))
            all.emplace_back(one.body.view());
        return all;
    }
    std::vector<std::string> given_up() const {
        std::vector<std::string> all;
        for (const auto& one : stored(std::string{storage::transaction_given_up_topic}, 0))
            all.emplace_back(one.body.view());
        return all;
    }
    /// Half messages that each given-up record goes on as.
    std::map<log_position, std::vector<log_position>> resumptions() const {
        std::map<log_position, std::vector<log_position>> all;
        for (const auto& one : stored(std::string{storage::half_topic}, 0))
            if (one.prepared_transaction > log_position{0})
                all[one.prepared_transaction].push_back(one.position);
        return all;
    }
    /// Outcomes of each half message, by topic.
    std::map<log_position, std::vector<std::string>> outcomes() const {
        std::map<log_position, std::vector<std::string>> all;
        for (const auto& [topic, queue] : {std::pair<std::string, std::int32_t>{"orders", 1},
                                           {std::string{storage::transaction_operation_topic}, 0},
                                           {std::string{storage::transaction_given_up_topic}, 0}})
            for (const auto& one : stored(topic, queue))
                if (one.prepared_transaction > log_position{0} &&
                    (one.sys_flag & protocol::message_sys_flag::transaction_mask) != protocol::message_sys_flag::prepared)
                    all[one.prepared_transaction].push_back(topic);
        return all;
    }

    std::vector<std::shared_ptr<asked_producer>> producers;
};

} // namespace troupe::test_support
