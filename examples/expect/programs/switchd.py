#!/usr/bin/env python3
# The command line of a network switch, over telnet: login, enable, a pager, a confirmation. It prints its port.
import os
import socket
import threading

VERSION = ["Toy Switch Software, Version 12.4(7)", "ROM: bootstrap"]
VERSION += ["Port Gi0/%d is up, line protocol is up" % n for n in range(1, 31)]
VERSION += ["Processor board ID FOC4711X", "Configuration register is 0xF"]


def serve(client):
    say = lambda text: client.sendall(text.encode())

    def key():
        byte = client.recv(1)
        while byte == b"\xff":  # the telnet client agrees to an option
            client.recv(2)
            byte = client.recv(1)
        return byte

    def ask(text, echo=True):
        say(text)
        line = b""
        while (byte := key()) not in (b"\r", b"\n", b""):
            line += byte
            if echo:
                client.sendall(byte)
        key()  # the NUL or LF behind a CR
        say("\r\n")
        return line.decode(errors="replace")

    def page(lines):
        for at in range(0, len(lines), 12):
            if at:
                say(" --More-- ")
                key()
                say("\r          \r")
            say("".join(line + "\r\n" for line in lines[at:at + 12]))

    client.sendall(b"\xff\xfb\x01\xff\xfb\x03")  # it will echo, and wants each key at once
    say("\r\nUser Access Verification\r\n\r\n")
    for _ in range(3):
        user, password = ask("Username: "), ask("Password: ", echo=False)
        if (user, password) == ("admin", os.environ["SWITCH_PASSWORD"]):
            break
        say("\r\n% Login invalid\r\n\r\n")
    else:
        client.close()
        return
    mark = ">"
    while True:
        line = ask("\r\nlab-sw1" + mark)
        if line == "enable":
            if ask("Password: ", echo=False) == os.environ["ENABLE_PASSWORD"]:
                mark = "#"
            else:
                say("% Access denied\r\n")
        elif line == "show version":
            page(VERSION)
        elif line == "copy running-config startup-config" and mark == "#":
            name = ask("Destination filename [startup-config]? ") or "startup-config"
            with open(name, "w", encoding="utf-8") as saved:
                saved.write("hostname lab-sw1\n")
            say("Building configuration...\r\n[OK]\r\n")
        elif line in ("exit", "quit"):
            client.close()
            return
        elif line:
            say("% Invalid input detected at '^' marker.\r\n")


def attend(client):
    try:
        serve(client)
    except OSError:
        pass  # it hung up


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()
