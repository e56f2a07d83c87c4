#pragma once

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>

#include <type_traits>

/// What proxies of remote roles serve: a row for each order, with what it is answered by. All that must agree on it is made from these two
/// tables: how the orders become frames and back (`wire.hpp`, which declares both directions of each row), the handlers of the proxies
/// (`net/role_client.hpp`), and which interfaces of a broker its proxy has (`net/broker_proxy.hpp`). So a request that our own processes
/// ask of another is a row here, a row in the interface of its role, and its functions in a `wire_*.cpp`. A `bare` row is answered by success
/// alone: its answer has no members, and no functions.

// clang-format off
#define TROUPE_BROKER_REQUESTS(row, bare)                    \
    /* producers and consumers */                            \
    row(send_messages, messages_stored)                      \
    row(pull_messages, messages_pulled)                      \
    bare(commit_offset, offset_committed)                    \
    row(query_offset, offset_found)                          \
    row(find_max_offset, offset_found)                       \
    row(find_min_offset, offset_found)                       \
    row(search_offset, offset_found)                         \
    row(client_heartbeat, heartbeat_accepted)                \
    bare(unregister_client, client_unregistered)             \
    row(list_group_members, group_members)                   \
    bare(send_message_back, message_sent_back)               \
    row(send_reply, messages_stored)                         \
    row(lock_queues, queues_locked)                          \
    bare(unlock_queues, queues_unlocked)                     \
    bare(end_transaction, transaction_ended)                 \
    row(pop_messages, messages_popped)                       \
    bare(acknowledge_messages, messages_acknowledged)        \
    row(change_invisible_time, invisible_time_changed)       \
    row(recall_message, message_recalled)                    \
    /* administration */                                     \
    bare(put_topic, topic_put)                               \
    bare(delete_topic, topic_deleted)                        \
    row(list_topics, topics_listed)                          \
    row(describe_topic, topic_described)                     \
    bare(put_group, group_put)                               \
    bare(delete_group, group_deleted)                        \
    row(list_groups, groups_listed)                          \
    row(describe_group, group_described)                     \
    row(find_group_config, group_config_found)               \
    row(describe_broker, broker_described)                   \
    /* operators */                                          \
    row(find_message, message_found)                         \
    row(find_messages, messages_found)                       \
    row(read_page, page_read)                                \
    row(trace_message, message_traced)                       \
    row(list_members, members_listed)                        \
    row(list_lags, lags_listed)                              \
    row(reset_offsets, offsets_reset)                        \
    row(list_dead_letters, dead_letters_listed)              \
    row(resend_dead_letters, dead_letters_resent)            \
    row(list_transactions, transactions_listed)              \
    row(resume_transaction, transaction_resumed)             \
    row(list_timers, timers_listed)                          \
    row(find_timer, timer_found)                             \
    bare(cancel_timer, timer_cancelled)

#define TROUPE_NAME_SERVER_REQUESTS(row, bare)               \
    bare(register_broker, broker_registered)                 \
    bare(broker_heartbeat, broker_registered)                \
    bare(unregister_broker, broker_unregistered)             \
    row(find_route, route_found)                             \
    row(describe_cluster, cluster_described)                 \
    row(list_all_topics, all_topics)                         \
    bare(forget_route, route_forgotten)
// clang-format on

namespace troupe::actors {

// Names only: whoever uses a row includes the header of its messages.
#define TROUPE_NAMES(order, answer)                                                                                                        \
    struct order;                                                                                                                          \
    struct answer;
TROUPE_BROKER_REQUESTS(TROUPE_NAMES, TROUPE_NAMES)
TROUPE_NAME_SERVER_REQUESTS(TROUPE_NAMES, TROUPE_NAMES)
#undef TROUPE_NAMES

} // namespace troupe::actors

namespace troupe::actors::net {

/// A row of one of the tables.
template <class Order, class Answer>
struct remote_request {
    using signature = typename caf::replies_to<Order>::template with<Answer>; ///< as interfaces of roles have it
};
template <class Signature>
struct has_signature {};
/// The rows of a table.
template <class... Rows>
struct remote_requests : has_signature<typename Rows::signature>... {};

/// Whether a table has a row, with the same answer, for everything that an interface is asked.
template <class Table, class... Signatures>
constexpr bool has_rows(const caf::typed_actor<Signatures...>* /*role*/) {
    return (std::is_base_of_v<has_signature<Signatures>, Table> && ...);
}

template <class Table, class Signature>
constexpr void check_row() {
    static_assert(std::is_base_of_v<has_signature<Signature>, Table>,
                  "proxies do not serve this order with this answer: it has no row in actors/wire/remote_requests.hpp");
}
/// Does not compile unless has_rows; the compiler names each order that is missing.
template <class Table, class... Signatures>
constexpr void check_rows(const caf::typed_actor<Signatures...>* /*role*/) {
    (check_row<Table, Signatures>(), ...);
}

template <class Nothing, class... Rows>
struct rows_behind {
    using type = remote_requests<Rows...>;
};
#define TROUPE_ROW(order, answer) , remote_request<order, answer>
using broker_requests = rows_behind<void TROUPE_BROKER_REQUESTS(TROUPE_ROW, TROUPE_ROW)>::type;
using name_server_requests = rows_behind<void TROUPE_NAME_SERVER_REQUESTS(TROUPE_ROW, TROUPE_ROW)>::type;
#undef TROUPE_ROW

} // namespace troupe::actors::net
