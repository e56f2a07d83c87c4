#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto all = protocol::decode_properties(bytes);
    for (const auto& [name, value] : all)
        fuzz::require(protocol::find_property(bytes, name) == value, "finding one agrees with decoding all");
    // Values may hold 0x01 after the first one, which RocketMQ reads but nobody may write.
    const auto encoded = protocol::encode_properties(all);
    if (encoded)
        fuzz::require(protocol::decode_properties(*encoded) == all, "a round trip changes nothing");
    std::string edited{bytes};
    auto expected = all;
    protocol::set_property(edited, "DELAY", "3");
    expected["DELAY"] = "3";
    fuzz::require(protocol::decode_properties(edited) == expected, "setting one changes no other");
    protocol::remove_property(edited, "DELAY");
    expected.erase("DELAY");
    fuzz::require(protocol::decode_properties(edited) == expected, "removing one removes no other");
}
