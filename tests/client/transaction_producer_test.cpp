#include "client/client.hpp"
#include "testing/node.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

using outcome = transaction_outcome;

testing::node_options impatient() {
    testing::node_options options;
    options.transaction_timeout = 300ms;
    options.transaction_interval = 300ms;
    return options;
}

message paid(const std::string& body, const std::string& topic = "orders") {
    message m;
    m.topic = topic;
    m.body = body;
    m.tags = "TagA";
    return m;
}

void make_topic(const connection& via, const std::string& name) {
    topic_config topic;
    topic.name = name;
    topic.read_queues = topic.write_queues = 2;
    REQUIRE(admin{via}.create_topic(topic).ok());
}

transaction_producer_options of_group(const std::string& group, const std::string& topic) {
    transaction_producer_options options;
    options.sending.group = group;
    options.topics = {topic};
    return options;
}

/// Words that arrive from other threads.
class words {
public:
    void add(const std::string& word) {
        const std::lock_guard lock{mutex_};
        all_.insert(word);
        changed_.notify_all();
    }
    bool wait_for(const std::multiset<std::string>& wanted) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 30s, [&] { return all_ == wanted; });
    }
    /// Until each of `wanted` was seen, once or more often.
    bool wait_for_each(const std::set<std::string>& wanted) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(
            lock, 30s, [&] { return std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) { return all_.count(one) != 0; }); });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::multiset<std::string> all_;
};

/// Asks until the broker has no open transaction: outcomes are sent one-way, so a producer does not know when they arrived.
bool nothing_is_open(const connection& via) {
    return test_support::eventually(30s, [&via] {
        const auto open = admin{via}.list_transactions();
        return open.ok() && open->empty();
    });
}

/// Consumes `topic` from its first message on.
struct reader {
    reader(const connection& via, const std::string& topic) {
        push_consumer_options options;
        options.group = "readers-of-" + topic;
        options.from = consume_from::first_offset;
        auto opened = push_consumer::open(via, options, [this](const received_message& m) {
            seen.add(std::string{m.body.view()});
            return consume_outcome::done;
        });
        REQUIRE(opened.ok());
        consumer.emplace(std::move(*opened));
        REQUIRE(consumer->subscribe(topic).ok());
        REQUIRE(consumer->start().ok());
    }
    words seen; // outlives the consumer
    std::optional<push_consumer> consumer;
};

} // namespace

