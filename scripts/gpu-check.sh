#!/usr/bin/env bash
# Does the engine read the GPUs of a machine as nvidia-smi does? For machines with a GPU and without .NET, in two steps:
#
#   scripts/gpu-check.sh pack [FILE]     here: the engine and its runtime, for Linux x64 (.build/gpu-check.tgz, about 50 MB)
#   scripts/gpu-check.sh run [FILE]      there: starts it with all GPUs, with one, with none, and compares
#
# `run` needs curl and nvidia-smi. Exit status: 0 all agree, 1 something does not, 2 it could not begin.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
file=${2:-$root/.build/gpu-check.tgz}

base64url() { base64 -w0 | tr '+/' '-_' | tr -d =; }

pack() {
  folder=$(mktemp -d) || exit 2
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$(dirname "$file")"
  dotnet publish "$root/GpuEngine" -c Release -r linux-x64 -p:RunAnalyzers=false \
    --artifacts-path "$folder/build" -o "$folder/engine" -v q -nologo || exit 2
  # An identity for nothing: no request of the check carries a token.
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/engine/key.pem" 2>/dev/null || exit 2
  openssl pkey -in "$folder/engine/key.pem" -pubout -outform DER | tail -c 64 >"$folder/point"
  printf '{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"gpu-engine-0000000000000000","x":"%s","y":"%s"}]}' \
    "$(head -c 32 "$folder/point" | base64url)" "$(tail -c 32 "$folder/point" | base64url)" >"$folder/engine/jwks.json"
  tar -czf "$file" -C "$folder" engine && ls -l "$file"
}

failed=0 pid='' work=''
ok() { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; failed=1; }

# with VALUE|unset: an engine whose CUDA_VISIBLE_DEVICES is that; waits until it has looked at its GPUs.
with() {
  local visible=(-u CUDA_VISIBLE_DEVICES)
  [[ $1 == unset ]] || visible=("CUDA_VISIBLE_DEVICES=$1")
  env "${visible[@]}" Service__Name=gpu-engine Identity__KeyFile="$work/engine/key.pem" Identity__JwksFile="$work/engine/jwks.json" Engine__Transcripts__Folder="$work/transcripts" \
    Logging__LogLevel__Microsoft.Hosting.Lifetime=Information Logging__Console__FormatterName=simple "$work/engine/GpuEngine" --urls http://127.0.0.1:0 >"$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 150); do
    address=$(sed -n 's/.*Now listening on: //p' "$work/log")
    health=$([[ -z $address ]] || curl -s --max-time 5 "$address/health")
    [[ $health == *'"gpu"'* && $health != *'not read yet'* ]] && break
    kill -0 "$pid" 2>/dev/null || { echo "the engine did not start: $(cut -c1-300 "$work/log" | head -3)" >&2; exit 2; }
    sleep 0.2
  done
  metrics=$(curl -s --max-time 5 "$address/metrics")
  gpu=$(sed 's/.*"gpu":{\([^}]*\)}.*/\1/' <<<"$health")
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
}

# metric NAME UUID: its value
metric() { grep "^$1{" <<<"$metrics" | grep "\"$2\"" | sed 's/.*} //'; }

# near WHAT OURS THEIRS MARGIN: they were read at different moments
near() {
  if awk -v a="$2" -v b="$3" -v m="$4" 'BEGIN { exit !(a != "" && b != "" && a - b <= m && b - a <= m) }'; then
    ok "  $1: $2 (nvidia-smi: $3)"
  else
    bad "  $1: '$2' (nvidia-smi: '$3')"
  fi
}

run() {
  command -v nvidia-smi >/dev/null || { echo "nvidia-smi is not here" >&2; exit 2; }
  work=$(mktemp -d) || exit 2
  trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
  tar -xzf "$file" -C "$work" || exit 2

  with unset
  echo "all: $gpu"
  local uuid='' uuids=() name total used temperature power
  while IFS=, read -r uuid name total used temperature power; do
    read -r uuid <<<"$uuid"; read -r name <<<"$name"; read -r total used temperature power <<<"$total $used $temperature $power"
    uuids+=("$uuid")
    if [[ $gpu == *"$name $uuid"* ]]; then ok "health names $name $uuid"; else bad "health does not name $name $uuid"; fi
    near 'memory, MiB' "$(awk -v b="$(metric hw_gpu_memory_limit_bytes "$uuid")" 'BEGIN { print b / 1048576 }')" "$total" 1
    near 'memory used, MiB' "$(awk -v b="$(metric hw_gpu_memory_usage_bytes "$uuid")" 'BEGIN { print b / 1048576 }')" "$used" 2048
    near 'temperature, C' "$(metric hw_temperature_celsius "$uuid")" "$temperature" 5
    near 'power, W' "$(metric hw_power_watts "$uuid")" "$power" 60
    # It changes too fast to be compared.
    case $(metric hw_gpu_utilization_ratio "$uuid") in 0 | 0.* | 1) ok '  load: from 0 to 1' ;; *) bad '  load: not from 0 to 1' ;; esac
  done < <(nvidia-smi --query-gpu=uuid,name,memory.total,memory.used,temperature.gpu,power.draw --format=csv,noheader,nounits)
  if [[ ${#uuids[@]} -eq 0 ]]; then bad 'nvidia-smi lists no GPU'; fi

  for visible in 0 "${uuids[0]:-}"; do
    with "$visible"
    if [[ $gpu == *"${uuids[0]:-}"* && $(grep -c '^hw_gpu_memory_limit_bytes{' <<<"$metrics") == 1 ]]; then
      ok "CUDA_VISIBLE_DEVICES=$visible: that one alone"
    else
      bad "CUDA_VISIBLE_DEVICES=$visible: $gpu"
    fi
  done
  with ''
  if [[ $gpu == *'none'* && $metrics != *'hw_gpu_memory_limit_bytes{'* ]]; then ok 'CUDA_VISIBLE_DEVICES="": none'; else bad "CUDA_VISIBLE_DEVICES='': $gpu"; fi
  if grep -q ' fail: \| crit: ' "$work/log"; then bad "the engine's log: $(grep ' fail: \| crit: ' "$work/log" | head -3)"; fi
  exit "$failed"
}

case ${1:-} in
  pack) pack ;;
  run) run ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
