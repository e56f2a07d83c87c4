#include "bench/page_cache.hpp"

#include "bench/descriptor.hpp"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace troupe::bench {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr int rounds_max = 5;               ///< the kernel gives more than it needs back in the first ones
constexpr std::uint64_t full_fraction = 50; ///< full: less than one in so many bytes of memory is free
constexpr std::uint64_t step_fraction = 64; ///< a round that brings less than this part of memory ends it: in a container, perhaps

/// A line of /proc/meminfo, in bytes.
result<std::uint64_t> memory_line(const std::string& wanted) {
    std::ifstream file{"/proc/meminfo"};
    std::string name;
    std::uint64_t kib = 0;
    for (std::string unit; file >> name >> kib; std::getline(file, unit)) {
        if (name == wanted) {
            return kib << 10;
        }
    }
    return error{errc::io, "/proc/meminfo says nothing of " + wanted};
}

/// Until its end, or until the page cache is full.
result<void> read_once(int file, const std::filesystem::path& path, std::uint64_t free_bytes_max) {
    std::vector<char> piece(piece_bytes);
    for (std::uint64_t pieces = 0;; ++pieces) {
        const auto got = ::read(file, piece.data(), piece.size());
        if (got < 0) {
            return io_error("read " + path.string());
        }
        if (got == 0) {
            return {};
        }
        constexpr std::uint64_t pieces_per_look = 256;
        if (pieces % pieces_per_look == 0) {
            const auto left = free_memory_bytes();
            if (!left) {
                return left.failure();
            }
            if (*left < free_bytes_max) {
                return {};
            }
        }
    }
}

} // namespace

result<std::uint64_t> free_memory_bytes() {
    return memory_line("MemFree:");
}

result<std::uint64_t> fill_page_cache(const std::filesystem::path& directory, std::uint64_t bytes) {
    const auto total = memory_line("MemTotal:");
    auto left = free_memory_bytes();
    if (!total || !left) {
        return total ? left : total;
    }
    const auto path = directory / page_cache_file;
    std::error_code ignored;
    std::filesystem::create_directories(directory, ignored); // what is wrong with it, opening says
    const descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
    if (file.get() < 0) {
        return io_error("open " + path.string());
    }
    if (::ftruncate(file.get(), static_cast<off_t>(bytes == 0 ? *total : bytes)) != 0) {
        return io_error("grow " + path.string());
    }
    for (int round = 0; *left >= *total / full_fraction && round < rounds_max; ++round) {
        const auto before = *left;
        ::lseek(file.get(), 0, SEEK_SET);
        if (auto read = read_once(file.get(), path, *total / full_fraction); !read) {
            return read.failure();
        }
        left = free_memory_bytes();
        if (!left || *left + *total / step_fraction > before) {
            break;
        }
    }
    return left;
}

} // namespace troupe::bench
