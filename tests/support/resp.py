"""resp - a small Redis client for tests: commands, pipelines, transactions, pub/sub messages.

    redis = Redis(port=6379)
    redis.call("SET", "key", "value")            -> "OK"
    redis.pipeline(["GET", "a"], ["GET", "b"])   -> [..., ...] an error as a RedisError in its place
    redis.transaction(["HGETALL", "m"], …)       -> replies of one MULTI … EXEC, None if it was not executed
    redis.reply()                                -> the next reply or push, for SUBSCRIBE

Replies are str (UTF-8, what is no UTF-8 with surrogateescape), int, None, or lists of them. Thread: one a client.
"""
import socket


class RedisError(Exception):
    """An error reply; the text begins with its kind: ERR, WRONGTYPE, READONLY …"""


class Redis:
    def __init__(self, host="127.0.0.1", port=6379, timeout=10.0):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb", 1 << 16)

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *commands):
        """Sends commands, each a list of words; their replies are to be read."""
        out = []
        for words in commands:
            out.append(b"*%d\r\n" % len(words))
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
                out.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(out))

    def reply(self):
        """The next reply; an error reply is returned as a RedisError."""
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.stream.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        if kind == b"*":
            return None if int(rest) < 0 else [self.reply() for _ in range(int(rest))]
        raise ConnectionError(f"no RESP: {line!r}")

    def call(self, *words):
        self.send(words)
        reply = self.reply()
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def pipeline(self, *commands):
        self.send(*commands)
        return [self.reply() for _ in commands]

    def transaction(self, *commands):
        replies = self.pipeline(["MULTI"], *commands, ["EXEC"])
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies[-1]

    def hash(self, key):
        """A hash as a dict; empty if there is none."""
        flat = self.call("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def scan(self, pattern):
        """All keys that match, each once."""
        found, cursor = set(), "0"
        while True:
            cursor, keys = self.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(keys)
            if cursor == "0":
                return sorted(found)
