#include "tests/interop/cxx/report.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <set>

/// Scenarios of which the consumer is the subject. Topics have `queue_count` queues.
namespace interop {

namespace {

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Bodies that arrive on other threads, each once.
class bodies {
public:
    void add(const std::string& body) {
        const std::lock_guard lock{mutex_};
        all_.insert(body);
    }
    [[nodiscard]] std::set<std::string> all() const {
        const std::lock_guard lock{mutex_};
        return all_;
    }

private:
    mutable std::mutex mutex_;
    std::set<std::string> all_;
};

bool owns(const std::shared_ptr<client::push_consumer>& consumer, std::size_t count) {
    return consumer->assignment().size() == count;
}

/// One member owns everything; a second joins and they share; the first leaves and the second owns everything.
void clustering(driver& all) {
    auto producer = all.make_producer();
    const auto first = all.make_consumer("first", {});
    require(reached(patience, [&] { return owns(first, queue_count); }), "the first owns all");
    all.send_over(producer, "alone-", 8);
    all.expect(8);
    const auto second = all.make_consumer("second", {});
    require(reached(patience, [&] { return owns(first, queue_count / 2) && owns(second, queue_count / 2); }), "both own half");
    all.send_over(producer, "shared-", 8);
    all.expect(16);
    first->stop();
    require(reached(patience, [&] { return owns(second, queue_count); }), "the second owns all");
    all.send_over(producer, "left-", 8);
    all.expect(24);
}

void broadcasting(driver& all) {
    auto producer = all.make_producer();
    client::push_consumer_options options;
    options.model = client::message_model::broadcasting;
    const auto first = all.make_consumer("first", options);
    const auto second = all.make_consumer("second", options);
    require(reached(patience, [&] { return owns(first, queue_count) && owns(second, queue_count); }), "both own all");
    all.send_over(producer, "m", 8);
    all.expect(16);
}

void orderly(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 40);
    client::push_consumer_options options;
    options.ordered = true;
    all.make_consumer("only", options);
    all.expect(40);
}

void tags(driver& all) {
    auto producer = all.make_producer();
    for (int i = 0; i < 12; ++i) {
        auto m = all.make_message("m" + std::to_string(i));
        m.tags = std::string{"Tag"} + "ABC"[i % 3];
        const auto body = m.body;
        all.report.sent(body, must(producer.send(std::move(m))));
    }
    all.make_consumer("only", {}, "TagA || TagC");
    all.expect(8);
}

/// Messages are there before their consumer; and it comes back after it left.
void late(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "before-", 8);
    const auto first = all.make_consumer("first", {});
    all.expect(8);
    first->stop();
    all.send_over(producer, "between-", 4);
    all.make_consumer("second", {});
    all.expect(12);
}

/// Refused once, it comes again through the group's retry topic.
void retry(driver& all) {
    auto producer = all.make_producer();
    all.make_consumer("only", {}, "*", [](const client::received_message& message) { return message.reconsume_times > 0; });
    all.send_over(producer, "m", 1);
    all.expect(2);
}

/// No retry is allowed, so a refused message is a dead letter at once.
void dead_letter(driver& all) {
    auto producer = all.make_producer();
    client::push_consumer_options options;
    options.redeliveries_max = 0;
    all.make_consumer("only", options, "*", [](const client::received_message&) { return false; });
    all.send_over(producer, "m", 1);
    all.expect(1);
}

void delayed(driver& all) {
    auto producer = all.make_producer();
    all.make_consumer("only", {});
    auto m = all.make_message("m0");
    m.delay_level = 2; // 5 s
    all.report.sent("m0", must(producer.send(std::move(m))));
    all.expect(1);
}

/// Begins where the clock was between two rounds of messages.
void from_timestamp(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "before-", 8);
    const auto between = now_ms() + 100;
    require(reached(patience, [&] { return now_ms() > between + 100; }), "time goes on");
    all.send_over(producer, "after-", 8);
    client::push_consumer_options options;
    options.from = client::consume_from::timestamp;
    options.from_time = troupe::timestamp_ms{between};
    all.make_consumer("only", options);
    all.expect(8);
}

