#include "protocol/bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <doctest/doctest.h>

// What operators' tools ask of a broker, as they send it.

using namespace troupe;
using namespace troupe::actors;

TEST_CASE_FIXTURE(wire_world, "the settings of one group come back as they were stored, and an unknown group is told apart") {
    group_config group;
    group.name = "billing";
    group.consume_broadcast_enable = false;
    group.retry_queues = 2;
    group.retry_max = 5;
    REQUIRE(ask<group_put>(put_group{group}).ok());
    const auto found = call(protocol::request_code::get_subscription_group_config, {{"group", "billing"}});
    REQUIRE(found.code == protocol::response_code::success);
    CHECK(*protocol::decode_group_config(found.body.view()) == group);
    const auto unknown = call(protocol::request_code::get_subscription_group_config, {{"group", "nobody"}});
    CHECK(unknown.code == protocol::response_code::subscription_group_not_exist);
    CHECK(unknown.remark.find("nobody") != std::string::npos);
}
