#!/bin/sh
# Checks that every C++ file has the format of .clang-format. With --fix, rewrites those that do not.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = --fix ]; then
    set -- -i
else
    set -- --dry-run -Werror
fi
list_sources() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- '*.hpp' '*.cpp' | while read -r file; do
            [ ! -e "$file" ] || printf '%s\n' "$file"
        done
    else
        find . -path ./build -prune -o \( -name '*.hpp' -o -name '*.cpp' \) -print
    fi
}
list_sources | xargs -r -n 40 clang-format-14 "$@"
