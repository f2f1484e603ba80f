"""TLS and an ACL user with Redis and with a sentinel: certificates on both sides, everything that stands is `kpid replay`'s,
and what is wrong (authority, name, certificate, key, a side that speaks no TLS) is said plainly.

TLS_RECORDS: how many records (3,000).
"""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading

from certificates import Authority
from daemon import Daemon
from published import PREFIX, TOPICS, Events, compare, program
from servers import Kafka, Redis, free_port, wait_until

PASSWORD = "of kpid"
NAMED = "subjectAltName=IP:127.0.0.1,DNS:redis.internal"
COMMON = """
windows: [24h, month, all, now]
redis:
  user: kpid
  password_env: REDIS_PASSWORD
  backoff_max: 500ms
"""
# As docs/redis.md names them; role for a master that sentinels name.
RIGHTS = ("~kpid:* &kpid:* +auth +select +ping +role +watch +multi +exec +get +set +hgetall +hmget +hset +hdel +pexpire "
          "+unlink +rename +sadd +srem +sscan +zadd +zrem +zunionstore +xadd +publish").split()
READER = "~kpid:* +auth +ping +multi +exec +hgetall +hmget +smembers".split()


class SecureRedis(Redis):
    """Beside its port for the test, one for TLS that wants a certificate."""

    def __init__(self, authority, certificate, arguments=()):
        super().__init__()
        self.tls_port = free_port()
        cert, key = certificate
        self.arguments = ["--tls-port", str(self.tls_port), "--tls-cert-file", cert, "--tls-key-file", key,
                          "--tls-ca-cert-file", authority.certificate, "--tls-auth-clients", "yes", *arguments]

    def start(self):
        super().start()
        self.command("ACL", "SETUSER", "kpid", "on", ">" + PASSWORD, *RIGHTS)
        self.command("ACL", "SETUSER", "wall", "on", ">" + PASSWORD, *READER)
        return self

    def connections(self):
        """Of kpid's user: where each came in."""
        clients = [dict(word.split("=", 1) for word in line.split(" ")) for line in self.command("CLIENT", "LIST").split("\n")
                   if line]
        return {client["laddr"] for client in clients if client["user"] == "kpid"}


class SecureSentinel(SecureRedis):
    def __init__(self, authority, certificate, master):
        super().__init__(authority, certificate)
        self.path = os.path.join(self.folder, "sentinel.conf")
        cert, key = certificate
        with open(self.path, "w", encoding="ascii") as out:
            out.write(f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\ntls-port {self.tls_port}\ntls-replication yes\n"
                      f"tls-cert-file {cert}\ntls-key-file {key}\ntls-ca-cert-file {authority.certificate}\n"
                      f"tls-auth-clients yes\nsentinel monitor floor 127.0.0.1 {master.tls_port} 1\n")

    def start(self):
        return Redis.start(self)

    def command_line(self):
        return ["redis-server", self.path, "--sentinel"]


def options(**values):
    return COMMON + "".join(f"  {name}: {value}\n" for name, value in {"timeout": "10s", **values}.items())


def start(kafka, **values):
    return Daemon("--brokers", kafka.bootstrap, config=options(**values), environment={"REDIS_PASSWORD": PASSWORD})


def refused(kafka, trouble, words, **values):
    """It is said why; nothing ends, and it is tried again."""
    with start(kafka, **values) as kpid:
        kpid.wait_for(f"{trouble} twice", lambda: kpid.metric(f'kpid_redis_troubles_total{{trouble="{trouble}"}}') >= 2)
        kpid.wait_log(words)
        assert kpid.page("/livez")[0] == 200
        assert PASSWORD not in kpid.log(), kpid.log()
        assert kpid.stop() == 0


@contextlib.contextmanager
def dribbling(first):
    """The port of a server that says `first` and then a byte now and then, for ever."""
    over = threading.Event()

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(first)
            while not over.wait(0.05):
                connection.sendall(b"0")

    def accept():
        while not over.is_set():
            connection, _ = listener.accept()
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            socket.create_connection(listener.getsockname()).close()
            for thread in threads:
                thread.join()


