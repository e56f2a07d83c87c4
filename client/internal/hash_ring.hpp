#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

/// RocketMQ's ring of consistent hashing: member m stands at the hashes of "m-0", "m-1", ...; a key belongs to the first member at
/// its own hash or after it, round the end. Source: rocketmq-common 5.3.3, consistenthash.ConsistentHashRouter.
class hash_ring {
public:
    /// `members` must outlive the ring. Of two at one place the later has it, as in RocketMQ.
    hash_ring(const std::vector<std::string>& members, std::size_t virtual_nodes);
    /// Null on an empty ring.
    [[nodiscard]] const std::string* owner_of(std::string_view key) const;

    /// The first four bytes of the MD5 of its bytes, as a big-endian number.
    static std::uint32_t hash(std::string_view key);

private:
    std::map<std::uint32_t, const std::string*> places_;
};

} // namespace troupe::client
