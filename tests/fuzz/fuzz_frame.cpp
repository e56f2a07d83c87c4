#include "protocol/remoting_command.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/same_command.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto size = protocol::frame_size(bytes);
    if (!size || !*size || **size > bytes.size())
        return;
    fuzz::check_frame(payload{std::string{bytes.substr(0, **size)}});
}