def top(redis, *flags):
    out = subprocess.run([program(), "top", "--once", "--redis", f"127.0.0.1:{redis.tls_port}", "--user", "wall",
                          "--window", "all", *flags], env={**os.environ, "KPID_REDIS_PASSWORD": PASSWORD}, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return out.returncode, out.stdout


def main():
    with tempfile.TemporaryDirectory(prefix="kpid-tls-") as folder:
        authority, foreign = Authority(folder, "authority"), Authority(folder, "foreign")
        server = authority.issue("server", NAMED)
        cert, key = authority.issue("kpid")
        locked = authority.issue("locked", passphrase="nobody knows")
        redis = SecureRedis(authority, server)
        sentinel = SecureSentinel(authority, server, redis)
        try:
            redis.start()
            sentinel.start()
            with Kafka() as kafka:
                run(kafka, redis, sentinel, folder, foreign.certificate, locked,
                    {"tls": "true", "tls_ca": authority.certificate, "tls_cert": cert, "tls_key": key})
        finally:
            sentinel.close()
            redis.close()
    print("TLS: read and written with the right ones; the wrong ones are told")


def run(kafka, redis, sentinel, folder, foreign, locked, right):
    kafka.create_topic(*TOPICS, "kpid-dead-letters")
    events = Events(kafka, folder, 3, int(os.environ.get("TLS_RECORDS", "3000")))
    there = {"host": "127.0.0.1", "port": redis.tls_port, **right}
    with start(kafka, **there) as kpid:
        events.send(0)
        compare(events, kpid, redis, "with certificates on both sides")
        assert redis.connections() == {f"127.0.0.1:{redis.tls_port}"}, redis.connections()
        redis.kill()
        events.send(1)
        redis.start()
        compare(events, kpid, redis, "after a restart of Redis")
        assert "level=error" not in kpid.log()
        assert kpid.stop() == 0
    by_sentinel = {"sentinels": f"[\"127.0.0.1:{sentinel.tls_port}\"]", "sentinel_master": "floor", **right}
    wait_until("the master", lambda: sentinel.command("SENTINEL", "CKQUORUM", "floor"))
    with start(kafka, **by_sentinel, tls_server_name="redis.internal") as kpid:
        events.send(2)
        compare(events, kpid, redis, "where a sentinel says")
        assert redis.connections() == {f"127.0.0.1:{redis.tls_port}"}, redis.connections()
        assert kpid.stop() == 0

    flags = ["--tls", "--tls-ca", right["tls_ca"], "--tls-cert", right["tls_cert"], "--tls-key", right["tls_key"]]
    status, shown = top(redis, *flags)
    assert status == 0 and "live" in shown, (status, shown)
    status, shown = top(redis, *flags, "--tls-server-name", "redis.elsewhere")
    assert status == 69 and "ostname mismatch" in shown, (status, shown)
    for wrong in (flags[1:], ["--tls", "--tls-cert", right["tls_cert"]], ["--tls", "--redis", "/run/redis.sock"]):
        status, shown = top(redis, *wrong)
        assert status == 64 and "kpid top: --tls" in shown, (status, shown)

    before = redis.hash(PREFIX + "fence")
    without = {name: value for name, value in there.items() if name not in ("tls_cert", "tls_key")}
    refused(kafka, "tls", "certificate verify failed", **{**there, "tls_ca": foreign})
    refused(kafka, "tls", "ostname mismatch", **there, tls_server_name="redis.elsewhere")
    refused(kafka, "tls", "certificate required", **without)
    refused(kafka, "tls", "redis.tls_ca: No such file", **{**there, "tls_ca": os.path.join(folder, "nowhere")})
    refused(kafka, "tls", "redis.tls_key", **{**there, "tls_cert": locked[0], "tls_key": locked[1]})
    refused(kafka, "timeout", "TLS handshake", **{**there, "port": redis.port}, timeout="300ms")
    for tls, first in (({}, b"$1000000\r\n"), (right, b"\x16\x03\x03\x40\x00")):
        with dribbling(first) as port:
            refused(kafka, "timeout", "did not answer in time", host="127.0.0.1", port=port, timeout="300ms", **tls)
    refused(kafka, "closed", "it closed the connection", host="127.0.0.1", port=redis.tls_port)
    assert redis.hash(PREFIX + "fence") == before, "one of them wrote"


if __name__ == "__main__":
    main()
