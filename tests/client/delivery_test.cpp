#include "client/internal/handler_pool.hpp"
#include "client/internal/offset_file.hpp"
#include "client/internal/offset_saver.hpp"
#include "client/internal/poll_buffer.hpp"
#include "protocol/body_compression.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const message_queue queue{"orders", "broker-a", 0};

delivery make_delivery(int first, int count) {
    delivery d{queue, 1, std::make_shared<std::atomic<bool>>(false), {}, nullptr};
    for (int i = first; i < first + count; ++i) {
        received_message m;
        m.queue = queue;
        m.offset = queue_offset{i};
        m.body = payload{std::to_string(i)};
        d.messages.push_back({std::move(m), 0});
    }
    return d;
}

/// Runs one delivery through a pool and returns its last report.
delivery_report handle(bool ordered, const push_consumer::handler& handler, int count) {
    std::promise<delivery_report> done;
    handler_pool pool{{1, ordered}, handler, [&](delivery_report r) { done.set_value(std::move(r)); }};
    pool.deliver(make_delivery(0, count));
    return done.get_future().get();
}

struct temporary_path {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("troupe-offsets-" + std::to_string(::getpid()));
    temporary_path() { std::filesystem::remove_all(path); }
    ~temporary_path() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("handler_pool: reports what was done and what must come again; an exception is a failure") {
    const auto report = handle(
        false,
        [](const received_message& m) {
            if (m.offset == queue_offset{1})
                throw 42;
            return m.offset == queue_offset{2} ? consume_outcome::retry_later : consume_outcome::done;
        },
        4);
    REQUIRE(report.done.size() == 2);
    CHECK(report.done[0].first == queue_offset{0});
    CHECK(report.done[1].first == queue_offset{3});
    REQUIRE(report.again.size() == 2);
    CHECK(report.again[0].message.local_redeliveries == 1);
    CHECK(report.failed);
    CHECK(report.failures == 2);
    CHECK(report.finished);
}

TEST_CASE("handler_pool: in order, nothing overtakes a failed message") {
    std::vector<std::int64_t> handled;
    const auto report = handle(
        true,
        [&](const received_message& m) {
            handled.push_back(m.offset.value());
            return m.offset == queue_offset{1} ? consume_outcome::retry_later : consume_outcome::done;
        },
        4);
    CHECK(handled == std::vector<std::int64_t>{0, 1});
    REQUIRE(report.again.size() == 3);
    CHECK(report.again[0].message.offset == queue_offset{1});
    CHECK(report.again[2].message.offset == queue_offset{3});
    CHECK(report.again[2].message.local_redeliveries == 0);
}

TEST_CASE("handler_pool: begins no message of a queue whose lock is not believed any more, and gives the rest back") {
    auto d = make_delivery(0, 3);
    const auto belief = std::make_shared<lock_belief>();
    belief->begin(lock_moment::at(std::chrono::steady_clock::now()), 1h);
    d.lock = belief;
    std::promise<delivery_report> done;
    int handled = 0;
    handler_pool pool{{1, true},
                      [&](const received_message&) {
                          ++handled;
                          belief->begin(lock_moment::at(std::chrono::steady_clock::now() - 31s), 30s); // as after a pause
                          return consume_outcome::done;
                      },
                      [&](delivery_report r) { done.set_value(std::move(r)); }};
    pool.deliver(std::move(d));
    const auto report = done.get_future().get();
    CHECK(handled == 1);
    CHECK(report.done.size() == 1);
    REQUIRE(report.again.size() == 2); // in case that it is renewed: nothing is passed over
    CHECK(report.again[0].message.offset == queue_offset{1});
    CHECK_FALSE(report.failed);
    CHECK(report.finished);
}

TEST_CASE("handler_pool: a revoked queue's messages are left out") {
    std::promise<delivery_report> done;
    auto d = make_delivery(0, 3);
    const auto revoked = d.revoked;
    handler_pool pool{{1, false},
                      [&](const received_message&) {
                          revoked->store(true);
                          return consume_outcome::done;
                      },
                      [&](delivery_report r) { done.set_value(std::move(r)); }};
    pool.deliver(std::move(d));
    CHECK(done.get_future().get().done.size() == 1);
}

TEST_CASE("handler_pool: stop waits for the running handler and begins no other") {
    std::promise<void> entered;
    std::promise<void> leave;
    auto leave_now = leave.get_future().share();
    std::atomic<int> calls{0};
    handler_pool pool{{1, false},
                      [&](const received_message&) {
                          if (++calls == 1)
                              entered.set_value();
                          leave_now.wait();
                          return consume_outcome::done;
                      },
                      [](delivery_report) {}};
    pool.deliver(make_delivery(0, 5));
    entered.get_future().wait();
    auto stopping = std::async(std::launch::async, [&] { pool.stop(); });
    while (!pool.stopping())
        std::this_thread::yield();
    CHECK(stopping.wait_for(0s) == std::future_status::timeout);
    leave.set_value();
    stopping.get();
    CHECK(calls == 1);
}

TEST_CASE("poll_buffer: hands out in order, across deliveries, and reports them as done") {
    std::vector<delivery_report> reports;
    poll_buffer buffer{[&](delivery_report r) { reports.push_back(std::move(r)); }};
    buffer.deliver(make_delivery(0, 3));
    buffer.deliver(make_delivery(3, 2));
    const auto first = buffer.poll(time_point::max(), 4);
    REQUIRE(first.size() == 4);
    for (int i = 0; i < 4; ++i)
        CHECK(first[static_cast<std::size_t>(i)].offset == queue_offset{i});
    const auto rest = buffer.poll(time_point::max(), 100);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].offset == queue_offset{4});
    std::size_t done = 0;
    for (const auto& report : reports)
        done += report.done.size();
    CHECK(done == 5);
    CHECK(buffer.poll(std::chrono::steady_clock::now(), 100).empty());
}

