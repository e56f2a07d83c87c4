#pragma once

#include "actors/log/traffic_statistics.hpp"
#include "protocol/bodies.hpp"

#include <chrono>
#include <cstdint>
#include <string>

/// How RocketMQ's tools read a broker's runtime information (code 28): each value as text of its own form.
/// Source: RocketMQ's AdminBrokerProcessor, GET_BROKER_RUNTIME_INFO; docs/reference/admin-tools.md.
namespace troupe::actors {

/// "1.5 0.25 ": one rate per window, `unknown` for a window that is not yet full.
[[nodiscard]] std::string format_rates(const traffic_summary::rates& rates, const char* unknown);
/// "[ 1 days, 2 hours, 3 minutes, 4 seconds ]"
[[nodiscard]] std::string format_uptime(std::chrono::seconds uptime);
/// "512 B", "1.5 KiB"
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
/// "Total : 251.0 GiB, Free : 79.0 GiB.": the exporter counts words.
[[nodiscard]] std::string format_capacity(std::uint64_t total_bytes, std::uint64_t free_bytes);
/// "[<=0ms]:1 [0~10ms]:2 ... [10s~]:0 "
[[nodiscard]] std::string format_put_times(const std::array<std::int64_t, 13>& counts);
/// A number with a fraction: "0.0", "12.345".
[[nodiscard]] std::string format_real(double value);

/// Adds everything that traffic_statistics knows, and what is the same in every broker of ours.
void add_traffic_info(protocol::key_value_table& values, const traffic_summary& traffic);

} // namespace troupe::actors
