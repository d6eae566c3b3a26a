#!/bin/sh
# An installer as vendors ship them: a licence in a pager, questions whose number and order depend on what it
# finds, a bar that creeps. Installs into the directory that it is told.
ask() { printf '%s' "$1"; read -r answer || exit 9; }
seq -f 'Clause %g. You agree to everything.' 60 | more -e
while ask 'Do you accept the licence? (yes/no): '; [ "$answer" != yes ]; do
    [ "$answer" = no ] && { echo 'Not installed.'; exit 3; }
    echo 'Please answer yes or no.'
done
ask "Install into [/opt/toy]: "
target=${answer:-/opt/toy}
[ ! -e "$target" ] || { ask "$target exists. Overwrite? [y/N] "; [ "$answer" = y ] || exit 4; }
[ "$(date +%S)" -ge 30 ] || { ask 'Send usage data? [Y/n] '; usage=$answer; }
ask 'Port [8080]: '
port=${answer:-8080}
case $port in *[!0-9]*) echo "ERROR: $port is no port"; ask 'Press Enter to exit '; exit 5 ;; esac
mkdir -p "$target"
for part in 20 40 60 80 100; do printf '\rCopying files... %3d%%' "$part"; done
echo "port=$port usage=${usage:-unasked}" >"$target/toy.conf"
printf '\nInstallation complete. Licence key: T0Y-%s\n' 4711
