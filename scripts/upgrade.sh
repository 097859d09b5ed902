#!/usr/bin/env bash
# Rehearses an upgrade and the way back: starts a whole system, two processes of each service, with the programs of a
# predecessor, puts clients on it, and replaces one process after the other, in the order of docs/upgrade.md, with the
# programs of this folder; then all of them back. With --same: a rolling update, from these programs to the same. Ends with what the
# clients saw; exit status 1 where one saw an error or lost a byte.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/scripts/setup.sh"

usage() {
  cat <<'HELP'
scripts/upgrade.sh [options]

  --from REF     the predecessor: a commit or tag (default: the tag before this one)
  --old FOLDER   a checkout of it, built already
  --one-way      not back again
  --same         the programs of this folder take each other's place, once, and clients are strict: who is told to come again saw
                 an error
  --release FOLDER   this folder's programs as a release has them, compiled ahead of time (an unpacked archive of scripts/release.sh);
                 else those that were built last, which compile themselves while they serve
  --front NAME   clients know one address: haproxy's or nginx's, before the gateways, configured as deploy/haproxy/haproxy.cfg or
                 docs/smoke-tests/nginx.conf
LYCEUM_LOAD    how much load, as "STREAMS SESSIONS JOBS REQUESTS_A_SECOND" (default "10 10 2 20"; the whole: "50 50 10 200")
LYCEUM_PAUSE   seconds between two replacements (default 5)
LYCEUM_SEEN    a file for what the clients saw, in JSON
HELP
}

from='' old='' back=true same=false front='' release=''
while (( $# )); do
  case $1 in
    --from) from=${2:?--from needs a commit}; shift 2 ;;
    --old) old=$(realpath -- "${2:?--old needs a folder}"); shift 2 ;;
    --one-way) back=false; shift ;;
    --same) same=true back=false old=$root; shift ;;
    --release) release=$(realpath -- "${2:?--release needs a folder}"); shift 2 ;;
    --front) front=${2:?--front needs haproxy or nginx}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
done
case $front in
  '') ;;
  haproxy | nginx) front_program=$(PATH=$PATH:/usr/sbin command -v "$front") || die "$front is not installed (on Debian: apt-get install $front)" ;;
  *) die "--front is haproxy or nginx, not $front" ;;
esac
read -r streams sessions jobs rate <<< "${LYCEUM_LOAD:-10 10 2 20}"
pause=${LYCEUM_PAUSE:-5}
services=(SessionApi ChatApi RoadmapWorker Gateway GpuEngine) # the order of an upgrade
declare -A resource=([SessionApi]=session-api [ChatApi]=chat-api [RoadmapWorker]=roadmap-worker [Gateway]=gateway [GpuEngine]=gpu-engine)
output=bin/Release/net10.0

