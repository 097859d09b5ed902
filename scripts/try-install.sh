#!/usr/bin/env bash
# Installs a release as docs/install.md says into a clean Debian: systemd as process 1 of namespaces of its own (its network is a loopback
# only). Signs in, asks, starts the machine again, and finds the answer. Nothing of this host is changed; root is needed.
#   scripts/try-install.sh BUNDLE.tar.gz [--root FOLDER]
# FOLDER is a Debian made by mmdebstrap; it is made where it is missing (a minute), copied, and kept for the next time.
# Prints sizes, times and memory; the exit status is 0 when everything was as it must be.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
bundle=$(realpath -- "${1:?BUNDLE.tar.gz}") template=$root/.build/debian
[[ ${2:-} != --root ]] || template=$(realpath -m -- "$3")
say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
(( EUID == 0 )) || die "it needs root, for namespaces and chroot"

packages=systemd,postgresql,rabbitmq-server,caddy,curl,ca-certificates,iproute2,procps
if [[ ! -d $template ]]; then
  command -v mmdebstrap > /dev/null || die "$template is not there, and neither is mmdebstrap (apt-get install mmdebstrap)"
  mmdebstrap --mode=root --variant=minbase --include=$packages bookworm "$template"
fi
box=$(mktemp -d)
cp -a "$template/." "$box/"
release=$(basename "$bundle" .tar.gz)
install -m 644 "$bundle" "$box/root/"
name=lyceum.example.org
printf '127.0.0.1 localhost box %s\n' $name > "$box/etc/hosts"

machine='' # the process that is 1 in there
inside() { nsenter -t "$machine" --mount --pid --net --uts --ipc --cgroup --root="/proc/$machine/root" --wd="/proc/$machine/root/root" "$@"; }
finish() {
  if [[ -n $machine ]]; then kill -KILL "$machine" 2> /dev/null || true; fi
  wait 2> /dev/null || true
  rm -rf --one-file-system "$box"
}
trap finish EXIT

cat > "$box/start" <<'BOOT'
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
mkdir "$1/dev/pts" "$1/dev/shm"
for device in null zero full random urandom tty; do touch "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
mount -t tmpfs tmpfs "$1/dev/shm"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
ip link set lo up
hostname box
# As on a real machine: what systemd mounts for a unit (its credentials) is propagated.
mount --make-rshared "$1"
exec env -i container=try-install PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" /lib/systemd/systemd --log-target=journal
BOOT

boot() {
  unshare --mount --pid --fork --net --uts --ipc --cgroup --kill-child bash "$box/start" "$box" < /dev/null > "$box/console" 2>&1 &
  local parent=$! i
  for (( i = 0; i < 300; i++ )); do
    machine=$(pgrep -P "$parent" || true)
    if [[ -n $machine && $(cat "/proc/$machine/comm") == systemd ]] && inside systemctl is-system-running > /dev/null 2>&1; then return 0; fi
    [[ -e /proc/$parent ]] || { cat "$box/console" >&2; die "systemd did not start"; }
    sleep 0.2
  done
  inside systemctl --failed --no-pager || true
  die "the machine is not up"
}

halt() {
  local was=$machine
  inside systemctl poweroff 2> /dev/null || true
  for (( i = 0; i < 600; i++ )); do [[ -e /proc/$was ]] || { machine=''; return 0; }; sleep 0.2; done
  die "the machine does not stop"
}

# What the page says, typed: its blocks between the two marks, with this machine's name and a certificate of Caddy's own.
steps=$(sed -n '/<!-- begin systemd -->/,/<!-- end systemd -->/p' "$root/docs/install.md" | sed -n '/^```sh$/,/^```$/{/^```/!p}' |
  sed "s/^RELEASE=.*/RELEASE=$release/; s/^systemctl restart caddy/sed -i 's|# tls internal.*|tls internal|' \/etc\/caddy\/Caddyfile\n&/")
[[ -n $steps ]] || die "docs/install.md has no steps"

ask() { # METHOD PATH [JSON]: as a browser elsewhere does, by name and over TLS
  inside curl -sS --fail-with-body --cacert /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt -X "$1" "https://$name$2" \
    ${token:+-H "Authorization: Bearer $token"} ${3:+-H 'Content-Type: application/json' -d "$3"}
}
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
healthy() {
  inside curl -sS --retry 90 --retry-delay 1 --retry-all-errors --fail -o /dev/null --cacert \
    /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt "https://$name/health" 2> /dev/null || die "not healthy"
  local port
  for port in 5101 5102 5103 5104; do
    inside curl -sS --retry 90 --retry-delay 1 --retry-all-errors --fail -o /dev/null "http://127.0.0.1:$port/health" 2> /dev/null ||
      die "the service on port $port is not healthy"
  done
}

