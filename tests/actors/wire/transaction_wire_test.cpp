#include "actors/wire/wire_transaction.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/transaction_bodies.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

// Transactions, as producers of all languages have them: raw frames in both directions.

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace code = protocol::request_code;
namespace response = protocol::response_code;

namespace {

using protocol::remoting_command;
using fields = std::vector<std::pair<std::string, std::string>>;

broker_options impatient_broker() {
    broker_options options;
    options.transactions.timeout = 50ms;
    options.transactions.interval = 50ms;
    return options;
}

struct producer_world : wire_world {
    explicit producer_world(const broker_options& options = impatient_broker()) : wire_world{options} {}

    /// One connection, as Java's TransactionMQProducer keeps it.
    struct peer {
        explicit peer(const wire_world& world) : client{world.listener.port} {}

        remoting_command exchange(remoting_command command) {
            command.opaque = ++opaque;
            REQUIRE(client.send(protocol::encode_frame(command)));
            for (;;) {
                const auto received = client.receive();
                REQUIRE(received);
                if (received->is_response() && received->opaque == opaque)
                    return *received;
                pushed.push_back(*received);
            }
        }
        void send_oneway(remoting_command command) {
            command.flag = protocol::command_flag::oneway;
            REQUIRE(client.send(protocol::encode_frame(command)));
        }
        remoting_command next_push() {
            if (!pushed.empty()) {
                auto first = pushed.front();
                pushed.erase(pushed.begin());
                return first;
            }
            const auto received = client.receive();
            REQUIRE(received);
            return *received;
        }
        void beat() {
            remoting_command command;
            command.code = code::heart_beat;
            command.body = payload{std::string{R"({"clientID":"c1","consumerDataSet":[],"producerDataSet":[{"groupName":"payers"}]})"}};
            REQUIRE(exchange(command).code == response::success);
        }

        test_support::raw_client client;
        std::int32_t opaque = 0;
        std::vector<remoting_command> pushed;
    };

    static remoting_command command_of(std::int32_t request_code, const fields& all, const std::string& body = {}) {
        remoting_command command;
        command.code = request_code;
        for (const auto& [name, value] : all)
            command.fields.set(name, value);
        command.body = payload{body};
        return command;
    }
    /// As Java's producer sends it.
    static remoting_command half(const std::string& body) {
        return command_of(code::send_message_v2,
                          {{"a", "payers"},
                           {"b", "orders"},
                           {"c", "TBW102"},
                           {"d", "4"},
                           {"e", "1"},
                           {"f", "4"},
                           {"g", "1700000000000"},
                           {"h", "0"},
                           {"i", "TRAN_MSG\x01true\x02PGROUP\x01payers\x02UNIQ_KEY\x01u-" + body + "\x02WAIT\x01true\x02TAGS\x01TagA\x02"},
                           {"j", "0"},
                           {"k", "false"},
                           {"m", "false"}},
                          body);
    }
    /// The same in the first form of the header, which has long names.
    static remoting_command half_with_long_names(const std::string& body) {
        return command_of(code::send_message,
                          {{"producerGroup", "payers"},
                           {"topic", "orders"},
                           {"defaultTopic", "TBW102"},
                           {"defaultTopicQueueNums", "4"},
                           {"queueId", "1"},
                           {"sysFlag", "4"},
                           {"bornTimestamp", "1700000000000"},
                           {"flag", "0"},
                           {"properties", "TRAN_MSG\x01true\x02PGROUP\x01payers\x02UNIQ_KEY\x01u-" + body + "\x02"},
                           {"reconsumeTimes", "0"},
                           {"unitMode", "false"},
                           {"batch", "false"}},
                          body);
    }
    /// As Java's producer ends it: from what the answer to the half message says.
    static remoting_command end(const remoting_command& stored, const std::string& decision, bool from_check = false) {
        const auto place = protocol::parse_offset_message_id(*stored.fields.find("msgId"));
        REQUIRE(place);
        return command_of(code::end_transaction, {{"producerGroup", "payers"},
                                                  {"tranStateTableOffset", *stored.fields.find("queueOffset")},
                                                  {"commitLogOffset", to_string(place->second)},
                                                  {"commitOrRollback", decision},
                                                  {"fromTransactionCheck", from_check ? "true" : "false"},
                                                  {"msgId", *stored.fields.find("transactionId")},
                                                  {"transactionId", *stored.fields.find("transactionId")}});
    }
    /// The messages of a queue, once there are `count`: the pull waits for them.
    std::vector<protocol::message> await(std::int64_t count, const std::string& topic = "orders", std::int32_t queue = 1) {
        pull_messages order;
        order.group = "readers";
        order.topic = topic;
        order.queue = queue_id{queue};
        order.offset = queue_offset{count - 1};
        order.hold_ms = 15'000;
        order.has_expression = true;
        order.expression = "*";
        order.expression_type = "TAG";
        REQUIRE(ask<messages_pulled>(order)->status == pull_status::found);
        order.offset = queue_offset{0};
        const auto all = protocol::decode_records(ask<messages_pulled>(order)->records);
        REQUIRE(all);
        return *all;
    }
};

} // namespace

