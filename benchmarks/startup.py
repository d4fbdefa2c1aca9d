"""How long `import nearspace` and `nearspace --help` take, each in a fresh process.

python benchmarks/startup.py
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python": "pass",
    "import nearspace": "import nearspace",
    "nearspace --help": "import sys; sys.argv = ['nearspace', '--help']; "
    "from nearspace.cli import main; main()",
}


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    for name, code in COMMANDS.items():
        seconds(code)
        print(f"{name:18s} {statistics.median(seconds(code) for _ in range(9)):.3f} s")


if __name__ == "__main__":
    main()
