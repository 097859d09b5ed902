#!/usr/bin/env bash
# Replaces the secret of a token while the gateway runs, and checks what docs/secrets.md promises. Needs no running system:
# it starts the gateway alone, with a configuration of its own and a grace period of 3 s, on a free port of loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
cat > "$folder/gateway.json" <<'JSON'
{ "auth": { "grace": "00:00:03", "tokens": [{ "id": "smoke-test", "secret_file": "token", "tenant": "smoke-test", "scopes": ["chat"] }] } }
JSON
openssl rand -base64 32 > "$folder/token"
old=$(cat "$folder/token")

GATEWAY_CONFIG_FILE=$folder/gateway.json GATEWAY_TOKEN_LOCAL=unused GATEWAY_HMAC_LOCAL=unused \
  scripts/run-gateway.sh 0 > "$folder/log" 2>&1 &
gateway=$!
trap 'kill -TERM $gateway 2>/dev/null || true; wait $gateway 2>/dev/null || true; rm -rf "$folder"' EXIT

fail() { echo "rotate-secret: $1" >&2; tail -n 20 "$folder/log" >&2; exit 1; }
# Waits up to $1 seconds for the rest of the line to succeed.
await() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
}
listening() { url=$(sed -n 's/.*Now listening on: //p' "$folder/log" | head -n 1) && [[ -n $url ]]; }
# There are no services behind it: an accepted request is 503, a refused one 401.
status() { curl -so /dev/null -w '%{http_code}' -H "X-API-Key: $1" "$url/chat"; }
accepted() { [[ $(status "$1") != 401 ]]; }
refused() { [[ $(status "$1") == 401 ]]; }

await 120 listening || fail "the gateway did not start"
accepted "$old" || fail "the first secret is refused"

openssl rand -base64 32 > "$folder/token.new"
new=$(cat "$folder/token.new")
refused "$new" || fail "the new secret is accepted before it was set"
mv "$folder/token.new" "$folder/token"
await 2 accepted "$new" || fail "the new secret is refused"
echo "the new secret is accepted"
accepted "$old" || fail "the old secret is refused within its grace period"
echo "the old secret is accepted, in its grace period"
await 6 refused "$old" || fail "the old secret is accepted after its grace period"
echo "the old secret is refused"
accepted "$new" || fail "the new secret is refused too"

: > "$folder/token" # an empty secret file is a configuration error: the last good secret stays
sleep 1
accepted "$new" || fail "an empty file removed the secret"
curl -s "$url/health" | grep -q 'auth.tokens\[0\].secret_file' || fail "the error is not shown at /health"
echo "an empty file changes nothing, and /health shows the error"

grep -q 'Credentials loaded' "$folder/log" || fail "the log has no line about it"
if grep -qF -e "$old" -e "$new" "$folder/log"; then fail "a secret is in the log"; fi
echo "the log: $(grep -o 'Credentials loaded.*' "$folder/log" | sed -n 2p)"
