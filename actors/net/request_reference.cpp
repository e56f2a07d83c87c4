#include "actors/net/request_reference.hpp"

#include "actors/net/session.hpp"
#include "protocol/request_code.hpp"
#include "protocol/request_table.hpp"

#include <set>

namespace troupe::actors::net {

namespace {

using protocol::request_role;

constexpr std::string_view introduction = R"(# Requests of the wire

<!-- Made from protocol/request_table.cpp and the handlers behind the ports; do not edit. -->

Every request that a RocketMQ client, tool or broker may send, under RocketMQ's names, and those of Troupe's own tools. A request that is not served, and any
number that is not here, is answered with code 3, REQUEST_CODE_NOT_SUPPORTED, and a remark that names it. A one-way request is
never answered. "Permission" is what RocketMQ's ACL 2.0 asks for; Troupe has no access control yet, so nothing is refused for
want of it.
)";

std::string section(request_role role, std::string_view title, const std::set<std::int32_t>& served) {
    std::string text =
        "\n## " + std::string{title} + "\n\n| code | request | served | permission | what it is for |\n| --- | --- | --- | --- | --- |\n";
    for (const auto& kind : protocol::request_table())
        if (kind.role == role)
            text += "| " + std::to_string(kind.code) + " | `" + std::string{kind.name} + "` | " +
                    (served.contains(kind.code) ? "yes" : "no") + " | " + protocol::permission_text(kind) + " | " +
                    std::string{kind.purpose} + " |\n";
    return text;
}

} // namespace

std::string request_reference_page() {
    namespace code = protocol::request_code;
    const auto codes = served_requests();
    std::set<std::int32_t> served{codes.begin(), codes.end()};
    served.insert({code::pop_message, code::peek_message, code::notification, code::polling_info, code::pull_message,
                   code::lite_pull_message, code::notify_consumer_ids_changed, code::check_transaction_state,
                   code::get_consumer_status_from_client, code::get_consumer_running_info, code::consume_message_directly,
                   code::push_reply_message_to_client});
    return std::string{introduction} + section(request_role::broker, "To a broker", served) +
           section(request_role::name_server, "To a name server", served) +
           section(request_role::client, "From a broker to a client", served) +
           section(request_role::controller, "To a controller", served);
}

} // namespace troupe::actors::net
