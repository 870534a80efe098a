"""Two processes of one session, neither the other's child: one holds the other still under ptrace, and would hold it once more on its
way out. The holder has that name once the other stands still; the other is called `held`."""

import ctypes
import os
import signal
import sys

PR_SET_NAME, PR_SET_PTRACER, ANYBODY = 15, 0x59616D61, ctypes.c_ulong(-1)
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
PTRACE_O_TRACEEXIT = 1 << 6
WAIT_FOR_ALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, pid, data):
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_long(0), ctypes.c_long(data)) == -1:
        sys.exit(os.strerror(ctypes.get_errno()))


def stay(name):
    libc.prctl(PR_SET_NAME, name, 0, 0, 0)
    while True:
        signal.pause()


for deaf in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
    signal.signal(deaf, signal.SIG_IGN)
ready, is_ready = os.pipe()
held = os.fork()
if held == 0:
    # Where yama keeps strangers from one another the held one has to agree; where there is no yama nobody asks.
    libc.prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    os.write(is_ready, b".")
    stay(b"held")
if os.fork() == 0:
    os.read(ready, 1)
    ptrace(PTRACE_SEIZE, held, PTRACE_O_TRACEEXIT)
    ptrace(PTRACE_INTERRUPT, held, 0)
    _, status = os.waitpid(held, WAIT_FOR_ALL)
    if not os.WIFSTOPPED(status):
        sys.exit("it does not stand still")
    stay(b"holder")
