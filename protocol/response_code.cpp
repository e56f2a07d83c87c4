#include "protocol/response_code.hpp"

#include <optional>

namespace troupe::protocol {

namespace {

/// The errc whose name starts `remark`, as to_remark writes it.
std::optional<errc> named_errc(std::string_view remark) {
    const auto name = remark.substr(0, remark.find(':'));
    for (int value = 0; value <= static_cast<int>(errc::internal); ++value) {
        const auto code = static_cast<errc>(value);
        if (to_string_view(code) == name)
            return name == "unknown" ? std::nullopt : std::optional{code};
    }
    return std::nullopt;
}

errc nearest_errc(std::int32_t code) {
    using namespace response_code;
    switch (code) {
    case success: return errc::none;
    case system_busy:
    case flow_control: return errc::busy;
    case request_code_not_supported:
    case version_not_supported: return errc::not_supported;
    case illegal_operation: return errc::operation_illegal;
    case flush_disk_timeout:
    case slave_not_available:
    case flush_slave_timeout:
    case consume_msg_timeout: return errc::timed_out;
    case message_illegal: return errc::message_illegal;
    case service_not_available:
    case go_away: return errc::shutting_down;
    case no_permission:
    case not_leader_for_queue: return errc::not_permitted;
    case topic_not_exist: return errc::topic_not_found;
    case topic_exist_already: return errc::already_exists;
    case pull_not_found:
    case pull_retry_immediately: return errc::end_of_log;
    case pull_offset_moved: return errc::offset_too_small;
    case query_not_found: return errc::offset_not_found;
    case subscription_parse_failed: return errc::subscription_illegal;
    case subscription_not_exist:
    case filter_data_not_exist:
    case filter_data_not_latest: return errc::subscription_not_found;
    case subscription_not_latest: return errc::subscription_outdated;
    case subscription_group_not_exist:
    case consumer_not_online: return errc::group_not_found;
    case invalid_parameter: return errc::argument_illegal;
    default: return errc::internal;
    }
}

} // namespace

std::int32_t to_response_code(errc code) {
    using namespace response_code;
    switch (code) {
    case errc::none: return success;
    case errc::body_too_large:
    case errc::properties_too_large:
    case errc::message_illegal:
    case errc::property_illegal: return message_illegal;
    case errc::topic_illegal:
    case errc::group_illegal:
    case errc::argument_illegal:
    case errc::system_name:
    case errc::queue_not_found: return invalid_parameter;
    case errc::topic_not_found:
    case errc::no_route: return topic_not_exist;
    case errc::group_not_found: return subscription_group_not_exist;
    case errc::not_permitted: return no_permission;
    case errc::offset_too_small:
    case errc::offset_too_large: return pull_offset_moved;
    case errc::offset_not_found:
    case errc::message_not_found:
    case errc::not_found: return query_not_found;
    case errc::not_supported: return request_code_not_supported;
    case errc::operation_illegal: return illegal_operation;
    case errc::subscription_illegal: return subscription_parse_failed;
    case errc::subscription_not_found: return subscription_not_exist;
    case errc::subscription_outdated: return subscription_not_latest;
    case errc::busy: return system_busy;
    case errc::disk_full:
    case errc::store_read_only:
    case errc::shutting_down: return service_not_available;
    case errc::already_exists: return topic_exist_already;
    case errc::end_of_log: return pull_not_found;
    case errc::timed_out:
    case errc::connection_lost:
    case errc::connect_failed:
    case errc::no_name_server:
    case errc::io:
    case errc::corrupt:
    case errc::locked:
    case errc::format_unknown:
    case errc::protocol_error:
    case errc::config_illegal:
    case errc::address_in_use:
    case errc::internal: return system_error;
    }
    return system_error;
}

std::string to_remark(const error& failure) {
    return to_string(failure);
}

errc to_errc(std::int32_t code, std::string_view remark) {
    const auto named = named_errc(remark);
    return named && to_response_code(*named) == code ? *named : nearest_errc(code);
}

error to_error(std::int32_t code, std::string_view remark) {
    const errc kind = to_errc(code, remark);
    const auto name = to_string_view(kind);
    if (remark == name)
        return {kind, {}};
    const bool repeats_name = remark.size() > name.size() + 1 && remark.starts_with(name) && remark.substr(name.size(), 2) == ": ";
    return {kind, std::string{repeats_name ? remark.substr(name.size() + 2) : remark}};
}

} // namespace troupe::protocol