TEST_CASE("poll_buffer: bodies that one poll hands out unpack to 64 MiB together; the rest comes with the next") {
    std::size_t done_bytes = 0;
    std::size_t reported = 0;
    poll_buffer buffer{[&](const delivery_report& r) {
        for (const auto& [offset, bytes] : r.done)
            done_bytes += bytes;
        reported += r.done.size();
    }};
    auto large = make_delivery(0, 6);
    const auto packed = *protocol::pack_body(protocol::compression::zlib, std::string(16u << 20, 'x'));
    std::size_t taken_bytes = 0;
    for (auto& m : large.messages) {
        m.message.body = payload{packed};
        m.message.compressed = true;
        m.sys_flag = protocol::sys_flag_of(protocol::compression::zlib);
        taken_bytes += window_bytes(m);
    }
    const auto revoked = large.revoked;
    buffer.deliver(std::move(large));
    buffer.deliver(make_delivery(6, 1));
    const auto first = buffer.poll(time_point::max(), 100);
    REQUIRE(first.size() == 4);
    for (const auto& m : first) {
        CHECK_FALSE(m.compressed);
        CHECK(m.body.size() == 16u << 20);
    }
    CHECK(reported == 4);
    SUBCASE("in order") {
        const auto rest = buffer.poll(time_point::max(), 100);
        REQUIRE(rest.size() == 3);
        CHECK(rest[0].offset == queue_offset{4});
        CHECK(rest[2].offset == queue_offset{6});
        CHECK(done_bytes == taken_bytes + window_bytes(make_delivery(6, 1).messages.front())); // windows count what came
    }
    SUBCASE("unless its queue is revoked") {
        revoked->store(true);
        buffer.revoke(queue);
        CHECK(buffer.poll(std::chrono::steady_clock::now(), 100).empty());
    }
}

TEST_CASE("poll_buffer: without memory to unpack a body, nothing counts as done that no poll has returned") {
    std::vector<queue_offset> done;
    int fails_at = 0;
    poll_buffer buffer{[&](const delivery_report& r) {
                           for (const auto& [offset, bytes] : r.done)
                               done.push_back(offset);
                       },
                       [&](received_message& m, std::int32_t, unpacking_room&) {
                           if (m.offset == queue_offset{fails_at})
                               throw std::bad_alloc{};
                           return true;
                       }};
    buffer.deliver(make_delivery(0, 2));
    buffer.deliver(make_delivery(2, 2));
    CHECK_THROWS_AS(buffer.poll(std::chrono::steady_clock::now(), 100), std::bad_alloc);
    CHECK(done.empty());
    fails_at = 3;
    const auto first = buffer.poll(std::chrono::steady_clock::now(), 100);
    REQUIRE(first.size() == 3);
    CHECK(first[0].offset == queue_offset{0});
    CHECK(done.size() == 3);
    fails_at = -1;
    const auto rest = buffer.poll(std::chrono::steady_clock::now(), 100);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].offset == queue_offset{3});
    CHECK(done.size() == 4);
}

