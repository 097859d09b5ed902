#!/usr/bin/env bash
# roadmap.sh URL: is a roadmap made to its end, and is its task found at every poll? Leaves the finished task behind.
# Exit status: 0 all passed, 1 something failed, 2 it could not begin.
#
#   ./roadmap.sh http://127.0.0.1:8080                    # the token is .lyceum/dev-token
#   TOKEN=… ./roadmap.sh https://tutor.example.org        # an API token with the scope roadmaps, or an access token
#
# TIMEOUT  seconds that it may take (600; a language model takes minutes); INSECURE=1: accept any certificate. Needs bash and curl.
set -uo pipefail

url=${1:-}
[[ $url =~ ^https?:// ]] || { echo "usage: $0 URL (http://… or https://…)" >&2; exit 2; }
url=${url%/}
command -v curl >/dev/null || { echo "curl is not installed" >&2; exit 2; }
token=${TOKEN:-$(cat "$(dirname "$0")/../../.lyceum/dev-token" 2>/dev/null)}
[[ -n $token ]] || { echo "no token: set TOKEN" >&2; exit 2; }
request='{"user_id":"smoke-test","user_query":"学习 Python Web 开发","preferences":{"weekly_commitment_hours":10,"primary_language":"zh"}}'
status='' body=''

ok() { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; exit 1; }

# ask METHOD PATH [JSON]: sets status and body. curl reads the token from a file, because ps shows arguments.
ask() {
  local answer
  answer=$(curl -sS ${INSECURE:+-k} --max-time 30 -X "$1" -w '\n%{http_code}' \
    -K <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
    ${3:+-H 'Content-Type: application/json' --data-binary "$3"} "$url$2" 2>&1)
  status=${answer##*$'\n'} body=${answer%$'\n'*}
}
# field NAME: the first one of the last body.
field() { grep -o "\"$1\":\"[^\"]*\"" <<< "$body" | head -n 1 | cut -d '"' -f 4; }

ask POST /api/v1/roadmaps/generate "$request"
[[ $status == 202 ]] || bad "generate: HTTP $status instead of 202: ${body:0:300}"
task=$(field task_id)
ok "generate: task $task"

begun=$SECONDS polls=0
while true; do
  ask GET "/api/v1/roadmaps/$task/status"
  polls=$((polls + 1))
  [[ $status == 200 ]] || bad "poll $polls: HTTP $status instead of 200: ${body:0:300}"
  case $(field status) in
    completed) break ;;
    failed | cancelled) bad "the task ended as $(field status): $(field error_message)" ;;
  esac
  ((SECONDS - begun < ${TIMEOUT:-600})) || bad "not completed within ${TIMEOUT:-600} s: ${body:0:300}"
  sleep 0.5
done
ok "completed after $((SECONDS - begun)) s; the task was found at all $polls polls"

ask GET "/api/v1/roadmaps/$task/result"
[[ $status == 200 && $body == *'"weeks":['* ]] || bad "result: HTTP $status: ${body:0:300}"
ok "result: $(field title)"
