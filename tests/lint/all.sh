#!/usr/bin/env bash
# All checks of the sources; ./dev lint calls this. Every check runs, and the exit tells whether one failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
jobs=${KPID_JOBS:-$(nproc)}
failed=()

check() {
    local name=$1
    shift
    if ! "$@"; then
        echo "lint: $name: failed"
        failed+=("$name")
    fi
}

configure() {
    mkdir -p build/log
    cmake --preset debug -DKPID_TESTS=ON >build/log/lint-configure.log 2>&1 || {
        tail -n 30 build/log/lint-configure.log
        return 1
    }
}

# The core needs nothing but libc: see aggregators/CMakeLists.txt.
alone() {
    cmake --build build/debug -j "$jobs" --target aggregators_alone >build/log/lint-alone.log 2>&1 || {
        tail -n 30 build/log/lint-alone.log
        return 1
    }
    echo "aggregators: link with libc alone"
}

# Formatters of other versions differ in details, so only one of them judges.
format() {
    local want=14 have
    have=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
    if [ "$have" != $want ]; then
        echo "format: not judged: clang-format is $have, and the tree is formatted with $want"
        return 0
    fi
    tests/lint/sources.sh | xargs clang-format --dry-run --Werror && echo "format: as .clang-format says"
}

tidy() {
    local sources
    # The tests' own programs are left out (Criterion's macros are not ours to tidy), and what must name C's parameters.
    sources=$(tests/lint/sources.sh | grep '\.c$' | grep -v '^tests/.*/test_' | grep -v '^bench/' | grep -v tsan_threads)
    [ -n "$sources" ] || return 0
    # Each file by itself, so that all cores work; a finding is an error (.clang-tidy).
    echo "$sources" | xargs -P "$jobs" -n 4 clang-tidy -p build/debug --quiet 2>build/log/lint-tidy.log ||
        return 1
    echo "clang-tidy: nothing"
}

scripts() {
    local script bad=0
    while read -r script; do
        bash -n "$script" || bad=1
    done < <(git ls-files -co --exclude-standard | xargs grep -lE '^#!/usr/bin/env bash|^#!/bin/(ba)?sh' 2>/dev/null)
    git ls-files -co --exclude-standard -- '*.py' | xargs -r python3 -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)
' || bad=1
    [ $bad = 0 ] && echo "scripts: can be read"
}

# Reference pages, the sample and the schema are made from the tables of the code; a stale one is a fault.
generated() {
    local kpid=build/debug/bin/kpid
    [ -x tests/lint/generated.sh ] || return 0
    cmake --build build/debug -j "$jobs" --target kpid >build/log/lint-kpid.log 2>&1 || {
        tail -n 30 build/log/lint-kpid.log
        return 1
    }
    tests/lint/generated.sh "$kpid"
}

check places tests/lint/places.py
check headers tests/lint/headers.sh
check configure configure
check alone alone
check format format
check scripts scripts
check generated generated
if [ "${1:-}" != fast ]; then
    check tidy tidy
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi
echo "lint: all well"
