#include "actors/broker/dead_letter_resends.hpp"

#include "tests/actors/broker/asked_questions.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

const topic_queue letters{"%DLQ%billing", queue_id{0}};
const topic_queue retries{"%RETRY%billing", queue_id{3}};

/// Records with these offsets, one after the other.
payload records(const std::vector<std::int64_t>& offsets) {
    std::string all;
    for (const auto offset : offsets) {
        protocol::message letter;
        letter.topic = letters.topic;
        letter.reconsume_times = 16;
        letter.body = payload{"body " + std::to_string(offset)};
        auto record = protocol::encode_record(letter).value();
        protocol::place_record(record, queue_offset{offset}, log_position{0}, timestamp_ms{1});
        all += record;
    }
    return payload{std::move(all)};
}

using outcomes = std::vector<result<dead_letters_resent>>;

/// What a broker does for the steps, when the test says so.
struct resend_steps {
    using continuation = dead_letter_resends::continuation;
    asked_questions<list_offsets, offsets_listed> keeper;
    asked_questions<read_page, page_read> reader;
    asked_questions<commit_offset, offset_committed> notes;
    std::vector<std::pair<storage::unplaced_records, continuation>> appends;
    std::vector<continuation> topics;
    result<topic_queue> chosen{retries};
    outcomes told;
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    std::optional<dead_letter_resends> resends{
        std::in_place, protocol::host_address{}, metrics,
        dead_letter_resends::steps{
            [this](const std::string&, continuation done) { topics.push_back(std::move(done)); }, keeper.way(), reader.way(),
            [this](const std::string&) { return chosen; },
            [this](storage::unplaced_records all, continuation done) { appends.emplace_back(std::move(all), std::move(done)); },
            notes.way()}};

    /// Up to where the page is asked for.
    void begin(const resend_dead_letters& order, std::int64_t remembered = 0) {
        order_only(order);
        REQUIRE_FALSE(topics.empty());
        std::exchange(topics, {}).front()({});
        keeper.answer({{{letters, queue_offset{remembered}}}});
    }
    void order_only(const resend_dead_letters& order) {
        resends->begin(order, [this](const result<dead_letters_resent>& outcome) { told.push_back(outcome); });
    }
    void appended(const error& failure = {}) {
        REQUIRE(appends.size() == 1);
        std::exchange(appends, {}).front().second(failure);
    }
};

page_read page_of(const std::vector<std::int64_t>& offsets, std::int64_t next, std::int64_t max) {
    return {records(offsets), queue_offset{next}, queue_offset{0}, queue_offset{max}};
}

const resend_dead_letters next_ten{"billing", queue_id{0}, queue_offset{-1}, 10};

} // namespace

TEST_CASE("dead_letter_resends: a page goes on where the last one ended, is one write, and then is remembered") {
    resend_steps at;
    at.begin(next_ten, 5);
    CHECK(at.reader.next().queue == letters);
    CHECK(at.reader.next().from == queue_offset{5});
    CHECK(at.reader.next().messages_max == 10);
    at.reader.answer(page_of({5, 6}, 7, 9));
    REQUIRE(at.appends.size() == 1);
    CHECK(at.appends.front().first.queue == retries);
    CHECK(at.appends.front().first.count == 2);
    CHECK(at.notes.open() == 0); // not before they are stored
    at.appended();
    CHECK(at.metrics->dead_letters_resent == 2);
    CHECK(at.notes.next().key.group == resent_group);
    CHECK(at.notes.next().key.queue == letters);
    CHECK(at.notes.next().offset == queue_offset{7});
    CHECK(at.told.empty());
    at.notes.answer({});
    REQUIRE(at.told.size() == 1);
    CHECK(at.told[0]->resent == 2);
    CHECK(at.told[0]->next == queue_offset{7});
    CHECK(at.told[0]->max == queue_offset{9});
}

TEST_CASE("dead_letter_resends: a queue that nobody has looked at begins at 0") {
    resend_steps at;
    at.order_only(next_ten);
    at.topics.front()({});
    at.keeper.answer({{{{letters.topic, queue_id{1}}, queue_offset{4}}}});
    CHECK(at.reader.next().from == queue_offset{0});
}

