#include "actors/net/broker_proxy.hpp"

#include "actors/group/queue_locks.hpp"
#include "actors/log/message_finder.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/schedule/timer_keeper.hpp"

#include <doctest/doctest.h>

// What a proxy may be asked at all. That it passes on what it is asked: tests/actors/wire

using namespace troupe;
using namespace troupe::actors;

namespace {

template <class Role>
constexpr bool is_served_by_proxies = net::has_rows<net::broker_requests>(static_cast<const Role*>(nullptr));

/// An interface that has one order of the table, with an answer that the table does not say.
using wrong_answer_actor = caf::typed_actor<caf::replies_to<find_group_config>::with<group_put>>;

} // namespace

TEST_CASE("broker proxy: a role is asked through a proxy only for what the table of remote requests has") {
    CHECK(is_served_by_proxies<broker_actor>);
    CHECK(is_served_by_proxies<group_config_actor>);
    CHECK(is_served_by_proxies<message_back_actor>);
    CHECK(is_served_by_proxies<message_lookup_actor>);
    CHECK(is_served_by_proxies<operator_actor>);
    CHECK(is_served_by_proxies<pop_actor>);
    CHECK(is_served_by_proxies<queue_lock_role>);
    CHECK(is_served_by_proxies<reply_sender_actor>);
    CHECK(is_served_by_proxies<timers_actor>);
    CHECK(is_served_by_proxies<transaction_actor>);
    // In part only
    CHECK_FALSE(is_served_by_proxies<broker_admin_actor>);
    CHECK_FALSE(is_served_by_proxies<broker_members_actor>);
    CHECK_FALSE(is_served_by_proxies<message_finder_actor>);
    CHECK_FALSE(is_served_by_proxies<message_retry_actor>);
    // Not at all
    CHECK_FALSE(is_served_by_proxies<name_server_actor>);
    CHECK_FALSE(is_served_by_proxies<transaction_asker_actor>);
    CHECK_FALSE(is_served_by_proxies<wrong_answer_actor>);
    CHECK(net::has_rows<net::name_server_requests>(static_cast<const name_server_actor*>(nullptr)));
}
