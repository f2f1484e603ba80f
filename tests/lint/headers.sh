#!/usr/bin/env bash
# Each header compiled alone: it names all that it uses.
cd "$(dirname "$0")/../.." || exit 1
cache=${KPID_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpid}
flags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror -fsyntax-only -I.
    -isystem "$cache/yyjson/usr/include")
check() {
    # From standard input, so that the header is a header and not the main file (#pragma once warns there).
    echo "#include \"$1\"" | "${CC:-gcc}" "${flags[@]}" -x c - || echo "$1 does not compile alone" >&2
}
bad=$(tests/lint/sources.sh | grep '\.h$' | while read -r header; do check "$header" 2>&1; done)
if [ -n "$bad" ]; then
    echo "$bad"
    exit 1
fi
echo "headers: each compiles alone"
