#include "client/client.hpp"
#include "testing/node.hpp"

#include <doctest/doctest.h>

#include <future>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

void make_topic(const connection& via) {
    topic_config topic;
    topic.name = "questions";
    topic.read_queues = topic.write_queues = 2;
    REQUIRE(admin{via}.create_topic(topic).ok());
}

message question(const std::string& body) {
    message m;
    m.topic = "questions";
    m.body = body;
    return m;
}

/// Answers each question, in the handler of a consumer.
push_consumer make_replier(const connection& via) {
    push_consumer_options options;
    options.group = "repliers";
    options.from = consume_from::first_offset;
    auto opened = push_consumer::open(via, options, [via](const received_message& m) {
        if (m.body.view() == "silence")
            return consume_outcome::done;
        message answer;
        answer.body = "re: " + std::string{m.body.view()};
        answer.properties["colour"] = "green";
        return reply(via, m, std::move(answer)).ok() ? consume_outcome::done : consume_outcome::retry_later;
    });
    REQUIRE(opened.ok());
    REQUIRE(opened->subscribe("questions").ok());
    REQUIRE(opened->start().ok());
    return std::move(*opened);
}

void ask_and_answer(const connection& asking, const connection& answering) {
    make_topic(asking);
    requester_options options;
    options.sending.group = "askers";
    options.topics = {"questions"};
    auto opened = requester::open(asking, options);
    REQUIRE(opened.ok());
    CHECK(requester::open(asking, options).code() == errc::already_exists);
    const auto replier = make_replier(answering);
    const auto reply = opened->request(question("why?"), 20s);
    REQUIRE_MESSAGE(reply.ok(), (reply.ok() ? "" : to_string(reply.failure())));
    CHECK(reply->body.view() == "re: why?");
    CHECK(reply->property("colour") == "green");
    CHECK(reply->property("MSG_TYPE") == "reply");
    CHECK(opened->request(question("without limit?"), std::chrono::milliseconds::max()).ok());

    // Many at once: each gets its own.
    std::vector<std::promise<std::string>> promises(50);
    std::vector<std::future<std::string>> answers;
    for (auto& promise : promises)
        answers.push_back(promise.get_future());
    for (std::size_t i = 0; i < promises.size(); ++i)
        opened->request_async(question(std::to_string(i)), 20s, [&promises, i](const result<received_message>& outcome) {
            promises[i].set_value(outcome ? std::string{outcome->body.view()} : to_string(outcome.failure()));
        });
    for (std::size_t i = 0; i < promises.size(); ++i)
        CHECK(answers[i].get() == "re: " + std::to_string(i));
}

} // namespace

TEST_CASE("requester: a request gets its reply over the ports") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto asking = node.connect();
    const auto answering = node.connect();
    REQUIRE(asking.ok());
    REQUIRE(answering.ok());
    ask_and_answer(*asking, *answering);
}

TEST_CASE("requester: a request gets its reply inside a process") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect_embedded();
    REQUIRE(via.ok());
    ask_and_answer(*via, *via);
}

TEST_CASE("requester: one that was idle while its broker restarted gets its next reply") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto asking = node.connect();
    const auto answering = node.connect();
    REQUIRE(asking.ok());
    REQUIRE(answering.ok());
    make_topic(*asking);
    requester_options options;
    options.sending.group = "askers";
    auto opened = requester::open(*asking, options);
    REQUIRE(opened.ok());
    const auto replier = make_replier(*answering);
    REQUIRE(opened->request(question("first"), 20s).ok());
    node.stop();
    REQUIRE(node.start().ok());
    const auto reply = opened->request(question("second"), 20s); // heartbeats are 30 s apart
    CHECK_MESSAGE(reply.ok(), (reply.ok() ? "" : to_string(reply.failure())));
}

TEST_CASE("requester: what gets no reply ends in time, and what is no request is not answered") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto via = node.connect();
    REQUIRE(via.ok());
    make_topic(*via);
    requester_options options;
    options.sending.group = "askers";
    options.requests_max = 2;
    auto opened = requester::open(*via, options);
    REQUIRE(opened.ok());
    const auto replier = make_replier(*via);
    CHECK(opened->request(question("silence"), 300ms).code() == errc::timed_out);
    CHECK(opened->request(question("silence"), 0ms).code() == errc::argument_illegal);
    auto taken = question("why?");
    taken.properties["CORRELATION_ID"] = "mine";
    CHECK(opened->request(taken, 1s).code() == errc::property_illegal);
    auto nowhere = question("why?");
    nowhere.topic = "no-such-topic";
    CHECK(opened->request(nowhere, 20s).code() == errc::topic_not_found);

    std::vector<std::promise<errc>> promises(3);
    for (auto& promise : promises)
        opened->request_async(question("silence"), 60s,
                              [&promise](const result<received_message>& outcome) { promise.set_value(outcome.code()); });
    CHECK(promises[2].get_future().get() == errc::busy);
    opened->close();
    CHECK(promises[0].get_future().get() == errc::shutting_down);
    CHECK(promises[1].get_future().get() == errc::shutting_down);
    CHECK(opened->request(question("why?"), 1s).code() == errc::shutting_down);

    received_message plain;
    CHECK(reply(*via, plain, {}).code() == errc::argument_illegal);
}
