#!/usr/bin/env bash
# Measures a system of its own: stub model server → GpuEngine → ChatApi → Gateway → Bench, all on this machine.
# bench.sh [COMMAND [options…]], Bench's commands; without one all that docs/benchmarks/chat.md quotes, each on a fresh
# system (about 12 minutes). `perf` is the native API's. Built before by test.sh. Its data folder is temporary.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/scripts/setup.sh"

if (( $# == 0 )); then
  "$0" chat
  "$0" resume
  "$0" stop --count 200
  "$0" journal
  "$0" wal
  "$0" wal --streams 1 --rate 50 --tokens 2050 # one answer of 20 kB
  exit
fi

# The gateway's native API: each scenario starts what it needs by itself. GATEWAY_PERF_ITERATIONS_tools=…, see docs/contracts.md.
if [[ $1 == perf ]]; then
  shift
  exec "$root/tests/contracts/bin/$configuration/net10.0/Contracts.Tests" -class '*PerfTests' -noColor -noLogo "$@"
fi

# Queries of the services: a database server of their own.
if [[ $1 == learning || $1 == search ]]; then
  exec "$root/tests/Bench/bin/$configuration/net10.0/Bench" "$@"
fi

# The gateway alone, beside others that do the same: no system, but wrk and nginx.
if [[ $1 == gateway ]]; then
  command -v wrk >/dev/null || install_packages wrk
  command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || install_packages nginx-light
  PATH=$PATH:/usr/sbin exec "$root/tests/Bench/bin/$configuration/net10.0/Bench" "$@"
fi

replicas=()
settings=()
if [[ $1 == sessions ]]; then settings=(Engine__Sessions__Max=2200 Engine__Sessions__IdleTimeout=01:00:00 Shares__Token=1 Shares__Tenant=1); fi # as many as there are

if [[ $1 == jobs ]]; then
  export DOTNET_TC_CallCountingDelayMs=0 # as AppHost gives it to every service: Bench is the worker here
  install_clients
  set -- "$@" --graphile "$root/tests/Clients/graphile.mjs"
fi

if [[ $1 == resume || $1 == stop ]]; then replicas=(--replicas chat-api=2); fi

output=bin/$configuration/net10.0
data=$(mktemp -d)
# Two tenants, each with a token and a key.
if [[ $1 == greedy ]]; then
  tokens='' keys=''
  for tenant in greedy other; do
    export "LYCEUM_BENCH_TOKEN_${tenant^^}=$tenant-shows-this-0123456789abcdef" "LYCEUM_BENCH_KEY_${tenant^^}=$tenant-signs-with-this-0123456789abcdef"
    scopes='["chat","llm","tools","tools.admin","tutors","sessions","roadmaps"]'
    tokens+="{\"id\":\"$tenant\",\"tenant\":\"$tenant\",\"secret_env\":\"LYCEUM_BENCH_TOKEN_${tenant^^}\",\"scopes\":$scopes},"
    keys+="{\"id\":\"$tenant\",\"tenant\":\"$tenant\",\"secret_env\":\"LYCEUM_BENCH_KEY_${tenant^^}\",\"scopes\":$scopes},"
  done
  export GATEWAY_CONFIG_FILE=$data/gateway.json
  echo "{\"auth\":{\"tokens\":[${tokens%,}],\"hmac_keys\":[${keys%,}]},\"tools\":{\"egress\":{\"allow\":[\"127.0.0.1\"]}}}" > "$GATEWAY_CONFIG_FILE"
fi
finish() {
  "$root/run.sh" stop --data "$data" >/dev/null || true
  if [[ -n ${stub:-} ]]; then kill "$stub" 2>/dev/null || true; fi
  rm -rf "$data"
}
trap finish EXIT
trap 'exit 130' INT TERM

model_server=("$root/tests/StubModel/$output/StubModel")
if [[ $1 == roadmaps ]]; then model_server=("$root/tests/Bench/$output/Bench" roadmap-model); fi
"${model_server[@]}" > "$data/stub.log" 2>&1 &
stub=$!
for (( i = 0; i < 100; i++ )); do
  model=$(sed -n 's/^listening on //p' "$data/stub.log")
  [[ -n $model ]] && break
  sleep 0.1
done
[[ -n $model ]] || die "the stub model server did not start: $(cat "$data/stub.log")"

if [[ $1 == greedy ]]; then settings=(Tts__Endpoint="${model%/}/v1" Tts__MaxRunning=16); fi

env "${settings[@]}" Llm__Endpoint="${model%/}/v1" Llm__Model=stub \
  "$root/run.sh" --detach --no-build --data "$data" --port "$(free_port 18080)" "${replicas[@]}" > "$data/start.log" 2>&1 ||
  { cat "$data/start.log" >&2; exit 1; }

"$root/tests/Bench/$output/Bench" "$@" --data "$data"
