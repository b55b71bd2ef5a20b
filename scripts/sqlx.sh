#!/usr/bin/env bash
# Writes the cache of checked queries (.sqlx) of every crate that has queries, or with --check compares it with what is committed.
# Folders of crates narrow it: scripts/sqlx.sh services/sales
# Each crate is compiled against a database of its own with the kit's migrations, those of all records when it keeps some, and then its own.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${CRM_SQLX_INSIDE:-}" != yes ]; then
    CRM_SQLX_INSIDE=yes exec scripts/throwaway-postgres.sh scripts/sqlx.sh "$@"
fi

check=false
if [ "${1:-}" = --check ]; then
    check=true
    shift
fi
kit=services/kit/pg
record=services/kit/record
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

migrate() { # database folder...
    local database=$1 folder file
    shift
    createdb "$database"
    psql -q -d "$database" -c 'CREATE EXTENSION pg_trgm'
    for folder in "$@"; do
        for file in "$folder"/*.sql; do
            PGOPTIONS='-c client_min_messages=warning' psql -q -v ON_ERROR_STOP=1 -1 -d "$database" -f "$file"
        done
    done
}

database() { # crate folder: sets variable and database, and makes the database
    local folders
    variable=$(sed -n 's/^database-url-var = "\(.*\)"$/\1/p' "$1/sqlx.toml")
    database=$(echo "$variable" | tr '[:upper:]' '[:lower:]')
    folders=("$kit/migrations")
    if grep -q '^crm-kit-record' "$1/Cargo.toml"; then folders+=("$record/migrations"); fi
    [ "$1" = "$kit" ] || folders+=("$1/migrations")
    migrate "$database" "${folders[@]}"
}

compile() { # crate folder
    mkdir -p "$work/$1"
    # Compiles the crate anew. Those that depend on it read their own committed cache: they know no URL.
    touch "$1/src/lib.rs"
    [ ! -f "$1/tests/it/main.rs" ] || touch "$1/tests/it/main.rs"
    echo "== sqlx: $1"
    env "$variable=postgres://postgres@${PGHOST//\//%2F}/$database" SQLX_OFFLINE_DIR="$work/$1" \
        cargo check --quiet --workspace --all-targets --keep-going
}

failed=false unsure=false
[ $# -gt 0 ] || set -- $(dirname services/kit/*/sqlx.toml services/*/sqlx.toml)
for crate in "$@"; do
    database "$crate"
    # While the caches are written, crates whose turn is still to come may not compile yet.
    compile "$crate" || { $check && exit 1 || unsure=true; }
    if $check; then
        if ! diff -r "$crate/.sqlx" "$work/$crate"; then
            echo "sqlx: $crate/.sqlx is not what the code and the migrations say: run make sqlx" >&2
            failed=true
        fi
    else
        rm -rf "$crate/.sqlx"
        mv "$work/$crate" "$crate/.sqlx"
        echo "   $(find "$crate/.sqlx" -name '*.json' | wc -l) queries"
    fi
done
if $failed; then exit 1; fi
if $unsure; then cargo check --quiet --workspace --all-targets; fi
echo '== sqlx: done'
