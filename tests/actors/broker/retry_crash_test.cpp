#include "actors/messages/message_back.hpp"
#include "actors/schedule/message_return.hpp"
#include "protocol/properties.hpp"
#include "tests/actors/crashing_broker.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, a message that its consumer gives back comes again until it is handled or has had
//       its tries, and then lies in the dead letter topic: none is lost, none comes early, none forgets its tries or where it is from, and
//       it comes again only as often as was asked for, but for what the schedule had just delivered.
// How:  a broker in virtual time takes messages that are handled at once, at the second try, never, or until the consumer says "no more
//       tries". It runs once for each call and each kind of crash, before and after the call, comes up again and goes on; so does the
//       consumer, every other time as a new one that begins where its group has committed. The usual run takes a sample; TROUPE_FULL=1
//       takes every kind at every call. A random walk crashes it several times, also while it comes up.

namespace {

constexpr const char* group = "billing";
constexpr const char* retry_topic = "%RETRY%billing";
constexpr const char* dead_topic = "%DLQ%billing";
constexpr std::int32_t retry_max = 3;
constexpr int sent_max = 7;
constexpr int steps = 36;
constexpr int restart_at = 14;
constexpr int rest = 46;

broker_options retry_broker(storage::flush_mode flush) {
    auto options = small_broker();
    options.store.checkpoint_bytes = 4'000;
    options.store.flush = flush;
    options.delay_levels = {100ms, 200ms, 300ms, 400ms, 500ms, 600ms};
    return options;
}

/// What its consumer does with a message.
enum class fate : std::uint8_t { always_fails, works_at_second_try, given_up, works };

fate fate_of(int number) {
    return static_cast<fate>(number % 4);
}
std::string body_of(int number) {
    return "m" + std::to_string(number);
}
int number_of(const protocol::message& message) {
    return std::stoi(std::string{message.body.view().substr(1)});
}
/// How often a message has been tried when it is dead; none: it will not be.
std::optional<std::int32_t> tries_when_dead(fate of) {
    if (of == fate::always_fails)
        return retry_max + 1;
    return of == fate::given_up ? std::optional{2} : std::nullopt;
}

/// A message, and how often it had been tried.
using attempted = std::pair<int, std::int32_t>;

attempted attempt_of(const protocol::message& message) {
    return {number_of(message), message.reconsume_times};
}

/// What the broker was asked for and said.
struct history {
    std::set<int> sent; ///< acknowledged
    std::map<int, int> handled;
    std::map<attempted, int> seen;
    std::map<attempted, int> asked_back; ///< by the count that the copy has
    std::set<attempted> taken_back;      ///< acknowledged
};

/// Follows the rules of at-least-once: commits only what is handled or was taken back.
class consumer {
public:
    consumer(crashing_broker& broker, history& told) : broker_{broker}, told_{told} { begin_again(); }

    /// A new one: it knows nothing but what its group has committed.
    void begin_again() { places_ = {{{"orders", queue_id{0}}, {}}, {{"orders", queue_id{1}}, {}}, {{retry_topic, queue_id{0}}, {}}}; }
    void poll() {
        for (auto& [queue, next] : places_)
            poll(queue, next);
    }

private:
    void poll(const topic_queue& queue, std::optional<queue_offset>& next) {
        if (!next) {
            const auto found = broker_.attempt<offset_found>(broker_.node->broker(), query_offset{{group, queue}});
            if (!found)
                return;
            next = found->offset;
        }
        auto order = broker_world::pull(next->value());
        order.group = group;
        order.topic = queue.topic;
        order.queue = queue.queue;
        const auto pulled = broker_.attempt<messages_pulled>(broker_.node->broker(), order);
        if (!pulled || pulled->status != pull_status::found)
            return;
        const auto messages = protocol::decode_records(pulled->records);
        REQUIRE(messages.ok());
        const auto before = *next;
        for (const auto& message : *messages) {
            if (!handle(message))
                break;
            next = message.offset + 1;
        }
        if (*next > before)
            static_cast<void>(broker_.attempt<offset_committed>(broker_.node->broker(), commit_offset{{group, queue}, *next}));
    }

