#!/usr/bin/env python3
"""traffic.py - what is sent to Redis in a tick and what it costs Redis, by how many managers have an event in it.

    traffic.py BUILD_DIR [MANAGERS]...

A real Redis; bench/bench_traffic.c publishes, measures, compares what stands at the end, and says how.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import servers  # noqa: E402


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    with servers.Redis() as redis:
        program = os.path.join(sys.argv[1], "bench", "bench_traffic")
        sys.exit(subprocess.run([program, str(redis.port), *sys.argv[2:]], stdin=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    main()
