# What people run. Each target installs what is missing first.

# The tools that scripts/install.sh adds.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help run test lint bench fuzz

help:
	@echo 'make run    build SBK, load the example data into SQLite and serve it'
	@echo 'make test   run all tests on SQLite, PostgreSQL and MariaDB'
	@echo 'make lint   check format, lints, documentation, licences and sources'
	@echo 'make fuzz   feed every reader with bytes that nobody would write'
	@echo 'make bench  run the benchmarks, on servers of their own'

run:
	@scripts/install.sh build
	cargo build --release --bin sbk
	@scripts/run.sh

test:
	@scripts/install.sh test
	cargo xtask test

lint:
	@scripts/install.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
	cargo deny --log-level error --locked check bans licenses sources

bench:
	@scripts/install.sh test
	cargo xtask bench keys

fuzz:
	@scripts/fuzz.sh
