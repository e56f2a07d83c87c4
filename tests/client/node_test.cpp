#include "client/client.hpp"
#include "protocol/body_compression.hpp"
#include "testing/node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/thread_time.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <system_error>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

message make_message(const std::string& body, const std::string& sharding_key = {}) {
    message m;
    m.topic = "orders";
    m.body = body;
    m.sharding_key = sharding_key;
    m.tags = "TagA";
    m.keys = {"key-" + body};
    m.properties["colour"] = "red";
    return m;
}

topic_config make_topic(int queues) {
    topic_config topic;
    topic.name = "orders";
    topic.read_queues = topic.write_queues = queues;
    return topic;
}

/// What handlers got, in order, for a test to wait for.
class collected {
public:
    consume_outcome operator()(const received_message& m) {
        const std::lock_guard lock{mutex_};
        bodies_[m.queue].emplace_back(m.body.view());
        ++count_;
        changed_.notify_all();
        return consume_outcome::done;
    }
    bool wait_for(std::size_t wanted) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 30s, [&] { return count_ >= wanted; });
    }
    std::map<message_queue, std::vector<std::string>> bodies() {
        const std::lock_guard lock{mutex_};
        return bodies_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<message_queue, std::vector<std::string>> bodies_;
    std::size_t count_ = 0;
};

/// The same program, whether its connection is local or goes over the ports.
void send_and_consume(const connection& via) {
    admin administrator{via};
    REQUIRE(administrator.create_topic(make_topic(4)).ok());
    CHECK(administrator.create_topic(make_topic(4)).code() == errc::already_exists);
    auto producer = producer::open(via);
    REQUIRE(producer.ok());
    constexpr int count = 500;
    std::vector<std::future<result<send_receipt>>> outcomes;
    for (int i = 0; i < count; ++i)
        outcomes.push_back(producer->send_async(make_message(std::to_string(i), "customer-" + std::to_string(i % 7))));
    std::set<std::pair<message_queue, queue_offset>> places;
    for (auto& outcome : outcomes) {
        const auto receipt = outcome.get();
        REQUIRE_MESSAGE(receipt.ok(), to_string(receipt.failure()));
        CHECK(places.emplace(receipt->queue, receipt->offset).second);
    }
    collected got;
    push_consumer_options options;
    options.group = "g";
    options.from = consume_from::first_offset;
    options.ordered = true;
    auto consumer = push_consumer::open(via, options, [&](const received_message& m) { return got(m); });
    REQUIRE(consumer.ok());
    REQUIRE(consumer->subscribe("orders", "TagA").ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(got.wait_for(count));
    consumer->stop();

    std::set<std::string> all;
    for (const auto& [queue, bodies] : got.bodies()) {
        std::map<int, int> last; // per customer, in the order they were sent
        for (const auto& body : bodies) {
            const int number = std::stoi(body);
            CHECK(all.insert(body).second);
            const auto [at, is_first] = last.try_emplace(number % 7, number);
            CHECK((is_first || at->second < number));
            at->second = number;
        }
    }
    CHECK(all.size() == count);
    const auto group = administrator.describe_group("g");
    REQUIRE_MESSAGE(group.ok(), to_string(group.failure()));
    CHECK(group->lag() == 0);
    CHECK(group->queues.size() >= 1);
}

} // namespace

TEST_CASE("client: sends and consumes over the ports") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(via.ok());
    send_and_consume(*via);
}

