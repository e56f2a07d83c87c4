#include "protocol/bodies.hpp"
#include "protocol/remoting_command.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto decode = [](std::string_view body) { return protocol::decode_register_broker_body(body, protocol::protocol_version); };
    fuzz::check_round_trip(bytes, decode, protocol::encode_register_broker_body);
    constexpr std::int32_t before_outer_object = 36;
    const auto bare = protocol::decode_register_broker_body(bytes, before_outer_object);
    fuzz::require(bare.ok() || bare.code() == errc::protocol_error, "a failure has the documented code");
}
