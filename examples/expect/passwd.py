#!/usr/bin/env python3
# passwd.py USER: sets the password of USER to $NEW_PASSWORD.
import os
import sys

import pexpect

REFUSED = r"(?:passwd: user|Bad |Sorry|You must)[^\r\n]*"
child = pexpect.spawn("passwd", sys.argv[1:], env={**os.environ, "LC_ALL": "C"}, encoding="utf-8")
child.logfile_read = sys.stdout
try:
    for prompt in "New password: ", "Retype new password: ":
        if child.expect([prompt, REFUSED]):
            sys.exit(child.after)
        child.waitnoecho()
        child.sendline(os.environ["NEW_PASSWORD"])
    if child.expect(["updated successfully", REFUSED]):
        sys.exit(child.after)
    child.expect(pexpect.EOF)
except pexpect.ExceptionPexpect as error:
    sys.exit(f"passwd: {error}")
child.close()
sys.exit(child.exitstatus)
