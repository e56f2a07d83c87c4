#include "client/embedded.hpp"
#include "client/producer.hpp"
#include "tests/client/fake_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <stdexcept>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

/// A producer in virtual time. Its blocking calls cannot be used here: nobody would run the actors.
struct setup {
    explicit setup(const std::vector<std::string>& broker_names, producer_options options = {}, client_options client = {})
        : cluster{world, broker_names},
          via{*embed(world.system(), {{cluster.name_server}, cluster.handles}, client)},
          producer{*troupe::client::producer::open(via, options)} {
        cluster.add_topic("t", 2);
    }

    /// Sends, and keeps the outcome.
    std::shared_ptr<std::optional<result<send_receipt>>> send(const std::string& body, const queue_choice& choice = {},
                                                              const std::string& topic = "t") {
        auto outcome = std::make_shared<std::optional<result<send_receipt>>>();
        message m;
        m.topic = topic;
        m.body = body;
        producer.send_async(
            std::move(m), [outcome](result<send_receipt> r) { outcome->emplace(std::move(r)); }, choice);
        return outcome;
    }
    result<send_receipt> finish(const std::shared_ptr<std::optional<result<send_receipt>>>& outcome) {
        REQUIRE(world.run_until([&] { return outcome->has_value(); }, 10s));
        return **outcome;
    }
    [[nodiscard]] std::size_t stored(const std::string& broker_name) const {
        std::size_t count = 0;
        for (const auto& [queue, log] : cluster.brokers.at(broker_name)->logs)
            count += log.size();
        return count;
    }

    test::world world;
    test::fake_cluster cluster;
    connection via;
    troupe::client::producer producer;
};

const message_queue queue_a0{"t", "a", 0};

} // namespace

TEST_CASE("producer: a message is stored once and its receipt says where") {
    setup s{{"a"}};
    const auto receipt = s.finish(s.send("hello", queue_choice::exactly(queue_a0)));
    REQUIRE(receipt.ok());
    CHECK(receipt->queue == queue_a0);
    CHECK(receipt->offset == queue_offset{0});
    CHECK(receipt->message_id.size() == 32);
    CHECK(receipt->attempts == 1);
    CHECK(s.cluster.brokers["a"]->bodies({"t", queue_id{0}}) == std::vector<std::string>{"hello"});
    CHECK(s.producer.counters().messages_sent == 1);
}

TEST_CASE("producer: a delayed message travels alone, whatever waits with it") {
    producer_options options;
    options.requests_per_queue_max = 1;
    setup s{{"a"}, options};
    const auto send = [&s](const std::string& body, std::int32_t delay_level) {
        message m;
        m.topic = "t";
        m.body = body;
        m.delay_level = delay_level;
        s.producer.send_async(
            std::move(m), [](const result<send_receipt>&) {}, queue_choice::exactly(queue_a0));
    };
    for (const auto* body : {"0", "1", "2"})
        send(body, 0);
    send("later", 2);
    for (const auto* body : {"3", "4"})
        send(body, 0);
    REQUIRE(s.world.run_until([&s] { return s.stored("a") == 6; }, 10s));
    int alone = 0;
    for (const auto& one : s.cluster.brokers["a"]->sends)
        alone += !one.batch && one.body.view() == "later" ? 1 : 0;
    CHECK(alone == 1);
    CHECK(s.cluster.brokers["a"]->bodies({"t", queue_id{0}}) == std::vector<std::string>{"0", "1", "2", "later", "3", "4"});
    message delayed;
    delayed.topic = "t";
    delayed.body = "x";
    delayed.delay_level = 1;
    CHECK(s.producer.send_batch({delayed, delayed}).code() == errc::message_illegal);
}

TEST_CASE("producer: a body of the size that is asked for travels compressed, and alone") {
    producer_options options;
    options.requests_per_queue_max = 1;
    options.compress_from_bytes = 100;
    options.compress_with = compression::zstd;
    setup s{{"a"}, options};
    const std::string large(100, 'x');
    for (const auto& body : {std::string{"0"}, std::string{"1"}, large, std::string{"2"}})
        s.send(body, queue_choice::exactly(queue_a0));
    REQUIRE(s.world.run_until([&s] { return s.stored("a") == 4; }, 10s));
    int compressed = 0;
    for (const auto& one : s.cluster.brokers["a"]->sends) {
        if (one.sys_flag == 0)
            continue;
        ++compressed;
        CHECK(one.sys_flag == 0x201);
        CHECK_FALSE(one.batch);
        CHECK(*protocol::unpack_body(compression::zstd, one.body.view(), 1000) == large);
    }
    CHECK(compressed == 1);
}

