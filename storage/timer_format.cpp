#include "storage/timer_format.hpp"

#include "storage/rocksdb_support.hpp"

namespace troupe::storage {
namespace {

constexpr std::size_t hash_bytes = sizeof(std::uint64_t);
constexpr std::size_t key_bytes = 2 * sizeof(std::int64_t);

void append_key(std::string& out, const timer_key& key) {
    append_be(out, key.due.value());
    append_be(out, key.position.value());
}

timer_key read_key(value_reader& in) {
    timer_key key;
    key.due = timestamp_ms{in.number<std::int64_t>()};
    key.position = log_position{in.number<std::int64_t>()};
    return key;
}

} // namespace

std::string timer_row_key(const timer_key& key) {
    std::string row{timer_kind};
    append_key(row, key);
    return row;
}

std::optional<timer_key> timer_of_row(std::string_view row_key) {
    if (row_key.size() != 1 + key_bytes || row_key[0] != timer_kind) {
        return std::nullopt;
    }
    value_reader in{row_key.substr(1)};
    return read_key(in);
}

void append_timer_value(std::string& out, const stored_timer& timer) {
    append_be(out, timer.name_hash);
    out += timer.record;
}

std::optional<stored_timer> decode_timer(const timer_key& key, std::string_view value) {
    value_reader in{value};
    stored_timer timer;
    timer.key = key;
    timer.name_hash = in.number<std::uint64_t>();
    timer.record = in.rest();
    return in.ok() ? std::optional{std::move(timer)} : std::nullopt;
}

std::string timer_name_prefix(std::uint64_t name_hash) {
    std::string row{timer_name_kind};
    append_be(row, name_hash);
    return row;
}

std::string timer_name_row_key(std::uint64_t name_hash, const timer_key& key) {
    auto row = timer_name_prefix(name_hash);
    append_key(row, key);
    return row;
}

std::optional<timer_key> timer_of_name_row(std::string_view row_key) {
    if (row_key.size() != 1 + hash_bytes + key_bytes || row_key[0] != timer_name_kind) {
        return std::nullopt;
    }
    value_reader in{row_key.substr(1 + hash_bytes)};
    return read_key(in);
}

std::string encode(const timer_store_state& state) {
    std::string value;
    append_be(value, state.progress.taken.value());
    append_be(value, state.progress.done.value());
    append_be(value, state.pending);
    append_key(value, state.lowest);
    return value;
}

std::optional<timer_store_state> decode_timer_state(std::string_view value) {
    value_reader in{value};
    timer_store_state state;
    state.progress.taken = queue_offset{in.number<std::int64_t>()};
    state.progress.done = queue_offset{in.number<std::int64_t>()};
    state.pending = in.number<std::uint64_t>();
    state.lowest = read_key(in);
    const bool is_possible = state.progress.taken.value() >= 0 && state.progress.done.value() >= 0;
    return in.at_end() && is_possible ? std::optional{state} : std::nullopt;
}

} // namespace troupe::storage
