#include "actors/messages/type_ids.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <string>
#include <utility>

namespace troupe::actors {

namespace {

constexpr auto category = caf::atom("troupe");

std::string text_of(const caf::message& context) {
    return context.match_elements<std::string>() ? context.get_as<std::string>(0) : "";
}

errc code_of(const caf::error& failure) {
    if (failure.category() == caf::atom("exit"))
        return errc::shutting_down;
    if (failure.category() != caf::atom("system"))
        return errc::internal;
    switch (static_cast<caf::sec>(failure.code())) {
    case caf::sec::request_timeout: return errc::timed_out;
    case caf::sec::request_receiver_down: return errc::shutting_down;
    case caf::sec::remote_linking_failed:
    case caf::sec::connection_timeout:
    case caf::sec::cannot_connect_to_node: return errc::connection_lost;
    default: return errc::internal;
    }
}

} // namespace

void register_types(caf::actor_system_config& config) {
    config.add_error_category(category, [](std::uint8_t code, caf::atom_value, const caf::message& context) {
        return to_string(error{static_cast<errc>(code), text_of(context)});
    });
}

caf::error make_caf_error(const error& failure) {
    return make_caf_error(failure.code, failure.text);
}

caf::error make_caf_error(errc code, std::string text) {
    if (code == errc::none)
        return {};
    return caf::error{static_cast<std::uint8_t>(code), category, caf::make_message(std::move(text))};
}

error to_error(const caf::error& failure) {
    if (!failure)
        return {};
    if (failure.category() == category)
        return {static_cast<errc>(failure.code()), text_of(failure.context())};
    const auto code = code_of(failure);
    switch (code) {
    case errc::timed_out: return {code, "no answer before the deadline; the outcome is unknown"};
    case errc::shutting_down: return {code, "the role that should answer has ended"};
    default: return {code, caf::to_string(failure)};
    }
}

} // namespace troupe::actors
