#pragma once

#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// How groups take messages of topics, where somebody has said so; elsewhere they pull.
///
/// Threads  not synchronised.
/// Bounded  at most `modes_max`, for those who ask check_room first.
class request_modes {
public:
    explicit request_modes(std::size_t modes_max) : modes_max_{modes_max} {}

    [[nodiscard]] request_mode find(const std::string& topic, const std::string& group) const;
    /// Fails with busy when one more is too many.
    [[nodiscard]] result<void> check_room(const std::string& topic, const std::string& group) const;
    void set(request_mode mode);
    /// Of what was deleted; an empty name: nothing.
    void forget(const std::string& topic, const std::string& group);
    /// By topic and group.
    [[nodiscard]] std::vector<request_mode> list() const;

private:
    std::size_t modes_max_;
    std::map<std::pair<std::string, std::string>, request_mode> modes_; ///< by topic and group
};

} // namespace troupe::actors
