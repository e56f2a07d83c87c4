#pragma once

#include "protocol/vocabulary/result.hpp"
#include "storage/message_store.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe::actors {

/// Which messages a subscription wants; null: every one. Immutable, and may be used from any thread.
using message_filter = std::shared_ptr<const storage::record_filter>;

inline constexpr std::string_view sql92_type = "SQL92";

/// The filter that a subscription means. `type` is "TAG" or empty: "*" or nothing for every message, or tags joined by "||"; or it is
/// "SQL92": a condition over properties. Fails with subscription_illegal for any other type, for an expression of nothing but bars,
/// for one that is too long, and for SQL92 that does not compile, with its column.
/// Source: RocketMQ's FilterAPI and SelectorParser; docs/reference/sql92.md.
result<message_filter> parse_message_filter(std::string_view expression, std::string_view type);

/// Whether a subscription of this type to the topic filters at all. SQL92 does not in retry topics: a failed message was wanted when it was
/// delivered first, and has other properties now.
[[nodiscard]] bool is_filtered(std::string_view topic, std::string_view type);

/// The filters of the expressions that consumers pull with, each compiled once.
///
/// Threads  not synchronised.
/// Bounds   `count_max` expressions of `bytes_max` bytes together, refused ones included; beyond, all are forgotten and compiled again
///          as they come. A compiled expression takes a few dozen times the bytes of its text.
class message_filters {
public:
    explicit message_filters(std::size_t count_max = 1'024, std::size_t bytes_max = 1u << 20)
        : count_max_{count_max}, bytes_max_{bytes_max} {}

    /// As parse_message_filter. What is equal gets the same filter, so that one read serves all who want it.
    result<message_filter> find(const std::string& expression, const std::string& type);

    [[nodiscard]] std::size_t size() const { return known_.size(); }

private:
    std::size_t count_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::unordered_map<std::string, result<message_filter>> known_; ///< by type and expression
};

} // namespace troupe::actors
