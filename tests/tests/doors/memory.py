"""Answers as no agent would, another way each time it is asked: memory.py SOCKET [WHICH]."""

import itertools
import os
import socket
import struct
import sys
import time


def frame(message):
    return struct.pack(">I", len(message)) + message


def allow(handle, group=b"\0"):
    return bytes([1, 129]) + struct.pack(">Q", handle) + group


def deny(message):
    return bytes([1, 130]) + struct.pack(">I", len(message)) + message


LATE = 0.4
ANSWERS = [
    b"",
    b"\0\0",
    b"\0\0\0\4\1",
    b"\xff" * 64,
    frame(b""),
    frame(b"\1"),
    frame(b"\2\201"),
    frame(b"\1\1"),
    frame(bytes([1, 200])),
    frame(allow(7) + b"x"),
    frame(allow(7)[:-1]),
    frame(allow(7, b"\2")),
    frame(allow(7, b"\1" + struct.pack(">I", 27))),
    frame(allow(7, b"\1" + struct.pack(">I", 1_900_000_001))),
    frame(deny(b"no\n\x1b[2J\xc2\x9b31m two")),
    frame(deny(b"\xff\xfe")),
    frame(deny(b"a\0b")),
    frame(deny(b"x" * 1024)),
    frame(deny(b"x" * 1025)),
    frame(bytes([1, 130]) + struct.pack(">I", 0xFFFFFFFF) + b"y"),
    frame(bytes([1, 128]) + struct.pack(">I", 4) + b"root"),
    frame(bytes([1, 131])),
    frame(b"\1\203" + b"z" * 100_000),
    struct.pack(">I", 139_264) + b"q" * 139_264,
    None,
]

path, which = sys.argv[1], sys.argv[2:]
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
print("listening", len(ANSWERS), flush=True)
for answer in itertools.cycle([ANSWERS[int(number)] for number in which] or ANSWERS):
    link, _ = listener.accept()
    try:
        with link:
            length = struct.unpack(">I", link.recv(4, socket.MSG_WAITALL))[0]
            link.recv(length, socket.MSG_WAITALL)
            if answer is None:
                time.sleep(LATE)
            else:
                link.sendall(answer)
    except OSError:
        # Whoever asked has heard enough.
        pass
