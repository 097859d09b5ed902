#!/usr/bin/env bash
# Builds everything and runs the tests. The last line is `N passed, N failed, N skipped`.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$root/scripts/setup.sh"

usage() {
  cat <<'HELP'
./test.sh [options] [PROJECT…]   the default suite, or only these test projects (IntegrationTests, …)

  --long        the tests that take minutes instead
  --chaos N     N rounds of killing things at random instead (LYCEUM_CHAOS_SEED=… repeats a run's plan)
  --failover N  N rounds of killing the primary of three Postgres and promoting a standby instead
  --upgrade REF upgrades a whole system from that commit under load, and back, instead (scripts/upgrade.sh)
  --bench       starts a system and measures it instead
HELP
}

mode=default rounds=0 class='*.RandomHarmTests' only=()
while (( $# )); do
  case $1 in
    --long) mode=long; shift ;;
    --chaos) mode=chaos; rounds=${2:-}; [[ $rounds =~ ^[0-9]+$ ]] || die "--chaos wants a number of rounds"; shift 2 ;;
    --failover)
      mode=chaos class='*.FailoverTests' rounds=${2:-}
      [[ $rounds =~ ^[0-9]+$ ]] || die "--failover wants a number of rounds"
      shift 2 ;;
    --upgrade) mode=upgrade ref=${2:-}; [[ -n $ref ]] || die "--upgrade wants a commit"; shift 2 ;;
    --bench) mode=bench; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; die "unknown option: $1" ;;
    *) only+=("$1"); shift ;;
  esac
done

cd "$root"
need_dotnet
install_servers
install_test_programs
install_clients
build Solution.sln
build_web

if [[ $mode == upgrade ]]; then exec "$root/scripts/upgrade.sh" --from "$ref"; fi
if [[ $mode == bench ]]; then exec "$root/scripts/bench.sh"; fi

case $mode in
  default) traits=(-trait- Category=Long) ;;
  long) traits=(-trait Category=Long) ;;
  chaos)
    traits=(-class "$class") only=(IntegrationTests)
    if [[ $class == *Failover* ]]; then
      export LYCEUM_FAILOVER_ROUNDS=$rounds
    else
      export LYCEUM_CHAOS_ROUNDS=$rounds
    fi ;;
esac

# logged LOG COMMAND…: what it says goes to a file; rounds of chaos, which may go on for an hour, are also shown.
logged() {
  local log=$1
  shift
  if [[ $mode == chaos ]]; then
    "$@" 2>&1 | tee "$log" | { grep --line-buffered '^\[chaos\]' || true; }
  else
    "$@" > "$log" 2>&1
  fi
}

results=$root/.build/test-results
rm -rf "$results"; mkdir -p "$results"
passed=0 failed=0 skipped=0
broken=() # projects that ended without a result

# Each failed or skipped test of a result file, with its message; of a failed one also where it happened.
explain() {
  # One element a line, however the file is written.
  sed -E 's/<UnitTestResult |<(Message|StackTrace|StdOut)>/\n&/g; s#</(Message|StackTrace|StdOut)>#&\n#g; s#</Results>#\n&#' "$1" | awk '
    /<UnitTestResult / {
      failed = /outcome="Failed"/; skipped = /outcome="NotExecuted"/; shown = 0
      name = $0; sub(/.*testName="/, "", name); sub(/" .*/, "", name)
      if (failed || skipped) print "    " (failed ? "FAILED " : "skipped ") name
    }
    (failed || skipped) && /<(Message|StackTrace)>/ { shown = 1; lines = 0 }
    shown && lines++ < 25 { line = $0; gsub(/<[^>]*>/, "", line); if (line ~ /[^ ]/ && line !~ /^ *(at System\.|--- End of stack)/) print "        " line }
    /<\/(Message|StackTrace)>/ { shown = 0 }
  ' | sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&#x[DA];//g; s/&amp;/\&/g'
}

counter() { sed -n 's/.*<Counters [^>]*\b'"$1"'="\([0-9]*\)".*/\1/p' "$2" | head -n 1; }