TEST_CASE("poll_buffer: of a queue that is revoked while its messages are unpacked no more is handed out") {
    std::vector<queue_offset> done;
    auto revoked_soon = make_delivery(0, 3);
    const auto revoked = revoked_soon.revoked;
    poll_buffer buffer{[&](const delivery_report& r) {
                           for (const auto& [offset, bytes] : r.done)
                               done.push_back(offset);
                       },
                       [&](received_message& m, std::int32_t, unpacking_room&) {
                           if (m.offset == queue_offset{1})
                               revoked->store(true);
                           return true;
                       }};
    buffer.deliver(std::move(revoked_soon));
    buffer.deliver(make_delivery(7, 1)); // the queue was moved there
    const auto handed_out = buffer.poll(std::chrono::steady_clock::now(), 100);
    REQUIRE(handed_out.size() == 3);
    CHECK(handed_out[1].offset == queue_offset{1});
    CHECK(handed_out[2].offset == queue_offset{7});
    CHECK(done.size() == 3);
    CHECK(buffer.poll(std::chrono::steady_clock::now(), 100).empty());
}

TEST_CASE("poll_buffer: revoked messages are gone, and closing ends a waiting poll") {
    poll_buffer buffer{[](delivery_report) {}};
    buffer.deliver(make_delivery(0, 3));
    buffer.revoke(queue);
    CHECK(buffer.poll(std::chrono::steady_clock::now(), 100).empty());
    auto polling = std::async(std::launch::async, [&] { return buffer.poll(std::chrono::steady_clock::now() + 30s, 1); });
    buffer.close();
    CHECK(polling.get().empty());
}

TEST_CASE("offset_file: what was saved is loaded, and nothing where there is no file") {
    const temporary_path directory;
    const offset_file file{directory.path / "client" / "group.offsets"};
    CHECK(file.load()->empty());
    const std::map<message_queue, queue_offset> offsets{{queue, queue_offset{7}}, {{"%RETRY%g", "broker-b", 3}, queue_offset{0}}};
    REQUIRE(file.save(offsets).ok());
    CHECK(*file.load() == offsets);
    REQUIRE(file.save({}).ok());
    CHECK(file.load()->empty());
}

TEST_CASE("offset_file: a cut or foreign file is refused by name, not read as a start from nothing") {
    const temporary_path directory;
    const auto path = directory.path / "group.offsets";
    const offset_file file{path};
    REQUIRE(file.save({{queue, queue_offset{7}}}).ok());
    for (const auto* content : {"", "something else\n", "troupe offsets 1\n", "troupe offsets 1\n7 0 broker-a orders\n",
                                "troupe offsets 1\nx 0 broker-a orders\nend\n", "troupe offsets 1\n-7 0 broker-a orders\nend\n"}) {
        std::ofstream{path} << content;
        const auto loaded = file.load();
        CHECK(loaded.code() == errc::corrupt);
        CHECK(loaded.failure().text.find(path.string()) != std::string::npos);
    }
    CHECK(offset_file{"/proc/troupe/x"}.save({}).code() == errc::io);
}

TEST_CASE("offset_saver: what cannot be saved counts each time and is told once, and so is that it works again") {
    const temporary_path directory;
    const auto place = directory.path / "offsets";
    std::vector<std::string> told;
    offset_saver saver{offset_file{place / "group.offsets"}, "billing",
                       [&told](actors::log_level, const std::string& text) { told.push_back(text); }};
    const std::map<message_queue, queue_offset> offsets{{{"orders", "broker-a", 0}, queue_offset{7}}};
    saver.save(offsets);
    CHECK(saver.failures() == 0);
    CHECK(told.empty());
    for (std::size_t outage = 1; outage <= 2; ++outage) {
        std::filesystem::remove_all(place);
        std::ofstream{place} << "no directory";
        for (int i = 0; i < 3; ++i)
            saver.save(offsets);
        CHECK(saver.failures() == 3 * outage);
        REQUIRE(told.size() == 2 * outage - 1);
        CHECK(told.back().find("group billing") != std::string::npos);
        CHECK(told.back().find(place.string()) != std::string::npos);
        std::filesystem::remove(place);
        saver.save(offsets);
        saver.save(offsets);
        REQUIRE(told.size() == 2 * outage);
        CHECK(told.back().find("saved again") != std::string::npos);
    }
    CHECK(offset_file{place / "group.offsets"}.load().value() == offsets);
}

