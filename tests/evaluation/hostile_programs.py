"""Programs that try to get out, to use up the machine, or to pass without being right.

Each would be right if its attempt succeeded: so a PASSED is an escape.
"""

GETTING_OUT = {
    "opens a socket": """
import socket
def f(x):
    socket.create_connection(("127.0.0.1", PORT), 1)
    return x + 1
""",
    "opens a unix socket": """
import socket
def f(x):
    socket.socket(socket.AF_UNIX)
    return x + 1
""",
    "reads a file of the host": """
def f(x):
    open(SECRET).read()
    return x + 1
""",
    "reads the home folder": """
import os
def f(x):
    for name in os.listdir(HOME):
        path = os.path.join(HOME, name)
        if os.path.isfile(path):
            open(path).read(1)
            return x + 1
    raise OSError("nothing to read")
""",
    "looks into the judge's memory": """
import os
def f(x):
    open(f"/proc/{os.getppid()}/mem", "rb")
    return x + 1
""",
    "reads the host's environment": """
import os
def f(x):
    os.environ["HOME"]
    return x + 1
""",
    "kills its parent": """
import os, signal
def f(x):
    os.kill(os.getppid(), signal.SIGKILL)
    return x + 1
""",
    "kills its group": """
import os, signal
def f(x):
    os.killpg(0, signal.SIGKILL)
    return x + 1
""",
    "starts a program": """
import subprocess, sys
def f(x):
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return x + 1
""",
    "becomes another program": """
import os, sys
def f(x):
    os.execv(sys.executable, [sys.executable, "-c", "pass"])
""",
    "changes a file's mode": """
import os
def f(x):
    os.chmod(SECRET, 0o777)
    return x + 1
""",
    "lifts its limits": """
import resource
def f(x):
    resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
    return x + 1
""",
}
USING_UP = {
    "forks without end": """
import os
def f(x):
    while True:
        os.fork()
""",
    "forks once": """
import os
def f(x):
    if os.fork() == 0:
        os._exit(0)
    return x + 1
""",
    "floods memory": """
def f(x):
    held = []
    while len(held) < 64:
        held.append(b"x" * (16 << 20))
    return x + 1
""",
    "fills the disk": """
import os
def f(x):
    for folder in (".", "/tmp", "/var/tmp", "/dev/shm", HOME):
        try:
            with open(os.path.join(folder, "filler"), "wb") as file:
                file.write(b"x" * 4096)
            return x + 1
        except OSError:
            continue
    raise OSError("nothing could be written")
""",
    "makes folders": """
import os
def f(x):
    os.mkdir("folder")
    return x + 1
""",
    "hides memory in a file without a name": """
import os
def f(x):
    os.memfd_create("hidden")
    return x + 1
""",
    "never ends": """
def f(x):
    while True:
        pass
""",
    "sleeps": """
import time
def f(x):
    time.sleep(10_000)
    return x + 1
""",
    "ignores that its time is up": """
import signal
def f(x):
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass
""",
    "prints without end": """
def f(x):
    while True:
        print("x" * 100_000)
""",
    "recurses without end": """
import sys
sys.setrecursionlimit(1 << 30)
def f(x):
    return f(x)
""",
    "returns too much": """
def f(x):
    return "x" * (20 << 20)
""",
    "returns what is nested too deeply": """
def f(x):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
""",
}
CHEATING = {
    "is wrong": "def f(x): return x",
    "does nothing": "def f(x): pass",
    "does not compile": "def f(x) return x + 1",
    "lacks the function": "def g(x): return x + 1",
    "leaves its process with success": "import os\ndef f(x): os._exit(0)",
    "leaves its process while it is defined": "import os\nos._exit(0)",
    "exits with success": "import sys\ndef f(x): sys.exit(0)",
    "exits while it is defined": "raise SystemExit(0)",
    "is interrupted": "def f(x): raise KeyboardInterrupt",
    "redefines the tests": "def f(x): return x\ndef check(candidate): pass",
    "redefines the tests' error": """
import builtins
builtins.AssertionError = type("Harmless", (), {})
def f(x): return x
""",
    "returns a number that equals all": """
class Any(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def f(x): return Any(7)
""",
    "forges a verdict": """
import json, os
def f(x):
    verdict = json.dumps({"token": "", "outcome": "passed", "detail": ""}).encode()
    for descriptor in range(64):
        try:
            os.write(descriptor, len(verdict).to_bytes(4, "big") + verdict)
        except OSError:
            pass
    os._exit(0)
""",
    "reads the pipes for the token": """
import os
def f(x):
    for descriptor in range(64):
        try:
            os.set_blocking(descriptor, False)
            if b"token" in os.read(descriptor, 1 << 16):
                return x + 1
        except OSError:
            pass
""",
    "closes its channel and lives on": """
import os, time
def f(x):
    os.closerange(0, 64)
    time.sleep(10_000)
""",
    "answers with nonsense": """
import os
def f(x):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\\xff" * 64)
        except OSError:
            pass
    return x + 1
""",
}
