#include "actors/messages/member_messages.hpp"
#include "actors/net/session_requests.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;

const request_handlers& operator_handlers() {
    static const request_handlers all{
        {code::troupe_list_members, ask_broker_members<list_members, members_listed>},
        {code::troupe_list_dead_letters, ask_broker_members<list_dead_letters, dead_letters_listed>},
        {code::troupe_read_queue, ask_broker_members<read_page, page_read>},
        {code::troupe_list_lags, ask_broker_members<list_lags, lags_listed>},
        {code::troupe_trace_message, ask_broker_members<trace_message, message_traced>},
        {code::troupe_resend_dead_letters, ask_broker_members<resend_dead_letters, dead_letters_resent>},
    };
    return all;
}

} // namespace troupe::actors::net
