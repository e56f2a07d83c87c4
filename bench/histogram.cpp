#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace troupe::bench {

std::size_t histogram::bucket_of(std::uint64_t value) {
    if (value < steps) {
        return static_cast<std::size_t>(value);
    }
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - steps_bits - 1;
    const auto step = static_cast<std::size_t>(value >> shift) - steps;
    return std::min((shift + 1) * steps + step, buckets - 1);
}

std::int64_t histogram::upper_bound_of(std::size_t bucket) {
    if (bucket < steps) {
        return static_cast<std::int64_t>(bucket);
    }
    const auto shift = bucket / steps - 1;
    const auto step = bucket % steps;
    return static_cast<std::int64_t>(((steps + step + 1) << shift) - 1);
}

void histogram::record(std::int64_t nanoseconds) {
    const auto value = std::max<std::int64_t>(nanoseconds, 0);
    ++counts_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    max_ = std::max(max_, value);
    sum_ += static_cast<double>(value);
}

void histogram::add(const histogram& other) {
    for (std::size_t i = 0; i < buckets; ++i) {
        counts_[i] += other.counts_[i];
    }
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

double histogram::mean() const {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::int64_t histogram::percentile(double fraction) const {
    if (count_ == 0) {
        return 0;
    }
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
        seen += counts_[i];
        if (seen >= wanted) {
            return std::min(upper_bound_of(i), max_);
        }
    }
    return max_;
}

} // namespace troupe::bench
