#!/usr/bin/env bash
# Runs one container in the foreground, its port on loopback, its data in a volume of its own name.
#
# container.sh RUNTIME NAME IMAGE PORT MOUNT VARIABLES [ARGUMENT…]
# Environment: HOST_PORT, and the VARIABLES (comma separated) that the container is given. A container of that name left
# by a killed parent is removed first; its data stays in the volume.
set -euo pipefail

runtime=$1 name=$2 image=$3 port=$4 mount=$5 variables=$6
shift 6

"$runtime" rm --force "$name" >/dev/null 2>&1 || true

options=()
IFS=, read -ra names <<< "$variables"
for variable in "${names[@]}"; do options+=(--env "$variable"); done

# The client would forward SIGTERM, which is not how every image wants to be stopped: the engine knows.
stop() { "$runtime" stop "$name" >/dev/null 2>&1 || true; }
trap stop TERM INT HUP

"$runtime" run --rm --sig-proxy=false --name "$name" --hostname "$name" --publish "127.0.0.1:$HOST_PORT:$port" \
  --volume "$name:$mount" "${options[@]}" "$image" "$@" &
client=$!

status=0
while true; do
  wait "$client" && status=0 || status=$?
  kill -0 "$client" 2>/dev/null || break
done
exit "$status"