TEST_CASE("dead_letter_resends: one letter is put back where it is, and nothing is remembered") {
    resend_steps at;
    at.begin({"billing", queue_id{0}, queue_offset{2}, 1}, 5);
    CHECK(at.reader.next().from == queue_offset{2});
    SUBCASE("it is there") {
        at.reader.answer(page_of({2}, 3, 9));
        at.appended();
        CHECK(at.notes.open() == 0);
        REQUIRE(at.told.size() == 1);
        CHECK(at.told[0]->resent == 1);
    }
    SUBCASE("another is there") {
        at.reader.answer(page_of({4}, 5, 9));
        CHECK(at.told.at(0).code() == errc::message_not_found);
    }
    SUBCASE("none is there") {
        at.reader.answer(page_of({}, 9, 9));
        CHECK(at.told.at(0).code() == errc::message_not_found);
    }
    CHECK(at.appends.empty());
}

TEST_CASE("dead_letter_resends: at the end there is nothing to do, and what cannot be read is passed over for good") {
    resend_steps at;
    at.begin(next_ten, 9);
    at.reader.answer(page_of({}, 9, 9));
    CHECK(at.told.at(0)->resent == 0);
    CHECK(at.notes.open() == 0);
    at.begin(next_ten, 9);
    at.reader.answer(page_of({}, 12, 12));
    CHECK(at.appends.empty());
    CHECK(at.notes.next().offset == queue_offset{12});
    at.notes.answer({});
    CHECK(at.told.at(1)->next == queue_offset{12});
}

TEST_CASE("dead_letter_resends: of one queue one order at a time is under way, whatever becomes of it") {
    resend_steps at;
    at.order_only(next_ten);
    at.order_only(next_ten);
    REQUIRE(at.told.size() == 1);
    CHECK(at.told[0].code() == errc::busy);
    CHECK(at.metrics->busy_answers == 1);
    at.order_only({"billing", queue_id{1}, queue_offset{-1}, 10}); // another queue
    CHECK(at.told.size() == 1);
    std::exchange(at.topics, {}).front()({errc::busy, "no room for the topic"});
    CHECK(at.told.at(1).code() == errc::busy);
    at.begin(next_ten);
    at.reader.fail(errc::timed_out);
    CHECK(at.told.at(2).code() == errc::timed_out);
    at.begin(next_ten);
    at.reader.answer(page_of({0}, 1, 1));
    at.appended({errc::disk_full, {}});
    CHECK(at.told.at(3).code() == errc::disk_full);
    CHECK(at.metrics->dead_letters_resent == 0);
    at.chosen = error{errc::not_permitted, {}};
    at.begin(next_ten);
    at.reader.answer(page_of({0}, 1, 1));
    CHECK(at.told.at(4).code() == errc::not_permitted);
    at.order_only(next_ten);
    CHECK(at.told.size() == 5);
}

TEST_CASE("dead_letter_resends: what was put back and could not be remembered is said to come again") {
    resend_steps at;
    at.begin(next_ten);
    at.reader.answer(page_of({0, 1}, 2, 2));
    at.appended();
    at.notes.fail(errc::io);
    REQUIRE(at.told.size() == 1);
    CHECK(at.told[0].code() == errc::io);
    CHECK(at.told[0].failure().text.starts_with("2 messages were put back, which could not be remembered: "));
}

TEST_CASE("dead_letter_resends: so many orders are under way at most") {
    resend_steps at;
    for (std::size_t i = 0; i < dead_letter_resends::resends_max; ++i)
        at.order_only({"billing", queue_id{static_cast<std::int32_t>(i)}, queue_offset{-1}, 10});
    CHECK(at.told.empty());
    at.order_only({"audit", queue_id{0}, queue_offset{-1}, 10});
    REQUIRE(at.told.size() == 1);
    CHECK(at.told[0].code() == errc::busy);
}

// Goal: a broker that ends touches nothing that is gone. CAF drops what waits for answers after it has dropped the actor's state.
// How:  a question outlives what asked it. Memory checkers see the rest.
TEST_CASE("dead_letter_resends: an order that is under way when the owner is gone reaches for nothing") {
    resend_steps at;
    at.begin(next_ten);
    CHECK(at.reader.open() == 1);
    at.resends.reset();
    at.reader.forget();
    CHECK(at.told.empty());
}