TEST_CASE("client: SQL92 chooses messages by their properties, for push and pull consumers, what is there and what comes") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(via.ok());
    REQUIRE(admin{*via}.create_topic(make_topic(2)).ok());
    auto producer = producer::open(*via);
    REQUIRE(producer.ok());
    const auto send = [&](int first, int last) {
        for (int i = first; i < last; ++i) {
            auto m = make_message(std::to_string(i));
            m.properties["price"] = std::to_string(i) + ".5";
            REQUIRE(producer->send(m).ok());
        }
    };
    send(0, 50);
    collected got;
    push_consumer_options options;
    options.group = "chosen";
    options.from = consume_from::first_offset;
    auto consumer = push_consumer::open(*via, options, [&](const received_message& m) { return got(m); });
    REQUIRE(consumer.ok());
    REQUIRE(consumer->subscribe("orders", message_selector::sql92("price BETWEEN 40 AND 59.9 AND colour = 'red'")).ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(got.wait_for(10));
    send(50, 100); // some of these wake pulls that wait
    REQUIRE(got.wait_for(20));
    pull_consumer_options pull;
    pull.group = "reader";
    pull.expression = message_selector::sql92("price > 97");
    auto reader = pull_consumer::open(*via, pull);
    REQUIRE(reader.ok());
    const auto queues = reader->queues("orders");
    REQUIRE(queues.ok());
    REQUIRE(reader->assign(*queues, seek_target::first()).ok());
    std::set<std::string> read;
    while (read.size() < 3) {
        const auto polled = reader->poll(30s);
        REQUIRE_FALSE(polled.empty());
        for (const auto& m : polled)
            read.emplace(m.body.view());
    }
    CHECK(read == std::set<std::string>{"97", "98", "99"});
    consumer->stop();
    std::set<int> numbers;
    for (const auto& [queue, bodies] : got.bodies()) {
        for (const auto& body : bodies)
            CHECK(numbers.insert(std::stoi(body)).second);
    }
    CHECK(numbers.size() == 20);
    CHECK(*numbers.begin() == 40);
    CHECK(*numbers.rbegin() == 59);
}

TEST_CASE("client: the same program runs against the roles in its own process") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect_embedded();
    REQUIRE(via.ok());
    send_and_consume(*via);
}

TEST_CASE("client: a message comes back as it was sent") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(admin{*via}.create_topic(make_topic(1)).ok());
    auto producer = producer::open(*via);
    const auto receipt = producer->send(make_message("hello", "customer"));
    REQUIRE(receipt.ok());
    const auto batch = producer->send_batch({make_message("one"), make_message("two")});
    REQUIRE(batch.ok());
    REQUIRE(batch->size() == 2);
    CHECK(batch->at(1).offset == batch->at(0).offset + 1);
    CHECK(producer->send_oneway(make_message("three")).ok());
    CHECK(producer->flush(10s));

    pull_consumer_options options;
    options.group = "readers";
    auto consumer = pull_consumer::open(*via, options);
    const auto queues = consumer->queues("orders");
    REQUIRE(queues.ok());
    REQUIRE(consumer->assign(*queues, seek_target::first()).ok());
    std::vector<received_message> all;
    while (all.size() < 4) {
        auto some = consumer->poll(10s);
        REQUIRE_FALSE(some.empty());
        all.insert(all.end(), some.begin(), some.end());
    }
    const auto& first = all.front();
    CHECK(first.body.view() == "hello");
    CHECK(first.tags() == "TagA");
    CHECK(first.keys() == "key-hello");
    CHECK(first.sharding_key() == "customer");
    CHECK(first.property("colour") == "red");
    CHECK(first.properties().at("colour") == "red");
    CHECK(first.message_id() == receipt->message_id);
    CHECK(first.offset_message_id == receipt->offset_message_id);
    CHECK(first.offset == receipt->offset);
    CHECK(all[2].body.view() == "two");
    CHECK(all[2].offset_message_id == batch->at(1).offset_message_id);

    CHECK(*consumer->position(queues->front()) == queue_offset{4});
    CHECK(consumer->commit().ok());
    CHECK(*consumer->committed(queues->front()) == queue_offset{4});
    REQUIRE(consumer->seek(queues->front(), seek_target::at(queue_offset{3})).ok());
    const auto again = consumer->poll(10s);
    REQUIRE(again.size() == 1);
    CHECK(again.front().body.view() == "three");
}

TEST_CASE("client: a compressed message is stored so, and comes back as it was") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(admin{*via}.create_topic(make_topic(1)).ok());
    const std::string body(5'000, 'x');
    for (const auto how : {compression::zlib, compression::lz4, compression::zstd}) {
        CAPTURE(static_cast<int>(how));
        producer_options options;
        options.compress_from_bytes = 4'096;
        options.compress_with = how;
        const auto receipt = producer::open(*via, options)->send(make_message(body));
        REQUIRE(receipt.ok());
        const auto found = admin{*via}.find_message(receipt->offset_message_id);
        REQUIRE(found.ok());
        CHECK(found->body.view() == body);
    }
}

