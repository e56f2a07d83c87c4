#include "testing/history.hpp"

#include <sstream>

namespace troupe::testing {

namespace {

std::string to_text(const history::place& where) {
    return where.queue + " offset " + std::to_string(where.offset);
}

void list(std::ostringstream& out, const char* title, const std::vector<std::string>& all) {
    constexpr std::size_t shown_max = 10;
    if (all.empty()) {
        return;
    }
    out << all.size() << ' ' << title << ':';
    for (std::size_t i = 0; i < all.size() && i < shown_max; ++i) {
        out << "\n  " << all[i];
    }
    out << '\n';
}

} // namespace

void history::sending(const std::string& id) {
    const std::lock_guard lock{mutex_};
    begun_.insert(id);
}

void history::acknowledged(const std::string& id, place where, int attempts) {
    const std::lock_guard lock{mutex_};
    const auto [at, is_new] = content_.emplace(where, id);
    if (!is_new && at->second != id) {
        contradictions_.push_back(to_text(where) + " was acknowledged for " + id + " and holds " + at->second);
    }
    const auto seen = delivered_.find(id);
    if (seen == delivered_.end() || seen->second.count(where) == 0) {
        missing_.insert(id);
    }
    acknowledged_[id] = {std::move(where), attempts};
}

void history::failed(const std::string& id) {
    const std::lock_guard lock{mutex_};
    failed_.insert(id);
}

void history::delivered(const std::string& id, place where) {
    const std::lock_guard lock{mutex_};
    ++deliveries_;
    // A copy that a retry left elsewhere is not the one that was acknowledged.
    if (const auto told = acknowledged_.find(id); told != acknowledged_.end() && told->second.first == where) {
        missing_.erase(id);
    }
    const auto [at, is_new] = content_.emplace(where, id);
    if (!is_new && at->second != id) {
        contradictions_.push_back(to_text(where) + " was delivered as " + id + " and as " + at->second);
    }
    delivered_[id].insert(std::move(where));
}

std::uint64_t history::acknowledged_count() const {
    const std::lock_guard lock{mutex_};
    return acknowledged_.size();
}

std::uint64_t history::delivered_count() const {
    const std::lock_guard lock{mutex_};
    return deliveries_;
}

bool history::complete() const {
    const std::lock_guard lock{mutex_};
    return missing_.empty();
}

verdict check(const history& all) {
    const std::lock_guard lock{all.mutex_};
    verdict found;
    found.contradictions = all.contradictions_;
    for (const auto& [id, told] : all.acknowledged_) {
        const auto seen = all.delivered_.find(id);
        if (seen == all.delivered_.end()) {
            found.lost.push_back(id + ", acknowledged at " + to_text(told.first));
        } else if (seen->second.count(told.first) == 0) {
            found.contradictions.push_back(id + " was acknowledged at " + to_text(told.first) + " and delivered only from " +
                                           to_text(*seen->second.begin()));
        }
    }
    std::uint64_t places = 0;
    for (const auto& [id, where] : all.delivered_) {
        places += where.size();
        if (all.begun_.count(id) == 0) {
            found.phantoms.push_back(id + " at " + to_text(*where.begin()));
        }
        if (where.size() < 2) {
            continue;
        }
        const auto told = all.acknowledged_.find(id);
        const bool retried = all.failed_.count(id) > 0 || (told != all.acknowledged_.end() && told->second.second > 1);
        if (retried) {
            ++found.stored_twice;
        } else {
            found.stored_twice_unexplained.push_back(id);
        }
    }
    found.redeliveries = all.deliveries_ - places;
    return found;
}

std::string to_string(const verdict& v) {
    std::ostringstream out;
    list(out, "acknowledged messages were lost", v.lost);
    list(out, "messages were delivered that nobody sent", v.phantoms);
    list(out, "contradictions", v.contradictions);
    list(out, "messages were stored twice without a retry", v.stored_twice_unexplained);
    out << v.stored_twice << " stored twice by a retry, " << v.redeliveries << " redeliveries\n";
    return out.str();
}

} // namespace troupe::testing
