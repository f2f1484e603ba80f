#!/usr/bin/env bash
# generated.sh KPID - files that are made from the tables of the code are what this kpid makes.
set -u
cd "$(dirname "$0")/../.." || exit 1
kpid=$1
bad=0

same() {
    local file=$1
    shift
    if ! diff -u "$file" <("$@") >build/log/lint-generated.diff; then
        echo "$file is stale: $* > $file"
        head -n 20 build/log/lint-generated.diff
        bad=1
    fi
}

# The page holds what the command prints, word for word.
holds() {
    local file=$1
    shift
    if ! python3 -c 'import sys; sys.exit(sys.stdin.read() not in open(sys.argv[1], encoding="utf-8").read())' "$file" \
        < <("$@"); then
        echo "$file does not hold what '$*' prints"
        bad=1
    fi
}

same config/schema.json "$kpid" check --schema
same docs/metrics.md "$kpid" --print-metrics-doc
holds docs/configuration.md "$kpid" check --reference
"$kpid" check --quiet --without-secrets config/kpid.yaml || bad=1

# The manual page names every command.
while read -r command; do
    grep -q "^\.It Cm $command\$" packaging/kpid.1 || {
        echo "packaging/kpid.1 does not name the command $command"
        bad=1
    }
done < <("$kpid" --help | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p')

[ $bad = 0 ] && echo "generated: what this kpid makes"
exit $bad
