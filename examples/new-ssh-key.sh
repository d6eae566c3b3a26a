#!/bin/sh
# Makes an ssh key with the passphrase from $KEY_PASSPHRASE, which is on no command line and in no output.
# An existing key is never overwritten: the question is a failure (exit code 122).
#
#   KEY_PASSPHRASE=... examples/new-ssh-key.sh ~/.ssh/deploy_key
set -eu

heeler run --pty --timeout 1m \
    --secret passphrase=env:KEY_PASSPHRASE \
    --on 'Overwrite (y/n)?' --do 'fail:this key exists already' \
    --expect 'Enter passphrase' --send-secret passphrase \
    --expect 'Enter same passphrase again' --send-secret passphrase \
    --expect '/SHA256:(?<fingerprint>\S+)/' \
    -- ssh-keygen -t ed25519 -f "$1"
