#include "apps/exit_code.hpp"
#include "tests/apps/run_command.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace troupe::apps;

TEST_CASE("docs/reference/cli.md names every command and every exit code") {
    std::ifstream file{TROUPE_SOURCE_DIRECTORY "/docs/reference/cli.md"};
    std::ostringstream text;
    text << file.rdbuf();
    for (const std::string command : {"node",
                                      "config check",
                                      "config explain",
                                      "config dump",
                                      "topic create",
                                      "topic list",
                                      "topic show",
                                      "topic update",
                                      "topic delete",
                                      "group list",
                                      "group reset",
                                      "group show",
                                      "group create",
                                      "group delete",
                                      "message show",
                                      "message find",
                                      "transaction list",
                                      "transaction commit",
                                      "transaction rollback",
                                      "transaction resume",
                                      "send",
                                      "consume",
                                      "cluster",
                                      "doctor",
                                      "store verify",
                                      "store stat",
                                      "store new-metadata",
                                      "selftest",
                                      "bench send",
                                      "bench consume",
                                      "bench suite",
                                      "timer list",
                                      "timer show",
                                      "timer cancel",
                                      "message trace",
                                      "group update",
                                      "dlq list",
                                      "dlq show",
                                      "dlq resend"}) {
        CAPTURE(command);
        CHECK(text.str().find("`troupe " + command) != std::string::npos);
    }
    // The codes are a contract with scripts.
    for (int code = 0; code <= 8; ++code) {
        CHECK(text.str().find("| " + std::to_string(code) + " |") != std::string::npos);
    }
}
