#!/usr/bin/env bash
# A conversation of a shell script with a program in the background: ask bc to add up, wait for each answer.
# Branches are labels; bc ends with the script, however that ends.
#
#   examples/converse.sh [N]
set -euo pipefail
n=${1:-100}

run=$(heeler run -d --pty --owner $$ -- bc -q)

sum=0
for ((i = 1; i <= n; i++)); do
    # What is sent has a place in the output: only what comes behind it can be the answer.
    offset=$(heeler send "$run" --line "$sum + $i")
    case $(heeler expect "$run" --since "$offset" --timeout 10s \
        --on 'number=/^\d+$/' --on 'error=/error.*/i' --print label) in
    number) ((sum += i)) ;;
    error) echo "bc does not like it" >&2; exit 1 ;;
    esac
done
echo "the sum of 1 to $n is $sum"

heeler send "$run" --line quit >/dev/null
heeler wait "$run"
