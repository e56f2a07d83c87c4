#include "actors/broker/delivery_book.hpp"

#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/messages.hpp"
#include "protocol/message_codec.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

const topic_queue orders{"orders", queue_id{0}};

struct noted_book {
    delivery_book book;
    explicit noted_book(delivery_book_options options = {}) : book{timestamp_ms{100}, options} {
        book.name_client(1, "a");
        book.name_client(2, "b");
    }
    void note(std::int64_t first, std::int64_t end, std::uint64_t connection, std::int64_t now, const std::string& group = "g",
              const topic_queue& queue = orders, bool is_partial = false) {
        book.note(group, queue, queue_offset{first}, queue_offset{end}, is_partial, connection, timestamp_ms{now});
    }
    std::vector<protocol::traced_delivery> find(std::int64_t offset, const std::string& group = "g", const topic_queue& queue = orders) {
        auto found = book.find(queue, queue_offset{offset});
        return found.by_group[group];
    }
};

protocol::traced_delivery to(std::string client, std::int64_t first, std::int64_t last, bool is_partial = false) {
    return {std::move(client), timestamp_ms{first}, timestamp_ms{last}, is_partial};
}
using deliveries = std::vector<protocol::traced_delivery>;

} // namespace

TEST_CASE("delivery_book: says who got a message and when, group by group, and what it does not know") {
    noted_book one;
    CHECK(one.find(0).empty());
    CHECK(one.book.find(orders, queue_offset{0}).complete_since == timestamp_ms{100});
    one.note(0, 10, 1, 200);
    one.note(10, 20, 2, 300);
    one.note(5, 8, 2, 400); // again, to another
    one.note(0, 3, 1, 500, "h");
    one.note(0, 3, 7, 500, "h", {"orders", queue_id{1}});
    CHECK(one.find(0) == deliveries{to("a", 200, 200)});
    CHECK(one.find(5) == deliveries{to("a", 200, 200), to("b", 400, 400)});
    CHECK(one.find(10) == deliveries{to("b", 300, 300)});
    CHECK(one.find(20).empty());
    CHECK(one.find(2, "h") == deliveries{to("a", 500, 500)});
    CHECK(one.find(2, "h", {"orders", queue_id{1}}) == deliveries{to("", 500, 500)}); // a connection without a name
    CHECK(one.book.find(orders, queue_offset{2}).by_group.size() == 2);
}

