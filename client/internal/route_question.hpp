#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace troupe::client {

/// One look-up of one topic: the name servers in turn, until one knows it.
class route_question {
public:
    explicit route_question(std::string topic) : topic_{std::move(topic)} {}

    [[nodiscard]] const std::string& topic() const { return topic_; }
    /// What to ask for: the topic, or the one whose route stands in for it.
    [[nodiscard]] const std::string& asked_for() const;
    [[nodiscard]] bool is_by_template() const { return by_template_; }

    /// Which of `servers` name servers to ask next, beginning with number `turn`, counted round and round. Nothing: all were asked.
    std::optional<std::size_t> next_server(std::size_t turn, std::size_t servers);
    /// How many were asked in vain before the last.
    [[nodiscard]] std::size_t passed_over() const { return tried_ > 1 ? tried_ - 1 : 0; }
    /// The last that was asked has no route, or does not answer. What one says counts more than that another is silent.
    void refused(const error& failure);

    /// Those that answered say that there is no such topic.
    [[nodiscard]] bool is_unknown() const { return answered_ > 0 && last_.code == errc::topic_not_found; }
    /// The same look-up, by RocketMQ's topic for those that are made on their first send.
    [[nodiscard]] route_question by_template() const;
    /// What came of it when all `servers` were asked and none knew.
    [[nodiscard]] error failure(std::size_t servers) const;

private:
    std::string topic_;
    bool by_template_ = false;
    std::size_t tried_ = 0;
    std::size_t answered_ = 0;
    error last_;
};

} // namespace troupe::client