TEST_CASE("transactional producer: consumers see what was committed, also when the broker had to ask") {
    testing::node node{impatient()};
    REQUIRE(node.start().ok());
    for (const bool is_local : {false, true}) {
        CAPTURE(is_local);
        const std::string topic = is_local ? "local" : "remote";
        const auto via = is_local ? node.connect_embedded() : node.connect();
        REQUIRE(via.ok());
        make_topic(*via, topic);
        reader consumer{*via, topic};
        words asked;
        auto producer = transaction_producer::open(
            *via,
            [&asked](const received_message& half) {
                asked.add(std::string{half.body.view()});
                CHECK(half.tags() == "TagA");
                if (half.body.view() == "asked and thrown")
                    throw std::runtime_error{"no database"};
                // A slow machine may let the broker ask about the others, too: the same answer as the producer's own.
                const auto body = half.body.view();
                return body == "asked and committed" || body == "committed" || body == "committed later" ? outcome::commit
                                                                                                         : outcome::roll_back;
            },
            of_group("payers-" + topic, topic));
        REQUIRE_MESSAGE(producer.ok(), to_string(producer.ok() ? error{} : producer.failure()));
        CHECK(transaction_producer::open(
                  *via, [](const received_message&) { return outcome::commit; }, of_group("payers-" + topic, topic))
                  .code() == errc::already_exists);

        const auto committed = producer->send(paid("committed", topic), [](const send_receipt&) { return outcome::commit; });
        REQUIRE_MESSAGE(committed.ok(), to_string(committed.ok() ? error{} : committed.failure()));
        CHECK(committed->is_stored);
        CHECK(committed->outcome == outcome::commit);
        const auto rolled_back = producer->send(paid("rolled back", topic), [](const send_receipt&) { return outcome::roll_back; });
        REQUIRE(rolled_back.ok());
        CHECK(rolled_back->is_stored);
        for (const auto* body : {"asked and committed", "asked and rolled back"}) {
            const auto unknown = producer->send(paid(body, topic), [](const send_receipt&) { return outcome::unknown; });
            REQUIRE(unknown.ok());
            CHECK_FALSE(unknown->is_stored);
        }
        CHECK_THROWS_AS(static_cast<void>(producer->send(paid("thrown", topic),
                                                         [](const send_receipt&) -> outcome { throw std::runtime_error{"no money"}; })),
                        std::runtime_error);
        std::promise<result<transaction_receipt>> later;
        producer->send_async(
            paid("committed later", topic), [](const send_receipt&) { return outcome::commit; },
            [&later](result<transaction_receipt> told) { later.set_value(std::move(told)); });
        const auto told = later.get_future().get();
        REQUIRE(told.ok());
        CHECK(told->is_stored);
        REQUIRE(asked.wait_for_each({"asked and committed", "asked and rolled back"}));
        CHECK(consumer.seen.wait_for({"committed", "committed later", "asked and committed"}));

        auto delayed = paid("delayed", topic);
        delayed.delay_level = 1;
        CHECK(producer->send(delayed, [](const send_receipt&) { return outcome::commit; }).code() == errc::message_illegal);
        auto plain = client::producer::open(*via);
        auto forged = paid("forged", topic);
        forged.properties["TRAN_MSG"] = "true";
        CHECK(plain->send(forged).code() == errc::property_illegal);
        CHECK(nothing_is_open(*via));
    }
}

TEST_CASE("transactional producer: what one client of a group leaves open, another one decides") {
    testing::node node{impatient()};
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    make_topic(*via, "orders");
    {
        auto gone = transaction_producer::open(
            *via, [](const received_message&) { return outcome::unknown; }, of_group("payers", "orders"));
        REQUIRE(gone.ok());
        REQUIRE(gone->send(paid("left open"), [](const send_receipt&) { return outcome::unknown; }).ok());
    }
    const auto other = node.connect();
    reader consumer{*other, "orders"};
    auto heir = transaction_producer::open(
        *other, [](const received_message&) { return outcome::commit; }, of_group("payers", "orders"));
    REQUIRE(heir.ok());
    CHECK(consumer.seen.wait_for({"left open"}));
    heir->close();
    const auto closed = heir->send(paid("too late"), [](const send_receipt&) { return outcome::commit; });
    CHECK(closed.code() == errc::shutting_down);
}

TEST_CASE("transactional producer: a restart of the broker loses no transaction") {
    testing::node node{impatient()};
    REQUIRE(node.start().ok());
    client_options patient;
    patient.request_timeout = 30s;
    const auto via = node.connect(patient);
    make_topic(*via, "orders");
    reader consumer{*via, "orders"};
    auto producer = transaction_producer::open(
        *via, [](const received_message&) { return outcome::commit; }, of_group("payers", "orders"));
    const auto receipt = producer->send(paid("committed meanwhile"), [&node](const send_receipt&) {
        node.stop();
        REQUIRE(node.start().ok());
        return outcome::commit;
    });
    REQUIRE(receipt.ok());
    CHECK(receipt->is_stored);
    REQUIRE(producer
                ->send(paid("asked after"),
                       [&node](const send_receipt&) {
                           node.stop();
                           REQUIRE(node.start().ok());
                           return outcome::unknown;
                       })
                .ok());
    CHECK(consumer.seen.wait_for_each({"committed meanwhile", "asked after"})); // a restart may deliver one again
}

