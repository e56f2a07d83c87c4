#include "client/internal/route_question.hpp"

#include "client/internal/retry_policy.hpp"

namespace troupe::client {

const std::string& route_question::asked_for() const {
    static const std::string template_topic{"TBW102"};
    return by_template_ ? template_topic : topic_;
}

std::optional<std::size_t> route_question::next_server(std::size_t turn, std::size_t servers) {
    if (tried_ >= servers)
        return std::nullopt;
    return (turn + tried_++) % servers;
}

void route_question::refused(const error& failure) {
    const bool spoke = classify_send_failure(failure.code) != retry_kind::until_timeout && failure.code != errc::timed_out;
    answered_ += spoke ? 1 : 0;
    if (spoke || last_.code == errc::none)
        last_ = failure;
}

route_question route_question::by_template() const {
    route_question other{topic_};
    other.by_template_ = true;
    return other;
}

error route_question::failure(std::size_t servers) const {
    if (answered_ == 0)
        return {errc::no_name_server,
                "none of " + std::to_string(servers) + " name servers answers (" + to_string(last_) + "); are they running?"};
    auto failure = last_;
    if (is_unknown())
        failure.text = "no name server knows topic " + topic_ + "; create it first";
    return failure;
}

} // namespace troupe::client
