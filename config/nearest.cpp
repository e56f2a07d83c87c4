#include "config/nearest.hpp"

#include <algorithm>
#include <limits>

namespace troupe::config {

namespace {

/// Longer words are nobody's typing mistake; the bound keeps the cost of hostile input small.
constexpr std::size_t word_bytes_max = 128;

std::string lower(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

} // namespace

std::size_t edit_distance(std::string_view x, std::string_view y) {
    std::vector<std::size_t> before_last(y.size() + 1);
    std::vector<std::size_t> last(y.size() + 1);
    std::vector<std::size_t> now(y.size() + 1);
    for (std::size_t j = 0; j <= y.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= x.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= y.size(); ++j) {
            const std::size_t replace = last[j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1);
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, replace});
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1]) {
                now[j] = std::min(now[j], before_last[j - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, now);
    }
    return last[y.size()];
}

std::string nearest(std::string_view written, const std::vector<std::string>& candidates) {
    if (written.size() > word_bytes_max) {
        return {};
    }
    const std::string word = lower(written);
    std::string best;
    std::size_t best_distance = std::numeric_limits<std::size_t>::max();
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, lower(candidate));
        const std::size_t allowed = std::max<std::size_t>(2, candidate.size() / 3);
        // Two changes turn any two-letter word into any other: at least one letter must stay.
        if (distance <= allowed && distance < std::max(word.size(), candidate.size()) && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

} // namespace troupe::config
