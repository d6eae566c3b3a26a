#!/bin/sh
# Does the server come up at all? Success as soon as it says that it serves; it is stopped then, with
# everything that it started. One that ends without saying so fails, whatever it exits with, and a known error
# fails at once instead of after the limit.
#
#   examples/server-smoke-test.sh [SERVER [ARG]...]
set -eu

if [ $# -eq 0 ]; then
    set -- python3 -u -m http.server --bind 127.0.0.1 0
fi

heeler run \
    --expect '/^Serving HTTP on .*$/' --within 30s --do pass \
    --fail-on 'Address already in use' --fail-on '/^Traceback/' \
    --output server.log -- "$@"
echo "it came up"
