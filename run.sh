#!/usr/bin/env bash
# Starts, stops and shows a Lyceum. `./run.sh help` says how.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$root/scripts/setup.sh"
. "$root/scripts/state.sh"

usage() {
  cat <<'HELP'
./run.sh [options]           start, and stay until Ctrl-C
./run.sh stop [--data DIR]   stop it, and make sure that nothing of it is left
./run.sh status [--json] [--data DIR]
./run.sh doctor [--data DIR] [--json] [--only ID] [--deep] [--url URL] [--token-file FILE] | --files FOLDER
                      look for what is wrong; exit status 0: all is well, 1: something is not, 2: could not begin
./run.sh help

  --port N              the address people use (default 8080)
  --https-port N        HTTPS there as well, with the certificate that GATEWAY_CONFIG_FILE names (docs/tls.md)
  --listen ADDRESS      an address other than loopback, such as 0.0.0.0; with DOTNET_ENVIRONMENT=Production
  --insecure-development  in Development all the same, where anybody may register and a token opens everything
  --data DIR            where this system keeps everything (default .lyceum beside this script)
  --replicas NAME=N     more than one of a service, such as chat-api=2; may be repeated
  --detach              return when it is healthy; the log is DIR/logs/apphost.log
  --dashboard           Aspire's dashboard beside it: traces, logs, metrics; on by default unless --detach
  --no-dashboard        without it
  --web-dev             the web UI's development server beside it, with hot reload, on http://localhost:5173
  --no-build            run what was built last

Settings are configuration of AppHost, from the environment: Llm__Endpoint, Llm__Model, Llm__ApiKey,
Answers__MaxDuration, ConnectionStrings__postgres, ConnectionStrings__messaging; docs/operations.md lists them all.
HELP
}

command=start
case ${1:-} in
  start | stop | status | doctor | help) command=$1; shift ;;
esac

# What the doctor is asked is for it to read; here only where the data folder is.
doctor=()
if [[ $command == doctor ]]; then
  data=()
  while (( $# )); do
    case $1 in
      --data) [[ -n ${2:-} ]] || die "--data needs a value"; data=("$1" "$2"); shift 2 ;;
      --data=*) data=("$1"); shift ;;
      -h | --help) doctor=(--help); shift $# ;;
      *) doctor+=("$1"); shift ;;
    esac
  done
  set -- "${data[@]}"
fi

port=8080 https_port='' listen='' insecure=false data=$root/.lyceum replicas=() detach=false dashboard='' build=true web_dev=false json=false
while (( $# )); do
  case $1 in
    --port | --https-port | --listen | --data | --replicas) [[ -n ${2:-} ]] || die "$1 needs a value"; option=$1 value=$2; shift 2 ;;
    --port=* | --https-port=* | --listen=* | --data=* | --replicas=*) option=${1%%=*} value=${1#*=}; shift ;;
    --insecure-development) insecure=true; shift; continue ;;
    --detach) detach=true; shift; continue ;;
    --dashboard) dashboard=true; shift; continue ;;
    --no-dashboard) dashboard=false; shift; continue ;;
    --web-dev) web_dev=true; shift; continue ;;
    --no-build) build=false; shift; continue ;;
    --json) json=true; shift; continue ;;
    -h | --help) command=help; shift; continue ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
  case $option in
    --port | --https-port)
      [[ $value =~ ^[0-9]+$ ]] && (( value >= 1 && value <= 65535 )) || die "$option wants a number from 1 to 65535"
      if [[ $option == --port ]]; then port=$value; else https_port=$value; fi ;;
    --listen) listen=$value ;;
    --data) data=$(realpath -ms -- "$value") ;;
    --replicas) [[ $value =~ ^[a-z-]+=[0-9]+$ ]] || die "--replicas wants NAME=N, such as chat-api=2"; replicas+=("$value") ;;
  esac
done

log=$data/logs/apphost.log

show_status() {
  local pid line
  pid=$(apphost_pid)
  if $json; then
    if [[ -n $pid ]]; then cat "$data/state.json"; else echo '{"status": "stopped", "resources": []}'; fi
  elif [[ -z $pid ]]; then
    say "stopped (data folder $data)"
  else
    say "$(top status) (AppHost $pid, data folder $data)"
    printf '  %-18s %-12s %-10s %8s %8s  %s\n' RESOURCE STATE HEALTH PID RESTARTS URL
    while IFS= read -r line; do
      printf '  %-18s %-12s %-10s %8s %8s  %s\n' "$(field name "$line")" "$(field state "$line")" \
        "$(field health "$line" | sed s/null/-/)" "$(field pid "$line" | sed s/null/-/)" \
        "$(field restarts "$line")" "$(first_url "$line")"
    done < <(resources | grep -v '"type":"connectionstring"')
  fi
  [[ -n $pid ]] || return 3
}

