"""daemon.py - `kpid run` as the tests meet it: its pages, its log, its end.

    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address) as kpid:
        kpid.wait_ready()
        kpid.metric('kpid_events_total{outcome="applied"}')
        assert kpid.stop() == 0

Nothing sleeps for a time: wait_for polls until what is waited for is there. The process dies with the test.
"""

import os
import re
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import servers
from servers import free_port, wait_until

WAIT_S = 180  # of patience: how long anything takes is nobody's business here


class Daemon:
    def __init__(self, *arguments, config=None, environment=None, command=None):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="kpid-run-")
        self.log_path = os.path.join(self.folder.name, "log")
        self.config_path = None
        program = os.environ.get("KPID") or os.path.join(servers.bin_dir(), "kpid")
        words = [program, *(command or ["run"]), "--http-port", str(self.port)]
        if config is not None:
            self.config_path = os.path.join(self.folder.name, "kpid.yaml")
            self.write_config(config)
            words += ["--config", self.config_path]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                words + list(arguments), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, preexec_fn=servers._die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print(self.log()[-6000:])
        self.folder.cleanup()

    def write_config(self, text):
        with open(self.config_path, "w", encoding="utf-8") as out:
            out.write(text)

    def log(self):
        """Its lines that are whole: a reader may meet the half of one that is being written."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            text = log.read()
        return text[: text.rfind("\n") + 1]

    def page(self, path):
        """(status, text), or (None, why) where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except OSError as why:
            return None, str(why)

    def metrics(self):
        """{sample: number}; of a process that has just begun, when it answers."""
        wait_until("the page of metrics", lambda: self.page("/metrics")[0] is not None or self.process.poll() is not None,
                   WAIT_S)
        status, text = self.page("/metrics")
        assert status == 200, (status, text)
        return {name: float(number) for name, number in re.findall(r"^([a-z].*) (\S+)$", text, re.M)}

    def metric(self, name):
        return self.metrics()[name]

    def accounts(self):
        """{name: number} of one scrape; the identity of CONTRACT 2 must hold in it."""
        m = self.metrics()
        out = {o: int(m[f'kpid_events_total{{outcome="{o}"}}'])
               for o in ("applied", "duplicate", "superseded", "dead_lettered", "filtered")}
        out["read"] = int(m["kpid_events_read_total"])
        assert out["read"] == sum(n for name, n in out.items() if name != "read"), out
        reasons = sum(n for name, n in m.items() if name.startswith("kpid_dead_letters_total{"))
        assert int(reasons) == out["dead_lettered"], (reasons, out)
        return out

    def wait_for(self, what, true):
        """Until true() is; ends at once where the daemon did."""
        def look():
            if self.process.poll() is not None:
                raise RuntimeError(f"kpid ended with {self.process.returncode} while waiting for {what}")
            return true()
        return wait_until(what, look, WAIT_S)

    def wait_page(self, path, status, text=""):
        def look():
            got, body = self.page(path)
            return got == status and text in body
        self.wait_for(f"{path} {status} {text}", look)

    def wait_ready(self):
        self.wait_page("/readyz", 200)

    def wait_read(self, count):
        self.wait_for(f"{count} messages read", lambda: self.page("/livez")[0] and self.accounts()["read"] >= count)

    def wait_log(self, text):
        self.wait_for(f"'{text}' in the log", lambda: text in self.log())

    def send(self, number):
        self.process.send_signal(number)

    def wait_end(self):
        return self.process.wait(WAIT_S)

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        self.send(number)
        return self.wait_end()
