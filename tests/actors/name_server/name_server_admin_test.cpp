#include "actors/name_server/name_server.hpp"
#include "actors/name_server/name_server_config.hpp"
#include "actors/name_server/name_server_node.hpp"
#include "protocol/admin_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/virtual_system.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <caf/event_based_actor.hpp>

// What RocketMQ's brokers and operators' tools ask of a name server, as they send it.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;
namespace code = troupe::protocol::request_code;
namespace status = troupe::protocol::response_code;

namespace {

using fields = std::initializer_list<std::pair<const char*, std::string>>;

/// A name server behind a port, with a file in memory for its KV config.
struct name_server_world {
    wire_config settings;
    caf::actor_system system{settings};
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    name_server_node node;
    std::unique_ptr<raw_client> broker; ///< the connection that brokers register on

    name_server_world() { start(); }
    ~name_server_world() { stop(system, node); }

    void start() {
        name_server_options options;
        options.kv_config_path = "/names/kvConfig.json";
        auto started = spawn_name_server_node(system, {}, options, files);
        REQUIRE(started.ok());
        node = std::move(*started);
        broker = std::make_unique<raw_client>(node.listener.port);
    }
    void restart() {
        stop(system, node);
        start();
    }
    static protocol::remoting_command send(raw_client& client, std::int32_t request, fields with, std::string body) {
        protocol::remoting_command command;
        command.code = request;
        command.version = 479;
        for (const auto& [name, value] : with)
            command.fields.set(name, value);
        command.body = payload{std::move(body)};
        auto answer = client.ask(command);
        REQUIRE(answer);
        return *answer;
    }
    protocol::remoting_command call(std::int32_t request, fields with = {}, std::string body = {}) const {
        raw_client client{node.listener.port};
        return send(client, request, with, std::move(body));
    }
    /// Registers a broker on `client`; it is in the routes as long as that connection lives.
    static protocol::remoting_command announce(raw_client& client, const std::string& name, const std::string& id,
                                               const std::string& address, const std::vector<topic_config>& topics,
                                               const std::string& cluster = "C") {
        protocol::topic_table table;
        table.version = {0, 1'700'000'000'000, 1};
        for (const auto& topic : topics)
            table.topics[topic.name] = topic;
        return send(client, code::register_broker,
                    {{"brokerName", name},
                     {"brokerAddr", address},
                     {"clusterName", cluster},
                     {"haServerAddr", address.substr(0, address.find(':')) + ":10912"},
                     {"brokerId", id},
                     {"enableActingMaster", "false"},
                     {"compressed", "false"},
                     {"bodyCrc32", "0"}},
                    protocol::encode_register_broker_body(table));
    }
    [[nodiscard]] std::vector<std::string> names(std::int32_t request, fields with = {}) const {
        const auto answer = call(request, with);
        REQUIRE(answer.code == status::success);
        return protocol::decode_topic_list(answer.body.view()).value();
    }
    [[nodiscard]] protocol::topic_route route(const std::string& topic) const {
        const auto answer = call(code::get_routeinfo_by_topic, {{"topic", topic}});
        REQUIRE(answer.code == status::success);
        return protocol::decode_topic_route(answer.body.view()).value();
    }
    [[nodiscard]] std::string field(const protocol::remoting_command& answer, std::string_view name) const {
        const auto* value = answer.fields.find(name);
        return value == nullptr ? "(none)" : *value;
    }
};

topic_config topic(const std::string& name, std::int32_t perm = 6, std::int32_t flags = 0) {
    return {name, 8, 4, perm, flags, false, {}};
}

using names_of = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(name_server_world, "a KV config is set, read, listed and deleted, and what was answered survives a restart") {
    CHECK(call(code::get_kv_config, {{"namespace", "n"}, {"key", "k"}}).code == status::query_not_found);
    CHECK(call(code::get_kvlist_by_namespace, {{"namespace", "n"}}).code == status::query_not_found);
    REQUIRE(call(code::put_kv_config, {{"namespace", "n"}, {"key", "k"}, {"value", "v=1"}}).code == status::success);
    REQUIRE(call(code::put_kv_config, {{"namespace", "n"}, {"key", "l"}, {"value", "2"}}).code == status::success);
    restart();
    CHECK(field(call(code::get_kv_config, {{"namespace", "n"}, {"key", "k"}}), "value") == "v=1");
    CHECK(protocol::decode_key_value_table(call(code::get_kvlist_by_namespace, {{"namespace", "n"}}).body.view()).value() ==
          protocol::key_value_table{{"k", "v=1"}, {"l", "2"}});
    CHECK(call(code::delete_kv_config, {{"namespace", "n"}, {"key", "k"}}).code == status::success);
    CHECK(call(code::delete_kv_config, {{"namespace", "n"}, {"key", "k"}}).code == status::success);
    CHECK(call(code::get_kv_config, {{"namespace", "n"}, {"key", "k"}}).code == status::query_not_found);
    CHECK(call(code::put_kv_config, {{"namespace", "n"}, {"value", "v"}}).code == status::system_error);
    CHECK(call(code::put_kv_config, {{"namespace", "n"}, {"key", ""}, {"value", "v"}}).code == status::invalid_parameter);
}

TEST_CASE_FIXTURE(name_server_world, "a KV config that does not get to the disk is refused, and nobody sees it") {
    REQUIRE(call(code::put_kv_config, {{"namespace", "n"}, {"key", "k"}, {"value", "old"}}).code == status::success);
    files->set_hook([](const call_info& info) -> std::optional<call_fault> {
        return info.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt;
    });
    CHECK(call(code::put_kv_config, {{"namespace", "n"}, {"key", "k"}, {"value", "new"}}).code == status::system_error);
    CHECK(field(call(code::get_kv_config, {{"namespace", "n"}, {"key", "k"}}), "value") == "old");
    files->set_hook({});
    CHECK(call(code::put_kv_config, {{"namespace", "n"}, {"key", "k"}, {"value", "new"}}).code == status::success);
}

TEST_CASE_FIXTURE(name_server_world, "a name server whose KV config file is damaged does not start") {
    files->put("/other/kvConfig.json", "{");
    name_server_options options;
    options.kv_config_path = "/other/kvConfig.json";
    CHECK(spawn_name_server_node(system, {}, options, files).code() == errc::corrupt);
}

TEST_CASE_FIXTURE(name_server_world, "queues of ordered topics go to brokers, and to clients when that is switched on") {
    auto answer = announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders")});
    CHECK(answer.code == status::success);
    CHECK(answer.body.empty());
    REQUIRE(call(code::put_kv_config, {{"namespace", "ORDER_TOPIC_CONFIG"}, {"key", "orders"}, {"value", "b1:8"}}).code == status::success);
    answer = announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders")});
    CHECK(protocol::decode_key_value_table(answer.body.view()).value() == protocol::key_value_table{{"orders", "b1:8"}});
    const auto shown = [this] {
        return call(code::get_routeinfo_by_topic, {{"topic", "orders"}}).body.view().find(R"("orderTopicConf":"b1:8")") !=
               std::string::npos;
    };
    CHECK_FALSE(shown());
    REQUIRE(call(code::update_namesrv_config, {}, "orderMessageEnable=true\nreturnOrderTopicConfigToBroker=false\n").code ==
            status::success);
    CHECK(shown());
    CHECK(announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders")}).body.empty());
}

TEST_CASE_FIXTURE(name_server_world, "a replica learns where its master is, and its topics count only while it is alone") {
    raw_client replica{node.listener.port};
    auto answer = announce(replica, "b1", "1", "10.0.0.2:10911", {topic("orders")});
    CHECK(field(answer, "masterAddr") == "(none)");
    CHECK(route("orders").brokers.at(0).addresses.count(1) == 1);
    answer = announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders")});
    CHECK(field(answer, "masterAddr") == "(none)");
    answer = announce(replica, "b1", "1", "10.0.0.2:10911", {topic("orders"), topic("late")});
    CHECK(field(answer, "masterAddr") == "10.0.0.1:10911");
    CHECK(field(answer, "haServerAddr") == "10.0.0.1:10912");
    CHECK(call(code::get_routeinfo_by_topic, {{"topic", "late"}}).code == status::topic_not_exist);
}

TEST_CASE_FIXTURE(name_server_world, "a broker's topics are taken out of writing and back in, until it registers a change") {
    announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders"), topic("TBW102", 7)});
    raw_client second{node.listener.port};
    announce(second, "b2", "0", "10.0.0.2:10911", {topic("orders")});
    CHECK(field(call(code::wipe_write_perm_of_broker, {{"brokerName", "b1"}}), "wipeTopicCount") == "2");
    CHECK(route("orders").queues.at(0).perm == permission::read);
    CHECK(route("orders").queues.at(1).perm == permission::read_write);
    CHECK(route("TBW102").queues.at(0).perm == (permission::read | permission::inherit));
    announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders"), topic("TBW102", 7)});
    CHECK(route("orders").queues.at(0).perm == permission::read);
    CHECK(field(call(code::add_write_perm_of_broker, {{"brokerName", "b1"}}), "addTopicCount") == "2");
    CHECK(route("orders").queues.at(0).perm == permission::read_write);
    CHECK(route("TBW102").queues.at(0).perm == (permission::read_write | permission::inherit));
    CHECK(field(call(code::wipe_write_perm_of_broker, {{"brokerName", "nobody"}}), "wipeTopicCount") == "0");
}

TEST_CASE_FIXTURE(name_server_world, "topics are listed by cluster, by their unit flags, and by the names of clusters and brokers") {
    CHECK(call(code::get_system_topic_list_from_ns).body.view() == R"({"topicList":[]})");
    announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders", 6, 1), topic("bills", 6, 3), topic("both", 6, 2)});
    raw_client second{node.listener.port};
    announce(second, "b2", "0", "10.0.0.2:10911", {topic("orders", 6, 1), topic("elsewhere")}, "D");
    CHECK(names(code::get_topics_by_cluster, {{"cluster", "C"}}) == names_of{"bills", "both", "orders"});
    CHECK(names(code::get_topics_by_cluster, {{"cluster", "D"}}) == names_of{"elsewhere", "orders"});
    CHECK(names(code::get_topics_by_cluster, {{"cluster", "E"}}).empty());
    CHECK(names(code::get_unit_topic_list) == names_of{"bills", "orders"});
    CHECK(names(code::get_has_unit_sub_topic_list) == names_of{"bills", "both"});
    CHECK(names(code::get_has_unit_sub_ununit_topic_list) == names_of{"both"});
    CHECK(call(code::get_system_topic_list_from_ns).body.view() == R"({"brokerAddr":"10.0.0.1:10911","topicList":["C","b1","D","b2"]})");
    CHECK(names(code::get_all_topic_list_from_nameserver) == names_of{"bills", "both", "elsewhere", "orders"});
}

TEST_CASE_FIXTURE(name_server_world, "a topic is forgotten in one cluster or in all, and added for brokers that live") {
    announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders"), topic("bills")});
    raw_client second{node.listener.port};
    announce(second, "b2", "0", "10.0.0.2:10911", {topic("orders"), topic("bills")}, "D");
    CHECK(call(code::delete_topic_in_namesrv, {{"topic", "orders"}, {"clusterName", "D"}}).code == status::success);
    CHECK(route("orders").queues.size() == 1);
    CHECK(call(code::delete_topic_in_namesrv, {{"topic", "bills"}}).code == status::success);
    CHECK(call(code::get_routeinfo_by_topic, {{"topic", "bills"}}).code == status::topic_not_exist);
    const auto add = [this](std::vector<protocol::queue_data> queues) {
        return call(code::register_topic_in_namesrv, {{"topic", "bills"}}, protocol::encode_topic_route({{}, std::move(queues)})).code;
    };
    CHECK(add({{"b1", 2, 3, 6, 0}, {"gone", 2, 3, 6, 0}}) == status::success);
    CHECK(call(code::get_routeinfo_by_topic, {{"topic", "bills"}}).code == status::topic_not_exist);
    CHECK(add({{"b1", 2, 3, 6, 0}}) == status::success);
    CHECK(route("bills").queues == std::vector<protocol::queue_data>{{"b1", 2, 3, 6, 0}});
    CHECK(call(code::register_topic_in_namesrv, {{"topic", "a\nb"}}, R"({"queueDatas":[]})").code == status::invalid_parameter);
}

TEST_CASE_FIXTURE(name_server_world, "a broker asks whether its topics are known, and who else is in its set") {
    const fields who{{"brokerName", "b1"}, {"brokerAddr", "10.0.0.1:10911"}, {"clusterName", "C"}, {"brokerId", "0"}};
    const auto version = protocol::encode_data_version({0, 1'700'000'000'000, 1});
    auto answer = call(code::query_data_version, who, version);
    CHECK(field(answer, "changed") == "true");
    CHECK(answer.body.empty());
    announce(*broker, "b1", "0", "10.0.0.1:10911", {topic("orders")});
    answer = call(code::query_data_version, who, version);
    CHECK(field(answer, "changed") == "false");
    CHECK(answer.body.view() == version);
    answer = call(code::query_data_version, who, protocol::encode_data_version({0, 1'700'000'000'000, 2}));
    CHECK(field(answer, "changed") == "true");
    CHECK(answer.body.view() == version);
    const auto members = call(code::get_broker_member_group, {{"clusterName", "C"}, {"brokerName", "b1"}});
    CHECK(members.body.view() == R"({"brokerMemberGroup":{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"b1","cluster":"C"}})");
    CHECK(call(code::get_broker_member_group, {{"clusterName", "C"}, {"brokerName", "x"}}).body.view() ==
          R"({"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"x","cluster":"C"}})");
}

