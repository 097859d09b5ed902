#!/usr/bin/env bash
# Runs this machine's PostgreSQL on a data folder of its own, loopback only, in the foreground.
#
# Environment: POSTGRES_DATA (folder, made on first use), PGPORT, POSTGRES_PASSWORD (of user postgres, first use only),
# POSTGRES_MAX_CONNECTIONS, POSTGRES_SOCKETS (a folder for its socket; none without it). `postgres.sh --check` says by its exit status whether server binaries are here at all.
#
# This shell stays as the server's parent instead of exec'ing it, because PostgreSQL's answer to SIGTERM is to wait for
# every client to leave; here SIGTERM means "stop now, orderly" (its SIGINT). Should this shell be killed outright, the
# kernel ends the server for it (pdeathsig), so a data folder never has a server that nobody knows.
set -euo pipefail

fail() { echo "postgres.sh: $*" >&2; exit 78; }

# Folders in which server binaries may be: PATH, pg_config, the distributions' places.
binary_folders() {
  shopt -s nullglob
  local postgres
  postgres=$(command -v postgres) && dirname "$(readlink -f "$postgres")"
  command -v pg_config >/dev/null && pg_config --bindir
  printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/pgsql/bin
}

# The binaries that fit the data folder: of its own major version, or the newest when it is yet to be made.
find_binaries() {
  local wanted=${1:-} folder version best='' best_version=0
  while IFS= read -r folder; do
    [[ -x $folder/postgres && -x $folder/initdb ]] || continue
    version=$("$folder/postgres" --version | grep -oE '[0-9]+' | head -n1)
    [[ -n $wanted && $version != "$wanted" ]] && continue
    (( version > best_version )) && best=$folder best_version=$version
  done < <(binary_folders 2>/dev/null)
  echo "$best"
}

if [[ ${1:-} == --check ]]; then
  [[ -n $(find_binaries) ]]
  exit
fi

data=$POSTGRES_DATA

# PostgreSQL refuses to be root. In a user namespace root's own files belong to an ordinary user, so that a data folder
# below a 0700 parent works; where namespaces are forbidden, the account postgres owns the data instead.
as_server=()
choose_account() {
  (( EUID == 0 )) || return 0
  local owner=0:0
  if unshare --user --map-user=1000 --map-group=1000 true 2>/dev/null; then
    as_server=(unshare --user --map-user=1000 --map-group=1000)
  elif id postgres >/dev/null 2>&1; then
    owner=$(id -u postgres):$(id -g postgres)
    as_server=(setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups)
  else
    fail "PostgreSQL does not run as root, user namespaces are not allowed here, and there is no account 'postgres'"
  fi
  local folder
  for folder in "$data" "$data.new"; do
    if [[ -d $folder && $(stat -c %u:%g "$folder") != "$owner" ]]; then chown -R "$owner" "$folder"; fi
  done
  account_owner=$owner
}

# Made beside its place and moved there when complete, so an interrupted first start leaves nothing half-made.
initialise() {
  [[ -z $(ls -A "$data" 2>/dev/null) ]] || fail "'$data' holds something that is no PostgreSQL data folder; it is left alone"
  rm -rf "$data.new"
  mkdir -m 700 "$data.new"
  # The server's account can write only what it owns, and the password must never be on a command line.
  install -m 600 /dev/null "$data.new.password"
  printf '%s' "$POSTGRES_PASSWORD" > "$data.new.password"
  if [[ -n ${account_owner:-} ]]; then chown "$account_owner" "$data.new" "$data.new.password"; fi
  "${as_server[@]}" setpriv --pdeathsig KILL "$bin/initdb" --pgdata="$data.new" --username=postgres --pwfile="$data.new.password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null || fail "initdb failed"
  rm -f "$data.new.password"
  rmdir "$data" 2>/dev/null || true
  mv "$data.new" "$data"
}

servers_of_data() { # processes whose working folder is the data folder: the server and its workers
  local entry
  for entry in /proc/[0-9]*; do
    if [[ $(readlink "$entry/cwd" 2>/dev/null) == "$real_data" ]]; then echo "${entry#/proc/}"; fi
  done
}

# After kill -9 of the server its workers need a moment to notice; a server that outlived its AppHost is ended.
clear_leftovers() {
  [[ -f $data/postmaster.pid ]] || return 0
  local pids i signal=INT
  for (( i = 0; i < 100; i++ )); do
    pids=$(servers_of_data)
    [[ -z $pids ]] && { rm -f "$data/postmaster.pid"; return 0; }
    (( i == 50 )) && signal=KILL
    if (( i % 50 == 0 )); then kill -s "$signal" $pids 2>/dev/null || true; fi
    sleep 0.1
  done
  fail "processes $(echo $pids) still work on '$data'"
}

version=$(cat "$data/PG_VERSION" 2>/dev/null || true)
bin=$(find_binaries "$version")
[[ -n $bin ]] || fail "no PostgreSQL${version:+ $version} server binaries found${version:+ (the data in '$data' is of version $version)}"

umask 077
mkdir -p "$(dirname "$data")"
choose_account
[[ -n $version ]] || initialise
real_data=$(readlink -f "$data")
clear_leftovers

stop() { if [[ -n ${server:-} ]]; then kill -INT "$server" 2>/dev/null || true; fi }
trap stop TERM INT HUP

# No SSL, no socket file unless asked for: the password crosses loopback only. fsync stays on: what is committed is durable.
"${as_server[@]}" setpriv --pdeathsig QUIT "$bin/postgres" -D "$data" -p "$PGPORT" \
  -c listen_addresses=localhost -c "unix_socket_directories=${POSTGRES_SOCKETS:-}" -c max_connections="$POSTGRES_MAX_CONNECTIONS" \
  -c logging_collector=off -c log_destination=stderr -c "log_line_prefix=%m [%p] %a " &
server=$!

# wait is interrupted by each trapped signal; the server is gone when wait reports its own status.
status=0
while true; do
  wait "$server" && status=0 || status=$?
  kill -0 "$server" 2>/dev/null || break
done
exit "$status"
