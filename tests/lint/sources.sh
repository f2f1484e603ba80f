#!/usr/bin/env bash
# The C files of the project, committed or about to be.
cd "$(dirname "$0")/../.." || exit 1
git ls-files -co --exclude-standard -- '*.c' '*.h' | while read -r file; do
    [ -e "$file" ] && echo "$file"
done
