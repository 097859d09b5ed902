#!/usr/bin/env bash
# Prints the notes of a release: its section of CHANGELOG.md, without the heading.
#   scripts/release-notes.sh VERSION [CHANGELOG]
# Exit status: 0 printed, 1 there is no such section or it is empty or not dated yet, 2 usage.
set -euo pipefail
version=${1:-} file=${2:-$(dirname "$0")/../CHANGELOG.md}
if [[ ! $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ || ! -f $file ]]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
heading=$(grep -F "## [$version]" "$file" | head -n 1 || true)
[[ $heading =~ ^'## ['"$version"'] - '[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
  { echo "error: CHANGELOG.md has no section '## [$version] - yyyy-mm-dd'${heading:+, but '$heading'}" >&2; exit 1; }
notes=$(awk -v heading="$heading" '
  $0 == heading { inside = 1; next }
  inside && /^## \[/ { exit }
  inside' "$file")
[[ $notes == *[![:space:]]* ]] || { echo "error: the section of $version in CHANGELOG.md is empty" >&2; exit 1; }
# Without the empty lines around; links of the repository lead to it.
sed -e '/./,$!d' <<< "$notes"
