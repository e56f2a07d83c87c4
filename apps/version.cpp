#include "apps/version.hpp"

namespace troupe::apps {

const std::string_view version_text = "troupe " TROUPE_VERSION;

} // namespace troupe::apps