# run PROJECT-FILE: runs the tests of one project and says what came of it, once it has ended.
run() {
  local project=$1 name trx log begun=$SECONDS status=0 p f total
  name=$(basename "$project" .csproj)
  trx=$results/$name.trx log=$results/$name.log
  # Each test project is a program of its own; run directly, its failures are readable as they happen.
  logged "$log" "${project%/*}/bin/$configuration/net10.0/$name" "${traits[@]}" -trx "$trx" -noLogo -noColor || status=$?
  if [[ ! -f $trx ]]; then
    printf '%-28s did not finish (exit status %s)\n' "$name" "$status"
    tail -n 40 "$log"
    return
  fi
  p=$(counter passed "$trx") f=$(counter failed "$trx") total=$(counter total "$trx")
  if (( status && ! f )); then touch "$results/$name.broken"; fi # the tests passed, the process did not
  (( total )) || return 0
  printf '%-28s %4d passed %4d failed %4d skipped %5d s\n' "$name" "$p" "$f" "$(( total - p - f ))" "$(( SECONDS - begun ))"
  if (( total > p )); then explain "$trx"; fi
  # A service's 500 says no more to its client than that; its cause is in its log.
  if (( f )); then grep -i -A 12 -m 3 'unhandled exception' "$log" | sed 's/^/    log: /' || true; fi
  if [[ -f $results/$name.broken ]]; then
    printf '%-28s ended with exit status %s\n' "$name" "$status"
    tail -n 20 "$log"
  fi
}

# run_web: the checks of the web UI as one more suite: what `npm run check` does, less the build, which browser tests need before.
run_web() {
  local log=$results/Web.log json=$results/Web.json begun=$SECONDS status=0
  npm --prefix "$root/Web" run lint > "$log" 2>&1 || status=$?
  npm --prefix "$root/Web" test -- --reporter=default --reporter=json --outputFile="$json" >> "$log" 2>&1 || status=$?
  if [[ ! -f $json || -n $(newer_web) ]]; then
    printf '%-28s did not finish (exit status %s)\n' Web "$status"
    tail -n 40 "$log" "$root/.build/web.log"
    return
  fi
  printf '%-28s %4d passed %4d failed %4d skipped %5d s\n' Web "$(web_count Passed)" "$(web_count Failed)" "$(web_count Pending)" \
    "$(( SECONDS - begun ))"
  if (( status )); then
    grep -E -A 20 'FAIL|✖|error' "$log" | head -n 60 | sed 's/^/    /'
    if (( $(web_count Failed) == 0 )); then touch "$results/Web.broken"; fi
  fi
}

# web_count KIND: of vitest's result; what is to be done is not done either.
web_count() {
  local json=$results/Web.json total
  total=$(grep -oE "\"num$1Tests\":[0-9]+" "$json" | grep -oE '[0-9]+$')
  if [[ $1 == Pending ]]; then total=$(( total + $(grep -oE '"numTodoTests":[0-9]+' "$json" | grep -oE '[0-9]+$') )); fi
  echo "$total"
}

# The system's tests measure times, and the machine may be small: they run alone. The others run two at a time, unless they are the
# long ones; what each says is printed whole.
alone=() together=() web=false
for project in tests/*/*Tests.csproj; do
  name=$(basename "$project" .csproj)
  if (( ${#only[@]} )) && [[ " ${only[*]} " != *" $name "* ]]; then continue; fi
  if [[ $mode == default && $name != IntegrationTests ]]; then together+=("$project"); else alone+=("$project"); fi
done
for project in ${together[@]+"${together[@]}"}; do
  while (( $(jobs -pr | wc -l) >= 2 )); do wait -n; done
  { said=$(run "$project" 2>&1); if [[ -n $said ]]; then say "$said"; fi; } &
done
if [[ $mode == default ]] && { (( ${#only[@]} == 0 )) || [[ " ${only[*]} " == *" Web "* ]]; }; then
  if ! have_node; then warn "Node.js 20.19 or newer is not here: the checks of the web UI are skipped"
  elif install_web; then web=true; fi
fi
if $web; then
  while (( $(jobs -pr | wc -l) >= 2 )); do wait -n; done
  { said=$(run_web 2>&1); say "$said"; } &
fi
wait
for project in ${alone[@]+"${alone[@]}"}; do run "$project"; done

for project in ${together[@]+"${together[@]}"} ${alone[@]+"${alone[@]}"}; do
  name=$(basename "$project" .csproj) trx=$results/$(basename "$project" .csproj).trx
  if [[ -f $trx ]]; then
    p=$(counter passed "$trx") f=$(counter failed "$trx") total=$(counter total "$trx")
    passed=$(( passed + p )) failed=$(( failed + f )) skipped=$(( skipped + total - p - f ))
  fi
  if [[ ! -f $trx || -f $results/$name.broken ]]; then broken+=("$name"); failed=$(( failed + 1 )); fi
done

if $web; then
  if [[ -f $results/Web.json ]]; then
    passed=$(( passed + $(web_count Passed) )) failed=$(( failed + $(web_count Failed) )) skipped=$(( skipped + $(web_count Pending) ))
  fi
  if [[ ! -f $results/Web.json || -f $results/Web.broken || -n $(newer_web) ]]; then broken+=(Web); failed=$(( failed + 1 )); fi
fi
if (( ${#broken[@]} )); then say "did not end well: ${broken[*]}"; fi
say "$passed passed, $failed failed, $skipped skipped"
(( failed == 0 && passed > 0 ))
