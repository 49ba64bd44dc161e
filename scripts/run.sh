#!/usr/bin/env bash
# Loads the example data into a new SQLite database under var/ and serves it.
set -euo pipefail
cd "$(dirname "$0")/.."

listen=${SBK_LISTEN:-127.0.0.1:8642}
database=sqlite:var/sbk.db
sbk="${CARGO_TARGET_DIR:-target}/release/sbk"

mkdir -p var
rm -f var/sbk.db var/sbk.db-wal var/sbk.db-shm

"$sbk" --database "$database" db migrate
"$sbk" --database "$database" schema apply examples/open-data.toml --vo delphi
"$sbk" --database "$database" import ndjson examples/delphi-1994.ndjson.gz

cat <<EOF

SBK serves the example catalogue at http://$listen until Ctrl-C. In another terminal, try:

  curl http://$listen/docs
  $sbk --help

EOF
exec "$sbk" --database "$database" serve --listen "$listen"
