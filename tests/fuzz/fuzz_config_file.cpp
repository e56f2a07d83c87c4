#include "config/load_config.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    config::config_source source;
    source.file_name = "fuzzed.json";
    source.file_text = std::string{bytes};
    const auto outcome = config::load_config(source);
    fuzz::require(outcome.loaded.has_value() == outcome.mistakes.empty(), "a configuration or its mistakes, never both");
    for (const auto& mistake : outcome.mistakes)
        fuzz::require(!mistake.place.empty() && !mistake.text.empty(), "a mistake says where and what");
}
