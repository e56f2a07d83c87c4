// `troupe group` against brokers, with consumers that run.
#include "actors/wire/wire.hpp"
#include "apps/commands/client_support.hpp"
#include "client/client.hpp"
#include "protocol/request_code.hpp"
#include "testing/node.hpp"
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/apps/run_command.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/loopback_listener.hpp"
#include "tests/support/raw_client.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::apps;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

client::message make_message(const std::string& body) {
    client::message message;
    message.topic = "orders";
    message.body = body;
    return message;
}

/// Gets messages, and is held up at the first one until it may go on.
class held_up_handler {
public:
    client::consume_outcome operator()(const client::received_message& message) {
        std::unique_lock lock{mutex_};
        bodies_.emplace_back(message.body.view());
        changed_.notify_all();
        changed_.wait_for(lock, 60s, [this] { return is_open_; });
        return client::consume_outcome::done;
    }
    void open() {
        const std::lock_guard lock{mutex_};
        is_open_ = true;
        changed_.notify_all();
    }
    bool wait_for(const std::string& body) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 30s, [&] { return std::ranges::find(bodies_, body) != bodies_.end(); });
    }
    std::vector<std::string> bodies() {
        const std::lock_guard lock{mutex_};
        return bodies_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> bodies_;
    bool is_open_ = false;
};

/// One queue with the messages m0 to m9, and a consumer that has not got beyond m0. m5 and what follows it was stored later than m4.
struct running_consumer {
    running_consumer() {
        REQUIRE(node.start().ok());
        at = " --name-server " + node.name_server_address();
        REQUIRE(run_command("topic create orders --queues 1" + at).code == 0);
        via = *node.connect();
        auto producer = client::producer::open(*via);
        const auto send = [&producer](int i) { REQUIRE(producer->send(make_message("m" + std::to_string(i))).ok()); };
        for (int i = 0; i < 5; ++i)
            send(i);
        const auto read = client::admin{*via}.read_queue(queue, queue_offset{4}, 1);
        REQUIRE(read.ok());
        REQUIRE(read->first.size() == 1);
        between = read->first[0].stored.value() + 1;
        test_support::await("a later time than that of m4", [this] { return now().value() > between; });
        for (int i = 5; i < 10; ++i)
            send(i);
        client::push_consumer_options options;
        options.group = "billing";
        options.from = client::consume_from::first_offset;
        options.handler_threads = 1;
        options.fetch.pull_messages_max = 1;
        options.fetch.prefetch_messages_max = 1; // so that the others are not on their way yet
        consumer.emplace(*client::push_consumer::open(*via, options, [this](const auto& message) { return handler(message); }));
        REQUIRE(consumer->subscribe("orders").ok());
        REQUIRE(consumer->start().ok());
        REQUIRE(handler.wait_for("m0"));
    }
    ~running_consumer() {
        handler.open();
        consumer->stop();
    }
    /// What the command would do and then does; the consumer follows, and handles nothing in between.
    void goes_on_at(const std::string& options, int offset) {
        const json expected = json::array({{{"broker", "broker-a"}, {"queue", 0}, {"from", 0}, {"to", offset}}});
        const std::string line = "group reset billing orders -o json " + options + at;
        const auto planned = run_command(line + " --dry-run");
        REQUIRE_MESSAGE(planned.code == 0, planned.err);
        CHECK(json::parse(planned.out) == expected);
        CHECK(committed() == 0);
        const auto done = run_command(line);
        REQUIRE_MESSAGE(done.code == 0, done.err);
        CHECK(json::parse(done.out) == expected);
        CHECK(committed() == offset);
        handler.open();
        REQUIRE(handler.wait_for("m9"));
        std::vector<std::string> wanted{"m0"};
        for (int i = offset; i < 10; ++i)
            wanted.push_back("m" + std::to_string(i));
        CHECK(handler.bodies() == wanted);
    }
    std::int64_t committed() {
        const auto shown = run_command("group show billing -o json" + at);
        REQUIRE_MESSAGE(shown.code == 0, shown.err);
        const auto queues = json::parse(shown.out).at("queues");
        const auto mine = std::ranges::find_if(queues, [](const json& each) { return each.at("topic") == "orders"; });
        REQUIRE(mine != queues.end());
        return mine->at("committed_offset");
    }

    const client::message_queue queue{"orders", "broker-a", 0};
    testing::node node;
    std::string at;
    std::optional<client::connection> via;
    held_up_handler handler;
    std::optional<client::push_consumer> consumer;
    std::int64_t between = 0; ///< behind m4 and before m5
};