// Goal: threads of the scheduler, which all actors of the process share, are not held up by what bodies unpack to.
TEST_CASE("client: bodies are unpacked on the thread that gets them") {
    constexpr std::size_t count = 8;
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(admin{*via}.create_topic(make_topic(1)).ok());
    const std::string body(4'000'000, 'x');
    const auto packed = *protocol::pack_body(compression::zlib, body);
    REQUIRE(protocol::unpack_body(compression::zlib, packed, body.size()).ok()); // the first one is dearer
    const auto begun = test_support::spent_here();
    REQUIRE(protocol::unpack_body(compression::zlib, packed, body.size()).ok());
    const auto one = test_support::spent_here() - begun;
    producer_options options;
    options.compress_from_bytes = 4'096;
    auto producer = producer::open(*via, options);
    auto large = make_message("large");
    large.body = body;
    for (std::size_t i = 0; i < count; ++i)
        REQUIRE(producer->send(large).ok());

    SUBCASE("of a pull consumer: the one that polls") {
        pull_consumer_options pulled;
        pulled.group = "g";
        auto consumer = pull_consumer::open(*via, pulled);
        REQUIRE(consumer->assign(consumer->queues("orders").value()).ok());
        const auto before = test_support::spent_here();
        std::vector<received_message> got;
        while (got.size() < count)
            for (auto& m : consumer->poll(30s))
                got.push_back(std::move(m));
        CHECK(test_support::spent_here() - before > 4 * one);
        for (const auto& m : got)
            CHECK(m.body.view() == body);
    }
    SUBCASE("of a push consumer: the one that calls the handler") {
        std::promise<std::chrono::nanoseconds> handled;
        std::vector<std::chrono::nanoseconds> spent; // when each came
        std::size_t whole = 0;
        push_consumer_options pushed;
        pushed.group = "g";
        pushed.from = consume_from::first_offset;
        pushed.handler_threads = 1;
        auto consumer = push_consumer::open(*via, pushed, [&](const received_message& m) {
            spent.push_back(test_support::spent_here());
            whole += m.body.size() == body.size() ? 1U : 0U;
            if (spent.size() == count)
                handled.set_value(spent.back() - spent.front());
            return consume_outcome::done;
        });
        REQUIRE(consumer->subscribe("orders").ok());
        REQUIRE(consumer->start().ok());
        auto known = handled.get_future();
        REQUIRE(known.wait_for(30s) == std::future_status::ready);
        CHECK(known.get() > 4 * one);
        consumer->stop();
        CHECK(whole == count);
    }
}

TEST_CASE("client: a node's restart costs latency only, for producers and consumers") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(admin{*via}.create_topic(make_topic(2)).ok());
    producer_options patient;
    patient.send_timeout = 30s;
    auto producer = producer::open(*via, patient);
    collected got;
    push_consumer_options options;
    options.group = "g";
    options.from = consume_from::first_offset;
    auto consumer = push_consumer::open(*via, options, [&](const received_message& m) { return got(m); });
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(producer->send(make_message("before")).ok());
    REQUIRE(got.wait_for(1));
    node.stop();
    auto during = producer->send_async(make_message("during"));
    REQUIRE(node.start().ok());
    CHECK(during.get().ok());
    CHECK(producer->send(make_message("after")).ok());
    CHECK(got.wait_for(3));
}

