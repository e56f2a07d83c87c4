#!/bin/sh
# Git's pre-commit hook, installed by `./dev setup`: what is about to be committed has the project's format.
# It checks the staged content, not the working files. Skip it once with `git commit --no-verify`.
command -v clang-format-14 >/dev/null || exit 0
failed=0
for file in $(git diff --cached --name-only --diff-filter=ACMR -- '*.hpp' '*.cpp'); do
    if ! git show ":$file" | clang-format-14 --assume-filename="$file" --dry-run -Werror 2>/dev/null; then
        echo "not formatted: $file"
        failed=1
    fi
done
[ "$failed" -eq 0 ] || echo "Run ./dev format, then stage the changes."
exit "$failed"
