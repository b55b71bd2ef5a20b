#!/usr/bin/env bash
# Installs what the build and the tests need beyond Rust, or says exactly what to install. Quick when everything is there.
#   scripts/setup.sh [--lint]     --lint also asks for Node.js, with which buf comes
set -euo pipefail

want_lint=false
[ "${1:-}" = --lint ] && want_lint=true

say() { printf '== setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# PostgreSQL 15 or newer, where `crm` looks for it.
have_postgres() {
    local folder version
    for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
        ${PATH//:/ }; do
        [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] || continue
        version=$("$folder/postgres" --version | sed -E 's/^.*\) ([0-9]+).*$/\1/')
        [ "${version:-0}" -ge 15 ] 2>/dev/null && return 0
    done
    return 1
}

need_rust() {
    have cargo || fail 'Rust is missing: install it from https://rustup.rs, then run this again'
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    found=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -1)" != "$wanted" ]; then
        fail "Rust $found is too old: $wanted or newer is needed (rustup update stable)"
    fi
}

missing=()
have_postgres || missing+=(postgresql)
have psql || missing+=(postgresql-client)
have protoc || missing+=(protobuf-compiler)
have cc || missing+=(build-essential)
if $want_lint && ! have npm; then
    missing+=(nodejs npm)
fi

cd "$(dirname "$0")/.."
need_rust
if [ ${#missing[@]} -eq 0 ]; then
    say 'everything is there'
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        as_root=(false)
    fi
fi
if have apt-get && [ "${as_root[0]:-}" != false ]; then
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    have_postgres || fail 'the distribution has no PostgreSQL 15 or newer: add https://apt.postgresql.org and install postgresql-17'
    say 'done'
elif have apt-get; then
    fail "missing: ${missing[*]}; run: sudo apt-get install ${missing[*]}"
elif have dnf; then
    fail "missing: ${missing[*]}; run: sudo dnf install postgresql-server postgresql protobuf-compiler gcc nodejs"
elif have brew; then
    fail "missing: ${missing[*]}; run: brew install postgresql protobuf node"
else
    fail "missing: ${missing[*]} (names of Debian packages); install them with the system's package manager"
fi