TEST_CASE("client: a failed message comes again, then lies in the dead letter topic; a delayed one comes later") {
    testing::node_options quick;
    quick.delay_levels = {300ms, 10ms, 10ms};
    testing::node node{quick};
    REQUIRE(node.start().ok());
    for (const bool is_local : {false, true}) {
        CAPTURE(is_local);
        const std::string name = is_local ? "local" : "remote";
        const auto via = is_local ? node.connect_embedded() : node.connect();
        REQUIRE(via.ok());
        auto topic = make_topic(1);
        topic.name = name;
        REQUIRE(admin{*via}.create_topic(topic).ok());
        std::mutex mutex;
        std::vector<std::int32_t> tries;
        collected got;
        push_consumer_options options;
        options.group = "group-" + name;
        options.from = consume_from::first_offset;
        options.redeliveries_max = 2;
        auto consumer = push_consumer::open(*via, options, [&](const received_message& m) {
            if (m.body.view() == "bad") {
                const std::lock_guard lock{mutex};
                tries.push_back(m.reconsume_times);
            }
            got(m);
            return m.body.view() == "bad" ? consume_outcome::retry_later : consume_outcome::done;
        });
        REQUIRE(consumer->subscribe(name).ok());
        REQUIRE(consumer->start().ok());
        auto producer = producer::open(*via);
        auto delayed = make_message("delayed");
        delayed.delay_level = 1;
        for (auto m : {delayed, make_message("bad"), make_message("good")}) {
            m.topic = name;
            REQUIRE(producer->send(std::move(m)).ok());
        }
        REQUIRE(got.wait_for(5)); // the bad one three times
        const auto all = got.bodies();
        REQUIRE(all.size() == 1); // its own topic, and one queue number, each time
        CHECK(all.begin()->first.topic == name);
        CHECK(std::count(all.begin()->second.begin(), all.begin()->second.end(), "delayed") == 1);

        pull_consumer_options dead;
        dead.group = "undertaker";
        auto reader = pull_consumer::open(*via, dead);
        REQUIRE(reader->assign({{"%DLQ%group-" + name, "broker-a", 0}}, seek_target::first()).ok());
        std::vector<received_message> dead_letters;
        for (int i = 0; i < 300 && dead_letters.empty(); ++i)
            dead_letters = reader->poll(100ms);
        REQUIRE(dead_letters.size() == 1);
        CHECK(dead_letters[0].body.view() == "bad");
        consumer->stop();
        const std::lock_guard lock{mutex};
        CHECK(tries == std::vector<std::int32_t>{0, 1, 2});
        CHECK(consumer->counters().messages_sent_back == 3);
        CHECK(admin{*via}.describe_group("group-" + name)->lag() == 0);

        // The group gets it again, from the beginning, and this time its handler can do it.
        admin administrator{*via};
        const auto listed = administrator.list_dead_letters("group-" + name);
        REQUIRE_MESSAGE(listed.ok(), to_string(listed.failure()));
        REQUIRE(listed->size() == 1);
        CHECK(listed->front().next - listed->front().first == 1);
        const auto read = administrator.read_queue(listed->front().queue, listed->front().first, 10);
        REQUIRE(read.ok());
        REQUIRE(read->first.size() == 1);
        CHECK(read->first[0].property("RETRY_TOPIC") == name);
        CHECK(administrator.resend_dead_letters("group-" + name, 100)->at(0).resent == 1);
        CHECK(administrator.resend_dead_letters("group-" + name, 100)->empty());
        collected again;
        std::int32_t count = -1;
        auto better = push_consumer::open(*via, options, [&](const received_message& m) {
            count = m.reconsume_times;
            again(m);
            return consume_outcome::done;
        });
        REQUIRE(better->subscribe(name).ok());
        REQUIRE(better->start().ok());
        REQUIRE(again.wait_for(1));
        better->stop();
        CHECK(again.bodies().begin()->first.topic == name);
        CHECK(again.bodies().begin()->second == std::vector<std::string>{"bad"});
        CHECK(count == 0);
        if (!is_local) {
            const std::string origin{read->first[0].property("ORIGIN_MESSAGE_ID")};
            const auto way = administrator.trace_message(origin);
            REQUIRE_MESSAGE(way.ok(), to_string(way.failure()));
            using kind_type = message_stop::kind_type;
            std::map<kind_type, int> kinds;
            for (const auto& stop : way->stops)
                ++kinds[stop.kind];
            CHECK(kinds == std::map<kind_type, int>{{kind_type::original, 1}, {kind_type::retry, 3}, {kind_type::dead_letter, 1}});
            REQUIRE(way->stops[0].trace.groups.size() == 1);
            CHECK(way->stops[0].trace.groups[0].group == "group-" + name);
            CHECK_FALSE(way->stops[0].trace.groups[0].deliveries.empty());
            CHECK(way->stops[0].message.offset < way->stops[0].trace.groups[0].committed);
            CHECK(administrator.resend_dead_letter("group-" + name, read->first[0].offset_message_id).ok());
            CHECK(administrator.resend_dead_letter("group-" + name, "7F00000100002A9F0000000000FFFFFF").code() == errc::message_not_found);
        }
        CHECK(administrator.resend_dead_letters("nobody", 1)->empty());
    }
}

