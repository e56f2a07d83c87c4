#include "actors/log/runtime_info.hpp"

#include "protocol/remoting_command.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::actors {

namespace {

std::string fixed(double value, int digits) {
    std::array<char, 64> text{};
    const auto size = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return {text.data(), static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(text.size()) - 1))};
}

} // namespace

std::string format_real(double value) {
    auto text = fixed(value, 3);
    while (text.ends_with('0') && text[text.size() - 2] != '.')
        text.pop_back();
    return text;
}

std::string format_rates(const traffic_summary::rates& rates, const char* unknown) {
    std::string text;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        text += i == 0 ? "" : " ";
        text += rates[i] ? format_real(*rates[i]) : unknown;
    }
    return text;
}

std::string format_uptime(std::chrono::seconds uptime) {
    const auto seconds = uptime.count();
    return "[ " + std::to_string(seconds / 86'400) + " days, " + std::to_string(seconds / 3'600 % 24) + " hours, " +
           std::to_string(seconds / 60 % 60) + " minutes, " + std::to_string(seconds % 60) + " seconds ]";
}

std::string format_bytes(std::uint64_t bytes) {
    if (bytes < 1024)
        return std::to_string(bytes) + " B";
    constexpr std::string_view units = "KMGTPE";
    auto amount = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit)
        amount /= 1024;
    return fixed(amount, 1) + " " + units[unit] + "iB";
}

std::string format_capacity(std::uint64_t total_bytes, std::uint64_t free_bytes) {
    return "Total : " + format_bytes(total_bytes) + ", Free : " + format_bytes(free_bytes) + ".";
}

std::string format_put_times(const std::array<std::int64_t, 13>& counts) {
    constexpr std::array<std::string_view, 13> names{"<=0ms", "0~10ms", "10~50ms", "50~100ms", "100~200ms", "200~500ms", "500ms~1s",
                                                     "1~2s",  "2~3s",   "3~4s",    "4~5s",     "5~10s",     "10s~"};
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
        text.append("[").append(names[i]).append("]:").append(std::to_string(counts[i])).append(" ");
    return text;
}

void add_traffic_info(protocol::key_value_table& values, const traffic_summary& traffic) {
    values["brokerVersionDesc"] = "V5_3_3";
    values["brokerVersion"] = std::to_string(protocol::protocol_version);
    values["brokerActive"] = "true";
    values["putTps"] = format_rates(traffic.put, "");
    values["getFoundTps"] = format_rates(traffic.found, "");
    values["getMissTps"] = format_rates(traffic.missed, "");
    values["getTotalTps"] = format_rates(traffic.total, "0.0");
    values["getTransferredTps"] = format_rates(traffic.transferred, "");
    values["getTransferedTps"] = values["getTransferredTps"]; // RocketMQ 4 spells it so
    values["timerEnqueueTps"] = format_real(traffic.timers_in.front().value_or(0));
    values["timerDequeueTps"] = format_real(traffic.timers_out.front().value_or(0));
    values["msgPutTotalYesterdayMorning"] = std::to_string(traffic.put_messages.yesterday_morning);
    values["msgPutTotalTodayMorning"] = std::to_string(traffic.put_messages.today_morning);
    values["msgPutTotalTodayNow"] = std::to_string(traffic.put_messages.now);
    values["msgGetTotalYesterdayMorning"] = std::to_string(traffic.get_messages.yesterday_morning);
    values["msgGetTotalTodayMorning"] = std::to_string(traffic.get_messages.today_morning);
    values["msgGetTotalTodayNow"] = std::to_string(traffic.get_messages.now);
    values["putMessageEntireTimeMax"] = std::to_string(traffic.put_max_ms);
    values["getMessageEntireTimeMax"] = std::to_string(traffic.read_max_ms);
    values["putMessageDistributeTime"] = format_put_times(traffic.put_times);
    values["putLatency99"] = fixed(traffic.put_p99_ms, 2);
    values["putLatency999"] = fixed(traffic.put_p999_ms, 2);
    values["statisticsKeys"] = std::to_string(traffic.keys);
    values["statisticsKeysRefused"] = std::to_string(traffic.keys_refused);
    // What a broker without thread pools and a page cache of its own has none of. Tools do not read a broker that leaves one out.
    for (const char* pool : {"send", "query", "litePull", "ack"}) {
        values[std::string{pool} + "ThreadPoolQueueSize"] = "0";
        values[std::string{pool} + "ThreadPoolQueueCapacity"] = "0";
        values[std::string{pool} + "ThreadPoolQueueHeadWaitTimeMills"] = "0";
    }
    values["pullThreadPoolQueueHeadWaitTimeMills"] = "0";
    for (const char* none : {"EndTransactionQueueSize", "EndTransactionThreadPoolQueueCapacity", "dispatchMaxBuffer",
                             "pageCacheLockTimeMills", "startAcceptSendRequestTimeStamp"})
        values[none] = "0";
    values["remainTransientStoreBufferNumbs"] = "2147483647";
}

} // namespace troupe::actors