    /// True: it is done with, here.
    bool handle(const protocol::message& message) {
        const auto attempt = attempt_of(message);
        ++told_.seen[attempt];
        const auto of = fate_of(attempt.first);
        if (of == fate::works || (of == fate::works_at_second_try && attempt.second > 0)) {
            ++told_.handled[attempt.first];
            return true;
        }
        const attempted copy{attempt.first, attempt.second + 1};
        const std::int32_t level = of == fate::works_at_second_try ? 1 : of == fate::given_up && attempt.second > 0 ? -1 : 0;
        ++told_.asked_back[copy];
        if (!broker_.attempt<message_sent_back>(broker_.node->message_back(),
                                                send_message_back{message.position, group, level, {}, {}, {}}))
            return false;
        told_.taken_back.insert(copy);
        return true;
    }

    crashing_broker& broker_;
    history& told_;
    std::vector<std::pair<topic_queue, std::optional<queue_offset>>> places_;
};

/// A disk with the topic and the group, and nothing in them.
std::shared_ptr<fault_file_system> prepared_disk() {
    broker_world broker;
    broker.make_topic("orders", 2);
    group_config billing;
    billing.name = group;
    billing.retry_queues = 1;
    billing.retry_max = retry_max;
    REQUIRE(broker.answer<group_put>(put_group{billing}));
    broker.stop();
    return broker.files->restart();
}

send_messages draft(int number) {
    auto order =
        broker_world::message(body_of(number), number % 2,
                              "TAGS\x01TagA\x02KEYS\x01k" + std::to_string(number) + "\x02UNIQ_KEY\x01u" + std::to_string(number) + "\x02");
    order.born = timestamp_ms{1'000 + number};
    order.flag = number;
    return order;
}

void live(crashing_broker& broker, history& told, bool consumer_dies_too) {
    consumer failing{broker, told};
    if (consumer_dies_too)
        broker.on_restart = [&failing] { failing.begin_again(); };
    broker.live(steps, restart_at, rest, [&](int number) {
        if (number < sent_max && broker.attempt<messages_stored>(broker.node->broker(), draft(number)))
            told.sent.insert(number);
        failing.poll();
    });
    broker.on_restart = nullptr;
}

/// A copy has what its message had.
void check_copy(const protocol::message& copy, const std::map<int, protocol::message>& originals) {
    const auto number = number_of(copy);
    REQUIRE(originals.contains(number));
    const auto& original = originals.at(number);
    CHECK(copy.body == original.body);
    CHECK(copy.born == original.born);
    CHECK(copy.born_host == original.born_host);
    CHECK(copy.flag == original.flag);
    const auto properties = protocol::decode_properties(copy.properties);
    CHECK(properties.at("RETRY_TOPIC") == "orders");
    CHECK(properties.at("ORIGIN_MESSAGE_ID") == protocol::offset_message_id(original.store_host, original.position));
    CHECK(properties.at("UNIQ_KEY") == "u" + std::to_string(number));
    CHECK(properties.at("KEYS") == "k" + std::to_string(number));
    CHECK(properties.at("TAGS") == "TagA");
}

using stored_copies = std::map<attempted, std::vector<protocol::message>>;

/// The messages of the topic, each once, in the queue it was sent to.
std::map<int, protocol::message> originals_of(const crashing_broker& broker) {
    std::map<int, protocol::message> originals;
    for (const auto queue : {0, 1})
        for (const auto& message : broker.stored("orders", queue)) {
            CHECK(number_of(message) % 2 == queue);
            CHECK(originals.emplace(number_of(message), message).second);
        }
    return originals;
}

/// Those that waited came, none early, and none more often than it waited but for what a crash may repeat.
int check_waiting(const crashing_broker& broker, const history& told, const stored_copies& waited, const stored_copies& retried) {
    int repeated = 0;
    for (const auto& entry : waited) {
        const auto& attempt = entry.first;
        const auto& copies = entry.second;
        CAPTURE(attempt.first);
        CAPTURE(attempt.second);
        CHECK(told.seen.contains({attempt.first, attempt.second - 1}));
        CHECK(copies.size() <= static_cast<std::size_t>(told.asked_back.at(attempt)));
        REQUIRE(retried.contains(attempt));
        CHECK(told.seen.contains(attempt));
        const auto& came = retried.at(attempt);
        CHECK(came.size() >= copies.size());
        const auto delay = broker.options.delay_levels.at(static_cast<std::size_t>(copies.front().queue.value()));
        for (std::size_t i = 0; i < copies.size(); ++i) {
            const auto due = copies[i].stored + delay.count();
            // This one and those that waited behind it came at or after that; what came before is those before it.
            CHECK(came.at(came.size() - copies.size() + i).stored >= due);
            CHECK(std::count_if(came.begin(), came.end(), [due](const auto& one) { return one.stored < due; }) <=
                  static_cast<std::ptrdiff_t>(i * (1 + broker.ends.size())));
        }
        if (came.size() == copies.size())
            continue;
        repeated += static_cast<int>(came.size() - copies.size());
        CHECK(came.size() <= copies.size() * (1 + broker.ends.size()));
        CHECK(std::any_of(came.begin(), came.end(), [&](const auto& one) { return broker.may_repeat(one.stored); }));
    }
    return repeated;
}

/// Returns how many deliveries of the schedule were repeated.
int check_history(const crashing_broker& broker, const history& told) {
    const auto originals = originals_of(broker);
    stored_copies waited;
    stored_copies retried;
    stored_copies dead;
    const auto collect = [&originals](stored_copies& into, const std::vector<protocol::message>& messages) {
        for (const auto& message : messages) {
            check_copy(message, originals);
            into[attempt_of(message)].push_back(message);
        }
    };
    for (std::size_t level = 0; level < broker.options.delay_levels.size(); ++level)
        collect(waited, broker.stored("SCHEDULE_TOPIC_XXXX", static_cast<std::int32_t>(level)));
    collect(retried, broker.stored(retry_topic));
    collect(dead, broker.stored(dead_topic));

    for (const auto number : told.sent)
        CHECK_MESSAGE(originals.contains(number), body_of(number), " was acknowledged and is lost");
    for (const auto& entry : originals) {
        const auto number = entry.first;
        CAPTURE(number);
        const auto tries = tries_when_dead(fate_of(number));
        CHECK(told.handled.contains(number) == !tries.has_value());
        if (tries)
            CHECK(dead.contains({number, *tries}));
    }
    for (const auto& attempt : told.taken_back) {
        CAPTURE(attempt.first);
        CAPTURE(attempt.second);
        CHECK((retried.contains(attempt) || dead.contains(attempt)));
    }
    for (const auto& entry : dead) {
        const auto& attempt = entry.first;
        CHECK(attempt.second == tries_when_dead(fate_of(attempt.first)));
        CHECK(entry.second.size() <= static_cast<std::size_t>(told.asked_back.at(attempt)));
    }
    for (const auto& entry : retried)
        CHECK(waited.contains(entry.first));
    return check_waiting(broker, told, waited, retried);
}

int live_and_check(crashing_broker& broker, bool consumer_dies_too) {
    history told;
    live(broker, told, consumer_dies_too);
    if (broker.hits.empty())
        CHECK(told.sent.size() == sent_max);
    if (broker.ends.empty())
        for (const auto& entry : told.seen)
            CHECK(entry.second == 1);
    return check_history(broker, told);
}

} // namespace

TEST_CASE("retry crash enumeration: a crash at any call loses no message that is given back, and keeps its tries") {
    enumerate_lives(prepared_disk(), retry_broker(storage::flush_mode::sync), random_seed("retry crash enumeration", 1), live_and_check);
}

TEST_CASE("retry crash enumeration: in flush mode async the same holds for crashes of the process") {
    enumerate_lives(prepared_disk(), retry_broker(storage::flush_mode::async), random_seed("retry crash enumeration, async", 2),
                    live_and_check, false); // a power loss takes what was acknowledged, as it may
}

TEST_CASE("retry crash walk: crashes one after the other, also while the broker comes up, lose no message that is given back") {
    walk_lives(prepared_disk(), retry_broker(storage::flush_mode::sync), random_seed("retry crash walk", 3), live_and_check);
}