TEST_CASE("client: with order, a message that fails too often becomes a dead letter with its topic and its count, and its queue goes on") {
    testing::node node;
    REQUIRE(node.start().ok());
    bool is_local = false;
    std::int32_t retry_queues = 1;
    SUBCASE("over the ports") {}
    SUBCASE("in the same process") {
        is_local = true;
    }
    SUBCASE("of a group that wants no retries") {
        retry_queues = 0;
    }
    const auto via = is_local ? node.connect_embedded() : node.connect();
    REQUIRE(via.ok());
    admin administrator{*via};
    REQUIRE(administrator.create_topic(make_topic(1)).ok());
    group_config group;
    group.name = "g";
    group.retry_queues = retry_queues;
    REQUIRE(administrator.put_group(group).ok());
    auto producer = producer::open(*via);
    REQUIRE(producer.ok());
    std::string id;
    for (const std::string body : {"a", "bad", "c"}) {
        const auto receipt = producer->send(make_message(body));
        REQUIRE(receipt.ok());
        if (body == "bad")
            id = receipt->message_id;
    }
    collected got;
    push_consumer_options options;
    options.group = "g";
    options.from = consume_from::first_offset;
    options.ordered = true;
    options.redeliveries_max = 2;
    options.redelivery_delay_min = 10ms;
    auto consumer = push_consumer::open(*via, options, [&](const received_message& m) {
        got(m);
        return m.body.view() == "bad" ? consume_outcome::retry_later : consume_outcome::done;
    });
    REQUIRE(consumer.ok());
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(got.wait_for(5));
    consumer->stop();
    const auto all = got.bodies();
    REQUIRE(all.size() == 1);
    CHECK(all.begin()->second == std::vector<std::string>{"a", "bad", "bad", "bad", "c"});
    CHECK(administrator.describe_group("g")->lag() == 0);
    CHECK(consumer->counters().messages_sent_back == 1);

    const auto listed = administrator.list_dead_letters("g");
    REQUIRE_MESSAGE(listed.ok(), to_string(listed.failure()));
    REQUIRE(listed->size() == 1);
    const auto read = administrator.read_queue(listed->front().queue, listed->front().first, 10);
    REQUIRE(read.ok());
    REQUIRE(read->first.size() == 1);
    const auto& dead = read->first[0];
    CHECK(dead.body.view() == "bad");
    CHECK(dead.property("RETRY_TOPIC") == "orders");
    CHECK(dead.reconsume_times == 3); // as often as it was delivered
    CHECK(dead.message_id() == id);
    CHECK(dead.tags() == "TagA");
}

TEST_CASE("client: a message comes at its time, and one that was taken back does not") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(via.ok());
    admin operations{*via};
    REQUIRE(operations.create_topic(make_topic(1)).ok());
    auto producer = producer::open(*via);
    REQUIRE(producer.ok());
    const auto now = [] {
        return timestamp_ms{
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
    };
    const auto send = [&](const std::string& body, auto set) {
        auto m = make_message(body);
        set(m);
        auto receipt = producer->send(std::move(m));
        REQUIRE_MESSAGE(receipt.ok(), (receipt ? std::string{} : to_string(receipt.failure())));
        return *receipt;
    };
    const auto began = now();
    const auto soon = send("soon", [](message& m) { m.deliver_after = 300ms; });
    send("later", [&](message& m) { m.deliver_at = now() + 600; });
    const auto recalled = send("recalled", [](message& m) { m.deliver_after = 1h; });
    const auto cancelled = send("cancelled", [](message& m) { m.deliver_after = 2h; });
    const auto kept = send("kept", [](message& m) { m.deliver_after = 3h; });
    CHECK_FALSE(soon.recall_handle.empty());
    CHECK(send("at-once", [](message&) {}).recall_handle.empty());

    const auto listed = operations.list_timers("orders", 2);
    REQUIRE(listed.ok());
    CHECK(listed->has_more);
    REQUIRE(listed->timers.size() == 2);
    CHECK(listed->timers[0].topic == "orders");
    CHECK(listed->timers[0].due < listed->timers[1].due);
    const auto found = operations.find_timer("orders", kept.message_id);
    REQUIRE(found.ok());
    CHECK(found->message.body.view() == "kept");
    CHECK(found->message.queue.broker_name == "broker-a");
    CHECK(found->due - began >= 3 * 3'600'000);

    for (int i = 0; i < 2; ++i) {
        const auto taken_back = producer->recall("orders", recalled.recall_handle);
        REQUIRE_MESSAGE(taken_back.ok(), (taken_back ? std::string{} : to_string(taken_back.failure())));
        CHECK(*taken_back == recalled.message_id);
    }
    CHECK(producer->recall("orders", "nonsense").code() == errc::operation_illegal);
    CHECK(operations.cancel_timer("orders", cancelled.message_id).ok());
    CHECK(operations.cancel_timer("orders", cancelled.message_id).code() == errc::message_not_found);
    CHECK(operations.find_timer("orders", recalled.message_id).code() == errc::message_not_found);

    collected got;
    std::mutex mutex;
    std::map<std::string, std::int64_t> arrived; // ms after `began`
    push_consumer_options options;
    options.group = "readers";
    options.from = consume_from::first_offset;
    auto consumer = push_consumer::open(*via, options, [&](const received_message& m) {
        {
            const std::lock_guard lock{mutex};
            arrived.emplace(m.body.view(), now() - began);
        }
        return got(m);
    });
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(got.wait_for(3));
    CHECK(got.bodies().begin()->second.size() == 3);
    const std::lock_guard lock{mutex};
    CHECK(arrived.count("at-once") == 1);
    CHECK(arrived["soon"] >= 300);
    CHECK(arrived["later"] >= 600);
    CHECK(operations.list_timers("", 10)->timers.size() == 1);
    CHECK(producer->recall("orders", soon.recall_handle).code() == errc::operation_illegal);
}

