#include "protocol/message_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const payload input{std::string{bytes}};
    const auto all = protocol::decode_records(input);
    fuzz::require(all.ok() || all.code() == errc::corrupt, "a failure has the documented code");
    const auto one = protocol::decode_record(input);
    if (!one)
        return;
    const auto view = protocol::view_record(bytes);
    fuzz::require(view.topic == one->topic && view.body == one->body.view() && view.properties == one->properties, "views agree");
    auto encoded = protocol::encode_record(*one); // fails for names and empty bodies that only other brokers would store
    if (!encoded)
        return;
    protocol::place_record(*encoded, one->offset, one->position, one->stored);
    fuzz::require(protocol::check_record(*encoded).ok(), "what was encoded passes its checks");
    const auto again = protocol::decode_record(payload{std::move(*encoded)});
    fuzz::require(again.ok() && again->body == one->body && again->topic == one->topic && again->sys_flag == one->sys_flag &&
                      again->born == one->born && again->born_host == one->born_host && again->store_host == one->store_host &&
                      again->reconsume_times == one->reconsume_times,
                  "a round trip changes nothing");
}
