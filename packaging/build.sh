#!/usr/bin/env bash
# The Debian package, by debhelper, from a copy of the sources (debhelper wants debian/ at the root and writes there).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
out=$root/build/package
log=$root/build/log/package.log
rm -rf "$out"
mkdir -p "$out/kpid" "$root/build/log"

git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
    [ -e "$file" ] && printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -C "$out/kpid" -xf -
cp -R "$out/kpid/packaging/debian" "$out/kpid/debian"
install -m 644 systemd/kpid.service "$out/kpid/debian/kpid.service"

# One version for all: CMakeLists.txt. The time is that of the last commit, so that the same sources give the same
# package.
version=$(sed -n 's/^project(kpid VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
cat >"$out/kpid/debian/changelog" <<TEXT
kpid ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- kpid maintainers <maintainers@kpid.invalid>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
TEXT

if ! (cd "$out/kpid" && dpkg-buildpackage -b -us -uc) >"$log" 2>&1 </dev/null; then
    tail -n 60 "$log" >&2
    echo "package: failed; all of it: $log" >&2
    exit 1
fi
rm -rf "$out/kpid"
ls "$out"/*.deb
