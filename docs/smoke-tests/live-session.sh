#!/usr/bin/env bash
# live-session.sh URL: can a student on another machine talk to a tutor of this system? Makes the requests of a client, one by
# one, and checks each answer. Exit status: 0 all passed, 1 something failed, 2 it could not begin.
#
#   ./live-session.sh http://127.0.0.1:8080                  # the token is .lyceum/dev-token
#   TOKEN=… ./live-session.sh https://tutor.example.org      # an API token, or a signed-in person's access token
#
# TUTOR    a tutor's id; without it, one is made and deleted again (scope tutors)
# MESSAGE  what to say; TIMEOUT seconds an answer may take (60); INSECURE=1: accept any certificate
# Needs bash, curl and node 18.
set -uo pipefail

url=${1:-}
[[ $url =~ ^https?:// ]] || { echo "usage: $0 URL (http://… or https://…)" >&2; exit 2; }
url=${url%/}
here=$(cd "$(dirname "$0")" && pwd)
for program in curl node; do
  command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 2; }
done
token=${TOKEN:-$(cat "$here/../../.lyceum/dev-token" 2>/dev/null)}
[[ -n $token ]] || { echo "no token: set TOKEN" >&2; exit 2; }
message=${MESSAGE:-Hello}
export TIMEOUT=${TIMEOUT:-60} INSECURE=${INSECURE:-}

failed=0 status='' body='' session='' made=''

ok() { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; failed=1; }

# ask METHOD PATH [JSON]: sets status and body. curl reads the token from a file, because ps shows arguments.
ask() {
  local answer
  answer=$(curl -sS ${INSECURE:+-k} --max-time 30 -X "$1" -w '\n%{http_code}' -K <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
    ${3:+-H 'Content-Type: application/json' --data-binary "$3"} "$url$2" 2>&1)
  status=${answer##*$'\n'} body=${answer%$'\n'*}
}

# field NAME: of the last body; empty if it is not there.
field() {
  node -e 'try { const v = JSON.parse(process.argv[1])[process.argv[2]]; if (v != null) console.log(String(v)) } catch {}' "$body" "$1"
}

# expect STATUS WHAT
expect() {
  [[ $status == "$1" ]] && return 0
  bad "$2: HTTP $status instead of $1: ${body:0:300}"
  return 1
}

# talk URL WHAT
talk() {
  local said
  if said=$(node "$here/talk.mjs" "$1" "$message" 2>&1); then ok "$2: ${said:0:120}"; else bad "$2: ${said:0:300}"; fi
}

finish() {
  trap - EXIT
  [[ -z $session ]] || ask DELETE "/api/sessions/$session"
  [[ -z $made ]] || ask DELETE "/api/tutors/$made"
  exit "$failed"
}
trap finish EXIT
trap 'failed=1; exit' INT TERM

ask GET /health
case "$status $(field status)" in
  '200 ok' | '200 healthy') ok "health" ;;
  '200 degraded') ok "health: degraded: ${body:0:300}" ;;
  *) bad "health: HTTP $status: ${body:0:300}"; exit ;;
esac

tutor=${TUTOR:-}
if [[ -z $tutor ]]; then
  ask POST /api/tutors '{"name":"Smoke test"}'
  expect 201 'make a tutor' || exit
  made=$(field id) tutor=$made
  ok "make a tutor: $tutor"
fi

ask POST "/api/tutors/$tutor/sessions" '{"student_id":"smoke-test"}'
expect 201 'create a session' || exit
session=$(field session_id) engine_url=$(field engine_url) engine_token=$(field engine_token)
if [[ -n $session && $(field status) == active && -n $engine_token && $engine_url == *"$session"* ]]; then
  ok "create a session: $session"
else
  bad "create a session: a field is missing: ${body:0:300}"
fi

# The address must work from here: not localhost when the system is on another machine, and wss behind https.
host() { local rest=${1#*://}; rest=${rest%%/*}; printf '%s' "${rest%:*}"; }
is_local() { [[ $1 == localhost || $1 == 127.* || $1 == '[::1]' ]]; }
shown=${engine_url%%\?*}
if is_local "$(host "$engine_url")" && ! is_local "$(host "$url")"; then
  bad "engine_url: $shown is only reachable on the server itself; set Engine:PublicUrl"
elif [[ $url == https:* && $engine_url != wss:* ]]; then
  bad "engine_url: $shown is not wss; let the proxy send X-Forwarded-Proto, or set Engine:PublicUrl"
else
  ok "engine_url: $shown"
fi

talk "$engine_url" 'connect and talk'

if said=$(EXPECT=401 node "$here/talk.mjs" "$engine_url" "$message" 2>&1); then
  ok 'the same token again: refused with 401'
else
  bad "the same token again: ${said:0:300}"
fi

ask POST "/api/sessions/$session/connect"
if expect 200 'connect again, as after a reload'; then
  talk "$(field engine_url)" 'connect again, as after a reload'
fi

ask GET "/api/sessions/$session"
expect 200 'read the session' && ok 'read the session'

ask DELETE "/api/sessions/$session"
if expect 200 'delete the session'; then
  if [[ $(field status) == deleted ]]; then ok 'delete the session'; else bad "delete the session: ${body:0:300}"; fi
  ask POST "/api/sessions/$session/connect"
  if [[ $status == 404 || $status == 409 || $status == 410 ]]; then
    ok "connect to the deleted session: refused with $status"
  else
    bad "connect to the deleted session: HTTP $status: ${body:0:300}"
  fi
  session=''
fi
exit
