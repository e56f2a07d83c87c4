#include "apps/commands/delivery_check.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::apps {

std::string to_string(const delivery_verdict& verdict) {
    return std::to_string(verdict.lost) + " lost, " + std::to_string(verdict.duplicated) + " duplicated, " +
           std::to_string(verdict.altered) + " altered, " + std::to_string(verdict.out_of_order) + " out of order";
}

void delivery_check::delivered(std::size_t number, const std::string& queue, std::int64_t offset, std::string_view body) {
    if (number >= lines_.size() || lines_[number] != body) {
        ++found_.altered;
        return;
    }
    if (++times_[number] > 1) {
        ++found_.duplicated;
        return;
    }
    ++arrived_;
    last_of_queue& last = last_[queue];
    if (static_cast<std::int64_t>(number) < last.number || offset < last.offset) {
        ++found_.out_of_order;
    }
    last.number = std::max(last.number, static_cast<std::int64_t>(number));
    last.offset = std::max(last.offset, offset);
}

delivery_verdict delivery_check::verdict() const {
    delivery_verdict result = found_;
    result.lost = static_cast<std::int64_t>(lines_.size() - arrived_);
    if (stored_ >= 0) {
        const auto surplus = stored_ - static_cast<std::int64_t>(lines_.size());
        result.duplicated = std::max(result.duplicated, surplus);
        result.lost = std::max(result.lost, -surplus);
    }
    return result;
}

double latencies::percentile(double percent) const {
    if (values_.empty()) {
        return 0;
    }
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
    return sorted[std::min(sorted.size(), static_cast<std::size_t>(std::max(1.0, rank))) - 1];
}

} // namespace troupe::apps
