#include "client/internal/hash_ring.hpp"

#include <array>
#include <openssl/evp.h>
#include <stdexcept>

namespace troupe::client {

hash_ring::hash_ring(const std::vector<std::string>& members, std::size_t virtual_nodes) {
    for (const auto& member : members)
        for (std::size_t i = 0; i < virtual_nodes; ++i)
            places_[hash(member + '-' + std::to_string(i))] = &member;
}

const std::string* hash_ring::owner_of(std::string_view key) const {
    if (places_.empty())
        return nullptr;
    const auto at = places_.lower_bound(hash(key));
    return at != places_.end() ? at->second : places_.begin()->second;
}

std::uint32_t hash_ring::hash(std::string_view key) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    if (EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1)
        throw std::runtime_error{"this machine's OpenSSL refuses MD5 (FIPS mode?), which consistent hashing of queues needs"};
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | digest[i];
    return value;
}

} // namespace troupe::client
