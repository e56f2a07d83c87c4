#include "actors/log/traffic_statistics.hpp"

#include "actors/log/runtime_info.hpp"
#include "protocol/message_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

/// Statistics that are sampled every second, as the broker does it.
struct sampled {
    traffic_statistics traffic;
    traffic_statistics::time_point now{1h};
    std::int64_t day = 100;
    other_counts others;

    explicit sampled(std::size_t counters_max = traffic_statistics::keys_max) : traffic{"cluster", counters_max} {
        traffic.sample(now, day, others);
    }
    void advance(std::chrono::seconds by) {
        for (; by > 0s; by -= 1s) {
            now += 1s;
            traffic.sample(now, day, others);
        }
    }
    void put(const std::string& topic, std::int32_t queue, std::int64_t messages, std::int64_t bytes) {
        const topic_queue where{topic, queue_id{queue}};
        const std::array<stored_count, 1> counts{{{&where, messages, bytes}}};
        traffic.stored(counts);
    }
    auto minute(std::string_view name, std::string_view key) { return traffic.view(name, key, now).value().minute; }
};

} // namespace

TEST_CASE("traffic: each counter has RocketMQ's name and key") {
    sampled world;
    world.put("orders", 2, 3, 300);
    world.traffic.handed_out("billing", {"orders", queue_id{2}}, 2, 200);
    world.traffic.sent_back("billing", "orders", 1);
    world.advance(1s);
    CHECK(world.minute("TOPIC_PUT_NUMS", "orders").sum == 3);
    CHECK(world.minute("TOPIC_PUT_SIZE", "orders").sum == 300);
    CHECK(world.minute("QUEUE_PUT_NUMS", "orders@2").sum == 3);
    CHECK(world.minute("QUEUE_PUT_SIZE", "orders@2").sum == 300);
    CHECK(world.minute("GROUP_GET_NUMS", "orders@billing").sum == 2);
    CHECK(world.minute("GROUP_GET_SIZE", "orders@billing").sum == 200);
    CHECK(world.minute("QUEUE_GET_NUMS", "orders@2@billing").sum == 2);
    CHECK(world.minute("QUEUE_GET_SIZE", "orders@2@billing").sum == 200);
    CHECK(world.minute("SNDBCK_PUT_NUMS", "orders@billing").sum == 1);
    CHECK(world.minute("BROKER_PUT_NUMS", "cluster").sum == 3);
    CHECK(world.minute("BROKER_GET_NUMS", "cluster").sum == 2);
}

TEST_CASE("traffic: what was never counted is not found") {
    sampled world;
    CHECK(world.traffic.view("BROKER_PUT_NUMS", "cluster", world.now).code() == errc::not_found);
    world.put("orders", 2, 3, 300);
    for (const auto& one : std::initializer_list<std::pair<const char*, const char*>>{{"TOPIC_PUT_NUMS", "other"},
                                                                                      {"TOPIC_PUT_NUMS", "orders@billing"},
                                                                                      {"QUEUE_PUT_NUMS", "orders@1"},
                                                                                      {"QUEUE_PUT_NUMS", "orders@x"},
                                                                                      {"QUEUE_PUT_NUMS", "orders@-1"},
                                                                                      {"QUEUE_PUT_NUMS", "orders@99999999999"},
                                                                                      {"GROUP_GET_NUMS", "orders@billing"},
                                                                                      {"BROKER_PUT_NUMS", "broker-a"},
                                                                                      {"NO_SUCH", "orders"},
                                                                                      {"", ""}})
        CHECK_MESSAGE(world.traffic.view(one.first, one.second, world.now).code() == errc::not_found, one.first, " ", one.second);
}

TEST_CASE("traffic: rates and averages are those of the window, which slides") {
    sampled world;
    world.advance(30s);
    world.put("orders", 0, 10, 1000);
    world.put("orders", 0, 20, 2000);
    world.advance(30s);
    auto seen = world.minute("TOPIC_PUT_NUMS", "orders");
    CHECK(seen.sum == 30);
    CHECK(seen.average == doctest::Approx(15));
    CHECK(seen.tps == doctest::Approx(1)); // the counter was 0 at the sample before: 30 messages in 30 seconds
    CHECK(world.traffic.put_tps("orders", world.now) == doctest::Approx(1));
    world.advance(70s);
    seen = world.minute("TOPIC_PUT_NUMS", "orders");
    CHECK(seen.sum == 0);
    CHECK(seen.tps == 0);
    CHECK(world.traffic.view("TOPIC_PUT_NUMS", "orders", world.now)->hour.sum == 30);
    world.advance(2h);
    const auto later = world.traffic.view("TOPIC_PUT_NUMS", "orders", world.now).value();
    CHECK(later.hour.sum == 0);
    CHECK(later.day.sum == 30);
}

TEST_CASE("traffic: counters have a bound, beyond which only the totals count") {
    sampled world{5};
    world.put("first", 0, 1, 10);
    world.put("second", 0, 1, 10); // two counters for a topic, two for a queue: the fifth is one too few
    CHECK(world.minute("TOPIC_PUT_NUMS", "first").sum == 1);
    CHECK(world.traffic.view("TOPIC_PUT_NUMS", "second", world.now).code() == errc::not_found);
    CHECK(world.minute("BROKER_PUT_NUMS", "cluster").sum == 2);
    CHECK(world.traffic.summarize(world.now, {}).keys_refused == 1);
    CHECK(world.traffic.summarize(world.now, {}).keys == 4);
}