TEST_CASE_FIXTURE(producer_world,
                  "a transaction over the wire: half message, one-way commit, and the answers of a commit that asks for one") {
    peer producer{*this};
    const auto stored = producer.exchange(half("paid"));
    REQUIRE(stored.code == response::success);
    CHECK(*stored.fields.find("queueId") == "1");
    CHECK(*stored.fields.find("queueOffset") == "0");
    CHECK(*stored.fields.find("transactionId") == "u-paid");
    producer.send_oneway(end(stored, "8"));
    const auto seen = await(1);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].body.view() == "paid");
    CHECK(protocol::find_property(seen[0].properties, "TRAN_MSG") == "true");
    CHECK(producer.exchange(end(stored, "8")).code == response::success);
    CHECK(producer.exchange(end(stored, "12")).code == response::illegal_operation);
    CHECK(producer.exchange(end(stored, "0")).code == response::success);
    CHECK(await(1).size() == 1);

    auto wrong = end(stored, "8");
    wrong.fields.set("producerGroup", "others");
    CHECK(producer.exchange(wrong).code == response::system_error);
    wrong = end(stored, "8");
    wrong.fields.set("commitLogOffset", "123456789");
    CHECK(producer.exchange(wrong).code == response::system_error);
    wrong.fields.set("commitLogOffset", "no number");
    CHECK(producer.exchange(wrong).code == response::system_error);
}

TEST_CASE_FIXTURE(producer_world, "a transaction over the wire: a rollback is never seen, in the first form of the header too") {
    peer producer{*this};
    const auto first = producer.exchange(half("rolled back"));
    const auto second = producer.exchange(half_with_long_names("committed"));
    const auto third = producer.exchange(half_with_long_names("rolled back, too"));
    CHECK(*third.fields.find("transactionId") == "u-rolled back, too");
    CHECK(producer.exchange(end(first, "12")).code == response::success);
    CHECK(producer.exchange(end(second, "8")).code == response::success);
    CHECK(producer.exchange(end(third, "12")).code == response::success);
    const auto seen = await(1);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].body.view() == "committed");
}

TEST_CASE_FIXTURE(producer_world,
                  "a transaction over the wire: the broker asks a producer that is there, as RocketMQ's clients expect it") {
    peer producer{*this};
    producer.beat();
    const auto stored = producer.exchange(half("paid"));
    const auto question = producer.next_push();
    CHECK(question.code == code::check_transaction_state);
    CHECK(question.is_oneway());
    CHECK(*question.fields.find("tranStateTableOffset") == *stored.fields.find("queueOffset"));
    CHECK(*question.fields.find("commitLogOffset") == to_string(protocol::parse_offset_message_id(*stored.fields.find("msgId"))->second));
    CHECK(*question.fields.find("msgId") == "u-paid");
    CHECK(*question.fields.find("transactionId") == "u-paid");
    CHECK(*question.fields.find("offsetMsgId") == *stored.fields.find("msgId"));
    CHECK(*question.fields.find("topic") == "orders");
    CHECK(*question.fields.find("bname") == "broker-a");
    const auto shown = protocol::decode_record(question.body);
    REQUIRE(shown);
    CHECK(shown->topic == "orders");
    CHECK(shown->body.view() == "paid");
    CHECK(protocol::find_property(shown->properties, "PGROUP") == "payers");
    producer.send_oneway(end(stored, "8", true));
    CHECK(await(1)[0].body.view() == "paid");
}