TEST_CASE_FIXTURE(name_server_world, "settings are shown, and changed when they can be") {
    const auto shown = [this] { return protocol::decode_config_text(call(code::get_namesrv_config).body.view()).value(); };
    CHECK(shown().at("kvConfigPath") == "/names/kvConfig.json");
    CHECK(shown().at("scanNotActiveBrokerInterval") == "5000");
    CHECK(call(code::update_namesrv_config, {}, "scanNotActiveBrokerInterval=1000\n").code == status::success);
    CHECK(shown().at("scanNotActiveBrokerInterval") == "1000");
    CHECK(call(code::update_namesrv_config, {}, "kvConfigPath=/tmp/x\n").code == status::no_permission);
    const auto refused = call(code::update_namesrv_config, {}, "scanNotActiveBrokerInterval=2000\nclusterTest=true\n");
    CHECK(refused.code == status::invalid_parameter);
    CHECK(refused.remark.find("clusterTest") != std::string::npos);
    CHECK(shown().at("scanNotActiveBrokerInterval") == "1000");
}

TEST_CASE("name server config: what is shown may be sent back, and wrong values are refused by name") {
    name_server_options options;
    options.listen_port = 9876;
    auto values = describe_config(options);
    CHECK(values.at("listenPort") == "9876");
    for (const char* key : {"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"}) {
        CHECK(change_config(options, {{key, "x"}}).code() == errc::not_permitted);
        values.erase(key);
    }
    CHECK(change_config(options, values).ok());
    for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{{"scanNotActiveBrokerInterval", "99"},
                                                                                               {"scanNotActiveBrokerInterval", "600001"},
                                                                                               {"scanNotActiveBrokerInterval", "1s"},
                                                                                               {"orderMessageEnable", "yes"},
                                                                                               {"supportActingMaster", "true"},
                                                                                               {"noSuchKey", "1"}}) {
        const auto outcome = change_config(options, {{key, value}});
        CHECK(outcome.code() == errc::argument_illegal);
        CHECK(outcome.failure().text.find(key) != std::string::npos);
    }
}

