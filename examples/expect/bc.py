#!/usr/bin/env python3
# bc.py SUMS: has bc compute SUMS, with commas between them, and prints the results.
import os
import sys

import pexpect

env = {**os.environ, "TERM": "dumb", "BC_LINE_LENGTH": "0"}
child = pexpect.spawn("bc", ["--quiet", "--mathlib"], env=env, encoding="utf-8")
results = []
try:
    for sum in sys.argv[1].split(","):
        child.sendline(f'print "= ", {sum}, "\\n"')
        if child.expect([r"\n= (-?[\d.]+)\r", r"\(standard_in\) \d+: [^\r\n]*|Runtime error[^\r\n]*"]):
            sys.exit(f"bc says: {child.after}")
        results.append(child.match[1])
    child.sendline("quit")
    child.expect(pexpect.EOF)
except pexpect.ExceptionPexpect as error:
    sys.exit(f"bc: {error}")
print(*results)
child.close()
sys.exit(child.exitstatus)
