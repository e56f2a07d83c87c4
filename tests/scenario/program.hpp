#pragma once

#include "testing/process_node.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

namespace troupe::scenario {

/// How to run the troupe binary ($TROUPE_BINARY) as a process_node does not: with any arguments, and less rights.
struct program_options {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment; ///< besides the test's own
    std::filesystem::path directory;                ///< where it works, and where its output goes ("output.log")
    std::optional<uid_t> user;                      ///< who it runs as; only root may ask for another
    std::optional<rlim_t> file_bytes_max;           ///< no file of it may grow larger
};

/// A process of the troupe binary; killed when destroyed.
class program {
public:
    explicit program(program_options options);
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program();

    [[nodiscard]] bool running();
    /// SIGTERM, and waits.
    testing::process_end stop();
    /// Waits for a process that ends by itself. A process that does not end in 20 s is killed: its end is then a signal.
    testing::process_end wait();
    [[nodiscard]] std::string output() const;

private:
    program_options options_;
    pid_t process_ = 0;
    testing::process_end end_;
};

} // namespace troupe::scenario