TEST_CASE("offset_file: no id leads out of its directory") {
    CHECK(file_name_of("10.0.0.1@77#x") == "10.0.0.1%4077%23x");
    CHECK(file_name_of("../x") == "..%2Fx");
    CHECK(file_name_of("..") == "%2E.");
}

// ---- single messages of tools ---------------------------------------------------------------------------------------

namespace {

constexpr auto patience = 30s; ///< for what another thread does at once

/// Holds the only thread of a pool until it is let go, or the test has failed.
struct held_pool {
    std::promise<void> entered;
    std::promise<void> gone_on;
    bool is_held = true;
    std::vector<std::string> handled; ///< to be looked at when the pool has stopped
    handler_pool pool;

    explicit held_pool(bool ordered = false)
        : pool{{1, ordered},
               [this](const received_message& m) {
                   if (m.body.view() == "0") {
                       entered.set_value();
                       gone_on.get_future().wait_for(patience);
                   }
                   handled.emplace_back(m.body.view());
                   if (m.body.view() == "throw")
                       throw std::runtime_error{"no such price"};
                   if (m.body.view() == "throw 42")
                       throw 42;
                   return m.body.view() == "later" ? consume_outcome::retry_later : consume_outcome::done;
               },
               [](const delivery_report&) {}} {
        pool.deliver(make_delivery(0, 1));
        REQUIRE(entered.get_future().wait_for(patience) == std::future_status::ready);
    }
    ~held_pool() { let_go(); }
    held_pool(const held_pool&) = delete;
    held_pool& operator=(const held_pool&) = delete;
    void let_go() {
        if (std::exchange(is_held, false))
            gone_on.set_value();
    }
};

/// What became of a tool's message. Shared with the pool's thread, which may outlast a failed test.
using direct_answer = std::shared_ptr<std::promise<protocol::direct_result>>;

std::shared_ptr<direct_consumption> single(const std::string& body,
                                           const direct_answer& answer = std::make_shared<direct_answer::element_type>()) {
    received_message m;
    m.body = payload{body};
    return std::make_shared<direct_consumption>(stored_message{std::move(m), 0},
                                                [answer](protocol::direct_result r) { answer->set_value(std::move(r)); });
}

protocol::direct_result result_of(const direct_answer& answer) {
    auto told = answer->get_future();
    REQUIRE(told.wait_for(patience) == std::future_status::ready);
    return told.get();
}

} // namespace

TEST_CASE("handler_pool: a tool's message goes before what is queued, and its handler's word is told") {
    bool ordered = false;
    SUBCASE("in any order") {}
    SUBCASE("in the order of queues") {
        ordered = true;
    }
    held_pool held{ordered};
    held.pool.deliver(make_delivery(1, 1));
    std::map<std::string, direct_answer> answers;
    for (const auto* body : {"fine", "later", "throw", "throw 42"}) {
        answers[body] = std::make_shared<direct_answer::element_type>();
        REQUIRE(held.pool.consume(single(body, answers[body])));
    }
    held.let_go();
    const auto fine = result_of(answers["fine"]);
    CHECK(fine.outcome == protocol::direct_outcome::done);
    CHECK(fine.ordered == ordered);
    CHECK(result_of(answers["later"]).outcome == protocol::direct_outcome::retry_later);
    const auto threw = result_of(answers["throw"]);
    CHECK(threw.outcome == protocol::direct_outcome::threw);
    CHECK(threw.remark == "no such price");
    CHECK(result_of(answers["throw 42"]).outcome == protocol::direct_outcome::threw);
    held.pool.stop();
    REQUIRE(held.handled.size() >= 5);
    CHECK(held.handled[1] == "fine");
}

TEST_CASE("handler_pool: tools' messages that wait have a bound; those that nobody waits for make room and are never handled") {
    held_pool held;
    std::vector<std::shared_ptr<direct_consumption>> waiting;
    for (std::size_t i = 0; i < handler_pool::direct_max; ++i) {
        waiting.push_back(single("given up"));
        REQUIRE(held.pool.consume(waiting.back()));
    }
    CHECK_FALSE(held.pool.consume(single("too many")));
    for (const auto& one : waiting)
        CHECK_FALSE(one->give_up());
    const auto answer = std::make_shared<direct_answer::element_type>();
    REQUIRE(held.pool.consume(single("fits", answer)));
    held.let_go();
    result_of(answer);
    held.pool.stop();
    CHECK(held.handled == std::vector<std::string>{"0", "fits"});
    CHECK_FALSE(held.pool.consume(single("stopped")));
}
