#include "apps/exit_code.hpp"

namespace troupe::apps {

exit_code exit_code_of(errc code) {
    switch (code) {
    case errc::none: return exit_code::ok;
    case errc::argument_illegal: return exit_code::usage;
    case errc::config_illegal: return exit_code::config;
    case errc::busy:
    case errc::shutting_down:
    case errc::timed_out:
    case errc::connection_lost:
    case errc::connect_failed:
    case errc::no_route:
    case errc::no_name_server: return exit_code::unreachable;
    case errc::topic_not_found:
    case errc::queue_not_found:
    case errc::group_not_found:
    case errc::offset_not_found:
    case errc::message_not_found:
    case errc::subscription_not_found:
    case errc::subscription_outdated:
    case errc::not_found: return exit_code::not_found;
    case errc::corrupt:
    case errc::format_unknown: return exit_code::damaged;
    case errc::already_exists:
    case errc::locked:
    case errc::address_in_use: return exit_code::conflict;
    case errc::topic_illegal:
    case errc::group_illegal:
    case errc::body_too_large:
    case errc::properties_too_large:
    case errc::message_illegal:
    case errc::property_illegal:
    case errc::not_permitted:
    case errc::system_name:
    case errc::not_supported:
    case errc::operation_illegal:
    case errc::subscription_illegal:
    case errc::disk_full:
    case errc::store_read_only: return exit_code::refused;
    case errc::offset_too_small:
    case errc::offset_too_large:
    case errc::io:
    case errc::protocol_error:
    case errc::end_of_log:
    case errc::internal: break;
    }
    return exit_code::failed;
}

std::string_view exit_code_help() {
    return "Exit codes:\n"
           "  0  success\n"
           "  1  failed in a way that has no number of its own\n"
           "  2  the command line is wrong\n"
           "  3  the configuration is wrong or cannot be read\n"
           "  4  no name server or broker answers, or not in time; trying again may help\n"
           "  5  no such topic, group, broker, store or file to send\n"
           "  6  stored data is damaged, or is not Troupe's\n"
           "  7  the name exists already, the port is in use, or the store is locked\n"
           "  8  refused: an illegal name or message, missing permission, a full or read-only store\n";
}

} // namespace troupe::apps
