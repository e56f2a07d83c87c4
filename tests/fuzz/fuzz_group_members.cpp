#include "protocol/group_members.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_group_members, protocol::encode_group_members);
    if (const auto members = protocol::decode_group_members(bytes); members && members->size() > 1) {
        const bool agree = protocol::find_differences("g", *members).empty();
        std::size_t stances = 0;
        std::string last;
        for (const auto& member : *members)
            if (const auto stance = member.is_told ? protocol::stance_of("g", member) : last; stance != last) {
                last = stance;
                ++stances;
            }
        fuzz::require(agree == (stances < 2), "members differ if and only if their stances do");
    }
}