namespace {

/// A keeper that answers when the test wants it to.
struct slow_keeper_world : virtual_system {
    std::vector<caf::typed_response_promise<kv_config_written>> writes;
    std::size_t written = 0;
    caf::actor keeper = system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
        return {[this, self](const write_kv_config&) {
                    writes.push_back(self->make_response_promise<kv_config_written>());
                    return writes.back();
                },
                [this](caf::ok_atom) { writes.at(written++).deliver(kv_config_written{}); },
                [this](caf::delete_atom) { writes.at(written++).deliver(make_caf_error(errc::io, "the disk fails")); },
                [self](const finish&) { self->quit(caf::exit_reason::unhandled_exception); }};
    });
    local_name_server_actor server = spawn_name_server(system(), {}, {{}, caf::actor_cast<kv_keeper_actor>(keeper)});

    ~slow_keeper_world() {
        writes.clear();
        caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
        caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
        run();
    }
    void write() {
        caf::anon_send(keeper, caf::ok_atom_v);
        run();
    }
    void fail_write() {
        caf::anon_send(keeper, caf::delete_atom_v);
        run();
    }
    auto put(const std::string& key) { return ask<kv_config_changed>(server, put_kv_config{"n", key, "v"}); }
};

} // namespace

TEST_CASE_FIXTURE(slow_keeper_world, "changes of the KV config that wait for the disk share one write, and are bounded") {
    const auto first = put("first");
    REQUIRE(writes.size() == 1);
    std::vector<awaited<kv_config_changed>> waiting;
    for (int i = 0; i < 1'024; ++i)
        waiting.push_back(put("k" + std::to_string(i)));
    CHECK(writes.size() == 1);
    const auto refused = put("more");
    REQUIRE(refused->has_value());
    CHECK((*refused)->code() == errc::busy);
    CHECK((*ask<kv_config_found>(server, find_kv_config{"n", "first"}))->code() == errc::not_found);
    write();
    CHECK((*first)->ok());
    CHECK((*ask<kv_config_found>(server, find_kv_config{"n", "first"}))->ok());
    REQUIRE(writes.size() == 2);
    CHECK_FALSE(waiting.back()->has_value());
    write();
    CHECK(writes.size() == 2);
    for (const auto& each : waiting)
        CHECK((*each)->ok());
}

TEST_CASE_FIXTURE(slow_keeper_world, "after a write that failed even a change to what is known is written: the disk may have the other") {
    const auto refused = put("k");
    fail_write();
    CHECK((*refused)->code() == errc::io);
    const auto deleted = ask<kv_config_changed>(server, delete_kv_config{"n", "k"});
    CHECK_FALSE(deleted->has_value());
    REQUIRE(writes.size() == 2);
    write();
    CHECK((*deleted)->ok());
    CHECK((*ask<kv_config_changed>(server, delete_kv_config{"n", "k"}))->ok());
    CHECK(writes.size() == 2);
}

TEST_CASE_FIXTURE(slow_keeper_world, "a name server ends with the keeper of its KV config") {
    const auto waits = put("first");
    bool ended = false;
    caf::actor_cast<caf::actor>(server)->attach_functor([&ended](const caf::error&) { ended = true; });
    caf::anon_send(keeper, finish{});
    run();
    CHECK(ended);
}
