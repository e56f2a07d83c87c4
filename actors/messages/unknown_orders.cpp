#include "actors/messages/unknown_orders.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"

#include <caf/delegated.hpp>
#include <caf/message.hpp>
#include <caf/message_view.hpp>
#include <caf/result.hpp>
#include <caf/scheduled_actor.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace troupe::actors {

namespace {

/// "pull_messages", as it stands in the interfaces.
std::string name_of(const caf::type_erased_tuple& message) {
    if (message.empty() || message.type(0).second == nullptr)
        return "this message";
    const auto* mangled = message.type(0).second->name();
    int failure = 0;
    const std::unique_ptr<char, void (*)(void*)> plain{abi::__cxa_demangle(mangled, nullptr, nullptr, &failure), std::free};
    std::string name = plain ? plain.get() : mangled;
    constexpr std::string_view ours = "troupe::actors::";
    return name.rfind(ours, 0) == 0 ? name.substr(ours.size()) : name;
}

} // namespace

void refuse_unknown_orders(caf::scheduled_actor& self, std::string who) {
    self.set_default_handler([who = std::move(who)](caf::scheduled_actor* role, caf::message_view& message) -> caf::result<caf::message> {
        auto text = who + " does not serve " + name_of(message.content());
        if (!role->current_message_id().is_request()) {
            write_log(log_level::warning, text + ", which is dropped");
            return caf::delegated<caf::message>{}; // an error would reach the sender as a message of its own, and end it
        }
        return make_caf_error(errc::not_supported, std::move(text));
    });
}

} // namespace troupe::actors
