#!/usr/bin/env bash
# Rehearses an upgrade and the way back: starts a whole system, two processes of each service, with the programs of a
# predecessor, puts clients on it, and replaces one process after the other, in the order of docs/upgrade.md, with the
# programs of this folder; then all of them back. Ends with what the clients saw; exit status 1 where one saw an error or
# lost a byte.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/scripts/setup.sh"

usage() {
  cat <<'HELP'
scripts/upgrade.sh [options]

  --from REF     the predecessor: a commit or tag (default: the tag before this one)
  --old FOLDER   a checkout of it, built already
  --one-way      not back again
LYCEUM_LOAD    how much load, as "STREAMS SESSIONS JOBS REQUESTS_A_SECOND" (default "10 10 2 20"; the whole: "50 50 10 200")
LYCEUM_PAUSE   seconds between two replacements (default 5)
HELP
}

from='' old='' back=true
while (( $# )); do
  case $1 in
    --from) from=${2:?--from needs a commit}; shift 2 ;;
    --old) old=$(realpath -- "${2:?--old needs a folder}"); shift 2 ;;
    --one-way) back=false; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
done
read -r streams sessions jobs rate <<< "${LYCEUM_LOAD:-10 10 2 20}"
pause=${LYCEUM_PAUSE:-5}
services=(SessionApi ChatApi RoadmapWorker Gateway GpuEngine) # the order of an upgrade
declare -A resource=([SessionApi]=session-api [ChatApi]=chat-api [RoadmapWorker]=roadmap-worker [Gateway]=gateway [GpuEngine]=gpu-engine)
output=bin/Release/net10.0

