#!/bin/sh
# Installs packages with apt-get, which asks this and that: rules answer whatever is asked, in any order.
# The configuration files that are there stay; a question that no rule knows ends it after two silent minutes.
#
#   examples/answer-installer.sh PACKAGE...
set -eu

heeler run --pty --timeout 30m --idle-timeout 2m \
    --on '[Y/n] ' --line y \
    --on '/\(Y\/I\/N\/O\/D\/Z\) \[default=N\] \? /' --line N \
    --fail-on '/^E: .*$/' \
    --record install.cast -- apt-get install "$@"