TEST_CASE("admin: transactions that are stuck are listed and decided") {
    testing::node node; // patient: nobody is asked
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    make_topic(*via, "orders");
    reader consumer{*via, "orders"};
    auto producer = transaction_producer::open(
        *via, [](const received_message&) { return outcome::unknown; }, of_group("payers", "orders"));
    REQUIRE(producer.ok());
    std::vector<std::string> ids;
    for (const auto* body : {"first", "second"})
        ids.push_back(producer->send(paid(body), [](const send_receipt&) { return outcome::unknown; })->half.offset_message_id);
    admin administrator{*via};
    const auto listed = administrator.list_transactions("payers");
    REQUIRE(listed.ok());
    REQUIRE(listed->size() == 2);
    CHECK((*listed)[0].first == "broker-a");
    CHECK((*listed)[0].second.offset_message_id == ids[0]);
    CHECK((*listed)[0].second.topic == "orders");
    CHECK(administrator.list_transactions("others")->empty());
    CHECK(administrator.list_transactions({}, 1)->size() == 1);
    CHECK(administrator.end_transaction("no id", outcome::commit).code() == errc::argument_illegal);
    CHECK(administrator.end_transaction(ids[0], outcome::unknown).code() == errc::argument_illegal);
    REQUIRE(administrator.end_transaction(ids[1], outcome::commit).ok());
    REQUIRE(administrator.end_transaction(ids[0], outcome::roll_back).ok());
    CHECK(administrator.end_transaction(ids[0], outcome::roll_back).code() == errc::message_not_found);
    CHECK(consumer.seen.wait_for({"second"}));
    CHECK(administrator.list_transactions()->empty());
}

TEST_CASE("admin: transactions that were given up are listed, resumed and decided") {
    auto options = impatient();
    options.transaction_checks_max = 1;
    testing::node node{options};
    REQUIRE(node.start().ok());
    std::string half;
    {
        const auto via = node.connect();
        make_topic(*via, "orders");
        auto producer = transaction_producer::open(
            *via, [](const received_message&) { return outcome::unknown; }, of_group("payers", "orders"));
        REQUIRE(producer.ok());
        half = producer->send(paid("late"), [](const send_receipt&) { return outcome::unknown; })->half.offset_message_id;
        test_support::await(
            "a transaction that is given up", [&via] { return !admin{*via}.list_given_up_transactions("payers").value().empty(); }, 60s);
    }
    // From here on nothing is given up, however long the test takes: whoever is not there yet is asked again, which does not count.
    node.stop();
    options.transaction_interval = 2s;
    options.transaction_checks_max = 1'000;
    node.set_options(options);
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    reader consumer{*via, "orders"};
    std::atomic<int> questions{0};
    auto producer = transaction_producer::open(
        *via,
        [&questions](const received_message&) {
            ++questions;
            return outcome::commit;
        },
        of_group("payers", "orders"));
    REQUIRE(producer.ok());
    admin administrator{*via};
    const auto given_up = [&] { return administrator.list_given_up_transactions("payers").value(); };
    REQUIRE(given_up().size() == 1);
    CHECK(given_up()[0].first == "broker-a");
    CHECK(given_up()[0].second.topic == "orders");
    CHECK(administrator.list_given_up_transactions("others")->empty());
    CHECK(administrator.list_given_up_transactions({}, 0).code() == errc::argument_illegal);
    CHECK(administrator.end_transaction(half, outcome::commit).code() == errc::message_not_found);

    const auto resumed = administrator.resume_transaction(given_up()[0].second.offset_message_id);
    REQUIRE_MESSAGE(resumed.ok(), to_string(resumed ? error{} : resumed.failure()));
    CHECK(resumed->broker_name == "broker-a");
    CHECK(administrator.resume_transaction(half)->offset_message_id == resumed->offset_message_id);
    CHECK(consumer.seen.wait_for({"late"}));
    CHECK(questions >= 1);
    CHECK(administrator.list_given_up_transactions()->empty());
    CHECK(administrator.resume_transaction("no id").code() == errc::argument_illegal);
    CHECK(administrator.resume_transaction("7F00000100002A9F0000000000FFFFFF").code() == errc::message_not_found);
}
