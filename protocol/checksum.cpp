#include "protocol/checksum.hpp"

#include <isa-l/crc.h>

namespace troupe::protocol {

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) {
    // An empty view may hold a null pointer, which the library's declaration does not allow.
    return bytes.empty() ? seed : crc32_gzip_refl(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t crc32c(std::string_view bytes) {
    if (bytes.empty())
        return 0;
    // The library's declaration lacks a const, and its result the inversion that ends the checksum.
    auto* begin = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    return ~crc32_iscsi(begin, static_cast<int>(bytes.size()), 0xffffffff);
}

} // namespace troupe::protocol
