#include "storage/manifest_tail.hpp"

#include "protocol/checksum.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::storage {
namespace {

constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t head_bytes = 7;
constexpr std::uint64_t manifest_bytes_max = 256u << 20; // RocksDB begins a new one after 4 MiB
constexpr std::size_t name_bytes_max = 64;
constexpr std::string_view manifest_prefix = "MANIFEST-";
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

/// Name of the MANIFEST that counts; none: there is no database.
result<std::optional<std::string>> current_manifest(file_system& files, const std::filesystem::path& database, std::string_view fix) {
    const auto path = database / "CURRENT";
    auto there = files.exists(path);
    if (!there || !*there) {
        return there ? result<std::optional<std::string>>{std::nullopt} : there.failure();
    }
    auto current = read_small_file(files, path, name_bytes_max);
    if (!current) {
        return current.failure();
    }
    if (!current->starts_with(manifest_prefix) || current->back() != '\n' || current->find('/') != std::string::npos) {
        return error{errc::corrupt, path.string() + " names no MANIFEST; " + std::string{fix}};
    }
    current->pop_back();
    return std::optional{*std::move(current)};
}

result<std::string> read_whole(const file& source, const std::filesystem::path& path, std::string_view fix) {
    auto size = source.size();
    if (!size) {
        return size.failure();
    }
    if (*size > manifest_bytes_max) {
        return error{errc::corrupt, path.string() + " has " + std::to_string(*size) + " bytes, a MANIFEST has at most " +
                                        std::to_string(manifest_bytes_max) + "; " + std::string{fix}};
    }
    std::string bytes(*size, '\0');
    auto read = source.read_at(0, bytes);
    if (!read) {
        return read.failure();
    }
    bytes.resize(*read);
    return bytes;
}

/// The length that was noted of this MANIFEST.
result<std::optional<std::uint64_t>> noted_bytes(file_system& files, const std::filesystem::path& database, std::string_view manifest) {
    auto text = read_small_file(files, database / manifest_note_file, 2 * name_bytes_max);
    if (!text) {
        return text.code() == errc::not_found ? result<std::optional<std::uint64_t>>{std::nullopt} : text.failure();
    }
    const auto note = decode_manifest_note(*text);
    return note && note->manifest == manifest ? std::optional{note->bytes} : std::nullopt;
}

std::string checked(std::string_view text) {
    return std::string{text} + ' ' + std::to_string(protocol::crc32(text)) + '\n';
}

} // namespace

std::string encode(const manifest_note& note) {
    return checked(note.manifest + ' ' + std::to_string(note.bytes));
}

std::optional<manifest_note> decode_manifest_note(std::string_view text) {
    const auto space = text.find(' ');
    if (space == std::string_view::npos) {
        return std::nullopt;
    }
    manifest_note note{std::string{text.substr(0, space)}, 0};
    const auto* begin = text.data() + space + 1;
    if (std::from_chars(begin, text.data() + text.size(), note.bytes).ec != std::errc{} || encode(note) != text) {
        return std::nullopt;
    }
    return note;
}

std::uint64_t whole_bytes_of_manifest(std::string_view bytes) {
    std::size_t complete = 0; // just past the last record that is there in all its parts
    bool is_in_parts = false;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto block_end = std::min(bytes.size(), (at / block_bytes + 1) * block_bytes);
        const auto rest = bytes.substr(at, block_end - at);
        if (rest.size() < head_bytes) {
            const bool is_filler = block_end % block_bytes == 0 && rest.find_first_not_of('\0') == std::string_view::npos;
            if (!is_filler) {
                return complete;
            }
            at = block_end;
            continue;
        }
        const auto size = record_bytes(rest);
        if (!size) {
            return complete;
        }
        const auto type = static_cast<std::uint8_t>(rest[6]);
        const bool continues = type == part::middle || type == part::last;
        if (continues != is_in_parts) {
            return complete;
        }
        at += *size;
        is_in_parts = type == part::first || type == part::middle;
        if (!is_in_parts) {
            complete = at;
        }
    }
    return complete;
}

result<void> note_synced_manifest(file_system& files, const std::filesystem::path& manifest, std::uint64_t bytes) {
    return write_durable_file(files, manifest.parent_path() / manifest_note_file, encode({manifest.filename().string(), bytes}));
}

result<bool> mend_manifest(file_system& files, const std::filesystem::path& database, std::string_view fix) {
    auto manifest = current_manifest(files, database, fix);
    if (!manifest || !*manifest) {
        return manifest ? result<bool>{false} : manifest.failure();
    }
    const auto path = database / **manifest;
    auto there = files.exists(path);
    if (!there || !*there) {
        return there ? result<bool>{error{errc::corrupt, path.string() + " is missing, and CURRENT names it; " + std::string{fix}}}
                     : there.failure();
    }
    const auto alone = files.lock(database / "LOCK"); // as RocksDB does: whoever has it open may be writing just now
    if (!alone) {
        return alone.failure();
    }
    auto opened = files.open(path, open_mode::read_write);
    if (!opened) {
        return opened.failure();
    }
    auto bytes = read_whole(**opened, path, fix);
    if (!bytes) {
        return bytes.failure();
    }
    const auto noted = noted_bytes(files, database, **manifest);
    if (!noted) {
        return noted.failure();
    }
    const auto whole = whole_bytes_of_manifest(*bytes);
    if (const auto synced = noted->value_or(bytes->size()); whole < synced) {
        return error{errc::corrupt,
                     path.string() + " is damaged: at byte " + std::to_string(whole) + " is no whole record, and " +
                         (*noted ? std::to_string(synced) + " bytes of it were synced; " : "no note says how much of it was synced; ") +
                         std::string{fix}};
    }
    if (whole == bytes->size()) {
        return false;
    }
    if (auto cut = (*opened)->truncate(whole); !cut) {
        return cut.failure();
    }
    if (auto synced = (*opened)->sync(); !synced) {
        return synced.failure();
    }
    return true;
}

} // namespace troupe::storage
