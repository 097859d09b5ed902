#!/usr/bin/env bash
# The gateway's binary alone, for debugging: config/gateway.json (or GATEWAY_CONFIG_FILE), no services behind it unless
# services__chat-api__http__0 and the like name them, no database unless ConnectionStrings__gatewaydb does.
#   scripts/run-gateway.sh [PORT]    PORT 8080 by default; 0: any free one
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-8080}

build=${GATEWAY_DLL:-Gateway/bin/Debug/net10.0/Gateway.dll}
[[ -n ${GATEWAY_DLL:-} ]] || dotnet build Gateway -v quiet -nologo

export GATEWAY_CONFIG_FILE=${GATEWAY_CONFIG_FILE:-config/gateway.json}
for name in GATEWAY_TOKEN_LOCAL GATEWAY_HMAC_LOCAL; do
  if [[ -z ${!name:-} ]]; then
    export "$name=$(openssl rand -hex 16)"
    echo "$name=${!name}"
  fi
done

# An identity of its own for this run: the key, and the key set that vouches for it (docs/adr/0005).
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/gateway.pem" 2>/dev/null
openssl pkey -in "$keys/gateway.pem" -pubout -outform DER -out "$keys/public.der"
kid="gateway-$(sha256sum "$keys/public.der" | cut -c1-16)"
printf '{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"%s","x":"%s","y":"%s"}]}' "$kid" \
  "$(tail -c 64 "$keys/public.der" | head -c 32 | base64url)" "$(tail -c 32 "$keys/public.der" | base64url)" > "$keys/jwks.json"

export Service__Name=gateway Identity__KeyFile=$keys/gateway.pem Identity__JwksFile=$keys/jwks.json
export ConnectionStrings__gatewaydb=${ConnectionStrings__gatewaydb:-Host=127.0.0.1;Port=9;Database=none;Username=nobody}
export ASPNETCORE_URLS=http://127.0.0.1:$port
dotnet "$build" &
gateway=$!
# What it ended with is what this ends with.
trap 'kill -TERM $gateway 2>/dev/null || true; wait $gateway 2>/dev/null || true; rm -rf "$keys"' EXIT
wait $gateway
