#include "bench/process_stats.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace troupe::bench {

namespace {

std::int64_t sum_of_lines(const std::string& path, std::initializer_list<std::string_view> names) {
    std::ifstream in{path};
    std::string name;
    std::int64_t sum = 0;
    std::string line;
    while (std::getline(in, line)) {
        for (const auto wanted : names) {
            if (line.starts_with(wanted)) {
                sum += std::stoll(line.substr(wanted.size()));
            }
        }
    }
    return sum;
}

} // namespace

process_stats read_process_stats(pid_t process) {
    process_stats stats;
    const auto root = "/proc/" + std::to_string(process);
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator{root + "/task", ignored}) {
        std::ifstream in{task.path() / "schedstat"};
        std::int64_t on_cpu_ns = 0;
        if (in >> on_cpu_ns) {
            stats.cpu_ns += on_cpu_ns;
            ++stats.threads;
        }
    }
    constexpr std::int64_t kib = 1024;
    stats.resident_bytes = kib * sum_of_lines(root + "/status", {"VmRSS:"});
    stats.private_bytes = kib * sum_of_lines(root + "/smaps_rollup", {"Private_Clean:", "Private_Dirty:"});
    stats.written_bytes = sum_of_lines(root + "/io", {"write_bytes:"});
    return stats;
}

} // namespace troupe::bench
