#include "protocol/message_codec.hpp"

#include "protocol/checksum.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::protocol {

namespace {

// Places of the fields before the first host, whose size varies.
constexpr std::size_t at_magic = 4;
constexpr std::size_t at_body_checksum = 8;
constexpr std::size_t at_queue = 12;
constexpr std::size_t at_flag = 16;
constexpr std::size_t at_offset = 20;
constexpr std::size_t at_position = 28;
constexpr std::size_t at_sys_flag = 36;
constexpr std::size_t at_born = 40;
constexpr std::size_t at_born_host = 48;

constexpr std::uint32_t checksum_mask = 0x7FFFFFFF; // RocketMQ keeps checksums in signed numbers
constexpr std::size_t checksum_digits = 10;

constexpr std::size_t host_bytes(bool is_ipv6) {
    return is_ipv6 ? 20 : 8;
}

error corrupt(std::string what) {
    return {errc::corrupt, "record: " + std::move(what)};
}

std::uint32_t masked_checksum(std::string_view bytes) {
    return crc32(bytes) & checksum_mask;
}

char* put(char* to, std::string_view bytes) {
    std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
}

template <class Number>
char* put_number(char* to, Number x) {
    store_be(to, x);
    return to + sizeof x;
}

char* put_host(char* to, const host_address& host) {
    const std::size_t address_bytes = host.is_ipv6 ? 16 : 4;
    std::memcpy(to, host.address.data(), address_bytes);
    return put_number<std::int32_t>(to + address_bytes, host.port);
}

/// Least significant digit first, as RocketMQ writes it.
void put_checksum_digits(char* to, std::uint32_t checksum) {
    for (std::size_t i = 0; i < checksum_digits; ++i, checksum /= 10)
        to[i] = static_cast<char>('0' + checksum % 10);
}

std::string_view first_bytes_of_checksum_property() {
    return "__CRC32#\x01";
}

/// Whether `properties` end with a checksum property, judged by its constant bytes.
bool ends_with_checksum_property(std::string_view properties) {
    if (properties.size() < checksum_property_bytes || properties.back() != '\x02')
        return false;
    const auto before = properties.size() - checksum_property_bytes;
    // A property starts at the beginning or after a separator; else the name is only the tail of a longer one.
    const bool starts = before == 0 || properties[before - 1] == '\x02';
    return starts && properties.substr(before).starts_with(first_bytes_of_checksum_property());
}

/// The user's properties as they go into a record: ended by a separator, without a checksum property of an earlier life.
std::string cleaned_properties(std::string_view given) {
    std::string kept;
    kept.reserve(given.size() + 1);
    while (!given.empty()) {
        const auto pair = given.substr(0, std::min(given.find('\x02'), given.size()));
        if (!pair.starts_with(first_bytes_of_checksum_property()))
            kept.append(pair).push_back('\x02');
        given.remove_prefix(std::min(pair.size() + 1, given.size()));
    }
    return kept;
}

bool is_clean(std::string_view properties) {
    return properties.empty() ||
           (properties.back() == '\x02' && properties.find(first_bytes_of_checksum_property()) == std::string_view::npos);
}

/// Where the parts of a record lie, found without trusting any length.
struct layout {
    bool born_ipv6 = false;
    bool store_ipv6 = false;
    std::size_t after_hosts = 0; ///< place of reconsume times
    std::string_view body;
    std::string_view topic;
    std::string_view properties; ///< all of them
};

result<layout> find_layout(std::string_view record) {
    if (record.size() < record_bytes_min)
        return corrupt("has " + std::to_string(record.size()) + " bytes, fewer than any record");
    if (load_be<std::uint32_t>(record.data()) != record.size())
        return corrupt("its length word says " + std::to_string(load_be<std::uint32_t>(record.data())) + " bytes, but it has " +
                       std::to_string(record.size()));
    const auto magic = load_be<std::uint32_t>(record.data() + at_magic);
    if (magic != record_magic && magic != record_magic_long_topic)
        return corrupt("its magic number is no message's");
    const auto sys_flag = load_be<std::int32_t>(record.data() + at_sys_flag);
    layout found;
    found.born_ipv6 = (sys_flag & message_sys_flag::born_host_ipv6) != 0;
    found.store_ipv6 = (sys_flag & message_sys_flag::store_host_ipv6) != 0;
    found.after_hosts = at_born_host + host_bytes(found.born_ipv6) + 8 + host_bytes(found.store_ipv6);
    byte_reader rest{record.substr(std::min(found.after_hosts + 12, record.size()))};
    const auto body_bytes = rest.number<std::int32_t>();
    const auto body = rest.bytes(body_bytes.value_or(-1));
    if (!body)
        return corrupt("its body does not fit into it");
    const std::int32_t topic_bytes =
        magic == record_magic ? rest.number<std::uint8_t>().value_or(0) : rest.number<std::int16_t>().value_or(0);
    const auto topic = rest.bytes(topic_bytes);
    if (!topic || topic->empty())
        return corrupt("its topic is empty or does not fit into it");
    const auto properties_bytes = rest.number<std::int16_t>();
    const auto properties = rest.bytes(properties_bytes.value_or(-1));
    if (!properties)
        return corrupt("its properties do not fit into it");
    if (rest.left() != 0)
        return corrupt(std::to_string(rest.left()) + " bytes follow its properties");
    found.body = *body;
    found.topic = *topic;
    found.properties = *properties;
    return found;
}

/// Precondition: the record ends with a checksum property.
result<void> verify_record_checksum(std::string_view record) {
    const auto covered = record.substr(0, record.size() - checksum_property_bytes);
    char digits[checksum_digits];
    put_checksum_digits(digits, masked_checksum(covered));
    const auto written = record.substr(record.size() - 1 - checksum_digits, checksum_digits);
    if (written != std::string_view{digits, checksum_digits})
        return corrupt("its checksum does not match its bytes");
    return {};
}

result<host_address> load_host(std::string_view record, std::size_t at, bool is_ipv6) {
    const std::size_t address_bytes = is_ipv6 ? 16 : 4;
    host_address host;
    host.is_ipv6 = is_ipv6;
    host.address = {};
    std::memcpy(host.address.data(), record.data() + at, address_bytes);
    const auto port = load_be<std::int32_t>(record.data() + at + address_bytes);
    if (port < 0 || port > 65'535)
        return corrupt("a host has port " + std::to_string(port));
    host.port = static_cast<std::uint16_t>(port);
    return host;
}

std::size_t stored_place(const char* record) {
    const bool born_ipv6 = (load_be<std::int32_t>(record + at_sys_flag) & message_sys_flag::born_host_ipv6) != 0;
    return at_born_host + host_bytes(born_ipv6);
}

/// Behind both hosts: reconsume times, then the prepared transaction.
std::size_t reconsume_place(const char* record) {
    const bool store_ipv6 = (load_be<std::int32_t>(record + at_sys_flag) & message_sys_flag::store_host_ipv6) != 0;
    return stored_place(record) + 8 + host_bytes(store_ipv6);
}

result<void> check_sizes(const message& m, std::size_t properties_bytes) {
    if (auto fine = check_topic_name(m.topic); !fine)
        return fine;
    if (m.body.empty())
        return error{errc::message_illegal, "the message for topic \"" + m.topic + "\" has an empty body: send at least one byte"};
    if (m.body.size() > limits::body_bytes_max)
        return error{errc::body_too_large, "the body for topic \"" + m.topic + "\" has " + std::to_string(m.body.size()) +
                                               " bytes, at most " + std::to_string(limits::body_bytes_max) + " are allowed"};
    if (properties_bytes + checksum_property_bytes > limits::properties_bytes_max)
        return error{errc::properties_too_large,
                     "the properties for topic \"" + m.topic + "\" have " + std::to_string(properties_bytes) + " bytes, at most " +
                         std::to_string(limits::properties_bytes_max - checksum_property_bytes) + " are allowed beside the checksum"};
    return {};
}

std::int32_t sys_flag_with_hosts(const message& m) {
    std::int32_t flag = m.sys_flag & ~(message_sys_flag::born_host_ipv6 | message_sys_flag::store_host_ipv6);
    flag |= m.born_host.is_ipv6 ? message_sys_flag::born_host_ipv6 : 0;
    flag |= m.store_host.is_ipv6 ? message_sys_flag::store_host_ipv6 : 0;
    return flag;
}

} // namespace

result<std::string> encode_record(const message& m) {
    std::string record;
    auto appended = append_record(record, m);
    return appended ? result<std::string>{std::move(record)} : result<std::string>{appended.failure()};
}

result<std::size_t> append_record(std::string& out, const message& m) {
    std::string cleaned;
    std::string_view kept = m.properties;
    if (!is_clean(kept)) {
        cleaned = cleaned_properties(kept);
        kept = cleaned;
    }
    if (auto fine = check_sizes(m, kept.size()); !fine)
        return fine.failure();
    const bool long_topic = m.topic.size() > limits::topic_bytes_max;
    const std::size_t bytes = at_born_host + host_bytes(m.born_host.is_ipv6) + 8 + host_bytes(m.store_host.is_ipv6) + 12 + 4 +
                              m.body.size() + (long_topic ? 2 : 1) + m.topic.size() + 2 + kept.size() + checksum_property_bytes;
    const auto begin = out.size();
    out.resize(begin + bytes);
    char* to = out.data() + begin;
    to = put_number(to, static_cast<std::uint32_t>(bytes));
    to = put_number(to, long_topic ? record_magic_long_topic : record_magic);
    to = put_number(to, masked_checksum(m.body.view()));
    to = put_number(to, m.queue.value());
    to = put_number(to, m.flag);
    to = put_number(to, m.offset.value());
    to = put_number(to, m.position.value());
    to = put_number(to, sys_flag_with_hosts(m));
    to = put_number(to, m.born.value());
    to = put_host(to, m.born_host);
    to = put_number(to, m.stored.value());
    to = put_host(to, m.store_host);
    to = put_number(to, m.reconsume_times);
    to = put_number(to, m.prepared_transaction.value());
    to = put_number(to, static_cast<std::uint32_t>(m.body.size()));
    to = put(to, m.body.view());
    to =
        long_topic ? put_number(to, static_cast<std::uint16_t>(m.topic.size())) : put_number(to, static_cast<std::uint8_t>(m.topic.size()));
    to = put(to, m.topic);
    to = put_number(to, static_cast<std::uint16_t>(kept.size() + checksum_property_bytes));
    to = put(to, kept);
    to = put(to, first_bytes_of_checksum_property());
    to = std::fill_n(to, checksum_digits, '0');
    *to++ = '\x02';
    assert(to == out.data() + out.size());
    return bytes;
}

void place_record(std::span<char> record, queue_offset offset, log_position position, timestamp_ms stored) {
    assert(record.size() >= record_bytes_min + checksum_property_bytes);
    store_be(record.data() + at_offset, offset.value());
    store_be(record.data() + at_position, position.value());
    store_be(record.data() + stored_place(record.data()), stored.value());
    const std::size_t covered_bytes = record.size() - checksum_property_bytes;
    put_checksum_digits(record.data() + record.size() - 1 - checksum_digits, masked_checksum({record.data(), covered_bytes}));
}

result<std::size_t> record_size(std::string_view bytes) {
    if (bytes.size() < 4)
        return corrupt("only " + std::to_string(bytes.size()) + " bytes of its length word are there");
    const std::size_t size = load_be<std::uint32_t>(bytes.data());
    if (size < record_bytes_min || size > record_bytes_max)
        return corrupt("its length word says " + std::to_string(size) + " bytes, which no record has");
    if (size > bytes.size())
        return corrupt("its length word says " + std::to_string(size) + " bytes, but only " + std::to_string(bytes.size()) + " are there");
    return size;
}

result<void> check_record(std::string_view record) {
    const auto found = find_layout(record);
    if (!found)
        return found.failure();
    if (!ends_with_checksum_property(found->properties))
        return corrupt("its checksum property is missing or damaged");
    return verify_record_checksum(record);
}

queue_id record_queue(std::string_view record) {
    return queue_id{load_be<std::int32_t>(record.data() + at_queue)};
}

queue_offset record_offset(std::string_view record) {
    return queue_offset{load_be<std::int64_t>(record.data() + at_offset)};
}

log_position record_position(std::string_view record) {
    return log_position{load_be<std::int64_t>(record.data() + at_position)};
}

timestamp_ms record_stored(std::string_view record) {
    return timestamp_ms{load_be<std::int64_t>(record.data() + stored_place(record.data()))};
}

std::int32_t record_sys_flag(std::string_view record) {
    return load_be<std::int32_t>(record.data() + at_sys_flag);
}

std::int32_t record_reconsume_times(std::string_view record) {
    return load_be<std::int32_t>(record.data() + reconsume_place(record.data()));
}

log_position record_prepared_transaction(std::string_view record) {
    return log_position{load_be<std::int64_t>(record.data() + reconsume_place(record.data()) + 4)};
}

record_view view_record(std::string_view record) {
    const auto found = find_layout(record);
    assert(found.ok());
    if (!found)
        return {};
    auto kept = found->properties;
    if (ends_with_checksum_property(kept))
        kept.remove_suffix(checksum_property_bytes);
    return {found->topic, kept, found->body};
}

result<message> decode_record(const payload& record) {
    const auto bytes = record.view();
    const auto found = find_layout(bytes);
    if (!found)
        return found.failure();
    auto kept = found->properties;
    if (ends_with_checksum_property(kept)) {
        if (auto fine = verify_record_checksum(bytes); !fine)
            return fine.failure();
        kept.remove_suffix(checksum_property_bytes);
    } else if (masked_checksum(found->body) != load_be<std::uint32_t>(bytes.data() + at_body_checksum)) {
        return corrupt("its body checksum does not match its body");
    }
    const std::size_t at_stored = at_born_host + host_bytes(found->born_ipv6);
    const auto born_host = load_host(bytes, at_born_host, found->born_ipv6);
    const auto store_host = load_host(bytes, at_stored + 8, found->store_ipv6);
    if (!born_host || !store_host)
        return (born_host ? store_host : born_host).failure();
    message m;
    m.topic = found->topic;
    m.queue = record_queue(bytes);
    m.offset = record_offset(bytes);
    m.position = record_position(bytes);
    m.flag = load_be<std::int32_t>(bytes.data() + at_flag);
    m.sys_flag = load_be<std::int32_t>(bytes.data() + at_sys_flag);
    m.born = timestamp_ms{load_be<std::int64_t>(bytes.data() + at_born)};
    m.born_host = *born_host;
    m.stored = timestamp_ms{load_be<std::int64_t>(bytes.data() + at_stored)};
    m.store_host = *store_host;
    m.reconsume_times = load_be<std::int32_t>(bytes.data() + found->after_hosts);
    m.prepared_transaction = log_position{load_be<std::int64_t>(bytes.data() + found->after_hosts + 4)};
    m.body = record.slice(static_cast<std::size_t>(found->body.data() - bytes.data()), found->body.size());
    m.properties = kept;
    return m;
}

result<std::vector<message>> decode_records(const payload& records) {
    std::vector<message> all;
    for (std::size_t at = 0; at < records.size();) {
        const auto bytes = record_size(records.view().substr(at));
        if (!bytes)
            return error{errc::corrupt,
                         bytes.failure().text + " (at byte " + std::to_string(at) + " of " + std::to_string(records.size()) + ")"};
        auto m = decode_record(records.slice(at, *bytes));
        if (!m)
            return error{errc::corrupt,
                         m.failure().text + " (at byte " + std::to_string(at) + " of " + std::to_string(records.size()) + ")"};
        all.push_back(*std::move(m));
        at += *bytes;
    }
    return all;
}

} // namespace troupe::protocol
