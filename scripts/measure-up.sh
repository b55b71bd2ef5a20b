#!/usr/bin/env bash
# Measures `crm up`: time from the start of the process to the first answer on an existing data folder, and resident memory without
# the database.
#   scripts/measure-up.sh CRM_BINARY [RUNS]
set -euo pipefail

crm=$1
runs=${2:-5}
port=18321
folder=$(mktemp -d /tmp/crm-measure-XXXXXX)
chmod 711 "$folder"
pid=
trap '[ -z "$pid" ] || kill -INT "$pid" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

now() { date +%s%3N; }
memory() { awk '/VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$pid/status"; }

up() { # arguments of crm up; leaves `pid` running and sets `took` to milliseconds until the first answer
    local began
    began=$(now)
    "$crm" up --data "$folder/data" --listen "127.0.0.1:$port" "$@" >"$folder/out" 2>&1 &
    pid=$!
    until curl -sf -o /dev/null "http://127.0.0.1:$port/readyz"; do
        kill -0 "$pid" 2>/dev/null || { cat "$folder/out" >&2; exit 1; }
        sleep 0.005
    done
    took=$(($(now) - began))
    until grep -q 'crm is up' "$folder/out"; do
        kill -0 "$pid" 2>/dev/null || { cat "$folder/out" >&2; exit 1; }
        sleep 0.01
    done
}

down() {
    kill -INT "$pid"
    wait "$pid"
    pid=
}

verdict() { [ "$1" -lt "$2" ] && echo "aim under $2" || echo "MISSED: aim under $2"; }

up
echo "first start, empty folder: $took ms"
down
for _ in $(seq "$runs"); do
    up
    echo "start on an existing folder to the first answer: $took ms ($(verdict "$took" 1000))"
    idle=$(memory)
    for _ in $(seq 200); do curl -s -o /dev/null "http://127.0.0.1:$port/v1/accounts"; done
    busy=$(memory)
    echo "  resident memory of crm: $idle MiB idle, $busy MiB after 200 requests ($(verdict "$busy" 120))"
    down
done
