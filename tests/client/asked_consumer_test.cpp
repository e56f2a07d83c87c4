#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/client/consumer_world.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

#include <initializer_list>
#include <utility>

// What a tool asks of a member, as its broker passes it on.

using namespace troupe;
using namespace troupe::test;

namespace {

namespace code = protocol::request_code;
using actors::client_answered;

template <class Answer>
using awaited = std::shared_ptr<std::optional<result<Answer>>>;

template <class Answer, class Order>
awaited<Answer> ask(test::world& world, const member& m, Order order) {
    auto place = std::make_shared<std::optional<result<Answer>>>();
    world.system().spawn([hub = m.via.core().hub(), order = std::move(order), place](caf::event_based_actor* self) {
        self->request(hub, caf::infinite, order)
            .then([place](Answer& answer) { *place = result<Answer>{std::move(answer)}; },
                  [place](caf::error& failure) { *place = result<Answer>{actors::to_error(failure)}; });
    });
    world.run();
    return place;
}

actors::forward_to_client to_member(std::int32_t request_code, std::string body = {}, const std::string& group = "g",
                                    const std::string& client_id = "c1") {
    actors::forward_to_client order;
    order.code = request_code;
    order.fields.set("consumerGroup", group);
    order.fields.set("clientId", client_id);
    order.fields.set("brokerName", "a");
    order.body = payload{std::move(body)};
    return order;
}

std::string running_info(test::world& world, const member& m) {
    const auto answer = ask<client_answered>(world, m, to_member(code::get_consumer_running_info));
    REQUIRE(answer->has_value());
    REQUIRE((*answer)->ok());
    CHECK((**answer)->code == protocol::response_code::success);
    return std::string{(**answer)->body.view()};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A member of group "g" on queue "a" 0 of topic "t", which has messages "0" to "4".
struct asked_world : consumer_world {
    explicit asked_world(reader_options options = in_group()) {
        store(0, 5);
        options.name_servers = "ns1:9876;ns2:9876";
        options.handler_threads = 3;
        m = join("c1", std::move(options));
        world.run_for(1s);
    }
    std::string record(const std::string& body) {
        broker().store({"other", queue_id{0}}, body);
        return broker().logs[{"other", queue_id{0}}].back();
    }
    awaited<client_answered> consume(const std::string& body) {
        return ask<client_answered>(world, *m, to_member(code::consume_message_directly, record(body)));
    }
    std::unique_ptr<member> m;
};

} // namespace

TEST_CASE("asked consumer: running info says what it subscribes to, where it is, what it holds and how it does") {
    asked_world s;
    auto info = running_info(s.world, *s.m);
    CHECK(contains(info, R"({"mqTable":{{"brokerName":"a","queueId":0,"topic":"t"}:{"cachedMsgCount":5,"cachedMsgMaxOffset":4,)"
                         R"("cachedMsgMinOffset":0,"cachedMsgSizeInMiB":0,"commitOffset":0,"droped":false,"lastConsumeTimestamp":1)"));
    CHECK(contains(info, R"("lastLockTimestamp":0,"lastPullTimestamp":1)"));
    CHECK(contains(info, R"("locked":false)"));
    CHECK(
        contains(info, R"("properties":{"PROP_CLIENT_VERSION":"V5_3_3","PROP_CONSUMEORDERLY":"false","PROP_CONSUMER_START_TIMESTAMP":"1)"));
    CHECK(contains(info, R"("PROP_CONSUME_TYPE":"CONSUME_PASSIVELY","PROP_NAMESERVER_ADDR":"ns1:9876;ns2:9876",)"
                         R"("PROP_THREADPOOL_CORE_SIZE":"3"})"));
    CHECK(contains(info, R"("subscriptionSet":[{"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*")"));
    CHECK(contains(info, R"("consumeOKTPS":0.0)"));
    CHECK_FALSE(contains(info, R"("pullTPS":0.0)"));

    s.m->handle_one(); // of one to three messages: what is done is told at once
    info = running_info(s.world, *s.m);
    CHECK_FALSE(contains(info, R"("commitOffset":0,)"));
    CHECK_FALSE(contains(info, R"("consumeOKTPS":0.0)"));
    s.m->handle_all();
    info = running_info(s.world, *s.m);
    CHECK(contains(info, R"("cachedMsgCount":0,"cachedMsgMaxOffset":0,"cachedMsgMinOffset":0,"cachedMsgSizeInMiB":0,"commitOffset":5)"));
    CHECK(contains(info, R"("consumeFailedMsgs":0)"));
    s.store(5, 1);
    s.m->handle_one("5");
    CHECK(contains(running_info(s.world, *s.m), R"("statusTable":{"t":{"consumeFailedMsgs":1,)"));
}

TEST_CASE("asked consumer: an ordered one says which queues it has locked") {
    auto options = in_group();
    options.ordered = true;
    asked_world s{options};
    auto info = running_info(s.world, *s.m);
    CHECK(contains(info, R"("PROP_CONSUMEORDERLY":"true")"));
    CHECK(contains(info, R"("locked":true)"));
    CHECK_FALSE(contains(info, R"("lastLockTimestamp":0,)"));
    s.broker().deaf_to = {"c1"};
    s.world.run_for(40s); // it believes for 30 s
    info = running_info(s.world, *s.m);
    CHECK(contains(info, R"("locked":false)"));
    CHECK(contains(info, R"("lastLockTimestamp":0,)"));
}

TEST_CASE("asked consumer: it says how far it is, of the topic that is asked for") {
    asked_world s;
    s.m->handle_all();
    const auto told = ask<actors::client_status_told>(s.world, *s.m, actors::ask_client_status{"t", "g"});
    CHECK((**told)->offsets == protocol::queue_offsets{{queue_a0, 5}});
    CHECK((**ask<actors::client_status_told>(s.world, *s.m, actors::ask_client_status{"u", "g"}))->offsets.empty());
    CHECK((*ask<actors::client_status_told>(s.world, *s.m, actors::ask_client_status{"t", "h"}))->code() == errc::group_not_found);
}

TEST_CASE("asked consumer: what concerns another group, another client or another request is refused at once") {
    asked_world s;
    const auto refusal = [&](actors::forward_to_client order) { return (*ask<client_answered>(s.world, *s.m, std::move(order)))->code(); };
    CHECK(refusal(to_member(code::get_consumer_running_info, {}, "h")) == errc::group_not_found);
    CHECK(refusal(to_member(code::get_consumer_running_info, {}, "g", "c2")) == errc::group_not_found);
    CHECK(refusal(to_member(code::pull_message)) == errc::not_supported);
    CHECK(refusal(to_member(code::consume_message_directly, "no record")) == errc::corrupt);
    CHECK(refusal({code::get_consumer_running_info, {}, {}}) == errc::protocol_error);
    s.m->stop();
    CHECK(refusal(to_member(code::get_consumer_running_info)) == errc::group_not_found);
}

TEST_CASE("asked consumer: a tool's message goes to the handler, whose word is the answer; no offset moves") {
    asked_world s;
    const auto answer = s.consume("look");
    CHECK_FALSE(answer->has_value());
    REQUIRE(s.m->sink->direct.size() == 1);
    const auto one = s.m->sink->direct.front();
    CHECK(one->message().message.body.view() == "look");
    CHECK(one->message().message.queue == message_queue{"other", "a", 0});
    REQUIRE(one->begin());
    one->end({protocol::direct_outcome::retry_later, false, {}, 12});
    s.world.run();
    REQUIRE(answer->has_value());
    CHECK((**answer)->body.view() == R"({"autoCommit":true,"consumeResult":"CR_LATER","order":false,"spentTimeMills":12})");
    CHECK(s.m->positions() == queue_positions{{queue_a0, queue_offset{0}}});
    s.world.run_for(20s);
    CHECK(s.committed() == queue_offset{0});
}

TEST_CASE("asked consumer: a handler that is too slow, or has no thread, is answered for in time and says which") {
    asked_world s;
    const auto begun = s.consume("slow");
    REQUIRE(s.m->sink->direct[0]->begin());
    s.world.run_for(1s);
    const auto waiting = s.consume("waits");
    s.world.run_for(direct_consumption_timeout - 1s - 1ms);
    CHECK_FALSE(begun->has_value());
    s.world.run_for(2ms);
    REQUIRE(begun->has_value());
    CHECK((**begun)->code == protocol::response_code::consume_msg_timeout);
    CHECK(contains((**begun)->remark, "is not through with it"));
    CHECK_FALSE(waiting->has_value());
    s.world.run_for(1s);
    REQUIRE(waiting->has_value());
    CHECK((**waiting)->code == protocol::response_code::consume_msg_timeout);
    CHECK(contains((**waiting)->remark, "no handler thread was free"));
    CHECK_FALSE(s.m->sink->direct[1]->begin()); // the tool was told that it is not consumed
    s.m->sink->direct[0]->end({});              // concerns nobody any more
    s.world.run();
}

TEST_CASE("asked consumer: one that stops answers for what its handlers have") {
    asked_world s;
    const auto open = s.consume("open");
    s.m->sink->is_stopping = true;
    CHECK((*s.consume("late"))->code() == errc::busy);
    s.m->stop();
    REQUIRE(open->has_value());
    CHECK((*open)->code() == errc::shutting_down);
    CHECK_FALSE(s.m->sink->direct[0]->begin());
}

// ---- offsets from outside -------------------------------------------------------------------------------------------

namespace {

void adopt(asked_world& s, protocol::queue_offsets offsets, const std::string& topic = "t", const std::string& group = "g") {
    caf::anon_send(caf::actor_cast<actors::offset_adopter_actor>(s.m->via.core().hub()),
                   actors::adopt_offsets{topic, group, std::move(offsets)});
    s.world.run();
}

} // namespace

TEST_CASE("asked consumer: it continues at a broker's offsets and commits them, whatever it holds and has committed") {
    asked_world s;
    s.m->handle_all();
    s.world.run_for(10s);
    REQUIRE(s.committed() == queue_offset{5});
    s.store(5, 2);
    REQUIRE(s.m->sink->waiting.size() > 0); // "5" and "6" are with the handler
    s.m->sink->bodies.clear();
    adopt(s, {{queue_a0, 2}, {{"t", "b", 0}, 1}, {{"u", "a", 0}, 1}});
    CHECK(s.committed() == queue_offset{2});
    s.m->pass_over_revoked();
    s.m->handle_all();
    CHECK(s.m->sink->bodies == std::vector<std::string>{"2", "3", "4", "5", "6"});
    CHECK(s.m->positions() == queue_positions{{queue_a0, queue_offset{7}}});
    s.world.run_for(10s);
    CHECK(s.committed() == queue_offset{7});

    adopt(s, {{queue_a0, 7}}); // where it is
    CHECK(s.broker().commits.back().second == queue_offset{7});
    s.store(7, 1);
    s.m->handle_all();
    CHECK(s.m->sink->bodies.back() == "7");
}

TEST_CASE("asked consumer: offsets of others, and such as there cannot be, change nothing") {
    asked_world s;
    s.m->handle_all();
    s.world.run_for(10s);
    const auto commits = s.broker().commits.size();
    adopt(s, {{queue_a0, 1}}, "u");
    adopt(s, {{queue_a0, 1}}, "t", "h");
    adopt(s, {{queue_a0, -1}});
    adopt(s, {});
    CHECK(s.m->sink->waiting.empty());
    CHECK(s.m->positions() == queue_positions{{queue_a0, queue_offset{5}}});
    CHECK(s.broker().commits.size() == commits);
}

TEST_CASE("asked consumer: a commit that fails is repeated until the broker has the offsets") {
    asked_world s;
    s.m->handle_all();
    s.world.run_for(10s);
    s.broker().fail_commits = {errc::timed_out};
    adopt(s, {{queue_a0, 5}});
    const auto commits = s.broker().commits.size();
    s.world.run_for(6s);
    CHECK(s.broker().commits.size() == commits + 1);
    CHECK(s.committed() == queue_offset{5});
}

TEST_CASE("asked consumer: offsets from outside are committed behind a commit that is under way") {
    asked_world s;
    s.broker().silent_commits = true;
    s.m->handle_all();
    s.world.run_for(6s); // a commit of 5 is under way
    s.broker().silent_commits = false;
    const auto commits = s.broker().commits.size();
    adopt(s, {{queue_a0, 2}});
    CHECK(s.broker().commits.size() == commits); // two at once might be stored in any order
    SUBCASE("it arrives") {
        s.broker().serve_held();
        s.world.run();
    }
    SUBCASE("it arrives, and its answer is lost") {
        s.broker().offsets[{"g", {"t", queue_id{0}}}] = queue_offset{5};
        s.world.run_for(3s);
    }
    CHECK(s.committed() == queue_offset{2});
    const auto last = s.broker().commits.size();
    s.world.run_for(60s);
    CHECK(s.broker().commits.size() == last);
}

TEST_CASE("asked consumer: an ordered one is through with what its handler has before it reads from there") {
    auto options = in_group();
    options.ordered = true;
    asked_world s{options};
    REQUIRE(s.m->sink->waiting.size() == 1);
    s.m->sink->bodies.clear();
    adopt(s, {{queue_a0, 3}});
    CHECK(s.committed() == queue_offset{3});
    CHECK(s.m->sink->waiting.size() == 1);
    s.m->pass_over_revoked();
    s.world.run_for(1s);
    s.m->handle_all();
    CHECK(s.m->sink->bodies == std::vector<std::string>{"3", "4"});
}

namespace {

/// An ordered member that has handled everything, and whose broker does not renew its locks any more.
struct forgotten_world : asked_world {
    forgotten_world()
        : asked_world{[] {
              auto options = in_group();
              options.ordered = true;
              return options;
          }()} {
        m->handle_all();
        world.run_for(10s);
        REQUIRE(committed() == queue_offset{5});
        m->sink->bodies.clear();
        broker().deaf_to = {"c1"};
    }
    void lock_lapses() {
        REQUIRE(world.run_until([this] { return m->counters->locks_lost == 1; }, 31s));
    }
};

} // namespace

TEST_CASE("asked consumer: an ordered one whose lock lapses before the offsets are committed still goes there") {
    forgotten_world s;
    s.broker().fail_commits.assign(100, errc::timed_out);
    adopt(s, {{queue_a0, 2}});
    REQUIRE(s.committed() == queue_offset{5});
    s.lock_lapses();
    s.m->pass_over_revoked();
    s.m->sink->bodies.clear();
    SUBCASE("the lock comes back before the broker takes commits again") {
        s.broker().deaf_to.clear();
        s.world.run_for(1s);
        s.broker().fail_commits.clear();
        s.world.run_for(6s);
    }
    SUBCASE("the broker takes commits again before the lock comes back") {
        s.broker().fail_commits.clear();
        s.world.run_for(6s);
        CHECK(s.committed() == queue_offset{2});
        s.broker().deaf_to.clear();
        s.world.run_for(1s);
    }
    CHECK(s.committed() == queue_offset{2});
    s.m->handle_all();
    CHECK(s.m->sink->bodies == std::vector<std::string>{"2", "3", "4"});
    s.world.run_for(10s);
    CHECK(s.committed() == queue_offset{5});
}

TEST_CASE("asked consumer: what an operator wants is committed without the lock, and once more with it") {
    forgotten_world s;
    s.lock_lapses();
    adopt(s, {{queue_a0, 2}});
    CHECK(s.committed() == queue_offset{2});
    const auto commits = s.broker().commits.size();
    s.world.run_for(20s);
    CHECK(s.broker().commits.size() == commits); // not for ever: whoever has the queue goes on
    const auto key = s.broker().commits.back().first;
    s.broker().offsets[key] = queue_offset{5}; // the last that the queue's old owner had to say
    s.broker().deaf_to.clear();
    s.world.run_for(1s);
    CHECK(s.committed() == queue_offset{2});
    s.m->handle_all();
    CHECK(s.m->sink->bodies == std::vector<std::string>{"2", "3", "4"});
    s.broker().deaf_to = {"c1"};
    s.world.run_for(31s);
    CHECK(s.m->counters->locks_lost == 2);
    s.broker().deaf_to.clear();
    s.world.run_for(5s);
    CHECK(s.m->sink->bodies.size() == 3); // it is an offset like any other by now
}

TEST_CASE("asked consumer: one that stops, or gives the queue up, without its lock tells the broker what an operator wants") {
    forgotten_world s;
    s.broker().fail_commits.assign(100, errc::timed_out);
    adopt(s, {{queue_a0, 2}});
    s.lock_lapses();
    s.broker().fail_commits.clear();
    SUBCASE("it stops") {
        s.m->stop();
    }
    SUBCASE("it unsubscribes") {
        caf::anon_send(s.m->reader, client::change_subscription{"t", std::nullopt});
        s.world.run();
        s.m->pass_over_revoked();
    }
    CHECK(s.committed() == queue_offset{2});
}

TEST_CASE("asked consumer: of a queue that it gives up with a handler busy, an ordered one commits what an operator wants") {
    auto options = in_group();
    options.ordered = true;
    asked_world s{options};
    REQUIRE(s.m->sink->waiting.size() == 1);
    caf::anon_send(s.m->reader, client::change_subscription{"t", std::nullopt});
    s.world.run();
    adopt(s, {{queue_a0, 3}});
    s.m->handle_one();
    CHECK(s.committed() == queue_offset{3});
}

TEST_CASE("asked consumer: in broadcasting its own place moves, and is saved") {
    auto options = in_group();
    options.model = message_model::broadcasting;
    const auto saved = std::make_shared<queue_positions>();
    options.save_local = [saved](const queue_positions& all) { *saved = all; };
    asked_world s{options};
    s.m->handle_all();
    adopt(s, {{queue_a0, 4}});
    CHECK(*saved == queue_positions{{queue_a0, queue_offset{4}}});
    s.m->sink->bodies.clear();
    s.m->handle_all();
    CHECK(s.m->sink->waiting.empty());
    CHECK(s.m->positions() == queue_positions{{queue_a0, queue_offset{5}}});
    CHECK(s.broker().commits.empty());
}
