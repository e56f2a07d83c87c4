#!/usr/bin/env bash
# fuzz_target.sh SECONDS FAILED TARGET: one target of ./dev fuzz, from its seeds and what earlier runs found worth keeping.
# Its output goes to build/log/<name of target>.log. A target that fails appends its name to the file FAILED.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=$1 failed=$2 target=$3
name=$(basename "$target")
corpus=(build/fuzz/corpus/"$name")
[ ! -d tests/fuzz/corpus/"$name" ] || corpus+=(tests/fuzz/corpus/"$name")
mkdir -p "${corpus[0]}" build/fuzz/findings
echo "$name"
"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$name-" "${corpus[@]}" >"build/log/$name.log" 2>&1 || {
    echo "$name" >>"$failed"
    exit 1
}