TEST_CASE("client: blocking calls outlast a node's restart") {
    testing::node node;
    REQUIRE(node.start().ok());
    client_options patient;
    patient.request_timeout = 30s;
    const auto via = node.connect(patient);
    admin administrator{*via};
    REQUIRE(administrator.create_topic(make_topic(1)).ok());
    REQUIRE(producer::open(*via)->send(make_message("m")).ok());
    pull_consumer_options reading;
    reading.group = "g";
    auto consumer = pull_consumer::open(*via, reading);
    const auto queues = consumer->queues("orders");
    REQUIRE(queues.ok());
    REQUIRE(consumer->assign(*queues, seek_target::first()).ok());
    REQUIRE(consumer->poll(10s).size() == 1);
    const auto during_restart = [&node](auto call) {
        node.stop();
        auto outcome = std::async(std::launch::async, std::move(call));
        const auto failed = outcome.wait_for(200ms) == std::future_status::ready; // while nobody is there
        REQUIRE(node.start().ok());
        CHECK_FALSE(failed);
        return outcome.get();
    };
    CHECK(during_restart([&] { return consumer->commit(); }).ok());
    const auto committed = during_restart([&] { return consumer->committed(queues->front()); });
    REQUIRE(committed.ok());
    CHECK(*committed == queue_offset{1});
    consumer->close();
    CHECK(consumer->committed(queues->front()).code() == errc::shutting_down);
}

TEST_CASE("admin: says what a cluster has") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    admin administrator{*via};
    CHECK(administrator.describe_topic("orders").code() == errc::topic_not_found);
    CHECK(administrator.update_topic(make_topic(2)).code() == errc::topic_not_found);
    CHECK(administrator.delete_topic("orders").code() == errc::topic_not_found);
    CHECK(administrator.create_topic(make_topic(0)).code() == errc::argument_illegal);
    CHECK(administrator.create_topic(make_topic(2), {"nobody"}).code() == errc::not_found);
    REQUIRE(administrator.create_topic(make_topic(2)).ok());
    CHECK(*administrator.list_topics() == std::vector<std::string>{"orders"});
    CHECK(administrator.list_topics(true)->size() >= 1);
    REQUIRE(administrator.update_topic(make_topic(3)).ok());
    const auto topic = administrator.describe_topic("orders");
    REQUIRE(topic.ok());
    REQUIRE(topic->brokers.size() == 1);
    CHECK(topic->brokers.front().config.write_queues == 3);
    CHECK(topic->queues.size() == 3);
    CHECK(administrator.describe_group("nobody").code() == errc::group_not_found);
    group_config group;
    group.name = "g";
    CHECK(administrator.put_group(group).ok());
    const auto groups = administrator.list_groups();
    REQUIRE(groups.ok());
    CHECK(std::count(groups->begin(), groups->end(), "g") == 1);
    group.retry_max = 3;
    CHECK(administrator.put_group(group, {"nobody"}).code() == errc::not_found);
    CHECK(administrator.find_group("g")->at(0).config.retry_max == 16);
    CHECK(administrator.put_group(group, {"broker-a"}).ok());
    CHECK(administrator.find_group("g", {"broker-a"})->at(0).config == group);
    CHECK(administrator.find_group("g")->at(0).broker_name == "broker-a");
    CHECK(administrator.describe_group("g")->brokers.at(0).config == group);
    CHECK(administrator.find_group("nobody").code() == errc::group_not_found);
    CHECK(administrator.delete_group("g", true, {"nobody"}).code() == errc::not_found);
    CHECK(administrator.delete_group("g", true).ok());
    CHECK(administrator.find_group("g").code() == errc::group_not_found);
    const auto cluster = administrator.describe_cluster();
    REQUIRE(cluster.ok());
    CHECK(cluster->brokers.at("broker-a").addresses.at(0) == node.broker_address());
    CHECK_FALSE(administrator.describe_broker("broker-a")->empty());
    CHECK(administrator.describe_broker("nobody").code() == errc::not_found);
    REQUIRE(administrator.delete_topic("orders").ok());
    CHECK(administrator.list_topics()->empty());
}

