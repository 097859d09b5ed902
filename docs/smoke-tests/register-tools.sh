#!/usr/bin/env bash
# Registers config/new-manifests.json (or $2) as a new version of the tenant's tools at a running gateway ($1), checks that it is
# active and cannot be changed, and activates the previous version again. TOKEN, or GATEWAY_TOKEN_LOCAL: a token with the scopes
# tools and tools.admin; default: .lyceum/dev-token.
set -euo pipefail
url=${1:-http://localhost:8080}
manifests=${2:-$(dirname "$0")/../../config/new-manifests.json}
token=${TOKEN:-${GATEWAY_TOKEN_LOCAL:-$(cat "$(dirname "$0")/../../.lyceum/dev-token" 2>/dev/null || true)}}
[[ -n $token ]] || { echo "no token: set TOKEN or GATEWAY_TOKEN_LOCAL" >&2; exit 2; }
version="v$(date +%s)-$$"
body=$(mktemp)
trap 'rm -f "$body"' EXIT

fail() { echo "register-tools: $1: $(cat "$body")" >&2; exit 1; }
# call STATUS METHOD PATH [JSON]: the answer is in $body.
call() {
  local status
  status=$(curl -s -o "$body" -w '%{http_code}' -X "$2" "$url$3" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' ${4:+-d "$4"})
  [[ $status == "$1" ]] || fail "$2 $3 answered $status, not $1"
}

call 200 GET /api/config/tools
before=$(sed -n 's/.*"active":"\([^"]*\)".*/\1/p' "$body")
registration="{ \"version\": \"$version\", \"manifests\": $(cat "$manifests") }"
call 201 POST /api/config/tools "$registration"
call 200 GET /api/config/tools
grep -q "\"active\":\"$version\"" "$body" || fail "the version is not in force"
echo "$version is registered and in force"
call 409 POST /api/config/tools "$registration"
grep -q 'tool registry version already exists' "$body" || fail "the error does not say why"
echo "it cannot be registered again"
call 200 POST /api/tools/execute '{"tool":"echo","input":{"smoke_test":true}}'
grep -q '"status":"ok"' "$body" || fail "echo does not answer"
echo "its tools answer"
call 200 POST "/api/config/tools/$before/activate" '{}'
call 200 GET /api/config/tools
grep -q "\"active\":\"$before\"" "$body" || fail "the previous version is not in force again"
echo "$before is in force again"
