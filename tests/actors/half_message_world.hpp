#pragma once

#include "actors/base/wall_clock.hpp"
#include "actors/transaction/transaction_record.hpp"
#include "protocol/message_codec.hpp"
#include "tests/actors/store_world.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test_support {

/// A message store with half messages and what becomes of them, put there by no role.
struct half_message_world : store_world {
    static inline const protocol::host_address ours{{127, 0, 0, 1}, false, 10911};
    static inline const protocol::host_address others{{127, 0, 0, 2}, false, 10911};

    actors::wall_clock now = world.wall_clock();

    storage::placed_records put(const protocol::message& message) const {
        const auto placed = store->append({{{message.topic, message.queue}, protocol::encode_record(message).value(), 1}}, now());
        REQUIRE(placed.ok());
        REQUIRE(store->flush().ok());
        return placed->front();
    }
    [[nodiscard]] protocol::message at(log_position position) const {
        const auto record = store->record_at(position);
        REQUIRE(record.ok());
        return protocol::decode_record(*record).value();
    }
    /// Of queue 0 of "orders", with the key as its body.
    static protocol::message message_of(const std::string& key, const std::string& group = "payers") {
        protocol::message message;
        message.topic = "orders";
        message.body = payload{key};
        message.properties = "UNIQ_KEY\x01" + key + "\x02";
        message.store_host = ours;
        actors::prepare(message, group);
        return message;
    }
    [[nodiscard]] log_position half(const std::string& key, const protocol::host_address& host = ours) const {
        auto message = message_of(key);
        message.store_host = host;
        return put(message).position;
    }
    [[nodiscard]] log_position give_up(log_position half, const protocol::host_address& host = ours) const {
        auto message = actors::given_up_message(at(half));
        message.store_host = host;
        return put(message).position;
    }
    log_position resume(log_position given_up) const { return put(actors::resumed_message(at(given_up))).position; }
    log_position commit(log_position half) const { return put(actors::committed_message(at(half)).value()).position; }
    log_position roll_back(log_position half) const {
        const auto message = at(half);
        return put(actors::rolled_back_message(half, message.offset, actors::text_of(message.properties, "UNIQ_KEY"))).position;
    }
    /// Nobody can read the record from now on. It is in the first file of the log.
    void damage(log_position record) const {
        REQUIRE(record < log_position{static_cast<std::int64_t>(store->options().segment_bytes)});
        const auto log = files->open("/store/commitlog/00000000000000000000", storage::open_mode::read_write);
        REQUIRE(log);
        const std::vector<std::string_view> bad{"x"};
        REQUIRE((*log)->write_at(static_cast<std::uint64_t>(record.value()) + 4, bad).ok());
    }
    static std::string id_of(log_position position, const protocol::host_address& host = ours) {
        return protocol::offset_message_id(host, position);
    }
};

} // namespace troupe::test_support