TEST_CASE("traffic: a deleted topic or group makes room, and so does one without traffic for a day") {
    sampled world;
    world.put("orders", 0, 1, 10);
    world.traffic.handed_out("billing", {"orders", queue_id{0}}, 1, 10);
    world.traffic.handed_out("audit", {"orders", queue_id{0}}, 1, 10);
    CHECK(world.traffic.summarize(world.now, {}).keys == 14);
    world.traffic.forget_group("audit");
    CHECK(world.traffic.summarize(world.now, {}).keys == 9);
    CHECK(world.traffic.view("GROUP_GET_NUMS", "orders@audit", world.now).code() == errc::not_found);
    world.traffic.forget_topic("orders");
    CHECK(world.traffic.summarize(world.now, {}).keys == 0);
    world.put("orders", 0, 1, 10);
    world.traffic.handed_out("billing", {"orders", queue_id{0}}, 1, 10);
    world.advance(24h);
    CHECK(world.traffic.summarize(world.now, {}).keys == 9);
    world.advance(2h);
    CHECK(world.traffic.summarize(world.now, {}).keys == 0);
    CHECK(world.minute("BROKER_PUT_NUMS", "cluster").sum == 0);
}

TEST_CASE("traffic: the broker's rates appear as soon as their window is full") {
    sampled world;
    world.put("orders", 0, 5, 50);
    world.advance(9s);
    auto seen = world.traffic.summarize(world.now, {});
    CHECK_FALSE(seen.put[0]);
    CHECK(format_rates(seen.put, "") == "  ");
    CHECK(format_rates(seen.put, "0.0") == "0.0 0.0 0.0");
    world.others = {20, 30, 40};
    world.traffic.handed_out("billing", {"orders", queue_id{0}}, 40, 400);
    world.advance(1s);
    seen = world.traffic.summarize(world.now, world.others);
    CHECK(seen.put[0].value() == doctest::Approx(0.5));
    CHECK(seen.transferred[0].value() == doctest::Approx(4));
    CHECK(seen.found[0].value() == doctest::Approx(0.1));
    CHECK(seen.missed[0].value() == doctest::Approx(2));
    CHECK(seen.total[0].value() == doctest::Approx(2.1));
    CHECK(seen.timers_in[0].value() == doctest::Approx(3));
    CHECK(seen.timers_out[0].value() == doctest::Approx(4));
    CHECK_FALSE(seen.put[1]);
    CHECK(format_rates(seen.total, "") == "2.1  ");
    world.advance(600s);
    CHECK(world.traffic.summarize(world.now, world.others).put[2]);
}

TEST_CASE("traffic: days begin at midnight") {
    sampled world;
    world.put("orders", 0, 5, 50);
    world.day = 101;
    world.advance(1s);
    world.put("orders", 0, 7, 70);
    world.day = 102;
    world.advance(1s);
    world.put("orders", 0, 1, 10);
    const auto seen = world.traffic.summarize(world.now, {}).put_messages;
    CHECK(seen.yesterday_morning == 5);
    CHECK(seen.today_morning == 12);
    CHECK(seen.now == 13);
}

TEST_CASE("traffic: times of storing are shown by class and by quantile, of the last whole minute") {
    sampled world;
    world.traffic.put_took(900us, 98);
    world.traffic.put_took(20ms, 1);
    world.traffic.put_took(11s, 1);
    world.traffic.read_took(7ms);
    auto seen = world.traffic.summarize(world.now, {});
    CHECK(format_put_times(seen.put_times) ==
          "[<=0ms]:98 [0~10ms]:0 [10~50ms]:1 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 "
          "[5~10s]:0 [10s~]:1 ");
    CHECK(seen.put_p99_ms == doctest::Approx(20).epsilon(0.13));
    CHECK(seen.put_p999_ms == doctest::Approx(11'000).epsilon(0.13));
    CHECK(seen.put_max_ms == 11'000);
    CHECK(seen.read_max_ms == 7);
    world.advance(60s);
    CHECK(world.traffic.summarize(world.now, {}).put_times[0] == 98);
    world.advance(60s);
    CHECK(world.traffic.summarize(world.now, {}).put_times[0] == 0);
    CHECK(world.traffic.summarize(world.now, {}).put_max_ms == 11'000);
}

TEST_CASE("runtime information has the form that tools take apart") {
    CHECK(format_uptime(std::chrono::seconds{93'784}) == "[ 1 days, 2 hours, 3 minutes, 4 seconds ]");
    CHECK(format_bytes(0) == "0 B");
    CHECK(format_bytes(1023) == "1023 B");
    CHECK(format_bytes(1536) == "1.5 KiB");
    CHECK(format_capacity(251ull << 30, 79ull << 30) == "Total : 251.0 GiB, Free : 79.0 GiB.");
    CHECK(format_real(0) == "0.0");
    CHECK(format_real(12.3456) == "12.346");
    CHECK(format_real(100) == "100.0");
    protocol::key_value_table values;
    add_traffic_info(values, traffic_summary{});
    CHECK(values.at("brokerVersionDesc") == "V5_3_3");
    CHECK(values.at("brokerVersion") == "479");
    CHECK(values.at("putTps") == "  ");
    CHECK(values.at("getTotalTps") == "0.0 0.0 0.0");
    CHECK(values.at("putLatency99") == "0.00");
}
