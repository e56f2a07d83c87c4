#pragma once

#include "protocol/properties.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The stored message record: what the commit log holds is what a pull hands out, byte for byte.
/// Layout: `docs/formats/record.md`. Source: RocketMQ's MessageExtEncoder, MessageDecoder.
namespace troupe::protocol {

/// Address and port of a host, IPv4 (4 significant bytes) or IPv6.
struct host_address {
    std::array<std::uint8_t, 16> address{127, 0, 0, 1};
    bool is_ipv6 = false;
    std::uint16_t port = 0;
    friend bool operator==(const host_address&, const host_address&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, host_address& x) {
        return f(x.address, x.is_ipv6, x.port);
    }
};
/// "10.0.0.1:10911" or "[::1]:10911"; fails with argument_illegal. No name lookup.
result<host_address> parse_host_address(std::string_view text);
std::string to_string(const host_address& host);

/// Bits of a message's sys flag (RocketMQ: MessageSysFlag).
namespace message_sys_flag {
inline constexpr std::int32_t compressed = 0x1;
inline constexpr std::int32_t multi_tags = 0x2;
inline constexpr std::int32_t transaction_mask = 0xC; ///< which of the three, or none
inline constexpr std::int32_t prepared = 0x4;
inline constexpr std::int32_t committed = 0x8;
inline constexpr std::int32_t rolled_back = 0xC;
inline constexpr std::int32_t born_host_ipv6 = 0x10;
inline constexpr std::int32_t store_host_ipv6 = 0x20;
} // namespace message_sys_flag

/// A message with everything a record says of it.
struct message {
    std::string topic;
    queue_id queue;
    queue_offset offset;
    log_position position;
    std::int32_t flag = 0;
    std::int32_t sys_flag = 0;
    timestamp_ms born;
    host_address born_host;
    timestamp_ms stored;
    host_address store_host;
    std::int32_t reconsume_times = 0;
    log_position prepared_transaction;
    payload body;
    std::string properties; ///< encoded, see properties.hpp; without the checksum property
    friend bool operator==(const message&, const message&) = default;
};

/// First words of a record (RocketMQ: MessageVersion). The second form has two bytes of topic length, for names over 127 bytes.
inline constexpr std::uint32_t record_magic = 0xDAA320A7;
inline constexpr std::uint32_t record_magic_long_topic = 0xDAA320AB;
/// Smallest and largest sizes a record can have.
inline constexpr std::size_t record_bytes_min = 91;
inline constexpr std::size_t record_bytes_max =
    record_bytes_min + 25 + limits::body_bytes_max + limits::internal_topic_bytes_max + limits::properties_bytes_max;
/// Bytes of the checksum property that ends every record of ours: name, 0x01, ten digits, 0x02.
inline constexpr std::size_t checksum_property_bytes = property_name::checksum.size() + 12;

/// Encodes `m` with a reserved checksum property; offset, position, store time and checksum are filled in by place_record.
/// The sys flag's address bits follow the hosts. A checksum property among `m.properties` is left out.
/// Fails with topic_illegal, body_too_large, properties_too_large (over properties_bytes_max with the checksum property),
/// message_illegal (empty body).
result<std::string> encode_record(const message& m);
/// The same at the end of `out`, which a failure leaves as it was. Returns the record's bytes.
result<std::size_t> append_record(std::string& out, const message& m);

/// Gives an encoded record its place: writes queue offset, position and store time, then the checksum over every byte.
/// `record` is exactly one record made by encode_record.
void place_record(std::span<char> record, queue_offset offset, log_position position, timestamp_ms stored);

/// Size of the record at the start of `bytes` by its length word; corrupt when that is impossible or not all there.
/// Looks at nothing else, not even the magic.
result<std::size_t> record_size(std::string_view bytes);

/// Verifies layout, lengths and the checksum of exactly one record. Fails with corrupt, naming the first thing wrong.
result<void> check_record(std::string_view record);

/// Fixed-place fields, without decoding the rest. The record must have at least record_bytes_min bytes.
queue_id record_queue(std::string_view record);
queue_offset record_offset(std::string_view record);
log_position record_position(std::string_view record);
timestamp_ms record_stored(std::string_view record);
std::int32_t record_sys_flag(std::string_view record);
std::int32_t record_reconsume_times(std::string_view record);
log_position record_prepared_transaction(std::string_view record);

/// Views into a record that passed check_record; the properties without the checksum property.
struct record_view {
    std::string_view topic;
    std::string_view properties;
    std::string_view body;
};
record_view view_record(std::string_view record);

/// Decodes one record; the body shares `record`'s buffer. Does not need the checksum property (records of other brokers
/// may lack it): verifies it when present, else the body checksum. Fails with corrupt.
result<message> decode_record(const payload& record);
/// Decodes a concatenation of records, as a pull response carries it.
result<std::vector<message>> decode_records(const payload& records);

/// Java's String.hashCode over the tag's UTF-16 units; 0 for no tag.
std::int32_t tag_hash(std::string_view tag_utf8);

/// Upper-case hex of store host and log position (RocketMQ: offset message id).
std::string offset_message_id(const host_address& store_host, log_position position);
/// Fails with argument_illegal.
result<std::pair<host_address, log_position>> parse_offset_message_id(std::string_view id);

} // namespace troupe::protocol