/// Two members that share the queues out by turns.
void circle(driver& all) {
    auto producer = all.make_producer();
    client::push_consumer_options options;
    options.allocation = client::allocation_strategy::averagely_by_circle();
    const auto first = all.make_consumer("first", options);
    const auto second = all.make_consumer("second", options);
    require(reached(patience, [&] { return owns(first, queue_count / 2) && owns(second, queue_count / 2); }), "both own half");
    all.send_over(producer, "m", 16);
    all.expect(16);
}

/// m5 is refused twice, and comes again before the next of its queue.
void orderly_retry(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 16);
    client::push_consumer_options options;
    options.ordered = true;
    const auto refused = std::make_shared<std::atomic<int>>(0);
    all.make_consumer("only", options, "*",
                      [refused](const client::received_message& message) { return message.body.view() != "m5" || (*refused)++ >= 2; });
    all.expect(18);
}

/// m5 never succeeds: after two redeliveries in its place it is dead, and its queue goes on.
void orderly_poison(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 16);
    client::push_consumer_options options;
    options.ordered = true;
    options.redeliveries_max = 2;
    all.make_consumer("only", options, "*", [](const client::received_message& message) { return message.body.view() != "m5"; });
    all.expect(18);
}

/// A second member joins, and the first leaves, while messages of each queue are under way.
void orderly_members(driver& all) {
    auto producer = all.make_producer();
    client::push_consumer_options options;
    options.ordered = true;
    const auto first = all.make_consumer("first", options);
    require(reached(patience, [&] { return owns(first, queue_count); }), "the first owns all");
    all.send_over(producer, "alone-", 16);
    const auto second = all.make_consumer("second", options);
    all.send_over(producer, "joining-", 16);
    require(reached(patience, [&] { return owns(first, queue_count / 2) && owns(second, queue_count / 2); }), "both own half");
    all.send_over(producer, "shared-", 16);
    all.expect(48);
    first->stop();
    all.send_over(producer, "left-", 16);
    all.expect(64);
}

client::message timed_message(const driver& all, const std::string& body, std::chrono::milliseconds delay) {
    auto m = all.make_message(body);
    m.deliver_after = delay;
    return m;
}

void timed(driver& all) {
    auto producer = all.make_producer();
    all.make_consumer("only", {});
    all.report.sent("m0", must(producer.send(timed_message(all, "m0", std::chrono::seconds{3}))));
    all.expect(1);
}

