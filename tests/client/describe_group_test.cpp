// What client::admin asks brokers about one group.
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "client/admin.hpp"
#include "tests/client/embedded_roles.hpp"

#include <caf/event_based_actor.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;

namespace {

/// A broker that knows group "g", and what it was asked for.
struct asked_broker {
    bool is_troupe = true;      ///< or RocketMQ's, which does not know what is Troupe's own
    bool tells = true;          ///< its settings
    errc progress = errc::none; ///< why it does not tell how far groups are
    errc lags = errc::none;     ///< and how far behind
    std::atomic<int> others{0}; ///< questions that are none of these
    std::atomic<int> tables{0};
    group_config put; ///< last
    std::atomic<int> groups{0};
};

caf::error refusal(errc code) {
    return actors::make_caf_error(code, "the test wants it");
}

caf::behavior run_broker(caf::event_based_actor*, const std::string& broker_name, const std::shared_ptr<asked_broker>& broker) {
    return {
        [broker_name, broker](const actors::describe_group& order) -> caf::result<actors::group_described> {
            if (broker->progress != errc::none)
                return refusal(broker->progress);
            actors::group_described described;
            if (order.group == "g")
                described.stats.queues[{"t", broker_name, 0}].broker_offset = 7;
            return described;
        },
        [broker](const actors::find_group_config& order) -> caf::result<actors::group_config_found> {
            ++broker->groups;
            if (!broker->tells)
                return refusal(errc::busy);
            if (order.group != "g")
                return refusal(errc::group_not_found);
            actors::group_config_found found;
            found.group.name = "g";
            return found;
        },
        [broker](const actors::list_groups&) -> caf::result<actors::groups_listed> {
            ++broker->tables;
            if (!broker->tells)
                return refusal(errc::busy);
            actors::groups_listed listed;
            for (const std::string name : {"f", "g", "h"})
                listed.table.groups[name].name = name;
            return listed;
        },
        [broker](const actors::list_members&) -> caf::result<actors::members_listed> {
            ++broker->others;
            if (!broker->is_troupe)
                return refusal(errc::not_supported);
            return actors::members_listed{};
        },
        [broker](const actors::put_group& order) {
            broker->put = order.group;
            return actors::group_put{};
        },
        [](const actors::list_group_members&) -> caf::result<actors::group_members> { return refusal(errc::group_not_found); },
        [broker](const actors::list_lags&) -> caf::result<actors::lags_listed> {
            if (!broker->is_troupe)
                return refusal(errc::not_supported);
            if (broker->lags != errc::none)
                return refusal(broker->lags);
            return actors::lags_listed{};
        },
    };
}

caf::behavior run_name_server(caf::event_based_actor*) {
    return {
        [](const actors::describe_cluster&) {
            actors::cluster_described described;
            for (const std::string name : {"a", "b"})
                described.info.brokers[name] = {"c", name, {{0, name}}};
            return described;
        },
    };
}

struct describe_setup : test::embedded_roles {
    std::shared_ptr<asked_broker> a = std::make_shared<asked_broker>();
    std::shared_ptr<asked_broker> b = std::make_shared<asked_broker>();

    describe_setup() {
        roles = {system.spawn(run_name_server), system.spawn(run_broker, std::string{"a"}, a),
                 system.spawn(run_broker, std::string{"b"}, b)};
        connect({"a", "b"});
    }
};

std::vector<std::string> names_of(const std::vector<group_on_broker>& brokers) {
    std::vector<std::string> names;
    for (const auto& one : brokers)
        names.push_back(one.broker_name + ":" + one.config.name);
    return names;
}

} // namespace