TEST_CASE("admin: a group that consumes goes on where an operator says, by time and by offset") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    admin administrator{*via};
    REQUIRE(administrator.create_topic(make_topic(1)).ok());
    auto producer = producer::open(*via);
    std::vector<send_receipt> receipts;
    for (int i = 0; i < 3; ++i)
        receipts.push_back(*producer->send(make_message(std::to_string(i))));
    collected got;
    push_consumer_options options;
    options.group = "g";
    options.from = consume_from::first_offset;
    options.handler_threads = 1;     // what is handled is seen in order
    options.fetch.pull_hold = 500ms; // a reset is told to the next pull
    auto consumer = push_consumer::open(*via, options, [&](const received_message& m) { return got(m); });
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    REQUIRE(got.wait_for(3));

    const auto all = administrator.reset_offsets("g", "orders", seek_target::first());
    REQUIRE_MESSAGE(all.ok(), to_string(all.failure()));
    REQUIRE(all->size() == 1);
    const auto queue = all->begin()->first;
    CHECK(all->begin()->second.to == queue_offset{0});
    REQUIRE(got.wait_for(6));
    const auto one = administrator.reset_offset("g", queue, seek_target::at(queue_offset{2}));
    REQUIRE_MESSAGE(one.ok(), to_string(one.failure()));
    CHECK(one->to == queue_offset{2});
    REQUIRE(got.wait_for(7));
    CHECK(got.bodies().at(queue) == std::vector<std::string>{"0", "1", "2", "0", "1", "2", "2"});
    CHECK(administrator.reset_offsets("g", "orders", seek_target::at(timestamp_ms{1}))->begin()->second.to == queue_offset{0});
    REQUIRE(got.wait_for(10));

    const auto planned = administrator.preview_reset_offsets("g", "orders", seek_target::last());
    REQUIRE_MESSAGE(planned.ok(), to_string(planned.failure()));
    CHECK(planned->at(queue).to == queue_offset{3});
    CHECK(administrator.preview_reset_offset("g", queue, seek_target::at(queue_offset{2}))->to == queue_offset{2});
    CHECK(administrator.preview_reset_offset("g", queue, seek_target::at(queue_offset{4})).code() == errc::argument_illegal);
    CHECK(administrator.preview_reset_offsets("strangers", "orders", seek_target::last()).code() == errc::group_not_found);
    CHECK(administrator.reset_offset("g", queue, seek_target::at(queue_offset{4})).code() == errc::argument_illegal);
    CHECK(administrator.reset_offsets("g", "orders", seek_target::at(queue_offset{1})).code() == errc::argument_illegal);
    CHECK(administrator.reset_offsets("g", "orders", seek_target::committed()).code() == errc::argument_illegal);
    CHECK(administrator.reset_offsets("strangers", "orders", seek_target::last()).code() == errc::group_not_found);
    CHECK(administrator.reset_offsets("g", "nothing", seek_target::last()).code() == errc::topic_not_found);
    CHECK(administrator.reset_offset("g", {"orders", "elsewhere", 0}, seek_target::last()).code() == errc::not_found);
}

