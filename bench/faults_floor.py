"""faults_floor.py - what bench/faults.py sends and breaks: a floor of corrections at a steady rate, a receiver of
webhooks and a way to Redis, both of which can be made slow, dead or half-open.

The deals are a fixed set, corrected again and again with all of their fields, so that memory has a reason to stay where
it is, and what `kpid replay` must print is that of the last event of each deal.
"""

import json
import os
import random
import select
import socket
import subprocess
import threading
import time
from datetime import datetime, timezone
from functools import lru_cache

from published import Events
from servers import bin_dir, free_port

MANAGERS, TEAMS, PRODUCTS, CUSTOMERS = 24, 4, 12, 2000
TICK_S = 0.02


@lru_cache(maxsize=8192)
def stamp_s(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def stamp(us):
    return f"{stamp_s(us // 1000000)}.{us % 1000000:06d}Z"


class Corrections(Events):
    """A thread that sends `rate` corrections a second through kafka_tool while it is not paused."""

    def __init__(self, kafka, folder, rate, deals, seed):  # pylint: disable=super-init-not-called
        self.kafka, self.folder, self.rate = kafka, folder, rate
        self.dice, self.last, self.deals, self.grow = random.Random(seed), {}, deals, 0
        self.count, self.clock_us = 0, 0
        self.born_us = (time.time_ns() // 1000) - 5 * 86400 * 1000000
        self.running, self.ended = threading.Event(), False
        self.idle = threading.Event()
        self.trouble = None
        self.open()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def open(self):
        self.tool = subprocess.Popen(
            [os.path.join(bin_dir(), "kafka_tool"), "produce", "-b", self.kafka.bootstrap, "-t", "deals", "--key-field",
             "deal_id", "-"], stdin=subprocess.PIPE)

    def event(self):
        dice = self.dice.random
        # No two events of a deal at one instant: the later one is the newer one.
        self.clock_us = max(self.clock_us + 1, time.time_ns() // 1000)
        number = int(dice() * self.deals)
        deal = f"F{number}"
        # Each event says the stage, which is kept in the deal's history, up to 64: there memory stands still.
        stage = ("won", "won", "lost", "negotiation", "negotiation")[number // MANAGERS % 5]
        manager = number % MANAGERS
        closed = stamp(self.clock_us - int(dice() * 1000) * 2000000) if stage != "negotiation" else None
        line = (f'{{"deal_id":"{deal}","occurred_at":"{stamp(self.clock_us)}","stage":"{stage}",'
                f'"manager_id":"M{manager}","team_id":"T{manager % TEAMS}","product":"P{number % PRODUCTS}",'
                f'"customer_id":"C{number % CUSTOMERS}","amount":"{int(dice() * 900000) + 100}.{int(dice() * 100):02d}",'
                f'"created_at":"{stamp(self.born_us + number * 1000)}","closed_at":{json.dumps(closed)}}}\n')
        self.last[deal] = line
        return line

    def run(self):
        try:
            while not self.ended:
                if not self.running.is_set():
                    self.idle.set()
                    self.running.wait(0.1)
                    begun, sent = time.monotonic(), 0
                    continue
                self.idle.clear()
                owed = int((time.monotonic() - begun) * self.rate) - sent
                if owed > self.rate:  # more than a second behind: the machine cannot; what is missed stays missed
                    begun, sent, owed = time.monotonic(), 0, 0
                if owed > 0:
                    new = min(owed, self.grow)
                    self.deals += new
                    text = "".join(self.event() for _ in range(owed))
                    self.tool.stdin.write(text.encode())
                    self.tool.stdin.flush()
                    sent += owed
                    self.count += owed
                time.sleep(TICK_S)
        except Exception as why:  # noqa: BLE001 (told by whoever looks next)
            self.trouble = why
            self.idle.set()

    def go_on(self):
        self.running.set()

    def pause(self):
        """Until all that was sent is in Kafka."""
        self.running.clear()
        self.idle.clear()
        self.idle.wait()
        if self.trouble:
            raise self.trouble
        self.tool.stdin.close()
        if self.tool.wait() != 0:
            raise RuntimeError("kafka_tool: not all was delivered")
        # Each deal as its last event says, for replay().
        path = os.path.join(self.folder, "last.ndjson")
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(self.last.values())
        self.sent = {"leads": [], "deals": [path], "payments": [], "feedback": []}
        self.open()

    def end(self):
        self.ended = True
        self.running.clear()
        self.thread.join()
        self.tool.stdin.close()
        self.tool.wait()


class Way:
    """Between kpid and a server: `open`, `slow` (each piece waits 0.1 s), `half-open` (nothing gets through and nothing
    is closed)."""

    def __init__(self, port):
        self.target, self.port, self.mode, self.delayed = port, free_port(), "open", 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        far = None
        try:
            while self.mode == "half-open":
                time.sleep(0.05)
            far = socket.create_connection(("127.0.0.1", self.target), 5)
            far.settimeout(None)
            pairs = {near: far, far: near}
            while True:
                if self.mode == "half-open":
                    time.sleep(0.05)
                    continue
                for one in select.select([near, far], [], [], 0.1)[0]:
                    piece = one.recv(65536)
                    if not piece:
                        return
                    if self.mode == "slow":
                        self.delayed += 1
                        time.sleep(0.1)
                    pairs[one].sendall(piece)
        except OSError:
            pass
        finally:
            near.close()
            if far:
                far.close()


class Receiver:
    """Webhooks: `open`, `slow` (2 s an answer), `dead` (nobody listens), `half-open` (takes requests, never answers)."""

    def __init__(self):
        self.port, self.mode, self.delayed, self.listener = free_port(), "dead", 0, None
        self.lock = threading.Lock()
        self.turn("open")

    def turn(self, mode):
        self.mode = mode
        if mode == "dead":
            # Wakes the thread in accept(), which closes it.
            listener, self.listener = self.listener, None
            if listener:
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
        elif self.listener is None:
            self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(one,), daemon=True).start()

    def answer(self, one):
        with one, one.makefile("rb") as text:
            try:
                while text.readline():
                    length = 0
                    while (header := text.readline().strip()):
                        name, _, value = header.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    text.read(length)
                    while self.mode == "half-open":
                        time.sleep(0.05)
                    if self.mode == "dead":
                        return
                    if self.mode == "slow":
                        with self.lock:
                            self.delayed += 1
                        time.sleep(2)
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                pass
