#!/usr/bin/env bash
# Rolling updates under load, behind haproxy and behind nginx, one run after the other: each replaces both processes of each service
# (scripts/upgrade.sh --same). Ends with one line for each run; exit status 1 where a client saw an error or lost a byte.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/scripts/setup.sh"

usage() {
  cat <<'HELP'
scripts/rolling-update.sh [--times N] [--front NAME]… [--release FOLDER]

  --times N      runs behind each balancer (default 3)
  --front NAME   haproxy or nginx (default: one after the other)
  --release FOLDER   the programs of an unpacked release instead of those that were built last
LYCEUM_LOAD    as for scripts/upgrade.sh (default here: the whole, "50 50 10 200")
HELP
}

times=3 fronts=() release=()
while (( $# )); do
  case $1 in
    --times) times=${2:?--times needs a number}; shift 2 ;;
    --front) fronts+=("${2:?--front needs a name}"); shift 2 ;;
    --release) release=(--release "${2:?--release needs a folder}"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
done
(( ${#fronts[@]} )) || fronts=(haproxy nginx)
export LYCEUM_LOAD=${LYCEUM_LOAD:-50 50 10 200}

seen=$(mktemp -d --tmpdir lyceum-rolling-XXXXXX)
trap 'rm -rf "$seen"' EXIT
trap 'exit 130' INT TERM
status=0
for front in "${fronts[@]}"; do
  for (( run = 1; run <= times; run++ )); do
    say "$front, run $run of $times, load $LYCEUM_LOAD"
    LYCEUM_SEEN=$seen/$front-$run.json "$root/scripts/upgrade.sh" --same --front "$front" ${release[@]+"${release[@]}"} || status=1
  done
done
say ""
node - "$seen" <<'SUMMARY'
const fs = require('node:fs'), folder = process.argv[2];
for (const name of fs.readdirSync(folder).sort()) {
  let t;
  try { t = JSON.parse(fs.readFileSync(`${folder}/${name}`)); } catch { console.log(`${name}: no result`); continue; }
  const errors = (t.errors ?? []).length + (t.moreErrors ?? 0);
  console.log(`${name.replace('.json', '')}: ${errors} errors, ${t.lostBytes} bytes lost, longest pause ${t.longestPauseMs} ms (${t.pauseAt}); `
    + `${t.answers} answers, ${t.turns} turns, ${t.jobs} jobs, ${t.requests} requests; ${t.waited} told to wait, ${t.resumed} streams read on, `
    + `${t.goAways} sessions sent on, ${t.interruptedTurns} turns interrupted; without subprotocol: ${t.simpleAnswers} answers, `
    + `closed ${JSON.stringify(t.simpleClosings)}, asked again ${t.simpleAskedAgain}`);
}
SUMMARY
exit "$status"