say "Starting a clean Debian …"
boot
say "Installing …"
begun=$SECONDS
printf '%s\n' "$steps" > "$box/root/install.sh"
inside bash -euo pipefail /root/install.sh > "$box/install.log" 2>&1 || { tail -n 30 "$box/install.log"; die "docs/install.md failed"; }
say "  $(( SECONDS - begun )) s"
healthy
failed=$(inside systemctl list-units --failed --no-legend --plain)
[[ -z $failed ]] || die "failed units: $failed"

token=''
for (( i = 0; i < 300; i++ )); do
  inside journalctl -u lyceum-session-api --no-pager > "$box/journal"
  code=$(sed -n 's/.*Setup code: \([^ ]*\).*/\1/p' "$box/journal" | tail -n 1)
  [[ -z $code ]] || break
  sleep 0.2
done
[[ -n $code ]] || { tail -n 20 "$box/journal"; die "no setup code in the journal"; }
account='{"username":"ada@example.org","password":"correct horse battery"'
ask POST /api/auth/register "$account,\"setup_code\":\"$code\"}" > /dev/null
token=$(ask POST /api/auth/login "$account}" | field access_token)
answer=$(ask POST /chat '{"message":"How do I learn well?"}')
conversation=$(printf '%s\n' "$answer" | field conversation_id)
[[ $answer == *'event: end'* && -n $conversation ]] || { printf '%s\n' "$answer"; die "no answer"; }
messages=$(ask GET "/api/conversations/$conversation/messages")
say "Signed in, asked, answered: conversation $conversation"
ask GET / > /dev/null
inside curl -sS -k -H 'Accept: text/html' "https://$name/" | grep -q '<script' || die "no web UI"

# Each service has left what is its own alone to read.
modes=$(inside find /etc/lyceum/secrets -type f ! -perm 0600)
[[ -z $modes ]] || die "others may read: $modes"

sleep 20 # idle
say "Memory, MiB (PSS):"
total=0
for unit in lyceum-gateway lyceum-chat-api lyceum-session-api lyceum-roadmap-worker lyceum-gpu-engine postgresql@15-main rabbitmq-server caddy; do
  group=$(inside systemctl show -p ControlGroup --value "$unit")
  sum=0 count=0
  for pid in $(inside find "/sys/fs/cgroup$group" -name cgroup.procs -exec cat {} +); do
    kib=$(inside awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2> /dev/null || echo 0)
    sum=$(( sum + ${kib:-0} )) count=$(( count + 1 ))
  done
  printf '  %-26s %5d  (%d processes)\n' "$unit" $(( sum / 1024 )) "$count"
  total=$(( total + sum ))
done
printf '  %-26s %5d\n' "all of Lyceum" $(( total / 1024 ))

say "Starting the machine again …"
halt
begun=$SECONDS
boot
healthy
say "  healthy $(( SECONDS - begun )) s after power on"
token=''
token=$(ask POST /api/auth/login "$account}" | field access_token)
[[ $(ask GET "/api/conversations/$conversation/messages") == "$messages" ]] || die "the conversation is not what it was"
for unit in gateway chat-api session-api roadmap-worker gpu-engine; do
  pid=$(inside systemctl show -p MainPID --value "lyceum-$unit")
  up=$(inside systemctl show -p NRestarts --value "lyceum-$unit")
  say "  lyceum-$unit: user $(inside ps -o user= -p "$pid"), restarts $up"
done
[[ $(inside systemctl show -p Result --value lyceum-chat-api) == success ]] || die "chat-api did not stop in order"

# A service that is killed is back.
pid=$(inside systemctl show -p MainPID --value lyceum-chat-api)
inside kill -KILL "$pid"
for (( i = 0; i < 300; i++ )); do inside curl -sf -o /dev/null http://127.0.0.1:5101/health && break; sleep 0.2; done
[[ $(ask GET "/api/conversations/$conversation/messages") == "$messages" ]] || die "not back after kill -9"

(( total < 1536 * 1024 )) || die "the idle system takes $(( total / 1024 )) MiB, more than 1536"
halt
say "All as it must be."
