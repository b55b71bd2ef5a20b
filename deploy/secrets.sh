#!/usr/bin/env bash
# Makes the secrets of an installation as files, each once: delete one and run this again to have another in its place. From them it writes the settings
# of each service anew: <service>.toml for daily work, and <service>-migration.toml, which also has the password of the tables' owner.
#   deploy/secrets.sh [--database HOST:PORT] [--tls MODE] [--out FOLDER]
#     --database  where the services find PostgreSQL, remembered      (at first postgres:5432)
#     --tls       sslmode of their connections to it, remembered      (at first prefer; verify-full where certificates are checked)
#     --out       folder of the files                                 (default deploy/compose/secrets)
set -euo pipefail

# Services with a database. A new one is one word here.
services=(platform customer sales)

database='' tls='' out=$(dirname "$0")/compose/secrets
while [ $# -gt 0 ]; do
    case $1 in
        --database) database=$2 ;;
        --tls) tls=$2 ;;
        --out) out=$2 ;;
        *) sed -n '2,7p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done

umask 077
mkdir -p "$out"
# The folder is closed to other people. The files are not: containers run as users of their own and are given single files.
chmod 700 "$out"

hex() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
base64_key() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
put() { # file: from standard input, whole or not at all
    cat >"$out/$1.new"
    chmod 444 "$out/$1.new"
    mv -f "$out/$1.new" "$out/$1"
}
once() { # file command: what the command prints, if the file is missing
    [ -s "$out/$1" ] || "${@:2}" | put "$1"
}
line() { # name words: a line of `databases`, if it has none of that name
    grep -q "^$1 " "$out/databases" 2>/dev/null || { cat "$out/databases" 2>/dev/null || true; echo "$@"; } | put databases
}

settings() { # service
    echo "[$1]"
    echo "database_url = \"postgres://crm_$1:$role@$(<"$out/database")/crm_$1?sslmode=$(<"$out/tls")\""
    echo "cursor_secret = \"$(<"$out/$1_cursor_secret")\""
    echo "internal_secret = \"$(<"$out/internal_secret")\""
    [ "${2:-}" != migration ] ||
        echo "owner_database_url = \"postgres://crm_$1_owner:$owner@$(<"$out/database")/crm_$1?sslmode=$(<"$out/tls")\""
    if [ "$1" = platform ]; then
        printf '\n[%s.security]\n' "$1"
        echo "secret_key = \"$(<"$out/platform_secret_key")\""
        echo "operator_key = \"$(<"$out/operator_key")\""
    fi
}

[ -z "$database" ] || echo "$database" | put database
[ -z "$tls" ] || echo "$tls" | put tls
once database echo postgres:5432
once tls echo prefer
for name in internal_secret operator_key postgres_password monitor_password grafana_password; do once "$name" hex; done
once platform_secret_key base64_key
line monitor - "$(<"$out/monitor_password")"
for service in "${services[@]}"; do
    once "${service}_cursor_secret" hex
    line "$service" "$(hex)" "$(hex)"
    read -r _ owner role < <(grep "^$service " "$out/databases")
    settings "$service" | put "$service.toml"
    settings "$service" migration | put "$service-migration.toml"
done
echo "secrets in $out"
