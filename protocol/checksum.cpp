#include "protocol/checksum.hpp"

#include <isa-l/crc.h>

namespace troupe::protocol {

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) {
    // An empty view may hold a null pointer, which the library's declaration does not allow.
    return bytes.empty() ? seed : crc32_gzip_refl(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

} // namespace troupe::protocol
