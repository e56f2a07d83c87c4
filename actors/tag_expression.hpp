#pragma once

#include "protocol/vocabulary/result.hpp"
#include "storage/message_store.hpp"

#include <memory>
#include <string_view>

namespace troupe::actors {

/// The filter that a subscription means: "*" or nothing for every message (a null pointer), or tags joined by "||".
/// `type` is "TAG" or empty. Fails with not_supported for "SQL92", subscription_illegal for any other type and for an
/// expression of nothing but bars. Source: reference "broker-semantics.md" 5.1.
result<std::shared_ptr<const storage::tag_filter>> parse_tag_expression(std::string_view expression, std::string_view type);

} // namespace troupe::actors
