#!/usr/bin/env bash
# Serves the example catalogue from a SQLite database under var/, which is made when it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

listen=${SBK_LISTEN:-127.0.0.1:8642}
database=sqlite:var/sbk.db
sbk="${CARGO_TARGET_DIR:-target}/release/sbk"
unset SBK_SERVER SBK_DATABASE

mkdir -p var
"$sbk" --database "$database" db migrate
"$sbk" --database "$database" import ndjson examples/delphi-1994.ndjson.gz

cat <<EOF

SBK serves the bookkeeping of the DELPHI experiment at LEP (1994) until Ctrl-C.

  every operation, to read and to try:  http://$listen/api/v1/docs

In another terminal, in this directory:

  export PATH=\$PWD/$(dirname "$sbk"):\$PATH SBK_SERVER=http://$listen
  sbk dataset list
  sbk query 'run_period = "1994" and energy > 91.24 GeV and size > 40 MB order by lfn limit 5'
  sbk query 'generator = pythia6156' --count
  sbk dir list /eos/opendata/delphi
  sbk verify totals
  sbk --help
  curl -H 'Accept: application/x-ndjson' 'http://$listen/api/v1/query?expr=generator+%3D+wphact23&limit=3'

EOF
exec "$sbk" serve --database "$database" --listen "$listen"
