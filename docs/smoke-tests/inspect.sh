#!/usr/bin/env bash
# inspect.sh URL: the daily checks of docs/operations.md, one by one, and one call of each API that clients use. The only
# things it changes in the tenant's data: two records, an edge, an event (type "smoke-test") and a collaboration.
# Exit status: 0 all passed, 1 something failed, 2 it could not begin.
#
#   ./inspect.sh http://127.0.0.1:8080                       # the token is .lyceum/dev-token
#   TOKEN=… ./inspect.sh https://tutor.example.org           # or GATEWAY_TOKEN_LOCAL: an API token
#
# INSECURE=1: accept any certificate. Needs bash and curl; uses promtool and ss if they are installed.
set -uo pipefail

url=${1:-}
[[ $url =~ ^https?:// ]] || { echo "usage: $0 URL (http://… or https://…)" >&2; exit 2; }
url=${url%/}
command -v curl >/dev/null || { echo "curl is not installed" >&2; exit 2; }
token=${TOKEN:-${GATEWAY_TOKEN_LOCAL:-$(cat "$(dirname "$0")/../../.lyceum/dev-token" 2>/dev/null)}}
[[ -n $token ]] || { echo "no token: set TOKEN or GATEWAY_TOKEN_LOCAL" >&2; exit 2; }

failed=0 status='' body=''
ok() { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; failed=1; }
left_out() { printf 'skipped %s\n' "$*"; }

# ask METHOD PATH [JSON]: with the token, which curl reads from a file, because ps shows arguments.
ask() { send -K <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$@"; }
# send [curl's options] METHOD PATH [JSON]: sets status and body.
send() {
  local options=() answer
  while [[ $1 == -* ]]; do options+=("$1" "$2"); shift 2; done
  answer=$(curl -sS ${INSECURE:+-k} --max-time 60 "${options[@]}" -X "$1" -w '\n%{http_code}' \
    ${3:+-H 'Content-Type: application/json' --data-binary "$3"} "$url$2" 2>&1)
  status=${answer##*$'\n'} body=${answer%$'\n'*}
}
# expect STATUS WHAT [TEXT]: the last answer's status, and a text in its body.
expect() {
  if [[ $status != "$1" ]]; then
    bad "$2: HTTP $status instead of $1: ${body:0:200}"
  elif [[ -n ${3:-} && $body != *"$3"* ]]; then
    bad "$2: no $3 in ${body:0:200}"
  else
    ok "$2"
  fi
}

# The port, if the gateway runs on this machine.
authority=${url#*://} port=${url##*:}
if [[ $authority =~ ^(localhost|127\.[0-9.]+):[0-9]+$ ]] && command -v ss >/dev/null; then
  if listener=$(ss -ltnH "sport = :$port") && [[ -n $listener ]]; then ok "something listens on port $port"; else bad "nothing listens on port $port"; fi
else
  left_out "the listening port: the gateway is on another machine, or ss is missing"
fi

send GET /version
expect 200 'version' '"version"'
[[ $status == 200 ]] && printf '        %s\n' "${body:0:200}"
send GET /health
case $status in
  200) if [[ $body == *'"status":"ok"'* ]]; then ok health; else ok "health, degraded: ${body:0:300}"; fi ;;
  *) bad "health: HTTP $status: ${body:0:300}" ;;
esac
send GET /health/db
expect 200 'pool of connections' '"checked_out"'
ask GET /metrics
expect 200 'metrics' '# TYPE '
if [[ $status == 200 ]] && command -v promtool >/dev/null; then
  # Exit status 3 is advice on names; 1 means that it could not read the metrics.
  said=$(promtool check metrics <<< "$body" 2>&1)
  if [[ $? == 1 ]]; then bad "metrics: promtool: ${said:0:200}"; else ok 'metrics, as Prometheus reads them'; fi
fi

# Secrets: only the right token is accepted.
send GET /api/observe/events
expect 401 'without a token: 401' unauthorized
send -H 'Authorization: Bearer not-a-token-of-this-gateway' GET /api/observe/events
expect 401 'with a wrong token: 401' unauthorized
ask GET '/api/observe/events?limit=1'
expect 200 'with the token: accepted'

# One call of each API that clients use.
ask POST /api/tools/execute '{"tool":"echo","input":{"smoke_test":true}}'
expect 200 'tools: echo answers' '"status":"ok"'
ask POST /api/llm/complete '{"prompt":"What is spaced repetition?","max_tokens":40}'
expect 200 'llm: the answer contains the prompt' 'What is spaced repetition?'
ask POST /api/collab/execute '{"task":"Explain spaced repetition in two sentences."}'
if [[ $status == 200 || $status == 202 ]] && [[ $body == *'"status":"in_progress"'* ]]; then
  ok 'collab: in progress'
else
  bad "collab: HTTP $status: ${body:0:200}"
fi
id="smoke-test-$(date +%s)-$$"
append="{\"records\":[{\"id\":\"$id-a\",\"type\":\"smoke-test\"},{\"id\":\"$id-b\",\"type\":\"smoke-test\"}],\"edges\":[{\"from\":\"$id-a\",\"to\":\"$id-b\",\"type\":\"smoke-test\"}]}"
ask POST /api/repo/append "$append"
expect 200 'repo: two records and an edge'
ask POST /api/repo/append "$append"
expect 200 'repo: the same again changes nothing'
ask GET "/api/graph/recall?start=$id-a"
expect 200 'graph: the edge is there' "$id-b"
ask POST /api/observe/emit "{\"events\":[{\"type\":\"smoke-test\",\"id\":\"$id\"}]}"
expect 200 'observe: an event is recorded'
ask GET '/api/observe/events?limit=10'
expect 200 'observe: and read' "$id"
exit "$failed"
