#include "actors/net/session_requests.hpp"
#include "actors/net/wire_members.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;

const request_handlers& operator_handlers() {
    static const request_handlers all{
        {code::troupe_list_members, ask_broker_members<list_members, members_listed>},
    };
    return all;
}

} // namespace troupe::actors::net
