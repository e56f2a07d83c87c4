#include "protocol/properties.hpp"
#include "tests/actors/crashing_broker.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, a message with a delay level comes to its topic, never early, soon after it is due or
//       after the broker is up again, as it was sent, in the order of its level; and it comes again only if it was delivered within the
//       last half second before a crash.
// How:  a broker in virtual time takes messages of three levels while earlier ones become due. For a while the disk has no room for the log,
//       so that what is due then is not delivered when offsets are written; that ends with an orderly restart. All of it runs once for each
//       call and each kind of crash, before and after the call, comes up again and goes on. The usual run takes a sample; TROUPE_FULL=1 takes
//       every kind at every call. A random walk crashes it several times, also while it comes up.

namespace {

constexpr int levels = 3;
constexpr int sent_max = 18;
constexpr int steps = 30;
constexpr int full_from = 7; ///< from here to the restart the log has no room, and nothing is sent
constexpr int restart_at = 13;
constexpr int rest = 24;
constexpr std::int64_t late_ms_max = 100; ///< after it is due, or after a start

broker_options delay_broker(storage::flush_mode flush) {
    auto options = small_broker();
    options.store.checkpoint_bytes = 3'000;
    options.store.flush = flush;
    options.flush_interval = 2s; // longer than offsets wait: what is noted as delivered too early is on the disk first
    options.delay_levels = {100ms, 300ms, 700ms};
    return options;
}

int level_of(int number) {
    return 1 + number % levels;
}
int queue_of(int number) {
    return number / levels % 2;
}
int number_of(const protocol::message& message) {
    return std::stoi(std::string{message.body.view()});
}

std::shared_ptr<fault_file_system> prepared_disk() {
    broker_world broker;
    broker.make_topic("orders", 2);
    broker.stop();
    return broker.files->restart();
}

send_messages draft(int number) {
    auto order =
        broker_world::message(std::to_string(number), queue_of(number),
                              "DELAY\x01" + std::to_string(level_of(number)) + "\x02UNIQ_KEY\x01u" + std::to_string(number) + "\x02");
    order.born = timestamp_ms{1'000 + number};
    order.flag = number;
    return order;
}

/// A crash makes room, too: the disk of the next life has no hook.
std::optional<call_fault> no_room_for_the_log(const call_info& call) {
    const bool takes_room = call.kind == call_kind::write || call.kind == call_kind::allocate;
    return takes_room && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::disk_full} : std::nullopt;
}

/// Returns what was acknowledged.
std::set<int> live(crashing_broker& broker) {
    std::set<int> sent;
    int next = 0;
    broker.live(steps, restart_at, rest, [&](int number) {
        if (number == full_from)
            broker.files->set_hook(no_room_for_the_log);
        if (number == restart_at - 1)
            broker.files->set_hook(nullptr); // the broker has not looked for room yet when it restarts
        if (number >= full_from && number < restart_at)
            return;
        if (next < sent_max && broker.attempt<messages_stored>(broker.node->broker(), draft(next)))
            sent.insert(next);
        ++next;
    });
    return sent;
}

/// It is what was sent, where it was sent to.
void check_delivery(const protocol::message& message, std::int32_t queue) {
    const auto number = number_of(message);
    CHECK(queue_of(number) == queue);
    CHECK(message.born == timestamp_ms{1'000 + number});
    CHECK(message.flag == number);
    const auto properties = protocol::decode_properties(message.properties);
    CHECK(properties.at("UNIQ_KEY") == "u" + std::to_string(number));
    CHECK(properties.at("DELAY") == std::to_string(level_of(number)));
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == std::to_string(queue));
}

/// Messages by number, in the order of their queues.
using by_number = std::map<int, std::vector<protocol::message>>;

by_number deliveries_of(const crashing_broker& broker) {
    by_number delivered;
    for (const auto queue : {0, 1}) {
        std::map<int, int> last; // by level
        for (const auto& message : broker.stored("orders", queue)) {
            check_delivery(message, queue);
            const auto number = number_of(message);
            auto& times = delivered[number];
            times.push_back(message);
            if (times.size() > 1)
                continue;
            CHECK(number >= last[level_of(number)]); // in the order in which they were sent
            last[level_of(number)] = number;
        }
    }
    return delivered;
}

/// Returns how many deliveries were repeated.
int check_deliveries(const crashing_broker& broker, const std::set<int>& sent) {
    std::map<int, protocol::message> waited;
    for (std::int32_t level = 0; level < levels; ++level)
        for (const auto& message : broker.stored("SCHEDULE_TOPIC_XXXX", level)) {
            CHECK(level_of(number_of(message)) == level + 1);
            CHECK(waited.emplace(number_of(message), message).second);
        }
    for (const auto number : sent)
        CHECK_MESSAGE((waited.contains(number) || broker.may_have_lost()), number, " was acknowledged and is lost");
    const auto delivered = deliveries_of(broker);
    CHECK(delivered.size() == waited.size());
    int repeated = 0;
    for (const auto& entry : waited) {
        const auto number = entry.first;
        CAPTURE(number);
        REQUIRE(delivered.contains(number));
        const auto& times = delivered.at(number);
        const auto due = entry.second.stored + broker.options.delay_levels.at(static_cast<std::size_t>(level_of(number) - 1)).count();
        for (const auto& one : times)
            CHECK(one.stored >= due);
        CHECK(times.front().stored - std::max(due, broker.started) <= late_ms_max);
        CHECK(times.size() <= 1 + broker.ends.size());
        for (std::size_t i = 0; i + 1 < times.size(); ++i)
            CHECK(broker.may_repeat(times[i].stored));
        repeated += static_cast<int>(times.size()) - 1;
    }
    return repeated;
}

int live_and_check(crashing_broker& broker, bool) {
    const auto sent = live(broker);
    if (broker.hits.empty())
        CHECK(sent.size() == sent_max);
    return check_deliveries(broker, sent);
}

} // namespace

TEST_CASE("delay crash enumeration: a crash at any call loses no delayed message, brings none early, and repeats what came just before") {
    enumerate_lives(prepared_disk(), delay_broker(storage::flush_mode::sync), random_seed("delay crash enumeration", 1), live_and_check);
}

TEST_CASE("delay crash enumeration: in flush mode async, too, nothing is noted as delivered that a power loss takes") {
    enumerate_lives(prepared_disk(), delay_broker(storage::flush_mode::async), random_seed("delay crash enumeration, async", 2),
                    live_and_check);
}

TEST_CASE("delay crash walk: crashes one after the other, also while the broker comes up, lose no delayed message") {
    walk_lives(prepared_disk(), delay_broker(storage::flush_mode::sync), random_seed("delay crash walk", 3), live_and_check);
}
