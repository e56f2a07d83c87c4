#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::apps {

/// What was wrong with the deliveries of a run; all zero when nothing was.
struct delivery_verdict {
    std::int64_t lost = 0;
    std::int64_t duplicated = 0;
    std::int64_t altered = 0;      ///< another body than was sent, or a number that was not sent
    std::int64_t out_of_order = 0; ///< delivered behind a message of its queue that was sent later
    [[nodiscard]] bool good() const { return lost == 0 && duplicated == 0 && altered == 0 && out_of_order == 0; }
};
/// "2 lost, 0 duplicated, 1 altered, 0 out of order".
std::string to_string(const delivery_verdict& verdict);

/// Compares what arrives with what was sent: message `i` has body `lines[i]`, and was sent before message i + 1.
/// Not synchronised. `lines` must outlive it.
class delivery_check {
public:
    explicit delivery_check(const std::vector<std::string>& lines) : lines_{lines}, times_(lines.size()) {}

    void delivered(std::size_t number, const std::string& queue, std::int64_t offset, std::string_view body);
    /// How many messages the queues got in all: a copy that nobody was given yet counts as a duplicate, too.
    void stored(std::int64_t messages) { stored_ = messages; }
    /// Every message has arrived at least once.
    [[nodiscard]] bool complete() const { return arrived_ == lines_.size(); }
    [[nodiscard]] delivery_verdict verdict() const;

private:
    struct last_of_queue {
        std::int64_t number = -1;
        std::int64_t offset = -1;
    };

    const std::vector<std::string>& lines_;
    std::vector<std::int32_t> times_;
    std::map<std::string, last_of_queue> last_;
    std::size_t arrived_ = 0;
    std::int64_t stored_ = -1; ///< not told
    delivery_verdict found_;
};

/// Durations in milliseconds. Keeps them all: meant for one run of a command.
class latencies {
public:
    void add(double ms) { values_.push_back(ms); }
    /// Smallest value that is not below `percent` per cent of all; 0 when there is none.
    [[nodiscard]] double percentile(double percent) const;

private:
    std::vector<double> values_;
};

} // namespace troupe::apps
