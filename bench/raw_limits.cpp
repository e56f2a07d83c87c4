#include "bench/raw_limits.hpp"

#include "bench/descriptor.hpp"
#include "bench/peer.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace troupe::bench {

namespace {

constexpr std::uint64_t raw_file_bytes = 1ull << 30;

double seconds_since(std::int64_t begin_ns) {
    return static_cast<double>(now_ns() - begin_ns) / 1e9;
}

raw_rate rate_of(std::uint64_t operations, std::uint64_t bytes, double seconds) {
    return {static_cast<double>(operations) / seconds, static_cast<double>(bytes) / seconds};
}

template <class Visit>
result<void> for_each_segment(const std::filesystem::path& directory, Visit visit) {
    std::vector<std::filesystem::path> files;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator{directory, failure}) {
        const auto name = entry.path().filename().string();
        if (!name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const descriptor open_file{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        if (open_file.get() < 0) {
            return io_error("open " + file.string());
        }
        if (const auto visited = visit(open_file.get()); !visited) {
            return error{visited.code(), file.string() + ": " + visited.failure().text};
        }
    }
    return {};
}

} // namespace

result<raw_rate> raw_group_commits(const std::filesystem::path& directory, std::size_t record_bytes, std::size_t group,
                                   std::chrono::milliseconds measure) {
    const auto path = directory / "raw-group-commits";
    const descriptor file{::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644)};
    if (file.get() < 0 || ::fallocate(file.get(), 0, 0, static_cast<off_t>(raw_file_bytes)) != 0 || ::fsync(file.get()) != 0) {
        return io_error("prepare " + path.string());
    }
    std::string record(record_bytes, 'x');
    std::vector<iovec> parts(group, iovec{record.data(), record.size()});
    const auto group_bytes = record_bytes * group;
    const auto begin = now_ns();
    const auto end = begin + std::chrono::nanoseconds{measure}.count();
    std::uint64_t groups = 0;
    std::uint64_t offset = 0;
    while (now_ns() < end) {
        if (offset + group_bytes > raw_file_bytes) {
            offset = 0;
        }
        for (std::size_t done = 0; done < group;) {
            const auto some = std::min<std::size_t>(group - done, 1024);
            const auto written = ::pwritev(file.get(), parts.data() + done, static_cast<int>(some), static_cast<off_t>(offset));
            if (written != static_cast<ssize_t>(some * record_bytes)) {
                return io_error("pwritev " + path.string());
            }
            offset += static_cast<std::uint64_t>(written);
            done += some;
        }
        if (::fdatasync(file.get()) != 0) {
            return io_error("fdatasync " + path.string());
        }
        ++groups;
    }
    const auto seconds = seconds_since(begin);
    ::unlink(path.c_str());
    return rate_of(groups * group, groups * group_bytes, seconds);
}

result<raw_rate> raw_sequential_writes(const std::filesystem::path& directory, std::size_t record_bytes, std::uint64_t total_bytes) {
    const auto path = directory / "raw-sequential-writes";
    const descriptor file{::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644)};
    if (file.get() < 0) {
        return io_error("open " + path.string());
    }
    const std::string record(record_bytes, 'x');
    const auto begin = now_ns();
    std::uint64_t bytes = 0;
    for (; bytes < total_bytes; bytes += record_bytes) {
        if (::write(file.get(), record.data(), record.size()) != static_cast<ssize_t>(record.size())) {
            return io_error("write " + path.string());
        }
    }
    const auto seconds = seconds_since(begin);
    ::unlink(path.c_str());
    return rate_of(bytes / record_bytes, bytes, seconds);
}

result<raw_rate> raw_sequential_reads(const std::filesystem::path& directory, std::size_t piece_bytes) {
    std::string piece(piece_bytes, '\0');
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;
    const auto begin = now_ns();
    auto visited = for_each_segment(directory, [&](int file) {
        for (;;) {
            const auto got = ::read(file, piece.data(), piece.size());
            if (got < 0) {
                return result<void>{io_error("read")};
            }
            if (got == 0) {
                return result<void>{};
            }
            ++pieces;
            bytes += static_cast<std::uint64_t>(got);
        }
    });
    if (!visited) {
        return visited.failure();
    }
    return rate_of(pieces, bytes, seconds_since(begin));
}

result<void> drop_page_cache(const std::filesystem::path& directory) {
    return for_each_segment(directory, [](int file) {
        // Pages that are still to be written stay.
        if (::fdatasync(file) != 0) {
            return result<void>{io_error("fdatasync")};
        }
        if (const int failure = ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); failure != 0) {
            return result<void>{error{errc::io, std::string{"posix_fadvise: "} + std::strerror(failure)}};
        }
        return result<void>{};
    });
}

result<double> cached_fraction(const std::filesystem::path& directory) {
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::uint64_t pages = 0;
    std::uint64_t cached = 0;
    auto visited = for_each_segment(directory, [&](int file) {
        const auto bytes = static_cast<std::size_t>(std::max<off_t>(::lseek(file, 0, SEEK_END), 0));
        if (bytes == 0) {
            return result<void>{};
        }
        void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED) {
            return result<void>{io_error("mmap")};
        }
        std::vector<unsigned char> resident((bytes + page_bytes - 1) / page_bytes);
        const bool asked = ::mincore(mapped, bytes, resident.data()) == 0;
        const auto failure = io_error("mincore");
        ::munmap(mapped, bytes);
        if (!asked) {
            return result<void>{failure};
        }
        pages += resident.size();
        cached += static_cast<std::uint64_t>(
            std::count_if(resident.begin(), resident.end(), [](unsigned char page) { return (page & 1u) != 0; }));
        return result<void>{};
    });
    if (!visited) {
        return visited.failure();
    }
    return pages == 0 ? 0 : static_cast<double>(cached) / static_cast<double>(pages);
}

result<raw_rate> raw_loopback_round_trips(std::size_t bytes, std::chrono::milliseconds measure) {
    const descriptor acceptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(acceptor.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(acceptor.get(), 1) != 0 ||
        ::getsockname(acceptor.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return io_error("listen on loopback");
    }
    std::thread echo{[&acceptor, bytes] {
        const descriptor served{::accept(acceptor.get(), nullptr, nullptr)};
        const int on = 1;
        ::setsockopt(served.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        std::string buffer(bytes, '\0');
        while (::recv(served.get(), buffer.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes)) {
            if (::send(served.get(), buffer.data(), bytes, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes)) {
                return;
            }
        }
    }};
    std::uint64_t trips = 0;
    double seconds = 0;
    {
        const descriptor caller{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const int on = 1;
        ::setsockopt(caller.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        std::string buffer(bytes, 'x');
        const auto begin = now_ns();
        if (::connect(caller.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) {
            const auto end = begin + std::chrono::nanoseconds{measure}.count();
            while (now_ns() < end && ::send(caller.get(), buffer.data(), bytes, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes) &&
                   ::recv(caller.get(), buffer.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes)) {
                ++trips;
            }
        }
        seconds = seconds_since(begin);
    }
    echo.join();
    return rate_of(trips, trips * bytes, seconds);
}

} // namespace troupe::bench
