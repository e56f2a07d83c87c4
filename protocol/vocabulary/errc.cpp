#include "protocol/vocabulary/errc.hpp"

namespace troupe {

std::string_view to_string_view(errc code) {
    switch (code) {
    case errc::none: return "none";
    case errc::topic_illegal: return "topic_illegal";
    case errc::group_illegal: return "group_illegal";
    case errc::body_too_large: return "body_too_large";
    case errc::properties_too_large: return "properties_too_large";
    case errc::message_illegal: return "message_illegal";
    case errc::property_illegal: return "property_illegal";
    case errc::argument_illegal: return "argument_illegal";
    case errc::topic_not_found: return "topic_not_found";
    case errc::queue_not_found: return "queue_not_found";
    case errc::group_not_found: return "group_not_found";
    case errc::not_permitted: return "not_permitted";
    case errc::offset_too_small: return "offset_too_small";
    case errc::offset_too_large: return "offset_too_large";
    case errc::offset_not_found: return "offset_not_found";
    case errc::message_not_found: return "message_not_found";
    case errc::system_name: return "system_name";
    case errc::not_supported: return "not_supported";
    case errc::subscription_illegal: return "subscription_illegal";
    case errc::subscription_not_found: return "subscription_not_found";
    case errc::subscription_outdated: return "subscription_outdated";
    case errc::operation_illegal: return "operation_illegal";
    case errc::busy: return "busy";
    case errc::disk_full: return "disk_full";
    case errc::store_read_only: return "store_read_only";
    case errc::shutting_down: return "shutting_down";
    case errc::timed_out: return "timed_out";
    case errc::connection_lost: return "connection_lost";
    case errc::connect_failed: return "connect_failed";
    case errc::no_route: return "no_route";
    case errc::no_name_server: return "no_name_server";
    case errc::io: return "io";
    case errc::corrupt: return "corrupt";
    case errc::locked: return "locked";
    case errc::format_unknown: return "format_unknown";
    case errc::protocol_error: return "protocol_error";
    case errc::config_illegal: return "config_illegal";
    case errc::already_exists: return "already_exists";
    case errc::not_found: return "not_found";
    case errc::address_in_use: return "address_in_use";
    case errc::end_of_log: return "end_of_log";
    case errc::internal: return "internal";
    }
    return "unknown";
}

std::string to_string(errc code) {
    return std::string{to_string_view(code)};
}

std::string to_string(const error& failure) {
    return failure.text.empty() ? to_string(failure.code) : to_string(failure.code) + ": " + failure.text;
}

} // namespace troupe
