#include "client/internal/handler_pool.hpp"
#include "client/internal/offset_file.hpp"
#include "client/internal/poll_buffer.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <fstream>
#include <future>

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
        d.messages.push_back(std::move(m));
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
    CHECK(report.again[0].local_redeliveries == 1);
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
    CHECK(report.again[0].offset == queue_offset{1});
    CHECK(report.again[2].offset == queue_offset{3});
    CHECK(report.again[2].local_redeliveries == 0);
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
    CHECK(report.again[0].offset == queue_offset{1});
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

TEST_CASE("offset_file: no id leads out of its directory") {
    CHECK(file_name_of("10.0.0.1@77#x") == "10.0.0.1%4077%23x");
    CHECK(file_name_of("../x") == "..%2Fx");
    CHECK(file_name_of("..") == "%2E.");
}
