#!/usr/bin/env bash
# Writes the cache of checked queries (.sqlx) of every crate that has queries, or with --check compares it with what is committed.
# Each crate is compiled against a database of its own with the kit's migrations, those of all records when it keeps some, and then its own.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${CRM_SQLX_INSIDE:-}" != yes ]; then
    CRM_SQLX_INSIDE=yes exec scripts/throwaway-postgres.sh scripts/sqlx.sh "$@"
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

prepare() { # crate folder
    local crate=$1 variable database folders
    variable=$(sed -n 's/^database-url-var = "\(.*\)"$/\1/p' "$crate/sqlx.toml")
    database=$(echo "$variable" | tr '[:upper:]' '[:lower:]')
    folders=("$kit/migrations")
    if grep -q '^crm-kit-record' "$crate/Cargo.toml"; then folders+=("$record/migrations"); fi
    [ "$crate" = "$kit" ] || folders+=("$crate/migrations")
    migrate "$database" "${folders[@]}"
    mkdir -p "$work/$crate"
    # Compiles the crate anew. Those that depend on it read their own committed cache: they know no URL.
    touch "$crate/src/lib.rs"
    [ ! -f "$crate/tests/it/main.rs" ] || touch "$crate/tests/it/main.rs"
    echo "== sqlx: $crate"
    env "$variable=postgres://postgres@${PGHOST//\//%2F}/$database" SQLX_OFFLINE_DIR="$work/$crate" \
        cargo check --quiet --workspace --all-targets
}

failed=false
for toml in services/kit/*/sqlx.toml services/*/sqlx.toml; do
    crate=$(dirname "$toml")
    prepare "$crate"
    if [ "${1:-}" = --check ]; then
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
$failed && exit 1
echo '== sqlx: done'
