#!/usr/bin/env bash
# Makes the database and the two roles of every service in a PostgreSQL server, and sets their passwords. May be run again: it adds what is missing and
# takes nothing away. The usual PG.. variables name the server, as a superuser, or as a role that may create roles and databases.
#   deploy/postgres/databases.sh FILE      lines of `service owner-password role-password`, as deploy/secrets.sh writes them in `databases`
# As a script in /docker-entrypoint-initdb.d it reads /run/secrets/databases.
set -euo pipefail

file=${1:-/run/secrets/databases}
export PGUSER=${PGUSER:-${POSTGRES_USER:-postgres}} PGDATABASE=${PGDATABASE:-postgres}
# Passwords stay out of the server's log; a role that is no superuser may not say so, and has nothing to hide from its own server.
quiet=$(psql -XAtqc "SELECT CASE WHEN rolsuper THEN '-c log_statement=none -c log_min_error_statement=panic' END FROM pg_roles WHERE rolname = current_user")
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning $quiet"

role() { # name: with the password on standard input, which no process list shows
    local password
    read -r password
    psql -Xq -v ON_ERROR_STOP=1 <<SQL
SELECT format('CREATE ROLE %I LOGIN', '$1') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1') \gexec
ALTER ROLE $1 PASSWORD '$password';
SQL
}

database() { # service: owned by crm_<service>_owner, worked in by crm_<service>
    local name=crm_$1 owner=crm_$1_owner
    psql -Xq -v ON_ERROR_STOP=1 <<SQL
SELECT format('GRANT %I TO CURRENT_USER', '$owner') FROM pg_roles WHERE rolname = current_user AND NOT rolsuper \gexec
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE_PROVIDER libc LC_COLLATE ''C'' LC_CTYPE ''C.UTF-8''',
              '$name', '$owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$name') \gexec
REVOKE ALL ON DATABASE $name FROM PUBLIC;
GRANT CONNECT ON DATABASE $name TO $name;
\connect $name
CREATE EXTENSION IF NOT EXISTS pg_trgm;
GRANT USAGE ON SCHEMA public TO $name;
SQL
    # Only a superuser may. Without these marks search works, but reads every record of a tenant (see deploy/standalone/README.md).
    psql -Xq -v ON_ERROR_STOP=1 -d "$name" <<'SQL' || echo "$name: search has to do without its indexes, since this role is no superuser" >&2
BEGIN;
ALTER FUNCTION pg_catalog.texticlike(text,text) LEAKPROOF;
ALTER FUNCTION pg_catalog.textlike(text,text) LEAKPROOF;
ALTER FUNCTION similarity_op(text,text) LEAKPROOF;
ALTER FUNCTION pg_catalog.ts_match_vq(tsvector,tsquery) LEAKPROOF;
ALTER FUNCTION pg_catalog.jsonb_contains(jsonb,jsonb) LEAKPROOF;
ALTER FUNCTION pg_catalog.arraycontains(anyarray,anyarray) LEAKPROOF;
COMMIT;
SQL
}

services=()
while read -r service owner password; do
    case $service in
        '' | '#'*) continue ;;
        # Reads statistics for the collector of telemetry, and nothing else.
        monitor)
            role crm_monitor <<<"$password"
            psql -Xqc 'GRANT pg_monitor TO crm_monitor' || echo 'crm_monitor: this role may not let it read statistics' >&2
            continue
            ;;
    esac
    [[ $service =~ ^[a-z][a-z0-9_]{0,40}$ && $owner$password =~ ^[A-Za-z0-9]+$ ]] ||
        { echo "databases.sh: the line of '$service' is not 'service owner-password role-password' of plain letters and digits" >&2; exit 1; }
    role "crm_${service}_owner" <<<"$owner"
    role "crm_$service" <<<"$password"
    database "$service"
    services+=("$service")
done <"$file"
if [ -n "$(psql -XAtqc "SELECT 1 FROM pg_roles WHERE rolname = 'crm_monitor'")" ]; then
    for service in "${services[@]}"; do psql -Xqc "GRANT CONNECT ON DATABASE crm_$service TO crm_monitor"; done
fi
echo "databases are ready: ${services[*]}"
