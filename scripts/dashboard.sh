# Sourced by run.sh: the real Aspire dashboard beside a system, from the Aspire CLI. Expects $root and $data.
# shellcheck shell=bash

aspire_cli_version=13.5.4

# The CLI on PATH, or the npm package of it, kept under .build.
aspire_cli() {
  local tools=$root/.build/aspire-cli architecture
  if command -v aspire; then return; fi
  case $(uname -m) in x86_64) architecture=x64 ;; aarch64 | arm64) architecture=arm64 ;; *) return 1 ;; esac
  local package=@microsoft/aspire-cli-linux-$architecture
  local cli=$tools/node_modules/$package/bin/aspire
  if [[ ! -x $cli ]]; then
    command -v npm >/dev/null || return 1
    mkdir -p "$tools"
    say "Installing the Aspire CLI …" >&2
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error "$package@$aspire_cli_version" >&2 || return 1
  fi
  echo "$cli"
}

taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() { # the preferred one, or one after it
  local port=$1
  while taken "$port"; do port=$(( port + 1 )); done
  echo "$port"
}

# With the Aspire packages AppHost brings its own dashboard: two systems need two addresses. Its URL is in the log.
real_dashboard() {
  ASPNETCORE_URLS=http://127.0.0.1:$(free_port 15170)
  ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://127.0.0.1:$(free_port 16170)
  ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL=http://127.0.0.1:$(free_port 17170)
  export ASPNETCORE_URLS ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL
  export ASPIRE_ALLOW_UNSECURED_TRANSPORT=true
}

# Starts it and lets every service export to it; dashboard_url is where to look at it.
start_dashboard() {
  local cli web grpc http log=$data/logs/dashboard.log i
  cli=$(aspire_cli) || die "--dashboard needs the Aspire CLI (https://aspire.dev) or npm, which can install it"
  web=$(free_port 18888) grpc=$(free_port 4317) http=$(free_port 4318)
  say "Starting the Aspire dashboard …"
  LYCEUM_DATA=$data ASPIRE_CLI_TELEMETRY_OPTOUT=true NO_COLOR=1 setsid "$cli" dashboard run --non-interactive --nologo \
    --frontend-url "http://127.0.0.1:$web" --otlp-grpc-url "http://127.0.0.1:$grpc" --otlp-http-url "http://127.0.0.1:$http" \
    > "$log" 2>&1 < /dev/null &
  for (( i = 0; i < 300; i++ )); do
    dashboard_url=$(grep -aoE "http://127\.0\.0\.1:$web/login\?t=[0-9a-f]+" "$log" | head -n 1 || true)
    [[ -n $dashboard_url ]] && break
    kill -0 "$!" 2>/dev/null || { cat "$log" >&2; die "the dashboard did not start"; }
    sleep 0.1
  done
  [[ -n $dashboard_url ]] || die "the dashboard did not say where it is within 30 s; see $log"
  export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$grpc OTEL_EXPORTER_OTLP_PROTOCOL=grpc
}
