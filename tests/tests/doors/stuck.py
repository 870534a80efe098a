"""A file system that never answers: stuck.py DIRECTORY [takes]. With `takes` it takes requests, so that whoever waits for
them cannot be killed until this program has ended."""

import os
import signal
import struct
import subprocess
import sys

directory, takes = sys.argv[1], sys.argv[2:] == ["takes"]
os.makedirs(directory, exist_ok=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
subprocess.run(
    ["mount", "-i", "-t", "fuse", "-o", options, "stuck", directory],
    pass_fds=[fuse],
    check=True,
)
# FUSE_INIT, the one request that is answered: version 7.31, and nothing beyond.
request = os.read(fuse, 65536)
unique = struct.unpack_from("<Q", request, 8)[0]
answer = struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, 0, *[0] * 7)
os.write(fuse, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)
print("mounted", flush=True)
while takes:
    # With room for the longest write that was announced, or the kernel gives none.
    os.read(fuse, 1 << 17)
    print("taken", flush=True)
signal.pause()
