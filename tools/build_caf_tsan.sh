#!/bin/sh
# Builds CAF 0.17.6 (core and io) with ThreadSanitizer from Debian's source package into PREFIX.
#
# Why: Debian's CAF is not instrumented, so TSan sees half of every synchronisation and reports races that are none;
# hiding them would hide ours too. With CAF rebuilt, every report is real.
#
# Usage: tools/build_caf_tsan.sh PREFIX [JOBS]
# Needs the network once (apt, with its own configuration under PREFIX: nothing below /etc changes). Idempotent.
set -eu

prefix=${1:?usage: tools/build_caf_tsan.sh PREFIX [JOBS]}
jobs=${2:-$(nproc)}
version=0.17.6
package=actor-framework

# The stamp holds what the build depends on, so that a changed script or compiler builds again.
recipe="$(cksum <"$0") $(g++ -dumpfullversion)"
if [ -f "$prefix/stamp" ] && [ "$(cat "$prefix/stamp")" = "$recipe" ]; then
    echo "CAF $version with TSan is already in $prefix"
    exit 0
fi
mkdir -p "$prefix/apt/lists/partial" "$prefix/apt/cache/archives/partial" "$prefix/source"
prefix=$(cd "$prefix" && pwd)

fetch_source() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'deb-src [signed-by=%s] http://deb.debian.org/debian bookworm main\n' "$keyring" >"$prefix/apt/sources.list"
    set -- -q \
        -o Dir::Etc::SourceList="$prefix/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$prefix/apt/lists" -o Dir::Cache="$prefix/apt/cache" -o APT::Sandbox::User="$(id -un)"
    apt-get "$@" update
    # Only the upstream archive: Debian's changes to it concern packaging. apt checks its hash against the signed index.
    (cd "$prefix/apt" && apt-get "$@" source --tar-only "$package")
    tar -xzf "$prefix/apt/${package}_$version.orig.tar.gz" -C "$prefix/source" --strip-components=1
}

[ -f "$prefix/source/libcaf_io/CMakeLists.txt" ] || fetch_source

# GCC 12's headers no longer bring in what CAF 0.17 uses without including it.
includes='-include cstdint -include limits -include string'
cmake -S "$prefix/source" -B "$prefix/build" -G Ninja -Wno-dev --log-level=WARNING \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_CXX_FLAGS="-fsanitize=thread -O1 -g1 -fno-omit-frame-pointer $includes" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
    -DCAF_NO_TOOLS=ON -DCAF_NO_EXAMPLES=ON -DCAF_NO_UNIT_TESTS=ON -DCAF_NO_OPENCL=ON -DCAF_NO_OPENSSL=ON \
    -DCAF_NO_PYTHON=ON -DCAF_NO_SUMMARY=ON
ninja -C "$prefix/build" -j "$jobs" install

printf '%s' "$recipe" >"$prefix/stamp"
echo "CAF $version with TSan is in $prefix"
