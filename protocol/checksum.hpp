#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// CRC-32 (IEEE, as zlib), continuing from `seed` (0 to begin). Hardware-assisted (isa-l).
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);

/// CRC-32C (Castagnoli), as RocksDB's files have it. Hardware-assisted (isa-l).
std::uint32_t crc32c(std::string_view bytes);

} // namespace troupe::protocol
