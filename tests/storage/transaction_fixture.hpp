#pragma once

#include "storage/pending_transaction.hpp"
#include "tests/storage/store_fixture.hpp"

#include <string>

/// Records of transactions from a few words.
namespace troupe::test_support {

inline const topic_queue halves{std::string{storage::half_topic}, queue_id{0}};
inline const topic_queue operations{std::string{storage::transaction_operation_topic}, queue_id{0}};
inline const topic_queue given_up{std::string{storage::transaction_given_up_topic}, queue_id{0}};

inline storage::unplaced_records half_message(const std::string& body) {
    return one(halves, body);
}

/// What ends the transaction at `half`: in a topic of users a commit, in `operations` a rollback, in `given_up` its disposal.
inline storage::unplaced_records outcome(const topic_queue& queue, log_position half, const std::string& body) {
    protocol::message m;
    m.topic = queue.topic;
    m.queue = queue.queue;
    m.body = payload{body};
    m.prepared_transaction = half;
    m.sys_flag = queue == operations ? protocol::message_sys_flag::rolled_back : protocol::message_sys_flag::committed;
    return {queue, protocol::encode_record(m).value(), 1};
}

/// The half message that goes on with the given-up record there.
inline storage::unplaced_records resumption(log_position given_up_record, const std::string& body) {
    protocol::message m;
    m.topic = halves.topic;
    m.queue = halves.queue;
    m.body = payload{body};
    m.prepared_transaction = given_up_record;
    return {halves, protocol::encode_record(m).value(), 1};
}

/// The note that a producer was asked for the `checks`th time.
inline storage::unplaced_records question(log_position half, std::int32_t checks) {
    protocol::message m;
    m.topic = operations.topic;
    m.body = payload{std::string{"asked"}};
    m.prepared_transaction = half;
    m.sys_flag = protocol::message_sys_flag::prepared;
    m.reconsume_times = checks;
    return {operations, protocol::encode_record(m).value(), 1};
}

/// Appends one element and makes it durable.
inline storage::placed_records append_one(storage::message_store& store, storage::unplaced_records element, std::int64_t now_ms = 1000) {
    auto placed = store.append(group_of(std::move(element)), timestamp_ms{now_ms});
    REQUIRE_MESSAGE(placed.ok(), (placed ? std::string{} : to_string(placed.failure())));
    REQUIRE(store.flush().ok());
    return placed->front();
}

} // namespace troupe::test_support