/// broker-a with the name server, and broker-b, which lets messages wait for an hour at most.
struct two_brokers {
    two_brokers() {
        REQUIRE(first.start().ok());
        testing::process_node_options options;
        options.directory = directory.path() / "b";
        options.runs_broker = true;
        options.broker_name = "broker-b";
        options.name_servers = {first.name_server_address()};
        options.more_broker_json = "\"timer_max_delay\": \"1h\"";
        second.emplace(options);
        REQUIRE(second->start().ok());
        at = " --name-server " + first.name_server_address();
        test_support::await("both brokers in the routes", [this] {
            const auto cluster = run_command("cluster -o json" + at);
            return contains(cluster.out, "broker-a") && contains(cluster.out, "broker-b");
        });
    }
    static testing::process_node_options options_of_first(const std::filesystem::path& path) {
        testing::process_node_options options;
        options.directory = path / "a";
        options.runs_name_server = true;
        options.runs_broker = true;
        return options;
    }
    command_result run(const std::string& line) { return run_command(line + at); }
    /// The rows of one setting.
    std::vector<json> shown(const std::string& setting) {
        const auto group = run("group show billing -o json");
        REQUIRE_MESSAGE(group.code == 0, group.err);
        std::vector<json> rows;
        const auto all = json::parse(group.out).at("settings");
        for (const auto& row : all)
            if (row.at("setting") == setting)
                rows.push_back(row);
        return rows;
    }

    testing::temporary_directory directory;
    testing::process_node first{options_of_first(directory.path())};
    std::optional<testing::process_node> second;
    std::string at;
};

/// A broker of another make: it knows no group, and does not tell its settings of groups.
class untelling_broker {
public:
    explicit untelling_broker(const std::string& name_server, bool tells_progress = true) : tells_progress_{tells_progress} {
        actors::register_broker order;
        order.cluster = "others";
        order.broker_name = "broker-z";
        order.address = port_.address();
        registered_.emplace(static_cast<std::uint16_t>(std::stoi(name_server.substr(name_server.find(':') + 1))));
        REQUIRE(registered_->ask(actors::net::encode_request(order)));
        thread_ = std::thread{[this] { run(); }}; // last: a check that fails must not leave it behind
    }
    ~untelling_broker() {
        port_.shut_down(); // ends accept()
        thread_.join();
    }
    untelling_broker(const untelling_broker&) = delete;
    untelling_broker& operator=(const untelling_broker&) = delete;

private:
    [[nodiscard]] error answer_to(std::int32_t request_code) const {
        if (request_code == protocol::request_code::get_consume_stats && !tells_progress_) {
            return {errc::busy, "not now, either"};
        }
        switch (request_code) {
        case protocol::request_code::get_consume_stats:
        case protocol::request_code::get_consumer_list_by_group: return {errc::group_not_found, "there is no such group"};
        case protocol::request_code::get_all_subscription_group_config: return {errc::busy, "not now"};
        default: return {errc::not_supported, "request code " + std::to_string(request_code)};
        }
    }
    void run() {
        for (int client = 0; (client = port_.accept()) >= 0; ::close(client)) {
            std::string received;
            std::array<char, 4096> buffer{};
            for (ssize_t count = 0; (count = ::recv(client, buffer.data(), buffer.size(), 0)) > 0;) {
                received.append(buffer.data(), static_cast<std::size_t>(count));
                while (serve_one(client, received)) {
                }
            }
        }
    }
    [[nodiscard]] bool serve_one(int client, std::string& received) const {
        const auto size = protocol::frame_size(received);
        if (!size || !size->has_value() || received.size() < **size) {
            return false;
        }
        const auto command = protocol::decode_frame(payload{received.substr(0, **size)});
        received.erase(0, **size);
        if (command && !command->is_oneway()) {
            auto answer = actors::net::encode_failure(answer_to(command->code));
            actors::net::address_answer(answer, command->opaque, command->codec);
            const auto frame = protocol::encode_frame(answer);
            return ::send(client, frame.data(), frame.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(frame.size());
        }
        return true;
    }

    const bool tells_progress_;
    test_support::loopback_listener port_;
    std::thread thread_;
    std::optional<test_support::raw_client> registered_; ///< the broker is known for as long as this connection stays
};

} // namespace

