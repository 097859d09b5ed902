#!/usr/bin/env bash
# A gateway whose secret is missing, or whose configuration is wrong, does not start, and says all that is wrong at once. Needs nothing
# that runs: it starts the gateway alone, with configurations of its own, on a free port of loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
drill=$(mktemp -d)
trap 'rm -rf "$drill"' EXIT
fail() { echo "missing-secret: $1" >&2; cat "$drill/log" >&2; exit 1; }

# refused CONFIGURATION TEXT…: it ends with exit status 78 within a minute, and says each TEXT.
refused() {
  local status=0 text
  printf '%s' "$1" > "$drill/gateway.json"
  GATEWAY_CONFIG_FILE=$drill/gateway.json GATEWAY_TOKEN_LOCAL=unused GATEWAY_HMAC_LOCAL=unused \
    timeout 60 scripts/run-gateway.sh 0 > "$drill/log" 2>&1 || status=$?
  (( status == 78 )) || fail "it ended with $status, not 78"
  shift
  for text; do
    grep -qF "$text" "$drill/log" || fail "it does not say: $text"
  done
}

refused '{ "auth": { "tokens": [{ "id": "drill", "secret_env": "LYCEUM_DRILL_SECRET_THAT_IS_NOT_THERE", "tenant": "drill" }] } }' \
  'environment variable LYCEUM_DRILL_SECRET_THAT_IS_NOT_THERE not set'
echo 'without its secret it does not start, and names the variable'
refused '{ "auth": { "grace": 5, "tokens": [{ "id": "drill" }] }, "misspelt": 1 }' 'auth.grace' 'auth.tokens[0].tenant' 'misspelt'
refused '{ "auth": { "tokens": [{ "id": "drill", "secret_file": "missing", "tenant": "drill", "scopes": ["chat", "flying"] }] } }' \
  'auth.tokens[0].secret_file' 'auth.tokens[0].scopes'
echo 'with a wrong configuration it does not start, and names each fault'
