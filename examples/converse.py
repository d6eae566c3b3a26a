#!/usr/bin/env python3
"""Talks to a program in the background over the socket of its run, one line of JSON at a time.

    examples/converse.py

The protocol is heeler.control/1: `heeler schema control` prints its schema.
"""

import json
import os
import socket
import subprocess


def heeler(*args):
    return subprocess.check_output(["heeler", *args], text=True).strip()


class Run:
    """A run in the background, which ends with us."""

    def __init__(self, *command):
        self.id = heeler("run", "-d", "--owner", str(os.getpid()), "--", *command)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(json.loads(heeler("inspect", self.id))["socket"])
        self.lines = self.socket.makefile("rw", encoding="utf-8")
        self.ask("hello", protocols=["heeler.control/1"])

    def ask(self, op, **request):
        print(json.dumps({"op": op, **request}), file=self.lines, flush=True)
        reply = json.loads(self.lines.readline())
        if reply["reply"] == "error":
            raise RuntimeError(reply["message"])
        return reply

    def send(self, line):
        """Types a line; gives the offset that its answer lies behind."""
        return self.ask("send", actions=[{"line": line}])["offset"]

    def expect(self, since=None, seconds=10, **patterns):
        """Waits for one of the patterns; gives its label and its groups."""
        on = [{"label": label, "pattern": pattern} for label, pattern in patterns.items()]
        reply = self.ask("expect", on=on, since=since, limit_ms=seconds * 1000)
        if reply["reply"] != "matched":
            raise TimeoutError(f"{reply['reply']}: {reply['last_lines']}")
        return reply["label"], reply["captures"]


def main():
    run = Run("sh", "-c", 'while read -r a b; do echo "sum $((a + b))"; done; exit 3')
    for a, b in [(1, 2), (20, 22)]:
        label, groups = run.expect(since=run.send(f"{a} {b}"), sum=r"/sum (?<sum>\d+)/", bad="/error/")
        print(f"{a} + {b} is {groups['sum']} ({label})")
    run.ask("send", actions=[{"key": "eof"}])
    print("it exited with", run.ask("wait")["exit_code"])


main()
