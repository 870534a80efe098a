"""What comes from a port of this machine: through.py PORT, or through.py PROXY PORT for a port that the SOCKS proxy at PROXY
reaches on the other side."""

import socket
import struct
import sys

way, *behind = map(int, sys.argv[1:])
try:
    with socket.create_connection(("127.0.0.1", way), timeout=60) as door:
        for port in behind:
            door.sendall(b"\x05\x01\x00")
            assert door.recv(2, socket.MSG_WAITALL) == b"\x05\x00"
            door.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + struct.pack("!H", port))
            door.recv(10, socket.MSG_WAITALL)
        while text := door.recv(4096):
            print(text.decode(), end="")
except ConnectionResetError:
    # What sshd does not permit just ends.
    pass
