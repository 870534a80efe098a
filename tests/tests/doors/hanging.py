"""A directory service that takes every question and answers none: hanging.py SOCKET. Its clients trust root's socket."""

import os
import signal
import socket
import sys

path = sys.argv[1]
os.makedirs(os.path.dirname(path), exist_ok=True)
door = socket.socket(socket.AF_UNIX)
door.bind(path)
os.chmod(path, 0o666)
door.listen(1024)
peers = []
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    peers.append(door.accept()[0])
