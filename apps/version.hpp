#pragma once

#include <string_view>

namespace troupe::apps {

/// "troupe 0.1.0"; the number comes from the top CMakeLists.txt.
extern const std::string_view version_text;

} // namespace troupe::apps
