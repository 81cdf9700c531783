#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates, keys, tokens and passwords for tests, made anew by each run: nothing secret is kept in the repository.

    security_files.py DIRECTORY      makes them, and DIRECTORY/broker.conf, in Pulsar's own words: all of it on, nobody anonymous

    certs/cacert.pem                          who signed what follows
    certs/broker-{cert,key}.pem               CN=localhost, for DNS:localhost only: 127.0.0.1 is a wrong name
    certs/client-{cert,key}.pem               CN=admin
    certs/user-{cert,key}.pem                 CN=user
    certs/expired-{cert,key}.pem              CN=admin, until yesterday
    certs/othercacert.pem, stranger-{cert,key}.pem    CN=admin, but another signed it
    tokens/secret.key, token.txt, admin-token         HS256; sub=token-principal and sub=admin
    htpasswd                                  admin:123456 and user:secret

The names are those of the tests of Pulsar's Go client, which has such files of its own.  Needs only openssl.
"""
import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path

PROVIDERS = ",".join(f"org.apache.pulsar.broker.authentication.AuthenticationProvider{kind}" for kind in ("Tls", "Token", "Basic"))

# What the clients' suites are run against upstream: whoever gives no credentials is `anonymous`, if `anonymous` says so.
CONF = """\
authenticationEnabled=true
authenticationProviders={providers}
authorizationEnabled=true
superUserRoles=localhost,superUser,admin
{anonymous}tokenSecretKey=file://{tokens}/secret.key
basicAuthConf=file://{htpasswd}
tlsEnabled=true
tlsCertificateFilePath={certs}/broker-cert.pem
tlsKeyFilePath={certs}/broker-key.pem
tlsTrustCertsFilePath={certs}/cacert.pem
tlsAllowInsecureConnection=false
brokerServicePortTls={port_tls}
webServicePortTls={http_port_tls}
advertisedAddress=localhost
"""

# admin:123456 (apr1) and user:secret (bcrypt), as `htpasswd` writes them.
HTPASSWD = """\
admin:$apr1$l0QmHyUv$rr334t82Fv9eFcdg1VBm8/
user:$2y$05$Jkq5qWJmGHvqsGpqk0hkVu6PUmELT6IOr1VhnnP1EI.w63a69H8pa
"""


def _openssl(*words, **options):
    subprocess.run(["openssl", *map(str, words)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, **options)


def _key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    path.chmod(0o600)


def _authority(certificate, key, name):
    _key(key)
    _openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}", "-days", 7, "-out", certificate,
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _certificate(certs, name, subject, authority, extensions, days=7):
    """certs/NAME-cert.pem and NAME-key.pem, signed by certs/AUTHORITY.pem."""
    key, request, wanted = certs / f"{name}-key.pem", certs / f"{name}.csr", certs / f"{name}.ext"
    _key(key)
    wanted.write_text("basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n" + extensions)
    _openssl("req", "-new", "-key", key, "-subj", f"/O=Geminga/CN={subject}", "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", certs / f"{authority}.pem", "-CAkey", certs / f"{authority}-key.pem",
             "-set_serial", f"0x{secrets.token_hex(8)}", "-days", days, "-extfile", wanted, "-out", certs / f"{name}-cert.pem")
    request.unlink()
    wanted.unlink()


def make_certificates(certs):
    certs.mkdir(parents=True)
    server, client = "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n", "extendedKeyUsage=clientAuth\n"
    _authority(certs / "cacert.pem", certs / "cacert-key.pem", "Geminga's tests")
    _authority(certs / "othercacert.pem", certs / "othercacert-key.pem", "Somebody else")
    _certificate(certs, "broker", "localhost", "cacert", server)
    _certificate(certs, "client", "admin", "cacert", client)
    _certificate(certs, "user", "user", "cacert", client)
    _certificate(certs, "expired", "admin", "cacert", client, days=-1)
    _certificate(certs, "stranger", "admin", "othercacert", client)


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(secret, role, expires_in_seconds=None, **claims):
    """A token of Pulsar's default kind."""
    claims = {"sub": role, **claims}
    if expires_in_seconds is not None:
        claims["exp"] = int(time.time()) + expires_in_seconds
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in ({"alg": "HS256"}, claims))
    return signed + "." + _base64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def broker_conf(certs, tokens, htpasswd, port_tls=6651, http_port_tls=8443, anonymous="anonymous"):
    """A broker's configuration with all of it on."""
    return CONF.format(providers=PROVIDERS, certs=certs, tokens=tokens, htpasswd=htpasswd, port_tls=port_tls,
                       http_port_tls=http_port_tls, anonymous=f"anonymousUserRole={anonymous}\n" if anonymous else "")


class SecurityFiles:
    """A directory with all of them."""

    def __init__(self, directory, make=True):
        self.directory = Path(directory).absolute()
        self.certs = self.directory / "certs"
        self.tokens = self.directory / "tokens"
        self.htpasswd = self.directory / "htpasswd"
        if make:
            self._make()
        self.secret = (self.tokens / "secret.key").read_bytes()

    def _make(self):
        make_certificates(self.certs)
        self.tokens.mkdir()
        secret = secrets.token_bytes(32)
        (self.tokens / "secret.key").write_bytes(secret)
        (self.tokens / "token.txt").write_text(make_token(secret, "token-principal"))
        (self.tokens / "admin-token").write_text(make_token(secret, "admin"))
        self.htpasswd.write_text(HTPASSWD)

    def certificate(self, name):
        """NAME-cert.pem and NAME-key.pem"""
        return str(self.certs / f"{name}-cert.pem"), str(self.certs / f"{name}-key.pem")

    def token(self, role, expires_in_seconds=None, **claims):
        return make_token(self.secret, role, expires_in_seconds, **claims)

    def write_conf(self, more="", **options):
        path = self.directory / "broker.conf"
        path.write_text(broker_conf(self.certs, self.tokens, self.htpasswd, **options) + more)
        return path


if __name__ == "__main__":
    SecurityFiles(sys.argv[1]).write_conf("authenticationRefreshCheckSeconds=1\n", port_tls=0, http_port_tls=0, anonymous=None)
