"""Stands where the agent should listen, and answers in a way of its own: stand_in.py MODE [USER]."""

import os
import pwd
import selectors
import socket
import sys
import time

ALLOW = bytes([1, 129]) + bytes(8) + bytes([0])


def framed(message):
    return len(message).to_bytes(4, "big") + message


def answer(mode, peer):
    if mode == "garbage":
        peer.sendall(framed(b"\xff\x00garbage" * 4))
    elif mode == "half":
        peer.sendall(framed(ALLOW)[:7])
    elif mode == "slow":
        for byte in framed(ALLOW):
            time.sleep(1)
            peer.sendall(bytes([byte]))
    elif mode == "yes":
        peer.sendall(framed(ALLOW))


mode, user = sys.argv[1], (sys.argv[2:] or [None])[0]
doors = selectors.DefaultSelector()
listeners = []
for name in ("agent", "principals"):
    path = f"/run/daypass/{name}.sock"
    if os.path.exists(path):
        os.unlink(path)
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    os.chmod(path, 0o666)
    listeners.append(door)
if user:
    os.setuid(pwd.getpwnam(user).pw_uid)
for door in listeners:
    door.listen(64)
    doors.register(door, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for ready, _ in doors.select():
        peer, _ = ready.fileobj.accept()
        if os.fork():
            peer.close()
            continue
        try:
            peer.recv(4096)
            answer(mode, peer)
        except OSError:
            pass
        os._exit(0)
