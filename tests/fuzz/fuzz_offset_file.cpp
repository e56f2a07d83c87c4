#include "client/internal/offset_file.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <string>

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto decode = [](std::string_view text) { return client::offset_file::decode(std::string{text}); };
    fuzz::check_round_trip(bytes, decode, client::offset_file::encode, errc::corrupt);
}
