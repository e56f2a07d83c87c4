#include "apps/command_line.hpp"

#include <iostream>

int main(int count, char** arguments) {
    return static_cast<int>(troupe::apps::run_command_line({arguments + 1, arguments + count}, std::cout, std::cerr));
}