TEST_CASE("group show names a broker that does not tell its settings, to people and to programs") {
    testing::node node;
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run_command("group create billing" + at).code == 0);
    CHECK(json::parse(run_command("group show billing -o json" + at).out).at("untold") == json::array());
    const untelling_broker other{node.name_server_address()};
    const auto shown = run_command("group show billing -o json" + at);
    REQUIRE_MESSAGE(shown.code == 0, shown.err);
    const auto group = json::parse(shown.out);
    const auto untold = group.at("untold");
    REQUIRE(untold.size() == 1);
    CHECK(untold.at(0).at("broker") == "broker-z");
    CHECK_MESSAGE(contains(untold.at(0).at("failure"), "not now"), untold.dump());
    REQUIRE_FALSE(group.at("settings").empty());
    CHECK(group.at("settings").at(0).at("brokers") == json::array({"broker-a"}));
    CHECK(group.at("brokers_differ") == false);
    const auto told = run_command("group show billing" + at);
    CHECK(told.code == 0);
    CHECK(contains(told.err, "troupe: settings are left out: broker broker-z: "));
    CHECK(contains(told.err, "not now"));
    CHECK_FALSE(contains(told.out, "UNTOLD"));
}

TEST_CASE("group show says what the others do when a broker does not tell how far the group is, names it, and fails as it did") {
    testing::node node;
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run_command("group create billing" + at).code == 0);
    CHECK(json::parse(run_command("group show billing -o json" + at).out).at("untold_progress") == json::array());
    const untelling_broker other{node.name_server_address(), false};
    const auto shown = run_command("group show billing -o json" + at);
    CHECK(shown.code == 4); // busy
    const auto group = json::parse(shown.out);
    REQUIRE_MESSAGE(group.is_object(), shown.err);
    const auto untold = group.at("untold_progress");
    REQUIRE(untold.size() == 1);
    CHECK(untold.at(0).at("broker") == "broker-z");
    CHECK_MESSAGE(contains(untold.at(0).at("failure"), "not now, either"), untold.dump());
    CHECK(group.at("settings").at(0).at("brokers") == json::array({"broker-a"}));
    const auto told = run_command("group show billing" + at);
    CHECK(told.code == 4);
    CHECK(contains(told.err, "troupe: progress is left out: broker broker-z: "));
    CHECK(contains(told.out, "billing"));
}

TEST_CASE_FIXTURE(running_consumer, "group reset moves a consumer that runs forward by offset, and leaves out what lies between") {
    goes_on_at("--queue broker-a:0 --to offset:7", 7);
}

TEST_CASE_FIXTURE(running_consumer, "group reset moves a consumer that runs forward to a time between two messages") {
    goes_on_at("--to time:" + std::to_string(between), 5);
}

TEST_CASE_FIXTURE(running_consumer, "group reset --dry-run says what a reset would, also that it cannot be") {
    for (const std::string line :
         {"billing orders --to first", "billing orders --to last", "billing orders --to time:0", "billing orders --to time:4102444800000",
          "billing orders --queue broker-a:0 --to offset:10", "billing orders --queue broker-a:0 --to offset:11",
          "billing orders --queue broker-a:1 --to first", "billing orders --queue nobody:0 --to first", "nobody orders --to first",
          "billing nothing --to first", "billing orders --to first --broker nobody"}) {
        CAPTURE(line);
        const auto before = committed();
        const auto planned = run_command("group reset " + line + " -o json --dry-run" + at);
        CHECK(committed() == before);
        const auto done = run_command("group reset " + line + " -o json" + at);
        CHECK(planned.code == done.code);
        CHECK(planned.out == done.out);
        CHECK((planned.code == 0) == planned.err.empty());
        if (done.code == 0)
            CHECK(committed() == json::parse(done.out).at(0).at("to"));
    }
    const auto told = run_command("group reset billing orders --to first --dry-run" + at);
    CHECK(contains(told.out, "Nothing is changed"));
}

