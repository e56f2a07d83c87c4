#include "protocol/vocabulary/payload.hpp"

#include <algorithm>

namespace troupe {

payload payload::slice(std::size_t first, std::size_t bytes) const {
    payload part{*this};
    first = std::min(first, bytes_);
    part.first_ = first_ + first;
    part.bytes_ = std::min(bytes, bytes_ - first);
    return part;
}

} // namespace troupe
