#!/bin/sh
# Resolve the locks of this folder: run.lock for the bus with signatures, the API and the console, as make installs it; production.lock for the
# same with PostgreSQL; dev.lock for tests and linters, bench.lock for benchmarks.
set -eu
cd "$(dirname "$0")"
uv=${1:-uv}
lock() { out=$1; shift; "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 \
  --no-emit-index-url --custom-compile-command "make lock" --output-file "$out" "$@"; }
lock run.lock ../pyproject.toml build.in --extra wssec --extra api --extra console
lock dev.lock ../pyproject.toml build.in --constraint run.lock --group ../pyproject.toml:dev
lock production.lock ../pyproject.toml build.in --constraint dev.lock --extra postgres --extra wssec --extra traces --extra api --extra console
lock bench.lock ../pyproject.toml build.in --constraint dev.lock --group ../pyproject.toml:dev --group ../pyproject.toml:bench
