#!/usr/bin/env python3
# ssh.py USER@HOST LINE: runs LINE on HOST, with the password in $SSH_PASSWORD.
import os
import sys

import pexpect

child = pexpect.spawn("ssh", ["-t", *sys.argv[1:]], encoding="utf-8")
child.logfile_read = sys.stdout
try:
    while (i := child.expect(["continue connecting .yes/no", "'s password: ", r"(?:ssh: |Permission denied)[^\r\n]*"])) == 0:
        child.sendline("yes")
    if i == 2:
        sys.exit(child.after)
    child.waitnoecho()
    child.sendline(os.environ["SSH_PASSWORD"])
    if child.expect([pexpect.EOF, r"\nPermission denied"], timeout=None):
        sys.exit(f"the password is not that of {sys.argv[1]}")
except pexpect.ExceptionPexpect as error:
    sys.exit(f"ssh: {error}")
child.close()
sys.exit(child.exitstatus)