# Orderly first, by force for what is left; the exit status says whether anything still is.
stop_system() {
  local pid leftovers
  pid=$(apphost_pid)
  if [[ -n $pid ]]; then
    kill -TERM "$pid" 2>/dev/null || true
    wait_gone 45 "$pid" || { warn "AppHost ($pid) did not end within 45 s and is killed"; kill -KILL "$pid" 2>/dev/null || true; }
  fi
  mapfile -t leftovers < <(processes)
  if (( ${#leftovers[@]} )); then
    kill -TERM "${leftovers[@]}" 2>/dev/null || true
    wait_gone 15 "${leftovers[@]}" || kill -KILL "${leftovers[@]}" 2>/dev/null || true
    mapfile -t leftovers < <(processes)
    if (( ${#leftovers[@]} )); then
      wait_gone 5 "${leftovers[@]}" || die "these processes of $data could not be ended: ${leftovers[*]}"
    fi
  fi
}

report_failure() {
  local line name tail
  printf '\n%s\n' "$1" >&2
  while IFS= read -r line; do
    name=$(field name "$line")
    [[ $(field state "$line") == Running && $(field health "$line") =~ ^(healthy|null)$ ]] && continue
    printf '\n%s is %s%s\n' "$name" "$(field state "$line")" "$(field health "$line" | sed -n 's/^[a-z]*healthy$/, &/p')" >&2
    tail=$(grep -aF "[$name]" "$log" | tail -n 15 || true)
    if [[ -n $tail ]]; then sed 's/^/    /' <<< "$tail" >&2; fi
  done < <(resources)
  printf '\nAll of the log: %s\n' "$log" >&2
}

# Why AppHost itself did not stay: its own message, without the stack.
apphost_error() {
  sed -n 's/^Unhandled exception\. [A-Za-z.]*Exception: //p' "$log" | head -n 1 | grep . || tail -n 15 "$log"
}

wait_healthy() { # PID
  local begun=$SECONDS limit=${LYCEUM_START_TIMEOUT:-180} announced=' ' seen='' now line name state health waiting=() broker=true
  while true; do
    if [[ ! -e /proc/$1/exe ]]; then die "$(apphost_error)"; fi
    # Read again only when it changed: on a small machine, looking must not slow down what it looks at.
    now=$(cat "$data/state.json" 2>/dev/null || true)
    if [[ $now != "$seen" ]]; then
      seen=$now waiting=() broker=true
      while IFS= read -r line; do
        name=$(field name "$line") state=$(field state "$line") health=$(field health "$line")
        if [[ $state == Running && $health =~ ^(healthy|null)$ ]]; then
          if [[ $announced != *" $name "* && $health == healthy && $line != *'"type":"connectionstring"'* ]]; then
            announced+="$name "
            printf '  %-18s healthy after %s s\n' "$name" "$(( SECONDS - begun ))"
          fi
        elif [[ $name == messaging ]]; then broker=false
        else waiting+=("$name"); fi
      done < <(resources)
    fi
    if [[ $announced == *' gateway '* ]] && (( ${#waiting[@]} == 0 )); then
      if $broker; then return 0; fi
      # Messages are hints: nobody waits for ever for the broker.
      if (( SECONDS - begun > 45 )); then warn "the message broker is not up; all works, some of it later"; return 0; fi
    fi
    if (( SECONDS - begun > limit )); then
      report_failure "Not healthy within $limit s: ${waiting[*]:-nothing has started}"
      return 1
    fi
    sleep 0.2
  done
}

print_welcome() {
  local token=$data/dev-token url=http://127.0.0.1:$port setup
  if [[ $token == "$PWD"/* ]]; then token=${token#"$PWD"/}; fi
  say ""
  say "Lyceum is running: $url${listen:+ (listening on $listen)}"
  [[ -f $root/Web/dist/index.html ]] || say "Web UI:            not built; Node.js 20.19 or newer is needed"
  if $web_dev; then say "Web development:   http://localhost:5173"; fi
  if [[ -n ${dashboard_url:-} ]]; then say "Dashboard:         $dashboard_url"; fi
  setup=$(sed -n 's/.*There is no account yet\. Setup code: //p' "$log" | tail -n 1)
  if [[ -n $setup ]]; then say "First account:     setup code $setup (docs/operations.md says how)"; fi
  if [[ -f $data/dev-token && $DOTNET_ENVIRONMENT == Development ]]; then
    say "Development token: $(printf %q "$token")"
    say ""
    say "Ask it something:"
    say ""
    say "  curl -N $url/chat -H \"Authorization: Bearer \$(cat $(printf %q "$token"))\" -H 'Content-Type: application/json' -d '{\"message\":\"How do I learn well?\"}'"
  fi
  say ""
  if $detach; then say "Stop it: $(printf %q "$root/run.sh") stop$([[ $data == "$root/.lyceum" ]] || printf ' --data %q' "$data")"
  else say "Ctrl-C stops it. The log follows."; fi
}

# One that was made beforehand is closed to others if it is empty or a system's own; any other may be somebody's.
own_data_folder() {
  mkdir -p -m 700 "$data"
  (( 0$(stat -c %a "$data") & 077 )) || return 0
  if [[ -z $(ls -A "$data") || -e $data/secrets.json ]] && chmod go= "$data" 2>/dev/null; then return 0; fi
  die "others may enter the data folder $data, and secrets are kept there: chmod 700 it, or choose another with --data"
}

start_system() {
  local pid arguments replica
  pid=$(apphost_pid)
  [[ -z $pid ]] || die "a system already runs on $data (AppHost $pid); './run.sh stop' ends it, --data chooses another folder"
  stop_system # what a killed AppHost may have left of this data folder, the gateway on this port among it
  if taken "$port"; then die "port $port is taken; choose another with --port"; fi
  own_data_folder

  need_dotnet
  install_servers
  if $web_dev && ! have_node; then die "--web-dev needs Node.js 20.19 or newer with npm: https://nodejs.org"; fi
  if $build; then
    build_web
    build AppHost/AppHost.csproj -p:RunAnalyzers=false
  fi
  local apphost=$root/AppHost/bin/$configuration/net10.0/AppHost
  [[ -x $apphost ]] || die "not built yet: run without --no-build first"

  umask 077 # what is made from here on, by children too, is its owner's alone
  mkdir -p "$data/logs"
  chmod -R go= "$data/logs"
  rm -f "$data/state.json"
  if [[ -f $log ]]; then mv -f "$log" "$log.1"; fi

  export DOTNET_ENVIRONMENT=${DOTNET_ENVIRONMENT:-Development}
  [[ -n $dashboard ]] || { if $detach; then dashboard=false; else dashboard=true; fi; }

  arguments=("--Lyceum:Data=$data" "--Lyceum:Port=$port" "--Lyceum:Console=true" "--Lyceum:Dashboard=$dashboard")
  if [[ -n $https_port ]]; then arguments+=("--Lyceum:HttpsPort=$https_port"); fi
  if [[ -n $listen ]]; then arguments+=("--Lyceum:Listen=$listen"); fi
  if $web_dev; then arguments+=("--Lyceum:WebDev=true"); fi
  if $insecure; then arguments+=("--Lyceum:InsecureDevelopment=true"); fi
  for replica in "${replicas[@]}"; do arguments+=("--Lyceum:Replicas:${replica%=*}=${replica#*=}"); done

  say "Starting …"
  # In a session of its own, because Ctrl-C is for this script, which then stops everything in order; and in the
  # foreground it does not outlive this script, whatever ends that.
  local tie=()
  $detach || tie=(setpriv --pdeathsig TERM)
  setsid env --default-signal=INT,QUIT LYCEUM_DATA="$data" "${tie[@]}" "$apphost" "${arguments[@]}" > "$log" 2>&1 < /dev/null &
  pid=$!
  disown # its end is ours to report
  trap 'say ""; say "Stopping …"; stop_system; exit 130' INT TERM HUP
  if ! wait_healthy "$pid"; then stop_system; exit 1; fi
  dashboard_url=$(grep -aoE 'https?://[^ ]*/login\?t=[0-9a-f]+' "$log" | head -n 1 || true)
  print_welcome
  if $detach; then trap - INT TERM HUP; return 0; fi

  # Ends with AppHost, or with this script.
  tail -n 0 -F --pid="$pid" "$log" 2>/dev/null &
  wait "$!" || true
  stop_system
  die "AppHost ended by itself"
}

# Looks at what runs on this data folder, through the address that it has here, with the development token where there is one.
examine() {
  local given=" ${doctor[*]} " arguments=() url
  need_dotnet
  build Cli/Cli.csproj -p:RunAnalyzers=false >&2
  if [[ $given != *" --url"[\ =]* ]]; then
    if [[ -n $(apphost_pid) ]]; then
      url=$(first_url "$(resource gateway)")
      if [[ -n $url ]]; then arguments+=(--url "$url"); fi
    elif [[ $given != *" --files"[\ =]* && $given != *" --help "* ]]; then
      printf 'error: nothing runs on %s: start it, or say where to look with --url\n' "$data" >&2
      return 2
    fi
  fi
  if [[ $given != *" --files"[\ =]* && -f $data/state.json ]]; then arguments+=(--data "$data"); fi
  if [[ $given != *" --token-file"[\ =]* && -f $data/dev-token ]]; then arguments+=(--token-file "$data/dev-token"); fi
  "$root/Cli/bin/$configuration/net10.0/lyceum" doctor "${arguments[@]}" "${doctor[@]}"
}

case $command in
  help) usage ;;
  doctor) examine ;;
  status) show_status ;;
  stop)
    was=$(apphost_pid; processes)
    stop_system
    if [[ -n $was ]]; then say "Stopped."; else say "Nothing was running on $data."; fi ;;
  start) start_system ;;
esac
