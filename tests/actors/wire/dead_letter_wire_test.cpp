#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <caf/scoped_actor.hpp>

// Dead letters over the wire: requests of Troupe's own.

using namespace troupe;
using namespace troupe::actors;

namespace {

namespace code = protocol::request_code;

template <class Order>
Order both_ways(const Order& order) {
    auto read = net::decode_request<Order>(net::encode_request(order));
    REQUIRE(read);
    return *read;
}
template <class Answer>
Answer there_and_back(const Answer& answer) {
    auto read = net::decode_answer<Answer>(net::encode_answer(answer));
    REQUIRE(read);
    return *read;
}

} // namespace

TEST_CASE("dead letters: every order and answer comes back as it was sent") {
    CHECK(both_ways(list_dead_letters{"billing"}).group == "billing");
    const auto page = both_ways(read_page{{"t", queue_id{3}}, queue_offset{-7}, 9});
    CHECK(page.queue == topic_queue{"t", queue_id{3}});
    CHECK(page.from == queue_offset{-7});
    CHECK(page.messages_max == 9);
    const auto resend = both_ways(resend_dead_letters{"billing", queue_id{2}, queue_offset{5}, 11});
    CHECK(resend.group == "billing");
    CHECK(resend.queue == queue_id{2});
    CHECK(resend.from == queue_offset{5});
    CHECK(resend.messages_max == 11);

    const protocol::dead_letter_queue queue{"billing",       queue_id{1},     queue_offset{2}, queue_offset{3},
                                            timestamp_ms{4}, timestamp_ms{5}, queue_offset{6}};
    CHECK(there_and_back(dead_letters_listed{{queue}}).queues == std::vector{queue});
    const auto read = there_and_back(page_read{payload{std::string{"records"}}, queue_offset{1}, queue_offset{2}, queue_offset{3}});
    CHECK(read.records.view() == "records");
    CHECK(read.next == queue_offset{1});
    CHECK(read.min == queue_offset{2});
    CHECK(read.max == queue_offset{3});
    const auto resent = there_and_back(dead_letters_resent{4, queue_offset{5}, queue_offset{6}});
    CHECK(resent.resent == 4);
    CHECK(resent.next == queue_offset{5});
    CHECK(resent.max == queue_offset{6});
}

TEST_CASE_FIXTURE(wire_world, "dead letters over the wire: listed, read and resent, and what is wrong is said") {
    group_config group;
    group.name = "billing";
    REQUIRE(ask<group_put>(put_group{group}));
    topic_config dead;
    dead.name = "%DLQ%billing";
    dead.read_queues = dead.write_queues = 1;
    REQUIRE(ask<topic_put>(put_topic{dead}));
    send_messages message;
    message.topic = dead.name;
    message.queue = queue_id{0};
    message.body = payload{std::string{"dead"}};
    message.properties = "RETRY_TOPIC\x01orders\x02";
    REQUIRE(ask<messages_stored>(message));

    const auto listed = ask<dead_letters_listed>(list_dead_letters{"billing"});
    REQUIRE(listed);
    REQUIRE(listed->queues.size() == 1);
    CHECK(listed->queues[0].max == queue_offset{1});
    const auto done = ask<dead_letters_resent>(resend_dead_letters{"billing", queue_id{0}, queue_offset{-1}, 10});
    REQUIRE(done);
    CHECK(done->resent == 1);
    CHECK(ask<dead_letters_listed>(list_dead_letters{})->queues.at(0).resent == queue_offset{1});
    const auto page = ask<page_read>(read_page{{"%RETRY%billing", queue_id{0}}, queue_offset{0}, 10});
    REQUIRE(page);
    CHECK(protocol::decode_records(page->records)->at(0).body.view() == "dead");

    CHECK(call(code::troupe_resend_dead_letters, {{"group", "nobody"}, {"queueId", "0"}}).code ==
          protocol::response_code::subscription_group_not_exist);
    CHECK(call(code::troupe_resend_dead_letters, {{"group", "billing"}}).code == protocol::response_code::system_error);
    CHECK(call(code::troupe_read_queue, {{"topic", "nothing"}, {"queueId", "0"}, {"offset", "0"}}).code ==
          protocol::response_code::topic_not_exist);
}