/// 3 s later, by a delay and as a point in time.
void timed_forms(driver& all) {
    auto producer = all.make_producer();
    all.make_consumer("only", {});
    all.report.sent("m0", must(producer.send(timed_message(all, "m0", std::chrono::seconds{3}))));
    auto at = all.make_message("m1");
    at.deliver_at = troupe::timestamp_ms{now_ms() + 3'000};
    all.report.sent("m1", must(producer.send(std::move(at))));
    all.expect(2);
}

/// Two messages for later; the one that is due first is taken back.
void recall(driver& all) {
    auto producer = all.make_producer();
    all.make_consumer("only", {});
    const auto taken_back = must(producer.send(timed_message(all, "m0", std::chrono::seconds{4})));
    all.report.sent("m0", taken_back);
    all.report.sent("m1", must(producer.send(timed_message(all, "m1", std::chrono::seconds{4}))));
    all.report.fact("recalled", must(producer.recall(all.topic, taken_back.recall_handle)));
    all.expect(1);
}

/// One message is committed, one rolled back.
void transaction(driver& all) {
    using client::transaction_outcome;
    client::transaction_producer_options options;
    options.sending.group = all.group + "-producer";
    options.topics = {all.topic};
    auto producer = must(client::transaction_producer::open(
        all.connect(), [](const client::received_message&) { return transaction_outcome::unknown; }, std::move(options)));
    all.make_consumer("only", {});
    for (const auto outcome : {transaction_outcome::roll_back, transaction_outcome::commit}) {
        auto m = all.make_message(outcome == transaction_outcome::commit ? "committed" : "rolled back");
        const auto sent = must(producer.send(std::move(m), [outcome](const client::send_receipt&) { return outcome; }));
        require(sent.is_stored, "the outcome is stored");
    }
    all.expect(1);
}

/// The producer does not know what became of its messages until the broker asks.
void transaction_check(driver& all) {
    using client::transaction_outcome;
    client::transaction_producer_options options;
    options.sending.group = all.group + "-producer";
    options.topics = {all.topic};
    const auto asked = std::make_shared<bodies>();
    auto producer = must(client::transaction_producer::open(
        all.connect(),
        [asked](const client::received_message& half) {
            const std::string body{half.body.view()};
            asked->add(body);
            return body == "committed" ? transaction_outcome::commit : transaction_outcome::roll_back;
        },
        std::move(options)));
    all.make_consumer("only", {});
    for (const auto* body : {"rolled back", "committed"})
        must(producer.send(all.make_message(body), [](const client::send_receipt&) { return transaction_outcome::unknown; }));
    require(reached(std::chrono::seconds{60}, [&] { return asked->all().size() == 2; }), "the broker asks about both");
    all.expect(1);
    all.report.fact("asked", asked->all());
}

void sql(driver& all) {
    auto producer = all.make_producer();
    for (int i = 0; i < 8; ++i) {
        auto m = all.make_message("m" + std::to_string(i));
        m.properties["size"] = std::to_string(i);
        const auto body = m.body;
        all.report.sent(body, must(producer.send(std::move(m))));
    }
    all.make_consumer("only", {}, client::message_selector::sql92("size >= 5"));
    all.expect(3);
}

void request_reply(driver& all) {
    client::requester_options options;
    options.sending.group = all.group + "-producer";
    options.topics = {all.topic};
    auto requester = must(client::requester::open(all.connect(), std::move(options)));
    all.make_consumer("responder", {}, "*", [via = all.connect()](const client::received_message& message) {
        client::message answer;
        answer.body = "re: " + std::string{message.body.view()};
        return client::reply(via, message, std::move(answer)).ok();
    });
    auto replies = nlohmann::json::array();
    for (int i = 0; i < 3; ++i)
        replies.push_back(must(requester.request(all.make_message("m" + std::to_string(i)), patience)).body.view());
    all.report.fact("replies", replies);
    all.expect(3);
}

/// Shares the group with a member of another kind, which owns the other half of the queues and takes over in the end.
void mixed(driver& all) {
    auto producer = all.make_producer();
    const auto member = all.make_consumer("cxx", {});
    require(reached(patience, [&] { return owns(member, queue_count / 2); }), "both own half");
    all.send_over(producer, "cxx-", 8);
    // Of each queue the runner's one message, and two of these.
    all.expect(3 * queue_count / 2);
    member->stop();
}

/// A member for tools to ask, until its input ends.
void stay(driver& all) {
    all.make_consumer("only", {});
    std::printf("READY\n");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
}

/// Pops until so many messages came; `taken` sees each.
void pop_until(driver& all, client::pop_consumer& consumer, std::size_t count, std::chrono::seconds within,
               const std::function<void(client::popped_message&)>& taken) {
    reached(within, [&] {
        for (auto& one : must(consumer.pop(std::chrono::milliseconds{500}))) {
            all.report.received("only", one.message);
            taken(one);
        }
        return all.report.received_count() >= count;
    });
}

/// Of eight messages m3 is given back twice, and m5 forgotten until its time is over; both are acknowledged when they come then.
void pop_consume(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 8);
    client::pop_options options;
    options.group = all.group;
    options.topic = all.topic;
    options.invisible = std::chrono::seconds{10};
    troupe::group_config group;
    group.name = all.group;
    must(client::admin{all.connect()}.put_group(group)); // who pops needs one that is there
    auto consumer = must(client::pop_consumer::open(all.connect(), options));
    std::map<std::string, int> times;
    const auto take = [&](client::popped_message& one) {
        const std::string body{one.message.body.view()};
        const auto time = ++times[body];
        if (body == "m3" && time <= 2)
            must(consumer.change_invisible_time(one, std::chrono::seconds{2}));
        else if (body != "m5" || time > 1)
            must(consumer.acknowledge(one));
    };
    pop_until(all, consumer, 11, 2 * patience, take);
    // What was not acknowledged would come now.
    pop_until(all, consumer, 12, std::chrono::seconds{15}, [](const client::popped_message&) {});
}

