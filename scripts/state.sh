# Sourced by run.sh: reads DIR/state.json, in which each resource has a line of its own, and the processes it names.
# Expects $data, the data folder, absolute. Needs no JSON parser.
# shellcheck shell=bash

top() { sed -n 's/^  "'"$1"'": "\{0,1\}\([^",]*\)"\{0,1\},$/\1/p' "$data/state.json" 2>/dev/null | head -n 1; }
resources() { grep -E '^    \{"name":' "$data/state.json" 2>/dev/null || true; }
field() { sed -n 's/.*"'"$1"'":\("\([^"]*\)"\|\([^,}]*\)\).*/\2\3/p' <<< "$2" | head -n 1; }
first_url() { sed -n 's/.*"urls":\["\([^"]*\)".*/\1/p' <<< "$1"; }
resource() { resources | grep -F "{\"name\":\"$1\"" || true; }

# The AppHost of this data folder, if it runs: the pid alone may belong to somebody else by now.
apphost_pid() {
  local pid started
  pid=$(top apphost_pid) started=$(top apphost_started)
  [[ -n $pid && $pid != "$$" && -r /proc/$pid/stat ]] || return 0
  [[ $(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20) == "$started" ]] && alive "$pid" && echo "$pid"
  return 0
}

# A zombie is dead: its parent just has not looked yet.
alive() { [[ -r /proc/$1/stat && $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) != [ZX]* ]]; }

# Every process that was given this data folder, known to state.json or not: LYCEUM_DATA by run.sh, the others by AppHost.
processes() {
  local file pid
  for file in $(grep -lsaE -z "^(Identity__JwksFile|POSTGRES_DATA|BROKER_DATA|LYCEUM_DATA)=" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${file#/proc/} pid=${pid%/environ}
    if { tr '\0' '\n' < "$file"; } 2>/dev/null | grep -qxF -e "Identity__JwksFile=$data/keys/internal-jwks.json" \
        -e "POSTGRES_DATA=$data/postgres" -e "BROKER_DATA=$data/rabbitmq" -e "LYCEUM_DATA=$data"; then
      alive "$pid" && echo "$pid"
    fi
  done
  return 0
}

# wait_gone SECONDS PID…: true when all are gone in time.
wait_gone() {
  local deadline=$(( SECONDS + $1 )) pid
  shift
  for pid in "$@"; do
    while alive "$pid"; do
      (( SECONDS < deadline )) || return 1
      sleep 0.1
    done
  done
}