// Goal: a producer that does not read loses neither its connection nor its questions. How: one that says that it is there and reads
// nothing, while a hundred megabytes of half messages are due.
TEST_CASE("a transaction over the wire: questions that a producer does not read are not sent, and do not count") {
    auto options = impatient_broker();
    options.transactions.interval = 60s; // so that each is asked about once
    producer_world world{options};
    constexpr std::size_t halves = 100;
    producer_world::peer asked{world};
    asked.beat();
    producer_world::peer sender{world};
    for (std::size_t i = 0; i < halves; ++i) {
        auto command = producer_world::half(std::to_string(i));
        command.body = payload{std::string(1u << 20, 'x')};
        REQUIRE(sender.exchange(command).code == response::success);
    }
    const auto& metrics = *world.node->metrics();
    const auto question = producer_world::command_of(code::get_max_offset, {{"topic", "orders"}, {"queueId", "0"}});
    const auto all_are_asked = [&] {
        REQUIRE(sender.exchange(question).code == response::success); // others are served meanwhile
        return metrics.transaction_checks.load() + metrics.transaction_checks_unheard.load() >= halves;
    };
    test_support::await("a check of each half message", all_are_asked, 60s);
    const auto sent = metrics.transaction_checks.load();
    CHECK(sent > 0);
    CHECK(sent < 50); // 16 MiB, and what the sockets hold
    std::size_t uncounted = 0;
    const auto pending = world.node->store().list_pending(log_position{0}, 1'000);
    CHECK(pending.size() == halves);
    for (const auto& one : pending)
        uncounted += one.checks == 0 ? 1u : 0u;
    CHECK(uncounted >= halves - sent);
    // It reads on: the questions that were sent, and the answer to its next request.
    std::size_t read = 0;
    REQUIRE(asked.client.send(protocol::encode_frame(question)));
    for (;;) {
        const auto received = asked.client.receive();
        REQUIRE(received);
        if (received->is_response())
            break;
        ++read;
    }
    CHECK(read == sent);
}

TEST_CASE_FIXTURE(producer_world, "operators list and decide what is pending over the wire") {
    peer producer{*this};
    const auto stored = producer.exchange(half("stuck"));
    const auto listed = producer.exchange(command_of(code::troupe_list_transactions, {{"group", "payers"}, {"maxTransactions", "10"}}));
    REQUIRE(listed.code == response::success);
    const auto list = protocol::decode_transaction_list(listed.body.view());
    REQUIRE(list);
    REQUIRE(list->entries.size() == 1);
    const auto& one = list->entries[0];
    CHECK(one.offset_message_id == *stored.fields.find("msgId"));
    CHECK(one.group == "payers");
    // Through the proxy, as our own client does.
    const auto broker = caf::actor_cast<transaction_actor>(proxy);
    caf::scoped_actor self{system};
    result<transaction_ended> ended = error{errc::internal, "nothing came back"};
    const end_transaction order{one.group, one.position, one.offset, transaction_decision::commit, true, one.unique_key, one.topic};
    self->request(broker, 30s, order)
        .receive([&](transaction_ended& answer) { ended = answer; }, [&](caf::error& failure) { ended = to_error(failure); });
    CHECK(ended.ok());
    CHECK(await(1)[0].body.view() == "stuck");
    CHECK(producer.exchange(command_of(code::troupe_list_transactions, {{"maxTransactions", "0"}})).code == response::invalid_parameter);
}

TEST_CASE("operators go on with what was given up over the wire, with RocketMQ's request") {
    auto options = impatient_broker();
    options.transactions.checks_max = 1;
    producer_world world{options};
    const auto stored = [&world] {
        producer_world::peer gone{world};
        gone.beat();
        auto answer = gone.exchange(producer_world::half("late"));
        CHECK(gone.next_push().code == code::check_transaction_state); // it says nothing
        REQUIRE(world.await(1, std::string{storage::transaction_given_up_topic}, 0)[0].body.view() == "late");
        return answer;
    }();
    // From here on nothing is given up, however long the test takes.
    world.stop();
    options.transactions.interval = 1h;
    world.start(options);
    producer_world::peer producer{world};
    producer.beat();

    const auto listed = producer.exchange(producer_world::command_of(
        code::troupe_list_transactions, {{"group", "payers"}, {"maxTransactions", "10"}, {"givenUp", "true"}, {"from", "0"}}));
    const auto list = protocol::decode_transaction_list(listed.body.view());
    REQUIRE(list);
    REQUIRE(list->entries.size() == 1);
    const auto resume = producer_world::command_of(
        code::resume_check_half_message, {{"topic", "TRANS_CHECK_MAX_TIME_TOPIC"}, {"msgId", list->entries[0].offset_message_id}});
    const auto resumed = producer.exchange(resume);
    REQUIRE(resumed.code == response::success);
    CHECK(resumed.body.empty());
    const auto again = producer.exchange(resume);
    REQUIRE(again.code == response::success);
    CHECK(*again.fields.find("msgId") == *resumed.fields.find("msgId"));
    CHECK(*again.fields.find("commitLogOffset") == *resumed.fields.find("commitLogOffset"));
    CHECK(*resumed.fields.find("msgId") != *stored.fields.find("msgId"));

    const auto question = producer.next_push();
    REQUIRE(question.code == code::check_transaction_state);
    CHECK(*question.fields.find("commitLogOffset") == *resumed.fields.find("commitLogOffset"));
    CHECK(*question.fields.find("tranStateTableOffset") == *resumed.fields.find("tranStateTableOffset"));
    CHECK(*question.fields.find("msgId") == "u-late");
    // Through the proxy, as our own client does; once more, by the id that the producer was told first.
    caf::scoped_actor self{world.system};
    result<transaction_resumed> third = error{errc::internal, "nothing came back"};
    self->request(caf::actor_cast<transaction_actor>(world.proxy), 30s, resume_transaction{*stored.fields.find("msgId"), {}})
        .receive([&](transaction_resumed& answer) { third = answer; }, [&](caf::error& failure) { third = to_error(failure); });
    REQUIRE(third.ok());
    CHECK(third->offset_message_id == *resumed.fields.find("msgId"));
    const auto ended = producer.exchange(
        producer_world::command_of(code::end_transaction, {{"producerGroup", "payers"},
                                                           {"tranStateTableOffset", *question.fields.find("tranStateTableOffset")},
                                                           {"commitLogOffset", *question.fields.find("commitLogOffset")},
                                                           {"commitOrRollback", "8"},
                                                           {"fromTransactionCheck", "true"}}));
    CHECK(ended.code == response::success);
    CHECK(world.await(1)[0].body.view() == "late");

    CHECK(producer.exchange(producer_world::command_of(code::resume_check_half_message, {{"topic", "orders"}})).code ==
          response::system_error);
    CHECK(producer.exchange(producer_world::command_of(code::resume_check_half_message, {{"msgId", "no id"}})).code != response::success);
}

TEST_CASE_FIXTURE(producer_world, "operators' orders about transactions wait for their turn only as long as there is room") {
    const auto entry = std::make_shared<net::broker_entry>(*net::entry_of(*node));
    entry->transaction_orders = std::make_shared<admission>(1);
    REQUIRE(entry->transaction_orders->try_acquire(1)); // as if one was waiting
    auto port = net::spawn_listener(system, {}, {entry, {}, {}});
    REQUIRE(port.ok());
    {
        test_support::raw_client client{port->port};
        const auto resume = command_of(code::resume_check_half_message, {{"msgId", "7F00000100002A9F0000000000FFFFFF"}});
        const auto list = command_of(code::troupe_list_transactions, {{"maxTransactions", "10"}});
        for (const auto& order : {resume, list}) {
            const auto refused = client.ask(order);
            REQUIRE(refused);
            CHECK(refused->code == response::system_busy);
        }
        entry->transaction_orders->release(1);
        for (int i = 0; i < 3; ++i) { // each gives back its share
            CHECK(client.ask(list)->code == response::success);
            CHECK(client.ask(resume)->code != response::system_busy);
        }
    }
    caf::scoped_actor self{system};
    self->send_exit(port->handle, caf::exit_reason::user_shutdown);
    self->wait_for(port->handle);
}

TEST_CASE("what is said of transactions is the same on the other side of the wire") {
    const end_transaction order{"payers", log_position{77}, queue_offset{7}, transaction_decision::roll_back, true, "u1", "orders"};
    const auto end_read = net::decode_request<end_transaction>(net::encode_request(order));
    REQUIRE(end_read);
    CHECK(end_read->producer_group == "payers");
    CHECK(end_read->position == log_position{77});
    CHECK(end_read->offset == queue_offset{7});
    CHECK(end_read->decision == transaction_decision::roll_back);
    CHECK(end_read->is_asked_for);
    CHECK(end_read->message_id == "u1");
    CHECK(end_read->topic == "orders");
    CHECK(net::decode_answer<transaction_ended>(net::encode_answer(transaction_ended{})).ok());
    // A decision that waits is small, whatever its header holds.
    auto large = order;
    large.message_id = large.topic = std::string(1u << 20, 'x');
    const auto large_read = net::decode_request<end_transaction>(net::encode_request(large));
    REQUIRE(large_read);
    CHECK(large_read->message_id.capacity() + large_read->topic.capacity() < 1'024);
    large.producer_group = std::string(256, 'g');
    CHECK(net::decode_request<end_transaction>(net::encode_request(large)).code() == errc::argument_illegal);

    const auto list_read = net::decode_request<list_transactions>(net::encode_request(list_transactions{"payers", log_position{5}, 9}));
    REQUIRE(list_read);
    CHECK(list_read->group == "payers");
    CHECK(list_read->after == log_position{5});
    CHECK(list_read->transactions_max == 9);
    CHECK_FALSE(list_read->of_given_up);
    const auto given_up_read =
        net::decode_request<list_transactions>(net::encode_request(list_transactions{"payers", {}, 9, true, queue_offset{17}}));
    REQUIRE(given_up_read);
    CHECK(given_up_read->of_given_up);
    CHECK(given_up_read->from == queue_offset{17});
    const auto resume_read = net::decode_request<resume_transaction>(net::encode_request(resume_transaction{"id", "orders"}));
    REQUIRE(resume_read);
    CHECK(resume_read->message_id == "id");
    CHECK(resume_read->topic == "orders");
    const auto resumed_read =
        net::decode_answer<transaction_resumed>(net::encode_answer(transaction_resumed{log_position{77}, queue_offset{7}, "id"}));
    REQUIRE(resumed_read);
    CHECK(resumed_read->position == log_position{77});
    CHECK(resumed_read->offset == queue_offset{7});
    CHECK(resumed_read->offset_message_id == "id");
    CHECK(net::decode_answer<transaction_resumed>({})->offset_message_id.empty()); // RocketMQ's brokers say nothing
    protocol::transaction_list list;
    list.entries.push_back({log_position{1}, queue_offset{2}, "id", "key", "payers", "orders", queue_id{3}, 4, timestamp_ms{5},
                            timestamp_ms{6}, 7, timestamp_ms{8}});
    list.next = log_position{1};
    list.next_offset = queue_offset{3};
    list.is_complete = false;
    list.pending = 12;
    CHECK(net::decode_answer<transactions_listed>(net::encode_answer(transactions_listed{list}))->list == list);

    const check_transaction question{"payers",         "orders",        "u1",       "id",
                                     log_position{77}, queue_offset{7}, "broker-a", payload{std::string{"record"}}};
    const auto question_read = net::decode_request<check_transaction>(net::encode_request(question));
    REQUIRE(question_read);
    CHECK(question_read->topic == "orders");
    CHECK(question_read->unique_key == "u1");
    CHECK(question_read->offset_message_id == "id");
    CHECK(question_read->position == log_position{77});
    CHECK(question_read->offset == queue_offset{7});
    CHECK(question_read->broker_name == "broker-a");
    CHECK(question_read->record.view() == "record");
}
