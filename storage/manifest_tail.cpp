#include "storage/manifest_tail.hpp"

#include "protocol/checksum.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"

#include <algorithm>

namespace troupe::storage {
namespace {

constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t head_bytes = 7;
constexpr std::size_t manifest_bytes_max = 64u << 20; // RocksDB begins a new one after 4 MiB
constexpr std::uint32_t mask_delta = 0xa282ead8;
enum part : std::uint8_t { whole = 1, first = 2, middle = 3, last = 4 };

std::uint32_t load_le(std::string_view bytes, std::size_t count) {
    std::uint32_t number = 0;
    for (std::size_t i = count; i-- > 0;) {
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return number;
}

std::uint32_t unmasked(std::uint32_t stored) {
    const auto rotated = stored - mask_delta;
    return rotated >> 17 | rotated << 15;
}

/// Bytes of the record at the start of `rest`, which ends with its block; none: it is no record.
std::optional<std::size_t> record_bytes(std::string_view rest) {
    const auto length = load_le(rest.substr(4), 2);
    const auto type = static_cast<std::uint8_t>(rest[6]);
    if (type < part::whole || type > part::last || head_bytes + length > rest.size() ||
        unmasked(load_le(rest, 4)) != protocol::crc32c(rest.substr(6, 1 + length))) {
        return std::nullopt;
    }
    return head_bytes + length;
}

} // namespace

std::optional<std::uint64_t> torn_end_of_manifest(std::string_view bytes) {
    std::size_t complete = 0; // just past the last record that is there in all its parts
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto block_end = std::min(bytes.size(), (at / block_bytes + 1) * block_bytes);
        const auto rest = bytes.substr(at, block_end - at);
        if (rest.size() < head_bytes) {
            const bool is_padding = block_end % block_bytes == 0;
            at = block_end;
            if (!is_padding) {
                return complete;
            }
            continue;
        }
        const auto size = record_bytes(rest);
        if (!size) {
            for (auto block = (at / block_bytes + 1) * block_bytes; block + head_bytes <= bytes.size(); block += block_bytes) {
                if (record_bytes(bytes.substr(block, block_bytes))) {
                    return std::nullopt;
                }
            }
            return complete;
        }
        const auto type = static_cast<std::uint8_t>(rest[6]);
        at += *size;
        if (type == part::whole || type == part::last) {
            complete = at;
        }
    }
    return complete == bytes.size() || bytes.size() - complete < head_bytes ? std::nullopt : std::optional<std::uint64_t>{complete};
}

result<bool> cut_torn_manifest(file_system& files, const std::filesystem::path& database) {
    constexpr std::size_t name_bytes_max = 64;
    auto current = read_small_file(files, database / "CURRENT", name_bytes_max);
    if (!current) {
        return current.failure();
    }
    if (!current->starts_with("MANIFEST-") || current->back() != '\n' || current->find('/') != std::string::npos) {
        return error{errc::corrupt, (database / "CURRENT").string() + " names no MANIFEST"};
    }
    current->pop_back();
    const auto path = database / *current;
    auto bytes = read_small_file(files, path, manifest_bytes_max);
    if (!bytes) {
        return bytes.failure();
    }
    const auto end = torn_end_of_manifest(*bytes);
    if (!end) {
        return false;
    }
    auto opened = files.open(path, open_mode::read_write);
    if (!opened) {
        return opened.failure();
    }
    if (auto cut = (*opened)->truncate(*end); !cut) {
        return cut.failure();
    }
    if (auto synced = (*opened)->sync(); !synced) {
        return synced.failure();
    }
    return true;
}

} // namespace troupe::storage
