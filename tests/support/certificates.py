"""certificates - of authorities that nobody else knows, by the openssl command.

    authority = Authority(folder, "redis")
    cert, key = authority.issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
"""

import os
import subprocess


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.certificate = self._path(name + ".key"), self._path(name + ".crt")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.certificate, "-days",
                "30", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, extension="", passphrase=None):
        """The paths of a certificate and of its key."""
        key, request, cert, more = (self._path(name + end) for end in (".key", ".csr", ".crt", ".ext"))
        locked = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
        openssl("req", "-newkey", "rsa:2048", *locked, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        with open(more, "w", encoding="ascii") as out:
            out.write(extension + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                "-extfile", more, "-out", cert)
        return cert, key

    def self_signed(self):
        """Its own certificate with its key in one file."""
        both = self._path(self.name + ".pem")
        with open(both, "w", encoding="ascii") as out:
            for path in (self.key, self.certificate):
                with open(path, encoding="ascii") as pem:
                    out.write(pem.read())
        return both