TEST_CASE("producer: a level of compression that its method does not have is refused, by name") {
    setup s{{"a"}};
    producer_options options;
    for (const auto& [how, level] : {std::pair{compression::zlib, 0}, std::pair{compression::zlib, 10}, std::pair{compression::zstd, 0},
                                     std::pair{compression::zstd, 20}, std::pair{compression::lz4, -1}, std::pair{compression::lz4, 13}}) {
        options.compress_with = how;
        options.compress_level = level;
        const auto refused = producer::open(s.via, options);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.code() == errc::argument_illegal);
        const auto& text = refused.failure().text;
        CHECK_MESSAGE(text.find("compress_level is " + std::to_string(level)) != std::string::npos, text);
        CHECK_MESSAGE(text.find(protocol::name_of(how)) != std::string::npos, text);
    }
    options.compress_level = 12;
    CHECK(producer::open(s.via, options).ok());
    options.compress_level.reset();
    CHECK(producer::open(s.via, options).ok());
}

TEST_CASE("producer: the level that is asked for is how hard it tries") {
    std::string body;
    for (int i = 0; i < 3'000; ++i)
        body += std::to_string(i * i % 977) + (i % 7 == 0 ? "apples " : "pears ");
    std::vector<std::size_t> sizes;
    for (const int level : {1, 9}) {
        producer_options options;
        options.compress_from_bytes = 100;
        options.compress_level = level;
        setup s{{"a"}, options};
        s.send(body, queue_choice::exactly(queue_a0));
        REQUIRE(s.world.run_until([&s] { return s.stored("a") == 1; }, 10s));
        sizes.push_back(s.cluster.brokers["a"]->sends.at(0).body.size());
    }
    CHECK(sizes[1] < sizes[0]);
}

TEST_CASE("producer: without a choice all queues of all brokers get their share") {
    setup s{{"a", "b"}};
    for (int i = 0; i < 40; ++i)
        s.send("m");
    s.world.run();
    for (const auto* broker_name : {"a", "b"})
        for (int queue = 0; queue < 2; ++queue)
            CHECK(s.cluster.brokers[broker_name]->bodies({"t", queue_id{queue}}).size() == 10);
}

TEST_CASE("producer: messages that wait for each other travel together, in order, each with its own offset") {
    producer_options options;
    options.requests_per_queue_max = 1;
    setup s{{"a"}, options};
    std::vector<std::shared_ptr<std::optional<result<send_receipt>>>> outcomes;
    for (int i = 0; i < 100; ++i)
        outcomes.push_back(s.send(std::to_string(i), queue_choice::exactly(queue_a0)));
    s.world.run();
    const auto bodies = s.cluster.brokers["a"]->bodies({"t", queue_id{0}});
    REQUIRE(bodies.size() == 100);
    for (int i = 0; i < 100; ++i) {
        CHECK(bodies[static_cast<std::size_t>(i)] == std::to_string(i));
        const auto& receipt = **outcomes[static_cast<std::size_t>(i)];
        REQUIRE(receipt.ok());
        CHECK(receipt->offset == queue_offset{i});
        CHECK(receipt->offset_message_id == std::to_string(i));
    }
    CHECK(s.cluster.brokers["a"]->sends.size() <= 3);
}

TEST_CASE("producer: a message whose time is almost over does not take the time of those behind it") {
    producer_options options;
    options.requests_per_queue_max = 1;
    options.retries_max = 0;
    setup s{{"a"}, options};
    auto& broker = *s.cluster.brokers["a"];
    REQUIRE(s.finish(s.send("before", queue_choice::exactly(queue_a0))).ok());
    broker.silent = true;
    const auto first = s.send("first", queue_choice::exactly(queue_a0));
    s.world.run_for(100ms);
    const auto old = s.send("old", queue_choice::exactly(queue_a0)); // waits for its turn
    s.world.run_for(2850ms);
    const auto young = s.send("young", queue_choice::exactly(queue_a0));
    const auto younger = s.send("younger", queue_choice::exactly(queue_a0));
    s.world.run_for(60ms); // the first has timed out
    REQUIRE(broker.sends.size() == 3);
    CHECK_FALSE(broker.sends.back().batch);
    broker.silent = false;
    s.world.run_for(1s);
    CHECK(old->value().code() == errc::timed_out);
    REQUIRE(young->has_value());
    CHECK((*young)->ok());
    REQUIRE(younger->has_value());
    CHECK((*younger)->ok());
    CHECK(broker.sends.size() == 4); // those two still went together
}

TEST_CASE("producer: one bad message does not fail those that travel with it") {
    producer_options options;
    options.requests_per_queue_max = 1;
    setup s{{"a"}, options};
    REQUIRE(s.finish(s.send("first")).ok());
    s.cluster.brokers["a"]->fail_sends = {errc::message_illegal, errc::none, errc::message_illegal, errc::none};
    std::vector<std::shared_ptr<std::optional<result<send_receipt>>>> outcomes;
    for (int i = 0; i < 3; ++i)
        outcomes.push_back(s.send(std::to_string(i), queue_choice::exactly(queue_a0)));
    s.world.run();
    CHECK((*outcomes[0])->ok());
    CHECK((*outcomes[1])->code() == errc::message_illegal);
    CHECK((*outcomes[2])->ok());
}

TEST_CASE("producer: a busy broker is left for another") {
    setup s{{"a", "b"}};
    s.cluster.brokers["a"]->fail_sends = std::deque<errc>(100, errc::busy);
    for (int i = 0; i < 8; ++i) {
        const auto receipt = s.finish(s.send("m"));
        REQUIRE(receipt.ok());
        CHECK(receipt->queue.broker_name == "b");
    }
    CHECK(s.stored("b") == 8);
}

TEST_CASE("producer: busy everywhere fails after the retries, at once enough to be useful") {
    setup s{{"a"}};
    s.cluster.brokers["a"]->fail_sends = std::deque<errc>(100, errc::busy);
    const auto outcome = s.send("m");
    s.world.run_for(500ms);
    REQUIRE(outcome->has_value());
    CHECK((*outcome)->code() == errc::busy);
    CHECK(s.cluster.brokers["a"]->sends.size() == 3);
    CHECK(s.producer.counters().attempts_retried == 2);
}

TEST_CASE("producer: wrong messages are not retried") {
    setup s{{"a", "b"}};
    s.cluster.brokers["a"]->fail_sends = {errc::body_too_large};
    s.cluster.brokers["b"]->fail_sends = {errc::body_too_large};
    CHECK(s.finish(s.send("m")).code() == errc::body_too_large);
    CHECK(s.cluster.brokers["a"]->sends.size() + s.cluster.brokers["b"]->sends.size() == 1);
    CHECK(s.send("")->value().code() == errc::message_illegal);
}

TEST_CASE("producer: a broker that restarts within the timeout costs latency only") {
    setup s{{"a"}};
    REQUIRE(s.finish(s.send("before")).ok());
    s.cluster.brokers["a"]->crash();
    s.cluster.show("a", false); // the name server answers that it does not know the topic
    const auto outcome = s.send("during", queue_choice::exactly(queue_a0));
    s.world.run_for(2s);
    CHECK_FALSE(outcome->has_value());
    s.cluster.brokers["a"]->down = false;
    s.cluster.show("a", true);
    const auto receipt = s.finish(outcome);
    REQUIRE(receipt.ok());
    CHECK(receipt->attempts > 1);
}

TEST_CASE("producer: a queue that was named waits for its broker while another keeps the topic alive") {
    setup s{{"a", "b"}};
    REQUIRE(s.finish(s.send("before")).ok());
    s.cluster.brokers["a"]->crash();
    s.cluster.show("a", false);
    const auto outcome = s.send("during", queue_choice::exactly(queue_a0));
    s.world.run_for(1s);
    CHECK_FALSE(outcome->has_value());
    CHECK(s.finish(s.send("other")).ok());
    s.cluster.brokers["a"]->down = false;
    s.cluster.show("a", true);
    CHECK(s.finish(outcome).ok());
}

TEST_CASE("producer: a queue number that does not exist is told at once") {
    setup s{{"a"}};
    CHECK(s.finish(s.send("m", queue_choice::exactly({"t", "a", 9}))).code() == errc::queue_not_found);
    const auto beyond = queue_choice::by([](std::span<const message_queue> all) { return all.size(); });
    CHECK(s.finish(s.send("m", beyond)).code() == errc::queue_not_found);
}

TEST_CASE("producer: a lost answer is retried, and the receipt says that it may be there twice") {
    setup s{{"a"}};
    s.cluster.brokers["a"]->fail_sends = {errc::connection_lost};
    const auto receipt = s.finish(s.send("m", queue_choice::exactly(queue_a0)));
    REQUIRE(receipt.ok());
    CHECK(receipt->attempts == 2);
    CHECK(s.stored("a") == 2);
}

TEST_CASE("producer: a broker that never answers costs half the timeout where another can take over") {
    setup s{{"a", "b"}};
    s.cluster.brokers["a"]->silent = true;
    std::vector<std::shared_ptr<std::optional<result<send_receipt>>>> outcomes;
    for (int i = 0; i < 4; ++i)
        outcomes.push_back(s.send("m"));
    s.world.run_for(3s);
    for (const auto& outcome : outcomes) {
        REQUIRE(outcome->has_value());
        CHECK((*outcome)->ok());
    }
}

TEST_CASE("producer: no answer at all fails with timed_out at the send timeout") {
    setup s{{"a"}};
    s.cluster.brokers["a"]->silent = true;
    const auto outcome = s.send("m");
    s.world.run_for(2900ms);
    CHECK_FALSE(outcome->has_value());
    s.world.run_for(200ms);
    REQUIRE(outcome->has_value());
    CHECK((*outcome)->code() == errc::timed_out);
}

TEST_CASE("producer: an unknown topic is told within a second, an absent name server at the timeout") {
    setup s{{"a"}};
    const auto unknown = s.send("m", {}, "nobody-made-it");
    s.world.run_for(1s);
    REQUIRE(unknown->has_value());
    CHECK((*unknown)->code() == errc::topic_not_found);
    CHECK((*unknown)->failure().text.find("nobody-made-it") != std::string::npos);
    s.cluster.known->down = true;
    const auto nobody = s.send("m");
    s.world.run_for(2s);
    CHECK_FALSE(nobody->has_value());
    s.world.run_for(1100ms);
    REQUIRE(nobody->has_value());
    CHECK((*nobody)->code() == errc::no_name_server);
}

TEST_CASE("producer: name servers that come back in time are not noticed") {
    setup s{{"a"}};
    s.cluster.known->down = true;
    const auto outcome = s.send("m");
    s.world.run_for(1500ms);
    s.cluster.known->down = false;
    CHECK(s.finish(outcome).ok());
    s.cluster.known->down = true; // a known route outlives them
    s.world.run_for(5min);
    CHECK(s.finish(s.send("m")).ok());
}

TEST_CASE("producer: an unknown topic is made through the template topic where a broker offers it") {
    setup s{{"a"}};
    s.cluster.add_topic("TBW102", 8);
    const auto receipt = s.finish(s.send("m", {}, "new-topic"));
    REQUIRE(receipt.ok());
    CHECK(receipt->queue.topic == "new-topic");
    CHECK(receipt->queue.queue < 4);
}

TEST_CASE("producer: over its bound it says busy at once, also inside a callback that would otherwise wait") {
    producer_options options;
    options.in_flight_messages_max = 2;
    options.full = when_full::refuse;
    setup s{{"a"}, options};
    s.send("1");
    s.send("2");
    CHECK(s.send("3")->value().code() == errc::busy);
    s.world.run();
    CHECK(s.finish(s.send("4")).ok());

    options.full = when_full::block;
    options.in_flight_messages_max = 1;
    setup blocking{{"a"}, options};
    std::shared_ptr<std::optional<result<send_receipt>>> second;
    std::shared_ptr<std::optional<result<send_receipt>>> third;
    message m;
    m.topic = "t";
    m.body = "1";
    blocking.producer.send_async(std::move(m), [&](const result<send_receipt>&) {
        second = blocking.send("2");
        third = blocking.send("3");
    });
    blocking.world.run_until([&] { return third != nullptr; });
    REQUIRE(third != nullptr);
    CHECK(third->value().code() == errc::busy);
    CHECK(blocking.finish(second).ok());
}

TEST_CASE("producer: flush waits for the last callback, and not inside one") {
    setup s{{"a"}};
    std::optional<bool> inside;
    bool flushed_early = true;
    message m;
    m.topic = "t";
    m.body = "1";
    s.producer.send_async(std::move(m), [&](const result<send_receipt>&) {
        inside = s.producer.flush(1h);
        flushed_early = std::async(std::launch::async, [&] { return s.producer.flush(0ms); }).get();
    });
    s.world.run_until([&] { return inside.has_value(); });
    CHECK(inside == false);
    CHECK_FALSE(flushed_early);
    CHECK(s.producer.flush(0ms));
}

TEST_CASE("producer: exceptions of the caller's functions end there") {
    setup s{{"a"}};
    int called = 0;
    const auto throws = [&called](const result<send_receipt>&) {
        ++called;
        throw std::runtime_error{"not mine"};
    };
    message m;
    m.topic = "t";
    s.producer.send_async(m, throws); // refused at once: it has no body
    CHECK(called == 1);
    m.body = "1";
    s.producer.send_async(m, throws);
    CHECK(s.world.run_until([&] { return called == 2; }));
    const auto no_choice = queue_choice::by([](std::span<const message_queue>) -> std::size_t { throw std::runtime_error{"no idea"}; });
    const auto refused = s.finish(s.send("2", no_choice));
    CHECK(refused.code() == errc::argument_illegal);
    CHECK(s.finish(s.send("3")).ok());
    CHECK(s.producer.flush(0ms)); // this thread is in no callback any more
}

TEST_CASE("producer: closing answers everything that is unanswered") {
    setup s{{"a"}};
    REQUIRE(s.finish(s.send("m")).ok());
    s.cluster.brokers["a"]->silent = true;
    const auto sent = s.send("sent");
    s.world.run();
    const auto waiting = s.send("waiting for a route", {}, "other");
    s.producer.close();
    s.world.run();
    REQUIRE(sent->has_value());
    CHECK((*sent)->code() == errc::shutting_down);
    REQUIRE(waiting->has_value());
    CHECK((*waiting)->code() == errc::shutting_down);
    CHECK(s.send("late")->value().code() == errc::shutting_down);
    CHECK(s.producer.flush(0ms));
}

TEST_CASE("producer: a closed one is forgotten by its connection") {
    setup s{{"a"}};
    REQUIRE(s.finish(s.send("m")).ok());
    s.world.run_for(1min);
    CHECK(s.cluster.known->asked > 1); // the route is kept fresh
    s.producer.close();
    s.world.run();
    const auto asked = s.cluster.known->asked;
    s.world.run_for(10min);
    CHECK(s.cluster.known->asked == asked);
}

TEST_CASE("producer: of very many topics, those that are not sent to any more are forgotten, and found again when they are") {
    setup s{{"a"}};
    const auto asked_in_a_minute = [&s] {
        const auto before = s.cluster.known->asked;
        s.world.run_for(1min);
        return s.cluster.known->asked - before;
    };
    for (int i = 0; i < 300; ++i) {
        s.cluster.add_topic("t" + std::to_string(i), 1);
        REQUIRE(s.finish(s.send("m", {}, "t" + std::to_string(i))).ok());
    }
    CHECK(asked_in_a_minute() == 600); // each route is refreshed every 30 seconds
    for (int minute = 0; minute < 10; ++minute) {
        s.world.run_for(1min);
        REQUIRE(s.finish(s.send("m", {}, "t0")).ok());
    }
    CHECK(asked_in_a_minute() == 512);
    CHECK(s.finish(s.send("m", {}, "t0")).ok());
    CHECK(s.finish(s.send("m", {}, "t1")).ok());
}

TEST_CASE("producer: wrong options are refused") {
    setup s{{"a"}};
    producer_options options;
    options.group = "bad group";
    CHECK(producer::open(s.via, options).code() == errc::group_illegal);
    options = {};
    options.send_timeout = 0ms;
    CHECK(producer::open(s.via, options).code() == errc::argument_illegal);
}

TEST_CASE("connection: name servers must be of the form host:port") {
    for (const auto* wrong : {"", ";", "host", ":9876", "host:", "host:0", "host:70000", "host:9876x", "a:1;b"}) {
        client_options options;
        options.name_servers = wrong;
        CHECK(connection::open(options).code() == errc::argument_illegal);
    }
}
