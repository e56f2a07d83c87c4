#include "client/internal/offset_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace troupe::client {

namespace {

constexpr std::string_view first_line = "troupe offsets 1";

error io_error(const std::string& what, const std::filesystem::path& path, int number) {
    return error{errc::io, what + " " + path.string() + ": " + std::generic_category().message(number)};
}

result<void> write_synced(const std::filesystem::path& path, std::string_view bytes) {
    const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return io_error("cannot create", path, errno);
    int failed = 0;
    while (!bytes.empty() && failed == 0) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written > 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (written == 0 || errno != EINTR)
            failed = written == 0 ? ENOSPC : errno;
    }
    if (failed == 0 && ::fsync(fd) != 0)
        failed = errno;
    ::close(fd);
    if (failed != 0)
        return io_error("cannot write", path, failed);
    return {};
}

result<void> sync_directory(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_error("cannot open", path, errno);
    const int failed = ::fsync(fd) != 0 ? errno : 0;
    ::close(fd);
    if (failed != 0)
        return io_error("cannot sync", path, failed);
    return {};
}

} // namespace

result<std::map<message_queue, queue_offset>> offset_file::load() const {
    std::error_code ignored;
    if (!std::filesystem::exists(path_, ignored))
        return std::map<message_queue, queue_offset>{};
    std::ifstream in{path_};
    if (!in)
        return io_error("cannot read", path_, errno);
    auto offsets = decode(std::string{std::istreambuf_iterator<char>{in}, {}});
    if (!offsets)
        return error{offsets.code(), path_.string() + " " + offsets.failure().text};
    return offsets;
}

result<std::map<message_queue, queue_offset>> offset_file::decode(const std::string& text) {
    std::map<message_queue, queue_offset> offsets;
    std::istringstream in{text};
    std::string line;
    bool ended = false;
    std::getline(in, line);
    bool good = line == first_line;
    while (good && !ended && std::getline(in, line)) {
        if (line == "end") {
            ended = true;
            continue;
        }
        std::istringstream fields{line};
        std::int64_t offset = 0;
        message_queue queue;
        good = static_cast<bool>(fields >> offset >> queue.queue >> queue.broker_name >> queue.topic) && offset >= 0;
        offsets[queue] = queue_offset{offset};
    }
    if (!good || !ended)
        return error{errc::corrupt, "is no offsets file of this version, or cut off; move it away to start anew"};
    return offsets;
}

std::string offset_file::encode(const std::map<message_queue, queue_offset>& offsets) {
    std::string text{first_line};
    text += "\n";
    for (const auto& [queue, offset] : offsets)
        text += to_string(offset) + " " + std::to_string(queue.queue) + " " + queue.broker_name + " " + queue.topic + "\n";
    return text + "end\n";
}

result<void> offset_file::save(const std::map<message_queue, queue_offset>& offsets) const {
    std::error_code failure;
    const auto directory = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path{"."};
    std::filesystem::create_directories(directory, failure);
    if (failure)
        return io_error("cannot create", directory, failure.value());
    const auto temporary = std::filesystem::path{path_.string() + ".new"};
    if (auto written = write_synced(temporary, encode(offsets)); !written)
        return written;
    std::filesystem::rename(temporary, path_, failure);
    if (failure)
        return io_error("cannot replace", path_, failure.value());
    return sync_directory(directory);
}

std::string file_name_of(std::string_view name) {
    std::string text;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (plain) {
            text += c;
            continue;
        }
        std::array<char, 4> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
        text += escaped.data();
    }
    return text == "." || text == ".." ? "%2E" + text.substr(1) : text;
}

} // namespace troupe::client
