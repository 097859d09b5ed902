#!/usr/bin/env bash
# chat.sh URL: does a streamed answer arrive whole from here, and is it kept when the client goes away? Asks two questions, in
# conversations of its own that it deletes again. Exit status: 0 all passed, 1 something failed, 2 it could not begin.
#
#   ./chat.sh http://127.0.0.1:8080                       # the token is .lyceum/dev-token
#   TOKEN=… ./chat.sh https://tutor.example.org           # an API token with the scope chat, or an access token
#
# MESSAGE  what to ask. With a language model, ask for a long story: the stream must outlive every timeout on the way
# TIMEOUT  seconds that an answer may take (600); INSECURE=1: accept any certificate. Needs bash and curl.
set -uo pipefail

url=${1:-}
[[ $url =~ ^https?:// ]] || { echo "usage: $0 URL (http://… or https://…)" >&2; exit 2; }
url=${url%/}
command -v curl >/dev/null || { echo "curl is not installed" >&2; exit 2; }
token=${TOKEN:-$(cat "$(dirname "$0")/../../.lyceum/dev-token" 2>/dev/null)}
[[ -n $token ]] || { echo "no token: set TOKEN" >&2; exit 2; }
question="{\"message\":\"${MESSAGE:-How do I learn well?}\"}"
folder=$(mktemp -d) failed=0 conversations=()

ok() { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; failed=1; }

# ask METHOD PATH [curl's options]: with the token, which curl reads from a file, because ps shows arguments.
ask() {
  local method=$1 path=$2
  shift 2
  curl -sSN ${INSECURE:+-k} --max-time "${TIMEOUT:-600}" -K <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
    -X "$method" "$@" "$url$path"
}
post() { ask POST /chat -H 'Content-Type: application/json' --data-binary "$question"; }
# field NAME FILE: of the start event.
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$2" | head -n 1; }
remember() { local id; id=$(field conversation_id "$1"); [[ -z $id ]] || conversations+=("$id"); }

finish() {
  local id
  for id in "${conversations[@]}"; do ask DELETE "/api/conversations/$id" > /dev/null; done
  rm -rf "$folder"
}
trap finish EXIT

# 1. One stream, to its end.
begun=$SECONDS
post > "$folder/whole" 2> "$folder/error"
status=$? seconds=$((SECONDS - begun))
remember "$folder/whole"
if grep -q '^event: end' "$folder/whole"; then
  ok "the answer arrived whole, in one stream of $seconds s"
elif [[ -z $(field message_id "$folder/whole") ]]; then
  bad "no answer: $(head -c 300 "$folder/whole") $(head -c 200 "$folder/error")"
  exit 1
else
  bad "the stream was cut after $seconds s (curl: $status): a proxy or load balancer on the way has a shorter timeout"
fi

# 2. A client that goes away after some words. The answer must be written to its end without it.
words=20
while IFS= read -r line; do
  printf '%s\n' "$line"
  if [[ $line == 'id: '* ]] && ((--words == 0)); then break; fi
done < <(post 2>/dev/null) > "$folder/cut"
remember "$folder/cut"
message=$(field message_id "$folder/cut") cursor=$(sed -n 's/^id: \([0-9]*\)$/\1/p' "$folder/cut" | tail -n 1)
if [[ -z $message || ! $cursor =~ ^[0-9]+$ ]]; then
  bad "the second question had no answer: $(head -c 300 "$folder/cut")"
  exit 1
fi
ask GET "/chat/$message/stream?after=$cursor" > "$folder/rest"
if grep -q '^event: end' "$folder/rest" && grep -q '"status":"complete"' "$folder/rest"; then
  ok "the client left after $cursor bytes; the answer was written to its end"
else
  bad "the client left after $cursor bytes; the answer did not go on: $(tail -c 300 "$folder/rest")"
fi

# 3. Nothing is missing and nothing is doubled where the two readings meet.
ask GET "/chat/$message/stream" -H 'Accept: text/plain' > "$folder/stored"
ask GET "/chat/$message/stream?after=$cursor" -H 'Accept: text/plain' > "$folder/remaining"
if cmp -s <(tail -c +$((cursor + 1)) "$folder/stored") "$folder/remaining"; then
  ok "the stored answer ($(wc -c < "$folder/stored") bytes) goes on exactly where the client left"
else
  bad "the stored answer differs from what a returning client reads"
fi
exit "$failed"
