#!/usr/bin/env bash
# Replaces a token's secret under a gateway that runs, and checks what docs/secrets.md promises. Needs nothing that runs:
# it starts the gateway alone, with a configuration of its own and a grace of 3 s, on a free port of loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
drill=$(mktemp -d)
cat > "$drill/gateway.json" <<'JSON'
{ "auth": { "grace": "00:00:03", "tokens": [{ "id": "drill", "secret_file": "token", "tenant": "drill", "scopes": ["chat"] }] } }
JSON
openssl rand -base64 32 > "$drill/token"
old=$(cat "$drill/token")

GATEWAY_CONFIG_FILE=$drill/gateway.json GATEWAY_TOKEN_LOCAL=unused GATEWAY_HMAC_LOCAL=unused \
  scripts/run-gateway.sh 0 > "$drill/log" 2>&1 &
gateway=$!
trap 'kill -TERM $gateway 2>/dev/null || true; wait $gateway 2>/dev/null || true; rm -rf "$drill"' EXIT

fail() { echo "rotate-secret: $1" >&2; tail -n 20 "$drill/log" >&2; exit 1; }
# Waits up to $1 seconds for the rest of the line to succeed.
await() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
}
listening() { url=$(sed -n 's/.*Now listening on: //p' "$drill/log" | head -n 1) && [[ -n $url ]]; }
# There are no services behind it: what is let in is 503, what is not is 401.
status() { curl -so /dev/null -w '%{http_code}' -H "X-API-Key: $1" "$url/chat"; }
accepted() { [[ $(status "$1") != 401 ]]; }
refused() { [[ $(status "$1") == 401 ]]; }

await 120 listening || fail "the gateway did not start"
accepted "$old" || fail "the first secret is refused"

openssl rand -base64 32 > "$drill/token.new"
new=$(cat "$drill/token.new")
refused "$new" || fail "the new secret is accepted before it is there"
mv "$drill/token.new" "$drill/token"
await 2 accepted "$new" || fail "the new secret is refused"
echo "the new secret is accepted"
accepted "$old" || fail "the old secret is refused within its grace"
echo "the old secret is accepted, in its grace"
await 6 refused "$old" || fail "the old secret is accepted after its grace"
echo "the old secret is refused"
accepted "$new" || fail "the new secret went with the old one"

: > "$drill/token" # a secret that is empty is a fault, and changes nothing
sleep 1
accepted "$new" || fail "an empty file took the secret away"
curl -s "$url/health" | grep -q 'auth.tokens\[0\].secret_file' || fail "the fault is not at /health"
echo "an empty file changes nothing, and shows at /health"

grep -q 'Credentials loaded' "$drill/log" || fail "the log says nothing of it"
if grep -qF -e "$old" -e "$new" "$drill/log"; then fail "a secret is in the log"; fi
echo "the log: $(grep -o 'Credentials loaded.*' "$drill/log" | sed -n 2p)"
