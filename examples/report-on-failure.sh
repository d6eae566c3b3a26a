#!/bin/sh
# Runs a command; only when it fails, says how it ended and where the report is.
#
#   examples/report-on-failure.sh make -j4
report=report.json

heeler run --timeout 1h --report "$report" -- "$@"
code=$?
if [ $code -ne 0 ]; then
    summary=$(sed -n 's/.*"summary":"\([^"]*\)".*/\1/p' "$report")
    outcome=$(sed -n 's/.*"outcome":"\([^"]*\)".*/\1/p' "$report")
    echo "$1: $outcome: ${summary:-not started}; all of it is in $report" >&2
fi
exit $code