// Goal: a broker with very many groups does not send all of them for one. But RocketMQ's make a group that they are asked for by its name.
TEST_CASE_FIXTURE(describe_setup, "admin: of a group Troupe's brokers are asked for its settings alone, others for their table") {
    b->is_troupe = false;
    const auto known = admin{*via}.describe_group("g");
    REQUIRE_MESSAGE(known.ok(), (known ? std::string{} : to_string(known.failure())));
    CHECK(names_of(known->brokers) == std::vector<std::string>{"a:g", "b:g"});
    CHECK(a->groups == 1);
    CHECK(a->tables == 0);
    CHECK(b->groups == 0);
    CHECK(b->tables == 1);
    CHECK(admin{*via}.describe_group("nobody").code() == errc::group_not_found);
    CHECK(b->groups == 0);
}

TEST_CASE_FIXTURE(describe_setup, "admin: who finds a group, or sets its quota, does not get a table of all groups from Troupe's brokers") {
    b->is_troupe = false;
    const auto found = admin{*via}.find_group("g");
    REQUIRE_MESSAGE(found.ok(), (found ? std::string{} : to_string(found.failure())));
    CHECK(names_of(*found) == std::vector<std::string>{"a:g", "b:g"});
    REQUIRE(admin{*via}.set_delivery_quota("g", 100).ok());
    for (const auto& broker : {a, b}) {
        CHECK(broker->put.name == "g");
        CHECK(broker->put.deliver_messages == 100);
    }
    CHECK(a->tables == 0);
    CHECK(b->groups == 0);
    CHECK(admin{*via}.find_group("nobody").code() == errc::group_not_found);
    CHECK(admin{*via}.set_delivery_quota("nobody", 100).code() == errc::group_not_found);
}

TEST_CASE_FIXTURE(describe_setup,
                  "admin: a group is described although a broker does not tell its settings, and it is said which and why") {
    b->tells = false;
    SUBCASE("of Troupe") {}
    SUBCASE("of RocketMQ") {
        b->is_troupe = false;
    }
    const auto known = admin{*via}.describe_group("g");
    REQUIRE_MESSAGE(known.ok(), (known ? std::string{} : to_string(known.failure())));
    CHECK(names_of(known->brokers) == std::vector<std::string>{"a:g"});
    REQUIRE(known->untold.size() == 1);
    CHECK(known->untold.at("b").code == errc::busy);
    CHECK(known->untold.at("b").text == "broker b: the test wants it");
    CHECK(admin{*via}.describe_group("nobody").code() == errc::busy); // it may be there
}

TEST_CASE_FIXTURE(describe_setup,
                  "admin: a group is described although a broker does not tell how far it is, and it is said which and why") {
    const auto describe = [this] { return admin{*via}.describe_group("g"); };
    SUBCASE("nor anything else: it is not asked again and again") {
        b->progress = errc::timed_out;
        const auto known = describe();
        REQUIRE_MESSAGE(known.ok(), (known ? std::string{} : to_string(known.failure())));
        CHECK(known->untold_progress.at("b").code == errc::timed_out);
        CHECK(known->untold_progress.at("b").text == "broker b: the test wants it");
        CHECK(known->untold.contains("b"));
        CHECK(names_of(known->brokers) == std::vector<std::string>{"a:g"});
        CHECK(known->lag() == 7);
        CHECK(b->others == 0);
    }
    SUBCASE("but the rest") {
        b->progress = errc::busy;
        const auto known = describe();
        REQUIRE_MESSAGE(known.ok(), (known ? std::string{} : to_string(known.failure())));
        CHECK(known->untold_progress.size() == 1);
        CHECK(known->untold_progress.at("b").code == errc::busy);
        CHECK(known->untold.empty());
        CHECK(names_of(known->brokers) == std::vector<std::string>{"a:g", "b:g"});
    }
    SUBCASE("behind") {
        b->lags = errc::busy;
        const auto known = describe();
        REQUIRE_MESSAGE(known.ok(), (known ? std::string{} : to_string(known.failure())));
        CHECK(known->untold_progress.at("b").code == errc::busy);
        CHECK(known->lag() == 14);
    }
    SUBCASE("and nobody else knows the group") {
        b->progress = errc::busy;
        CHECK(admin{*via}.describe_group("nobody").code() == errc::busy);
    }
}
