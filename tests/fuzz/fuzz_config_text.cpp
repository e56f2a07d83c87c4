#include "protocol/config_text.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>

FUZZ_TARGET(bytes) {
    using namespace troupe;
    // Encoding keeps ASCII only.
    if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
        fuzz::check_round_trip(bytes, protocol::decode_config_text, protocol::encode_config_text);
    else
        static_cast<void>(protocol::decode_config_text(bytes));
}
