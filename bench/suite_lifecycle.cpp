#include "bench/peer.hpp"
#include "bench/process_stats.hpp"
#include "bench/suite_support.hpp"

#include <algorithm>
#include <thread>

namespace troupe::bench {

void measure_lifecycle(const suite_options& options, report& out) {
    constexpr int rounds = 5;
    std::vector<double> ready_ms;
    std::vector<double> stop_ms;
    double resident = 0;
    for (int round = 0; round < rounds; ++round) {
        auto node = fresh_node(options, "lifecycle", true, "P24", out);
        if (!node) {
            return;
        }
        ready_ms.push_back(std::chrono::duration<double, std::milli>(node->time_to_ready()).count());
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
        resident = std::max(resident, static_cast<double>(read_process_stats(node->process()).resident_bytes) / mebi);
        const auto begin = now_ns();
        if (auto stopped = node->stop(); !stopped) {
            out.failed("stop", to_string(stopped.failure()));
            return;
        }
        stop_ms.push_back(static_cast<double>(now_ns() - begin) / 1e6);
    }
    std::sort(ready_ms.begin(), ready_ms.end());
    std::sort(stop_ms.begin(), stop_ms.end());
    out.add(
        {"P24", "start to ready, empty store, median of 5", ready_ms[rounds / 2], "ms", 200, goal::at_most, {{"max_ms", ready_ms.back()}}});
    out.add({"P25", "resident memory, idle, name server and broker", resident, "MiB", 50, goal::at_most, {}});
    out.add({"stop", "SIGTERM to end, median of 5", stop_ms[rounds / 2], "ms", 5000, goal::at_most, {{"max_ms", stop_ms.back()}}});
    clear(options, "lifecycle");
}

} // namespace troupe::bench
