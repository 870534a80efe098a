"""A directory service with one account and one group, asked by sssd's own library: directory.py SOCKET MOOD. What the file MOOD says decides
at each question about an account: `knows` it, `denies` that there is such a one, or `hangs`. Like most of its kind it lists nobody."""

import os
import signal
import socket
import struct
import sys
import threading

NAME, GROUP, NUMBER = b"visitor", b"visitors", 4001
# The numbers of questions, as its clients send them.
VERSION, BY_NAME, BY_UID, GROUP_BY_NAME, GROUP_BY_GID, GROUPS_OF = 0x1, 0x11, 0x12, 0x21, 0x22, 0x26
ACCOUNT = struct.pack("<II", NUMBER, NUMBER) + b"\0".join([NAME, b"*", b"a visitor", b"/home/visitor", b"/bin/bash", b""])
MEMBERS = struct.pack("<II", NUMBER, 1) + b"\0".join([GROUP, b"*", NAME, b""])
KNOWN = {
    (BY_NAME, NAME + b"\0"): ACCOUNT,
    (BY_UID, struct.pack("<I", NUMBER)): ACCOUNT,
    (GROUP_BY_NAME, GROUP + b"\0"): MEMBERS,
    (GROUP_BY_GID, struct.pack("<I", NUMBER)): MEMBERS,
    (GROUPS_OF, NAME + b"\0"): struct.pack("<I", NUMBER),
}


def mood():
    with open(sys.argv[2]) as file:
        return file.read().strip()


def answer(kind, question):
    if kind == VERSION:
        return question
    if kind in (BY_NAME, BY_UID):
        now = mood()
        if now == "hangs":
            threading.Event().wait()
        if now == "denies":
            return struct.pack("<II", 0, 0)
    found = KNOWN.get((kind, question))
    return struct.pack("<II", 0 if found is None else 1, 0) + (found or b"")


def serve(peer):
    # The first four numbers of each message, both ways: its length, what it asks, its status, and one of no use.
    while len(head := peer.recv(16, socket.MSG_WAITALL)) == 16:
        length, kind, _, _ = struct.unpack("<IIII", head)
        question = peer.recv(length - 16, socket.MSG_WAITALL) if length > 16 else b""
        said = answer(kind, question)
        peer.sendall(struct.pack("<IIII", 16 + len(said), kind, 0, 0) + said)


os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
door.listen(1024)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    threading.Thread(target=serve, args=[door.accept()[0]], daemon=True).start()