TEST_CASE("admin: shows which member of a group subscribes to what, over the ports and in the same process") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto first = node.connect();
    const auto second = node.connect();
    admin administrator{*first};
    REQUIRE(administrator.create_topic(make_topic(2)).ok());
    push_consumer_options options;
    options.group = "g";
    const auto ignore = [](const received_message&) { return consume_outcome::done; };
    auto one = push_consumer::open(*first, options, ignore);
    auto other = push_consumer::open(*second, options, ignore);
    REQUIRE(one->subscribe("orders", "TagA || TagB").ok());
    REQUIRE(other->subscribe("orders", "TagC").ok());
    REQUIRE(one->start().ok());
    REQUIRE(other->start().ok());
    const auto described = [&administrator](std::size_t differences) {
        auto group = administrator.describe_group("g");
        test_support::await("a heartbeat of both members", [&] {
            group = administrator.describe_group("g");
            return group && group->members.size() == 2 && group->differences.size() == differences;
        });
        return *group;
    };
    const auto group = described(1);
    CHECK(group.differences[0].what == "topic orders");
    CHECK(group.differences[0].said.count("TagA || TagB") == 1);
    CHECK(group.differences[0].said.count("TagC") == 1);
    REQUIRE(group.member_details.size() == 2);
    CHECK(group.member_details[0].connection.client_id == group.members[0]);
    REQUIRE(other->subscribe("orders", "TagB || TagA").ok());
    CHECK(described(0).member_details.size() == 2);
    one->stop();
    other->stop();
}

TEST_CASE("push consumer: local offsets that could not be saved are refused at the start, and count when the disk fails later") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(admin{*via}.create_topic(make_topic(1)).ok());
    const testing::temporary_directory directory;
    const auto place = directory.path() / "offsets";
    std::ofstream{place} << "no directory";
    push_consumer_options options;
    options.group = "g";
    options.model = message_model::broadcasting;
    options.from = consume_from::first_offset;
    options.commit_interval = 20ms;
    options.local_offsets_directory = place;
    collected got;
    const auto handle = [&](const received_message& m) { return got(m); };
    const auto refused = push_consumer::open(*via, options, handle);
    REQUIRE(refused.code() == errc::io);
    CHECK(refused.failure().text.find("local_offsets_directory: cannot create " + place.string()) == 0);
    CHECK(refused.failure().text.find("name a directory that this process may write") != std::string::npos);

    std::filesystem::remove(place);
    auto consumer = push_consumer::open(*via, options, handle); // the refused one does not hold the group
    REQUIRE_MESSAGE(consumer.ok(), to_string(consumer.failure()));
    CHECK(std::filesystem::exists(place));
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    auto producer = producer::open(*via);
    REQUIRE(producer->send(make_message("0")).ok());
    REQUIRE(got.wait_for(1));
    CHECK(consumer->counters().saves_failed == 0);
    // A handler runs only after the place where the member begins was saved, and each commit_interval saves again.
    const auto blocker = directory.path() / "blocker";
    std::ofstream{blocker} << "no directory";
    std::error_code failure;
    do { // against a member that saves meanwhile
        std::filesystem::remove_all(place, failure);
        std::filesystem::rename(blocker, place, failure);
    } while (failure);
    test_support::await("the second failure to save", [&] { return consumer->counters().saves_failed >= 2; });
    REQUIRE(producer->send(make_message("1")).ok());
    REQUIRE(got.wait_for(2)); // it goes on
    std::filesystem::remove(place);
    consumer->stop();

    auto next = push_consumer::open(*via, options, handle);
    REQUIRE(next->subscribe("orders").ok());
    REQUIRE(next->start().ok());
    REQUIRE(producer->send(make_message("2")).ok());
    REQUIRE(got.wait_for(3));
    next->stop();
    CHECK(got.bodies().begin()->second == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("client: with nobody there, everything fails clearly and in time") {
    client_options options;
    options.name_servers = "127.0.0.1:1";
    options.request_timeout = 500ms;
    const auto via = connection::open(options);
    REQUIRE(via.ok());
    CHECK(admin{*via}.list_topics().code() == errc::no_name_server);
    producer_options impatient;
    impatient.send_timeout = 300ms;
    auto producer = producer::open(*via, impatient);
    CHECK(producer->send(make_message("x")).code() == errc::no_name_server);
    pull_consumer_options reading;
    reading.group = "g";
    auto consumer = pull_consumer::open(*via, reading);
    CHECK(consumer->queues("orders").code() == errc::no_name_server);
}
