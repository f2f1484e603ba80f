"""resp - what tests ask of Redis beyond single commands: many commands at once, and all keys.

client = Client(port)
client.command("SET", "key", "value")        -> "OK", as servers.RedisClient
client.pipeline(["GET", "a"], ["GET", "b"])  -> [..., ...] an error stands in its place as a RedisError
client.multi(["HGETALL", "m"], …)            -> the replies of one MULTI … EXEC
client.hashes(keys)                          -> {key: {field: value}}
client.scan("kpid:*")                        -> all keys that match, each once, sorted
client.read()                                -> the next reply or push, after send("SUBSCRIBE", …)
"""

from servers import RedisClient, RedisError  # noqa: F401 (RedisError: for those who catch it)

BATCH = 500


class Client(RedisClient):
    def pipeline(self, *commands):
        for words in commands:
            self.send(*words)
        return [self.read() for _ in commands]

    def hashes(self, keys):
        keys, found = list(keys), {}
        for at in range(0, len(keys), BATCH):
            some = keys[at : at + BATCH]
            for key, flat in zip(some, self.pipeline(*(["HGETALL", key] for key in some))):
                if isinstance(flat, RedisError):
                    raise flat
                found[key] = dict(zip(flat[::2], flat[1::2]))
        return found

    def scan(self, pattern):
        found, cursor = set(), "0"
        while True:
            cursor, keys = self.command("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(keys)
            if cursor == "0":
                return sorted(found)
