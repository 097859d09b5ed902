#!/usr/bin/env bash
# Makes a release for hosts without containers: lyceum-VERSION-RID.tar.gz with the five services and `lyceum`, each with the .NET
# runtime it needs, compiled ahead of time, the web UI inside the gateway's, and deploy/ and docs/.
#   scripts/release.sh [--rid linux-x64|linux-arm64] [--output FOLDER] [--no-web]
# Needs the .NET SDK, and Node.js 20.19 or newer unless --no-web. The version is Directory.Build.props', the revision git's.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rid=linux-x64 output=$root/.build/release web=(-p:RequireWeb=true)
while (( $# )); do
  case $1 in
    --rid) rid=$2; shift 2 ;;
    --output) output=$(realpath -m -- "$2"); shift 2 ;;
    --no-web) web=(-p:BuildWeb=false); shift ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"
need_dotnet
cd "$root"

version=$(sed -n 's/.*<Version>\(.*\)<\/Version>.*/\1/p' Directory.Build.props)
name=lyceum-$version-$rid
stage=$output/$name
rm -rf "$stage" "$stage.tar.gz"
mkdir -p "$stage"

publish() { # PROJECT FOLDER [PROPERTY…]
  local project=$1 folder=$2
  shift 2
  say "Publishing $folder …"
  dotnet publish "$project" -c Release -r "$rid" -p:RunAnalyzers=false -p:DebugType=none \
    -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false \
    -o "$stage/$folder" -nologo -v quiet "$@"
}
publish ChatApi chat-api
publish SessionApi session-api
publish GpuEngine gpu-engine
publish RoadmapWorker roadmap-worker
publish Gateway gateway "${web[@]}"
publish Cli cli
cp -r deploy docs LICENSE "$stage/"
printf '%s %s\n' "$version" "$(git rev-parse HEAD 2>/dev/null || echo unknown)" > "$stage/VERSION"

# The runtime is the same in all six folders: one file with six names takes its place once, on disk and in memory.
if command -v hardlink > /dev/null; then hardlink --quiet "$stage"; fi
tar -C "$output" --owner=0 --group=0 --numeric-owner --sort=name -czf "$stage.tar.gz" "$name"
(cd "$output" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
say "$(du -h "$stage.tar.gz" | cut -f1)  $stage.tar.gz"
