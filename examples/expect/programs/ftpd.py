#!/usr/bin/env python3
# A small FTP server for one user (anonymous too), passive mode only, read-only: ftpd.py DIR. It prints its port.
import os
import socket
import sys
import threading

ROOT = os.path.realpath(sys.argv[1])


def serve(client):
    lines = client.makefile("r", encoding="utf-8", newline="\n")
    say = lambda text: client.sendall((text + "\r\n").encode())
    here, user, data = "/", None, None

    def place(name):
        return os.path.normpath(os.path.join(here, name))

    def transfer(payload):
        say("150 here it comes")
        with data.accept()[0] as channel:
            channel.sendall(payload)
        say("226 done")

    say("220 archive FTP server ready")
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        verb = verb.upper()
        path = ROOT + place(rest)
        if verb == "USER":
            user = rest
            say("331 password please")
        elif verb == "PASS":
            known = user == "anonymous" or (user, rest) == ("alice", os.environ.get("FTP_PASSWORD"))
            say("230 welcome" if known else "530 login incorrect")
        elif verb in ("TYPE", "MODE", "STRU", "NOOP"):
            say("200 fine")
        elif verb == "SYST":
            say("215 UNIX Type: L8")
        elif verb == "PWD":
            say('257 "%s"' % here)
        elif verb == "CWD" and os.path.isdir(path):
            here = place(rest)
            say("250 now in " + here)
        elif verb == "PASV":
            data = socket.create_server(("127.0.0.1", 0))
            port = data.getsockname()[1]
            say("227 passive (127,0,0,1,%d,%d)" % (port // 256, port % 256))
        elif verb in ("NLST", "LIST"):
            names = sorted(os.listdir(path if rest and not rest.startswith("-") else ROOT + here))
            transfer("".join(name + "\r\n" for name in names).encode())
        elif verb == "SIZE" and os.path.isfile(path):
            say("213 %d" % os.path.getsize(path))
        elif verb == "RETR" and os.path.isfile(path):
            with open(path, "rb") as file:
                transfer(file.read())
        elif verb in ("CWD", "RETR", "SIZE"):
            say("550 %s: no such file or directory" % rest)
        elif verb == "QUIT":
            say("221 goodbye")
            return
        else:
            say("502 not here")


def attend(client):
    try:
        serve(client)
    except OSError:
        pass  # it hung up


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()
