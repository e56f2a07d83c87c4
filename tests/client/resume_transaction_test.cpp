#include "actors/messages/transaction_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "client/admin.hpp"
#include "tests/client/embedded_roles.hpp"

#include <caf/event_based_actor.hpp>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;

namespace {

const std::string id_at_1 = "7F00000100002A9F0000000000000040"; // 127.0.0.1:10911
const std::string id_at_9 = "7F00000900002A9F0000000000000040"; // 127.0.0.9:10911

/// What a broker is asked about transactions, and what it answers.
struct asked_broker {
    std::mutex mutex;
    std::vector<std::string> resumed; ///< ids
    bool is_apache = false;           ///< does what it is told for any id, and has no lists
    errc answers = errc::none;
};

caf::behavior run_broker(caf::event_based_actor*, const std::shared_ptr<asked_broker>& broker) {
    return {
        [broker](const actors::list_transactions&) -> caf::result<actors::transactions_listed> {
            const std::lock_guard lock{broker->mutex};
            if (broker->is_apache)
                return actors::make_caf_error(errc::not_supported, "request code 900 is not supported");
            return actors::transactions_listed{};
        },
        [broker](const actors::resume_transaction& order) -> caf::result<actors::transaction_resumed> {
            const std::lock_guard lock{broker->mutex};
            broker->resumed.push_back(order.message_id);
            if (broker->answers != errc::none)
                return actors::make_caf_error(broker->answers, "the test wants it");
            return actors::transaction_resumed{log_position{77}, queue_offset{7}, "new"};
        },
    };
}

/// Brokers by name, and where they are registered.
struct cluster : test::embedded_roles {
    std::map<std::string, std::shared_ptr<asked_broker>> brokers;

    explicit cluster(const std::map<std::string, std::string>& addresses) {
        actors::cluster_described described;
        for (const auto& [name, address] : addresses)
            described.info.brokers[name] = {"c", name, {{0, address}}};
        roles = {system.spawn([described](caf::event_based_actor*) -> caf::behavior {
            return {[described](const actors::describe_cluster&) { return described; }};
        })};
        std::vector<std::string> names;
        for (const auto& [name, address] : addresses) {
            names.push_back(name);
            brokers[name] = std::make_shared<asked_broker>();
            roles.push_back(system.spawn(run_broker, brokers[name]));
        }
        connect(names);
    }

    result<admin::resumed_transaction> resume(const std::string& id) { return admin{*via}.resume_transaction(id); }
    std::vector<std::string> asked(const std::string& name) {
        const std::lock_guard lock{brokers.at(name)->mutex};
        return brokers.at(name)->resumed;
    }
};

} // namespace

TEST_CASE("admin: a transaction is resumed at the broker whose address is in its id, and nowhere else") {
    cluster all{{{"a", "127.0.0.9:10911"}, {"b", "127.0.0.1:10911"}, {"c", "127.0.0.1:10912"}}};
    all.brokers["a"]->is_apache = true;
    const auto resumed = all.resume(id_at_1);
    REQUIRE_MESSAGE(resumed.ok(), (resumed ? std::string{} : to_string(resumed.failure())));
    CHECK(resumed->broker_name == "b");
    CHECK(resumed->offset_message_id == "new");
    CHECK(all.asked("a").empty());
    CHECK(all.asked("b") == std::vector{id_at_1});
    CHECK(all.asked("c").empty());
}

TEST_CASE("admin: a broker is asked once to resume a transaction, also when the connection is lost") {
    for (const auto failure : {errc::connection_lost, errc::busy, errc::message_not_found, errc::timed_out}) {
        cluster all{{{"a", "127.0.0.2:10911"}, {"b", "127.0.0.1:10911"}}};
        all.brokers["b"]->answers = failure;
        const auto resumed = all.resume(id_at_1);
        CHECK(resumed.code() == failure);
        CHECK(resumed.failure().text.find("broker b") != std::string::npos);
        CHECK(all.asked("a").empty());
        CHECK(all.asked("b").size() == 1);
    }
}

TEST_CASE("admin: when no broker has the address in the id, those are asked that look whose it is") {
    cluster all{{{"a", "127.0.0.1:10911"}, {"b", "127.0.0.2:10911"}, {"c", "127.0.0.3:10911"}}};
    all.brokers["a"]->is_apache = true;
    all.brokers["b"]->answers = errc::message_not_found;
    const auto resumed = all.resume(id_at_9);
    REQUIRE(resumed.ok());
    CHECK(resumed->broker_name == "c");
    CHECK(all.asked("a").empty());
    CHECK(all.asked("b") == std::vector{id_at_9});

    all.brokers["c"]->answers = errc::message_not_found;
    const auto unknown = all.resume(id_at_9);
    CHECK(unknown.code() == errc::message_not_found);
    for (const auto* part : {"127.0.0.9:10911", "a at 127.0.0.1:10911", "c at 127.0.0.3:10911"})
        CHECK(unknown.failure().text.find(part) != std::string::npos);
    CHECK(all.asked("a").empty());
}
