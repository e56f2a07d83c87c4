#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

namespace troupe {

/// A value or an `error`. The caller must look before taking the value.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : content_{std::in_place_index<0>, std::move(value)} {}
    result(error failure) : content_{std::in_place_index<1>, std::move(failure)} {}

    [[nodiscard]] bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }

    /// Must hold a value.
    [[nodiscard]] T& value() & {
        assert(ok());
        return *std::get_if<0>(&content_);
    }
    [[nodiscard]] const T& value() const& {
        assert(ok());
        return *std::get_if<0>(&content_);
    }
    /// By value, so that the value outlives a temporary result in a range-based for.
    [[nodiscard]] T value() && {
        assert(ok());
        return std::move(*std::get_if<0>(&content_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    /// Must hold an error.
    [[nodiscard]] const troupe::error& failure() const {
        assert(!ok());
        return *std::get_if<1>(&content_);
    }
    /// errc::none when there is a value.
    [[nodiscard]] errc code() const { return ok() ? errc::none : failure().code; }

private:
    std::variant<T, troupe::error> content_;
};

/// Success without a value, or an `error`.
template <>
class [[nodiscard]] result<void> {
public:
    result() = default;
    result(error failure) : failure_{std::move(failure)} {}

    [[nodiscard]] bool ok() const { return !failure_; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const troupe::error& failure() const {
        assert(failure_);
        return *failure_;
    }
    [[nodiscard]] errc code() const { return failure_ ? failure_->code : errc::none; }

private:
    std::optional<troupe::error> failure_;
};

} // namespace troupe
