#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What every fuzz target includes. A target is one file: `FUZZ_TARGET(bytes) { ...decode bytes, check what must hold... }`.
namespace troupe::fuzz {

/// Ends the process, and so the fuzzing, when something that must hold does not.
inline void require(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "fuzz target: violated: %s\n", what);
    std::abort();
}

/// Decoding fails in the documented way, or what was decoded survives being encoded and decoded again.
template <class Decode, class Encode>
void check_round_trip(std::string_view bytes, Decode decode, Encode encode, errc failure = errc::protocol_error) {
    const auto decoded = decode(bytes);
    if (!decoded) {
        require(decoded.code() == failure, "a failure has the documented code");
        return;
    }
    const auto encoded = encode(*decoded);
    const auto again = decode(encoded);
    require(again.ok(), "what was encoded can be decoded");
    require(*again == *decoded, "a round trip changes nothing");
}

} // namespace troupe::fuzz

#define FUZZ_TARGET(bytes)                                                                                                                 \
    static void fuzz_one(std::string_view bytes);                                                                                          \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);                                                     \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {                                                    \
        fuzz_one({reinterpret_cast<const char*>(data), size});                                                                             \
        return 0;                                                                                                                          \
    }                                                                                                                                      \
    static void fuzz_one(std::string_view bytes)
