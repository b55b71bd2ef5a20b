#!/usr/bin/env bash
# Runs a command with a PostgreSQL server that is gone afterwards, in PGHOST and PGUSER. For work that must not need a built `crm`
# (the query cache); everything else uses `crm postgres`.
#   scripts/throwaway-postgres.sh COMMAND...
set -euo pipefail

bin=$(for folder in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2>/dev/null | sort -Vr) \
    ${PATH//:/ }; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then echo "$folder"; break; fi
done)
[ -n "$bin" ] || { echo 'PostgreSQL is missing: run scripts/setup.sh' >&2; exit 1; }

# PostgreSQL refuses root.
as=()
folder=$(mktemp -d /tmp/crm-sqlx-XXXXXX)
if [ "$(id -u)" -eq 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres "$folder"
fi

stop() {
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT

cd /
"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 --no-sync >"$folder/log" 2>&1 ||
    { cat "$folder/log" >&2; exit 1; }
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" start
cd - >/dev/null
PGHOST=$folder PGUSER=postgres "$@"
