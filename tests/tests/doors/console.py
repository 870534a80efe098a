"""A terminal for a program: console.py PROGRAM... What it shows goes to the standard output, what comes from the standard
input is typed there. script(1) does not serve Debian 13's login, which hangs the terminal up before it takes it: script
never looks at it again."""

import os
import select
import sys

terminal, inner = os.openpty()
child = os.fork()
if child == 0:
    os.close(terminal)
    os.login_tty(inner)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(inner)
keyboard = [0]


def pass_on(patience):
    """Whether there was anything to pass on."""
    passed = False
    for ready in select.select([terminal, *keyboard], [], [], patience)[0]:
        try:
            text = os.read(ready, 4096)
        except OSError:
            # Nobody has the terminal open, for a moment or for good.
            continue
        passed = True
        if ready == terminal:
            os.write(1, text)
        elif text:
            os.write(terminal, text)
        else:
            keyboard.clear()
    return passed


while os.waitpid(child, os.WNOHANG) == (0, 0):
    # Nothing tells when somebody opens the terminal again.
    pass_on(0.02)
while pass_on(0):
    pass