TEST_CASE_FIXTURE(two_brokers, "a group is created, shown, changed and deleted on all brokers or on one, and is told where they differ") {
    CHECK(run("group update billing --retry-max-times 5").code == 5);
    CHECK(run("group create billing --retry-max-times 5 --group-retry-policy exponential:1s,10m,2").out ==
          "Created group billing on broker-a, broker-b: retry_max_times 5, group_retry_policy exponential:1s,10m,2.\n");
    const auto twice = run("group create billing");
    CHECK(twice.code == 7);
    CHECK(contains(twice.err, "broker broker-a has a group billing already; `troupe group update billing` changes it"));
    CHECK(shown("retry_max_times") ==
          std::vector<json>{
              {{"setting", "retry_max_times"}, {"value", 5}, {"brokers", json::array({"broker-a", "broker-b"})}, {"differs", false}}});

    CHECK(run("group update billing --retry-max-times 7 --broker broker-b").out ==
          "Updated group billing on broker-b: retry_max_times 5 -> 7.\n");
    const auto changed = json::parse(run("group update billing --consume-enable false --retry-max-times 7 -o json").out);
    CHECK(changed.at("brokers") == json::array({{{"broker", "broker-a"}, {"changed", true}}, {{"broker", "broker-b"}, {"changed", true}}}));
    CHECK(changed.at("changes") == json::array({{{"broker", "broker-a"}, {"setting", "consume_enable"}, {"from", "yes"}, {"to", "no"}},
                                                {{"broker", "broker-a"}, {"setting", "retry_max_times"}, {"from", "5"}, {"to", "7"}},
                                                {{"broker", "broker-b"}, {"setting", "consume_enable"}, {"from", "yes"}, {"to", "no"}}}));
    CHECK(run("group update billing --retry-max-times 7").out == "Group billing on broker-a has these settings already.\n"
                                                                 "Group billing on broker-b has these settings already.\n");
    CHECK(shown("group_retry_policy").at(0).at("value") == "exponential:1s,10m,2"); // it was not named
    CHECK(run("group update billing --deliver-rate 10 --broker broker-a").code == 0);
    CHECK(shown("deliver_rate") ==
          std::vector<json>{{{"setting", "deliver_rate"}, {"value", 10}, {"brokers", json::array({"broker-a"})}, {"differs", true}},
                            {{"setting", "deliver_rate"}, {"value", 0}, {"brokers", json::array({"broker-b"})}, {"differs", true}}});
    CHECK(json::parse(run("group show billing -o json").out).at("brokers_differ") == true);
    const auto told = run("group show billing");
    CHECK(contains(told.out, "brokers differ     yes"));
    CHECK(contains(told.out, "consume_enable"));

    const auto nobody = run("group update billing --retry-max-times 1 --broker nobody");
    CHECK(nobody.code == 5);
    CHECK(nobody.err == "troupe: no name server knows a broker nobody; they know broker-a, broker-b\n");
    CHECK(run("group delete billing").code == 2);
    CHECK(run("group delete billing --broker broker-b --yes").out ==
          "Deleted group billing on broker-b, but not where it was; --clean-offsets does.\n");
    const auto absent = run("group update billing --retry-max-times 1 --broker broker-b");
    CHECK(absent.code == 5);
    CHECK(contains(absent.err, "broker broker-b has no group billing; `troupe group create billing --broker broker-b` makes it"));
    CHECK(run("group update billing --retry-max-times 1").out == "Updated group billing on broker-a: retry_max_times 7 -> 1.\n");
    const auto gone = json::parse(run("group delete billing --clean-offsets --yes -o json").out);
    CHECK(gone == json{{"group", "billing"}, {"brokers", json::array({"broker-a", "broker-b"})}, {"offsets_deleted", true}});
    CHECK(run("group show billing").code == 5);
    CHECK(run("group delete billing --yes").code == 5);
}

TEST_CASE_FIXTURE(two_brokers, "when one of two brokers refuses a change or does not answer, it is said what came about where") {
    REQUIRE(run("group create billing").code == 0);
    REQUIRE(run("topic create orders --queues 1").code == 0);
    const auto refused = run("group update billing --retry-max-times 3 --group-retry-policy customized:2h");
    CHECK(refused.code == 2);
    CHECK(refused.out == "Updated group billing on broker-a: retry_max_times 16 -> 3, group_retry_policy levels -> customized:2h.\n");
    CHECK(contains(refused.err, "troupe: broker broker-b: "));
    CHECK(contains(refused.err, "a delay is 7200000 ms"));
    CHECK(contains(refused.err, "; nothing is changed there\n"));
    CHECK(shown("retry_max_times").size() == 2);
    CHECK(run("group create others --group-retry-policy customized:2h").code == 2);
    CHECK(contains(run("group show others").out, "broker-a"));

    second->pause();
    const auto silent = run("group update billing --retry-max-times 4 --timeout 2s -o json");
    CHECK(silent.code == 4);
    CHECK(json::parse(silent.out).at("brokers") == json::array({{{"broker", "broker-a"}, {"changed", true}}}));
    CHECK(contains(silent.err, "broker broker-b: "));
    CHECK(contains(silent.err, "; nothing is changed there\n")); // it was not even read
    const auto planned = run("group reset billing orders --to first --timeout 2s --dry-run -o json");
    CHECK(planned.code == 4);
    CHECK(contains(planned.err, "; nothing is changed there\n"));
    const auto reset = run("group reset billing orders --to first --timeout 2s -o json");
    CHECK(reset.code == 4);
    CHECK(json::parse(reset.out) == json::array({{{"broker", "broker-a"}, {"queue", 0}, {"from", 0}, {"to", 0}}}));
    CHECK(contains(reset.err, "broker broker-b: "));
    CHECK(contains(reset.err, "; whether it is changed there is not known: `troupe group show billing` says\n"));
    CHECK(run("group reset billing orders --to first --broker broker-a --timeout 2s").code == 0);
    second->resume();
    CHECK(run("group reset billing orders --to last --broker broker-b").code == 0);
}