need_dotnet
data=$(mktemp -d --tmpdir lyceum-upgrade-XXXXXX)
made='' stub='' load=''
finish() {
  if [[ -n $load ]]; then kill "$load" 2>/dev/null || true; fi
  if [[ -n $old && -x $old/run.sh ]]; then "$old/run.sh" stop --data "$data" >/dev/null 2>&1 || true; fi
  if [[ -n $stub ]]; then kill "$stub" 2>/dev/null || true; fi
  if [[ -n $old ]]; then
    for service in "${services[@]}"; do
      if [[ -f $old/$service/$output/$service.was ]]; then mv -f "$old/$service/$output/$service.was" "$old/$service/$output/$service"; fi
    done
  fi
  if [[ -n $made ]]; then git -C "$root" worktree remove --force "$made" || true; fi
  if [[ -n ${LYCEUM_KEEP:-} ]]; then say "kept: $data"; else rm -rf "$data"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

if [[ -z $old ]]; then
  from=${from:-$(git -C "$root" describe --tags --abbrev=0 2>/dev/null)} || die "there is no tag: name the predecessor with --from"
  old=$data/old made=$data/old
  git -C "$root" worktree add --detach "$old" "$from" >/dev/null
  (cd "$old" && dotnet build AppHost -c Release -nologo -v q)
fi
[[ -x $old/AppHost/$output/AppHost ]] || die "$old is not built"
for service in "${services[@]}"; do
  [[ -x $root/$service/$output/$service ]] || die "$service of this folder is not built: dotnet build AppHost tests/StubModel -c Release"
done
[[ -d $root/tests/Clients/node_modules ]] || (cd "$root/tests/Clients" && npm ci --silent)

# The programs of both versions lie side by side; what AppHost starts is a script that runs the one that is named in a file.
for service in "${services[@]}"; do
  mkdir -p "$data/programs/$service"
  cp -a "$old/$service/$output" "$data/programs/$service/old"
  cp -a "$root/$service/$output" "$data/programs/$service/new"
  mv "$old/$service/$output/$service" "$old/$service/$output/$service.was"
  echo old > "$data/programs/$service/version"
  cat > "$old/$service/$output/$service" <<SCRIPT
#!/usr/bin/env bash
exec "$data/programs/$service/\$(< "$data/programs/$service/version")/$service" "\$@"
SCRIPT
  chmod +x "$old/$service/$output/$service"
done

"$root/tests/StubModel/$output/StubModel" > "$data/stub.log" 2>&1 &
stub=$!
for (( i = 0; i < 100; i++ )); do
  model=$(sed -n 's/^listening on //p' "$data/stub.log")
  [[ -n $model ]] && break
  sleep 0.1
done
[[ -n $model ]] || die "the stub model server did not start"

replicas=()
for service in "${services[@]}"; do replicas+=(--replicas "${resource[$service]}=2"); done
# Restarts are not slowed down; an old orchestrator knows nothing of drains, and gives a new engine their default.
env Llm__Endpoint="${model%/}/v1" Llm__Model=stub Lyceum__SettledAfter=00:00:01 \
  "$old/run.sh" --detach --no-build --no-dashboard --data "$data" --port "$(free_port 18080)" "${replicas[@]}" > "$data/start.log" 2>&1 ||
  { cat "$data/start.log" "$data/logs/apphost.log" >&2; die "the predecessor did not start"; }

line_of() { grep -E "^    \{\"name\":\"$1\"" "$data/state.json"; }
field() { sed -n 's/.*"'"$1"'":\("\([^"]*\)"\|\([^,}]*\)\).*/\2\3/p' <<< "$2" | head -n 1; }
url_of() { sed -n 's/.*"urls":\["\([^"]*\)".*/\1/p' <<< "$(line_of "$1")"; }

gateways=("$(url_of gateway)" "$(url_of gateway-2)")
STREAMS=$streams SESSIONS=$sessions JOBS=$jobs RATE=$rate TOKEN=$(< "$data/dev-token") \
  node "$root/tests/Clients/upgrade.mjs" "${gateways[@]}" > "$data/seen.json" 2> "$data/seen.err" &
load=$!
sleep "$pause"

sql() { # of sessiondb: on the database server that AppHost started
  local address
  address=$(tr '\0' '\n' < "/proc/$(field pid "$(line_of session-api)")/environ" | sed -n 's/^ConnectionStrings__sessiondb=//p')
  part() { sed -n "s/.*\(^\|;\)$1=\([^;]*\).*/\2/Ip" <<< "$address"; }
  PGPASSWORD=$(part Password) psql -qtA -h "$(part Host)" -p "$(part Port)" -U "$(part Username)" -d "$(part Database)" -c "$1"
}

# An engine of a version before drains cannot finish its answers by itself: nothing new is given to it, and it is stopped
# when nothing runs there.
quiesce() {
  sql "UPDATE engines SET draining = incarnation WHERE id = '$1'" || { warn "$1 was not closed"; return 0; }
  local i running
  for (( i = 0; i < 120; i++ )); do
    sleep 0.5
    running=$(curl -s "$(url_of "$1")/metrics" | sed -n 's/^lyceum_engine_completions_running[^ ]* \([0-9.]*\).*/\1/p' | head -n 1)
    (( i >= 4 )) && [[ ${running:-0} == 0 ]] && return 0
  done
  warn "$1 still answers ${running:-?}"
}

replace() { # VERSION SERVICE: one process after the other, each when the one before is healthy again
  local version=$1 service=$2 name line pid began
  echo "$version" > "$data/programs/$service/version"
  for name in "${resource[$service]}" "${resource[$service]}-2"; do
    line=$(line_of "$name") pid=$(field pid "$line")
    if [[ $service == GpuEngine && $version == new ]]; then quiesce "$name"; fi
    began=$SECONDS
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    local ended=$(( SECONDS - began ))
    until [[ $(field pid "$(line_of "$name")") =~ ^[0-9]+$ && $(field pid "$(line_of "$name")") != "$pid" ]] \
        && curl -sf -o /dev/null "$(url_of "$name")/health"; do
      (( SECONDS - began < 400 )) || die "$name did not come back as $version"
      sleep 0.2
    done
    say "$(date +%T) $name is $version: ended after $ended s, healthy after $(( SECONDS - began )) s"
    sleep "$pause"
  done
}

for service in "${services[@]}"; do replace new "$service"; done
if $back; then
  for (( i = ${#services[@]} - 1; i >= 0; i-- )); do replace old "${services[i]}"; done
fi

kill -TERM "$load"
status=0
wait "$load" || status=$?
load=''
cat "$data/seen.json" "$data/seen.err"
exit "$status"