/// Two members pop in order until nothing more comes. Of queue 1 the second message is forgotten once, of queue 2 the second one is given
/// back once; everything else is acknowledged at once.
void pop_in_order(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 6 * static_cast<int>(queue_count));
    troupe::group_config group;
    group.name = all.group;
    group.consume_message_orderly = true;
    must(client::admin{all.connect()}.put_group(group));
    client::pop_options options;
    options.group = all.group;
    options.topic = all.topic;
    options.messages_max = 3;
    options.invisible = std::chrono::seconds{5};
    options.ordered = true;
    std::map<std::string, client::pop_consumer> members;
    for (const auto* name : {"first", "second"})
        members.emplace(name, must(client::pop_consumer::open(all.connect(), options)));
    std::set<std::string> seen;
    const auto end = std::chrono::steady_clock::now() + 2 * patience;
    auto quiet_since = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < std::min(end, quiet_since + options.invisible + std::chrono::seconds{3})) {
        for (auto& [name, member] : members) {
            std::vector<client::popped_message> done;
            for (auto& one : must(member.pop(std::chrono::milliseconds{200}))) {
                quiet_since = std::chrono::steady_clock::now();
                all.report.received(name, one.message);
                const std::string body{one.message.body.view()};
                const bool is_new = seen.insert(body).second;
                if (is_new && body == "m6")
                    must(member.change_invisible_time(one, std::chrono::seconds{2}));
                else if (!is_new || body != "m5")
                    done.push_back(std::move(one));
            }
            must(member.acknowledge(done));
        }
    }
}

/// Polls until so many messages were received, and commits.
void pull(driver& all, client::pull_consumer& consumer, std::size_t count) {
    const bool is_all = reached(patience, [&] {
        for (const auto& message : consumer.poll(std::chrono::milliseconds{200}))
            all.report.received("only", message);
        return all.report.received_count() >= count;
    });
    if (!is_all)
        all.report.fact("error", "received " + std::to_string(all.report.received_count()) + " of " + std::to_string(count));
    must(consumer.commit());
}

client::pull_consumer make_pull_consumer(const driver& all) {
    client::pull_consumer_options options;
    options.group = all.group;
    return must(client::pull_consumer::open(all.connect(), std::move(options)));
}

void assign_and_seek(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 12);
    auto consumer = make_pull_consumer(all);
    const auto queues = must(consumer.queues(all.topic));
    must(consumer.assign(queues, client::seek_target::first()));
    for (const auto& queue : queues)
        must(consumer.seek(queue, client::seek_target::at(troupe::queue_offset{1})));
    pull(all, consumer, 8);
}

void all_queues(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 12);
    auto consumer = make_pull_consumer(all);
    must(consumer.assign(must(consumer.queues(all.topic))));
    pull(all, consumer, 12);
}

} // namespace

bool run_receiving(const std::string& scenario, driver& all) {
    if (scenario == "push-clustering")
        clustering(all);
    else if (scenario == "push-broadcasting")
        broadcasting(all);
    else if (scenario == "push-orderly")
        orderly(all);
    else if (scenario == "push-tags")
        tags(all);
    else if (scenario == "push-late")
        late(all);
    else if (scenario == "push-retry")
        retry(all);
    else if (scenario == "push-dead-letter")
        dead_letter(all);
    else if (scenario == "delayed")
        delayed(all);
    else if (scenario == "timed")
        timed(all);
    else if (scenario == "timed-forms")
        timed_forms(all);
    else if (scenario == "push-timestamp")
        from_timestamp(all);
    else if (scenario == "push-circle")
        circle(all);
    else if (scenario == "orderly-retry")
        orderly_retry(all);
    else if (scenario == "orderly-poison")
        orderly_poison(all);
    else if (scenario == "orderly-members")
        orderly_members(all);
    else if (scenario == "transaction-check")
        transaction_check(all);
    else if (scenario == "pop-consume")
        pop_consume(all);
    else if (scenario == "pop-consume-orderly")
        pop_in_order(all);
    else if (scenario == "recall")
        recall(all);
    else if (scenario == "transaction")
        transaction(all);
    else if (scenario == "request-reply")
        request_reply(all);
    else if (scenario == "push-sql")
        sql(all);
    else if (scenario == "mixed")
        mixed(all);
    else if (scenario == "stay")
        stay(all);
    else if (scenario == "read")
        all.push_all(1);
    else if (scenario == "lite-assign")
        assign_and_seek(all);
    else if (scenario == "lite-subscribe")
        all_queues(all);
    else
        return false;
    return true;
}

} // namespace interop
