#!/usr/bin/env python3
"""Makes the proof of entry 4 of ../journal/good and the tree's tiles, from the specifications' definitions alone."""
import base64, hashlib, json, pathlib, shutil

def hashed(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + hashed(leaves[:split]) + hashed(leaves[split:])).digest()

def path(m, leaves):
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if m < split:
        return path(m, leaves[:split]) + [hashed(leaves[split:])]
    return path(m - split, leaves[split:]) + [hashed(leaves[:split])]

here = pathlib.Path(__file__).parent
files = sorted((here / "../journal/good").glob("*.jsonl"))
# What ends without a newline was torn by a crash.
lines = [line for file in files for line in file.read_bytes().split(b"\n")[:-1]]
entries = [line for line in lines if line.startswith(b'{"seq":')]
seal = [json.loads(line)["seal"] for line in lines if line.startswith(b'{"seal"')][-1]
witness = [json.loads(line)["witness"] for line in lines if line.startswith(b'{"witness"')][-1]
checkpoint = seal + witness.split("\n\n")[1]
leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
proof = "".join(base64.b64encode(node).decode() + "\n" for node in path(4, leaves))
(here / "4.tlog-proof").write_text(f"c2sp.org/tlog-proof@v1\nindex 4\n{proof}\n{checkpoint}")
(here / "4.json").write_bytes(entries[4])
shutil.rmtree(here / "tiles", ignore_errors=True)
for name, data in {
    "checkpoint": checkpoint.encode(),
    f"tile/0/000.p/{len(leaves)}": b"".join(leaves),
    f"tile/entries/000.p/{len(leaves)}": b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries),
}.items():
    file = here / "tiles" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
