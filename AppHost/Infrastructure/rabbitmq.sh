#!/usr/bin/env bash
# Runs this machine's RabbitMQ on a data folder of its own, loopback only, in the foreground.
#
# Environment: BROKER_DATA (folder, made on first use), AMQP_PORT, ERL_EPMD_PORT, RABBITMQ_DIST_PORT, BROKER_USER,
# BROKER_PASSWORD (first use only), BROKER_COOKIE (Erlang's shared secret). `rabbitmq.sh --check` says by its exit status whether a broker is installed at all.
#
# Erlang's port mapper (epmd) is normally a daemon that outlives every broker and is shared by all of them. Here it is a
# private child, so two systems never meet and nothing is left behind. This shell is the parent of both; should it be
# killed outright, the kernel ends them (pdeathsig).
set -euo pipefail

fail() { echo "rabbitmq.sh: $*" >&2; exit 78; }

find_server() { # the script itself: the distribution's wrapper on PATH insists on the account rabbitmq
  local candidate
  shopt -s nullglob
  for candidate in /usr/lib/rabbitmq/bin/rabbitmq-server /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server \
      /opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server "$(command -v rabbitmq-server || true)"; do
    if [[ -n $candidate && -x $candidate ]]; then echo "$candidate"; return; fi
  done
}

server_script=$(find_server)
[[ -n $server_script ]] || fail "no RabbitMQ server found"
epmd=$(command -v epmd) || fail "no epmd (Erlang) found"
if [[ ${1:-} == --check ]]; then exit 0; fi

data=$BROKER_DATA
umask 077
mkdir -p "$data/log"
rm -f "$data/.erlang.cookie"
printf '%s' "$BROKER_COOKIE" > "$data/.erlang.cookie"
chmod 400 "$data/.erlang.cookie"
: > "$data/rabbitmq-env.conf"
echo '[].' > "$data/enabled_plugins"
cat > "$data/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$AMQP_PORT
default_user = $BROKER_USER
default_pass = $BROKER_PASSWORD
log.console = true
log.console.level = warning
# Health checks shake hands and leave, which is no news.
log.connection.level = error
CONF

# A broker of this folder that outlived its AppHost would hold the database; the pid file says who it was.
old=$(cat "$data/pid" 2>/dev/null || true)
if [[ -n $old && $(readlink -f "/proc/$old/cwd" 2>/dev/null) == "$(readlink -f "$data")" ]]; then
  kill -TERM "$old" 2>/dev/null || true
  for (( i = 0; i < 100; i++ )); do [[ -e /proc/$old/exe ]] || break; sleep 0.1; done
  kill -KILL "$old" 2>/dev/null || true
fi

cd "$data"
export HOME=$data ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT RABBITMQ_DIST_PORT
export RABBITMQ_NODENAME=lyceum@localhost RABBITMQ_CONF_ENV_FILE=$data/rabbitmq-env.conf
export RABBITMQ_CONFIG_FILE=$data/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$data/enabled_plugins
export RABBITMQ_ADVANCED_CONFIG_FILE=$data/advanced.config
# Its disk monitor does not quote the path it hands to df: a path with a space is given through the working folder.
place=$data
if [[ $data == *' '* && -d /proc/self/cwd ]]; then place=/proc/self/cwd; fi
export RABBITMQ_MNESIA_BASE=$place RABBITMQ_MNESIA_DIR=$place/mnesia RABBITMQ_PID_FILE=$data/pid
export RABBITMQ_LOG_BASE=$data/log RABBITMQ_LOGS=- RABBITMQ_LOG=warning
# Erlang binds its distribution port to loopback, does not spin on idle cores, and leaves Ctrl-C to this shell.
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none +B i'
# This mode of RabbitMQ's own script execs Erlang instead of standing between us and it.
export RUNNING_UNDER_SYSTEMD=true

setpriv --pdeathsig KILL "$epmd" -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
mapper=$!

stop() { if [[ -n ${broker:-} ]]; then kill -TERM "$broker" 2>/dev/null || true; fi }
trap stop TERM INT HUP
trap 'kill -TERM "$mapper" 2>/dev/null || true' EXIT

setpriv --pdeathsig KILL "$server_script" < /dev/null &
broker=$!

# wait is interrupted by each trapped signal; the broker is gone when wait reports its own status.
status=0
while true; do
  wait "$broker" && status=0 || status=$?
  kill -0 "$broker" 2>/dev/null || break
done
exit "$status"
