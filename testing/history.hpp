#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// What a test did and saw: which sends were acknowledged, which have an unknown outcome, and every delivery. Safe from any
/// thread. The checkers below say what a broker must have kept.
class history {
public:
    /// Where a message lives: (topic, broker, queue number), as text, and its offset.
    struct place {
        std::string queue;
        std::int64_t offset = 0;
        friend auto operator<=>(const place&, const place&) = default;
    };

    /// A send was begun: from here on its message may be delivered. Ids are the test's own, and unique.
    void sending(const std::string& id);
    /// The broker acknowledged it. `attempts` over 1: it may have been stored more than once.
    void acknowledged(const std::string& id, place where, int attempts);
    /// The send failed with an error that leaves the outcome open, or for good: either way it may or may not be there.
    void failed(const std::string& id);
    void delivered(const std::string& id, place where);

    [[nodiscard]] std::uint64_t acknowledged_count() const;
    [[nodiscard]] std::uint64_t delivered_count() const;
    /// True when every acknowledged message was delivered at least once from the place where it was acknowledged.
    [[nodiscard]] bool complete() const;

private:
    friend struct verdict;
    friend struct verdict check(const history& all);

    mutable std::mutex mutex_;
    std::set<std::string> begun_;
    std::map<std::string, std::pair<place, int>> acknowledged_;
    std::set<std::string> failed_;
    std::map<std::string, std::set<place>> delivered_;
    std::map<place, std::string> content_; ///< first message seen at a place
    std::vector<std::string> contradictions_;
    std::uint64_t deliveries_ = 0;
    std::set<std::string> missing_; ///< acknowledged and not delivered from there
};

/// What was wrong, if anything, and what was merely worth counting.
struct verdict {
    std::vector<std::string> lost;           ///< acknowledged, never delivered
    std::vector<std::string> phantoms;       ///< delivered, never sent
    std::vector<std::string> contradictions; ///< two messages at one place, or an acknowledged one elsewhere than told
    std::uint64_t stored_twice = 0;          ///< messages at more than one place, explained by a retry of the client
    std::vector<std::string> stored_twice_unexplained;
    std::uint64_t redeliveries = 0; ///< the same place delivered again (at least once allows it)

    [[nodiscard]] bool good() const {
        return lost.empty() && phantoms.empty() && contradictions.empty() && stored_twice_unexplained.empty();
    }
};
std::string to_string(const verdict& v);

verdict check(const history& all);

} // namespace troupe::testing