TEST_CASE("delivery_book: what one client reads in a row is one entry per minute") {
    noted_book one;
    for (int i = 0; i < 90; ++i)
        one.note(i, i + 1, 1, 1'000 + i * 1'000);
    CHECK(one.book.entries() == 2);
    CHECK(one.find(0) == deliveries{to("a", 1'000, 61'000)});
    CHECK(one.find(89) == deliveries{to("a", 62'000, 90'000)});
    one.note(89, 90, 1, 91'000); // again
    one.note(89, 90, 1, 91'500); // and again
    CHECK(one.book.entries() == 3);
    one.note(50'000, 50'001, 1, 92'000); // its group was moved
    CHECK(one.book.entries() == 4);
    CHECK(one.find(20'000).empty());
    one.note(0, 1, 1, 93'000); // and back
    CHECK(one.find(0) == deliveries{to("a", 1'000, 61'000), to("a", 93'000, 93'000)});
}

TEST_CASE("delivery_book: ranges with gaps say that a filter may have left a message out") {
    noted_book one;
    one.note(0, 10, 1, 200, "g", orders, true);
    one.note(12, 13, 1, 300); // one message of what followed
    one.note(15, 16, 1, 400);
    CHECK(one.book.entries() == 1);
    CHECK(one.find(11) == deliveries{to("a", 200, 400, true)});
    noted_book exact;
    exact.note(0, 10, 1, 200);
    exact.note(12, 13, 1, 300);
    CHECK(exact.find(5) == deliveries{to("a", 200, 200)}); // what is certain stays so
    CHECK(exact.find(11).empty());
}

TEST_CASE("delivery_book: clients that read one queue in turns are told apart") {
    noted_book one;
    for (int i = 0; i < 20; ++i) {
        one.note(i, i + 1, 1, 1'000 + i);
        one.note(i, i + 1, 2, 1'000 + i);
    }
    CHECK(one.book.entries() == 2);
    CHECK(one.find(7) == deliveries{to("a", 1'000, 1'019), to("b", 1'000, 1'019)});
}

TEST_CASE("delivery_book: a full queue says less exactly when, then forgets the oldest, and says so") {
    delivery_book_options small;
    small.entries_per_queue_max = 3;
    noted_book one{small};
    for (int i = 0; i < 5; ++i)
        one.note(i, i + 1, 1, 100'000 * (i + 1));
    CHECK(one.book.entries() == 3);
    CHECK(one.find(0) == deliveries{to("a", 100'000, 300'000)});
    CHECK(one.book.find(orders, queue_offset{0}).complete_since == timestamp_ms{100});
    for (int i = 0; i < 3; ++i)
        one.note(100'000 * (i + 1), 100'000 * (i + 1) + 1, 1, 600'000 + i);
    CHECK(one.book.entries() == 3);
    CHECK(one.find(0).empty());
    CHECK(one.book.find(orders, queue_offset{0}).complete_since == timestamp_ms{500'000});
}

TEST_CASE("delivery_book: of too many, what was idle longest goes as a whole; deleted topics and groups go, too") {
    delivery_book_options small;
    small.entries_max = 3;
    small.clients_max = 2;
    noted_book one{small};
    const topic_queue bills{"bills", queue_id{0}};
    one.note(0, 1, 1, 200);
    one.note(0, 1, 1, 300, "g", bills);
    one.note(0, 1, 1, 400, "h", bills);
    one.note(1, 2, 1, 500); // orders are not idle now
    one.note(0, 1, 1, 600, "i", bills);
    CHECK(one.book.entries() == 3);
    CHECK(one.find(1) == deliveries{to("a", 200, 500)});
    CHECK(one.find(0, "g", bills).empty());
    CHECK(one.book.find(bills, queue_offset{0}).complete_since == timestamp_ms{300});
    one.book.name_client(3, "c");
    CHECK(one.find(1) == deliveries{to("", 200, 500)}); // its name is forgotten
    one.book.forget_group("h");
    CHECK(one.find(0, "h", bills).empty());
    CHECK(one.find(0, "i", bills).size() == 1);
    one.book.forget_topic("bills");
    CHECK(one.book.entries() == 1);
    CHECK(one.find(0, "i", bills).empty());
    for (int i = 0; i < 9; ++i) // nothing else is left to go
        one.note(10'000 * i, 10'000 * i + 1, 1, 1'000 + i);
    CHECK(one.book.entries() == 3);
}

// Goal: whatever is noted, the bounds hold; and what is known of a message is never something that did not happen.
// How:  random notes against a plain list of all of them.
TEST_CASE("delivery_book: at random, within its bounds and true") {
    const auto seed = test_support::random_seed("delivery_book", 1);
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    const auto below = [&random](std::uint64_t bound) { return static_cast<std::int64_t>(random() % bound); };
    delivery_book_options small;
    small.entries_max = 40;
    small.entries_per_queue_max = 6;
    noted_book one{small};
    struct noted {
        std::string group;
        std::int64_t first, end;
        std::string client;
        std::int64_t at;
    };
    std::vector<noted> all;
    std::int64_t now = 1'000;
    for (int i = 0; i < 2'000; ++i) {
        now += below(20'000);
        const std::string group = "g" + std::to_string(below(10));
        const auto first = below(50);
        const auto end = first + 1 + below(5);
        const auto connection = static_cast<std::uint64_t>(1 + below(2));
        one.note(first, end, connection, now, group);
        all.push_back({group, first, end, connection == 1 ? "a" : "b", now});
        REQUIRE(one.book.entries() <= 40);
        const auto asked = below(60);
        const auto found = one.book.find(orders, queue_offset{asked});
        for (const auto& [name, got] : found.by_group)
            for (const auto& delivery : got) {
                if (delivery.is_partial)
                    continue;
                const auto wanted = name;
                const bool happened = std::any_of(all.begin(), all.end(), [&](const noted& each) {
                    return each.group == wanted && each.client == delivery.client_id && each.first <= asked && asked < each.end &&
                           delivery.first.value() <= each.at && each.at <= delivery.last.value();
                });
                CHECK(happened);
            }
    }
}

TEST_CASE("what is handed out is counted, and noted from the first message to the last") {
    traffic_statistics traffic;
    delivery_book book{timestamp_ms{0}};
    std::string records;
    for (const auto offset : {3, 4, 6}) {
        protocol::message message;
        message.topic = "orders";
        message.body = payload{std::string{"x"}};
        auto record = protocol::encode_record(message);
        REQUIRE(record);
        protocol::place_record(*record, queue_offset{offset}, log_position{0}, timestamp_ms{1});
        records += *record;
    }
    messages_pulled answer;
    answer.next = queue_offset{9};
    answer.records = payload{records};
    note_handed_out(traffic, book, "g", orders, answer, 5, timestamp_ms{7});
    const auto found = book.find(orders, queue_offset{6});
    CHECK(found.by_group.at("g") == deliveries{to("", 7, 7, true)});
    CHECK(book.find(orders, queue_offset{7}).by_group.empty());
    CHECK(book.find(orders, queue_offset{2}).by_group.empty());
    note_handed_out(traffic, book, "g", orders, {}, 5, timestamp_ms{8}); // nothing was found
    CHECK(book.entries() == 1);
}
