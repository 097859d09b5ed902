#!/usr/bin/env bash
# A gateway with a missing secret or a wrong configuration does not start, and reports all errors at once. Needs no running
# system: it starts the gateway alone, with configurations of its own, on a free port of loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "missing-secret: $1" >&2; cat "$folder/log" >&2; exit 1; }

# refused CONFIGURATION TEXT…: the gateway ends with exit status 78 within a minute, and prints each TEXT.
refused() {
  local status=0 text
  printf '%s' "$1" > "$folder/gateway.json"
  GATEWAY_CONFIG_FILE=$folder/gateway.json GATEWAY_TOKEN_LOCAL=unused GATEWAY_HMAC_LOCAL=unused \
    timeout 60 scripts/run-gateway.sh 0 > "$folder/log" 2>&1 || status=$?
  (( status == 78 )) || fail "it ended with $status, not 78"
  shift
  for text; do
    grep -qF "$text" "$folder/log" || fail "it does not print: $text"
  done
}

refused '{ "auth": { "tokens": [{ "id": "smoke-test", "secret_env": "LYCEUM_SECRET_THAT_IS_NOT_SET", "tenant": "smoke-test" }] } }' \
  'environment variable LYCEUM_SECRET_THAT_IS_NOT_SET not set'
echo 'with a missing secret it does not start, and names the variable'
refused '{ "auth": { "grace": 5, "tokens": [{ "id": "smoke-test" }] }, "misspelt": 1 }' 'auth.grace' 'auth.tokens[0].tenant' 'misspelt'
refused '{ "auth": { "tokens": [{ "id": "smoke-test", "secret_file": "missing", "tenant": "smoke-test", "scopes": ["chat", "flying"] }] } }' \
  'auth.tokens[0].secret_file' 'auth.tokens[0].scopes'
echo 'with a wrong configuration it does not start, and names each error'