need_dotnet
data=$(mktemp -d --tmpdir lyceum-upgrade-XXXXXX)
made='' stub='' load='' balancer=''
finish() {
  if [[ -n $load ]]; then kill "$load" 2>/dev/null || true; fi
  if [[ -n $balancer ]]; then kill "$balancer" 2>/dev/null || true; fi
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
# programs SERVICE: the folder of this version's
programs() { if [[ -n $release ]]; then echo "$release/${resource[$1]}"; else echo "$root/$1/$output"; fi; }
for service in "${services[@]}"; do
  [[ -x $root/$service/$output/$service ]] || die "$service of this folder is not built: dotnet build AppHost tests/StubModel -c Release"
  [[ -x $(programs "$service")/$service ]] || die "$release has no $service"
done
[[ -d $root/tests/Clients/node_modules ]] || (cd "$root/tests/Clients" && npm ci --silent)

# The programs of both versions lie side by side; what AppHost starts is a script that runs the one that is named in a file.
for service in "${services[@]}"; do
  mkdir -p "$data/programs/$service"
  cp -a "$(programs "$service")" "$data/programs/$service/new"
  if $same; then ln -s new "$data/programs/$service/old"
  else cp -a "$old/$service/$output" "$data/programs/$service/old"; fi
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

# An engine that can drain does; AppHost would not wait for it.
drained=(Settings__GpuEngine__Drain__Answers=00:05:15)
# A balancer learns that a gateway stops before its listener closes.
if [[ -n $front ]]; then drained+=(Settings__Gateway__Drain__Announce=00:00:02); fi
replicas=()
for service in "${services[@]}"; do replicas+=(--replicas "${resource[$service]}=2"); done
# Restarts are not slowed down.
env "${drained[@]}" Llm__Endpoint="${model%/}/v1" Llm__Model=stub Lyceum__SettledAfter=00:00:01 \
  "$old/run.sh" --detach --no-build --no-dashboard --data "$data" --port "$(free_port 18080)" "${replicas[@]}" > "$data/start.log" 2>&1 ||
  { cat "$data/start.log" "$data/logs/apphost.log" >&2; die "the predecessor did not start"; }

line_of() { grep -E "^    \{\"name\":\"$1\"" "$data/state.json"; }
field() { sed -n 's/.*"'"$1"'":\("\([^"]*\)"\|\([^,}]*\)\).*/\2\3/p' <<< "$2" | head -n 1; }
url_of() { sed -n 's/.*"urls":\["\([^"]*\)".*/\1/p' <<< "$(line_of "$1")"; }

# Starts the balancer with its own configuration file, in which only addresses, and TLS, are others.
before() { # GATEWAY GATEWAY
  local port one=${1#http://} two=${2#http://} file
  one=${one%/} two=${two%/} port=$(free_port 18180)
  if [[ $front == haproxy ]]; then
    file=$data/haproxy.cfg
    sed -e 's/maxconn 20000/maxconn 2000/' -e "s/bind :80$/bind 127.0.0.1:$port/" -e '/bind :443/d' -e '/redirect scheme/d' \
      -e "s/127.0.0.1:8080/$one/; s/127.0.0.1:8081/$two/" "$root/deploy/haproxy/haproxy.cfg" > "$file"
    "$front_program" -db -f "$file" > "$data/$front.log" 2>&1 &
  else
    file=$data/nginx.conf
    { (( EUID )) || echo 'user root;'
      sed -e '/listen \[::\]/d' -e '/ssl_/d' -e "s/listen 80;/listen 127.0.0.1:$(free_port 18280);/" \
        -e "s/listen 443 ssl;/listen 127.0.0.1:$port;/" -e "s/server 127.0.0.1:8080;/server $one;/" \
        -e "s/# server 127.0.0.1:8081;/server $two;/" \
        -e "s|^http {|&$(printf ' %s_temp_path '"$data"'/%s;' client_body{,} proxy{,} fastcgi{,} uwsgi{,} scgi{,})|" \
        "$root/docs/smoke-tests/nginx.conf"
    } > "$file"
    "$front_program" -p "$data" -c "$file" -g 'daemon off;' > "$data/$front.log" 2>&1 &
  fi
  balancer=$! address=http://127.0.0.1:$port
  for (( i = 0; i < 100; i++ )); do
    if curl -sf -o /dev/null "$address/health"; then return 0; fi
    sleep 0.1
  done
  cat "$data/$front.log" >&2
  die "$front did not start"
}

gateways=("$(url_of gateway)" "$(url_of gateway-2)")
if [[ -n $front ]]; then
  before "${gateways[@]}"
  gateways=("$address")
fi
strict=''
if $same; then strict=1; fi
STRICT=$strict STREAMS=$streams SESSIONS=$sessions JOBS=$jobs RATE=$rate TOKEN=$(< "$data/dev-token") \
  node "$root/tests/Clients/upgrade.mjs" "${gateways[@]}" > "$data/seen.json" 2> "$data/seen.err" &
load=$!
# The predecessor has run for a while: the broker is up, and each client has had an answer.
until grep -q '^warm$' "$data/seen.err" && [[ $(line_of messaging) == *'"health":"healthy"'* ]]; do
  kill -0 "$load" 2>/dev/null || { cat "$data/seen.json" "$data/seen.err" >&2; die "the clients ended"; }
  (( SECONDS < 600 )) || die "the predecessor did not answer all clients"
  sleep 0.5
done
sleep "$pause"

sql() { # of sessiondb: on the database server that AppHost started
  local address
  address=$(tr '\0' '\n' < "/proc/$(field pid "$(line_of session-api)")/environ" | sed -n 's/^ConnectionStrings__sessiondb=//p')
  part() { sed -n "s/.*\(^\|;\)$1=\([^;]*\).*/\2/Ip" <<< "$address"; }
  PGPASSWORD=$(part Password) psql -qtA -h "$(part Host)" -p "$(part Port)" -U "$(part Username)" -d "$(part Database)" -c "$1"
}

# An engine of a version without drains cannot finish its answers by itself: nothing new is given to it, and it is stopped
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
    if [[ $service == GpuEngine && $version == new && ! -d $old/GpuEngine/Draining ]]; then quiesce "$name"; fi
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
cat "$data/seen.json"
grep -v '^warm$' "$data/seen.err" || true
if [[ -n ${LYCEUM_SEEN:-} ]]; then cp "$data/seen.json" "$LYCEUM_SEEN"; fi
exit "$status"
