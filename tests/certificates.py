# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: an authority, and whom it speaks for, as PEM files in a directory.

    authority = Authority(directory)                        cacert.pem
    authority.issue("broker", "localhost", hosts=HERE)      broker-cert.pem, broker-key.pem
    authority.issue("client", "admin")                      client-cert.pem, client-key.pem

The names of the files are those of the fixtures of Pulsar's clients; make(directory) makes these three.
"""
import datetime
import ipaddress
import os
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HERE = ("localhost", "127.0.0.1", "::1")


class Issued(NamedTuple):
    certificate: str
    key: str


def new_key(kind="ec"):
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)


def key_pem(key, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def replace(path, data, mode=0o644):
    """All of it or nothing, as whoever renews certificates does it."""
    new = Path(f"{path}.new")
    descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(new, path)


def subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Geminga tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def alternative_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def usages(authority):
    return x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority,
                         content_commitment=False, key_encipherment=not authority, data_encipherment=False,
                         key_agreement=False, encipher_only=False, decipher_only=False)


class Authority:
    def __init__(self, directory, name="cacert.pem", common_name="Test authority", kind="ec"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self.key = new_key(kind)
        self.name = subject(common_name)
        self.certificate = self._sign(self.name, self.key, days=(-1, 3650), authority=True)
        self.file = str(self.directory / name)
        replace(self.file, pem(self.certificate))

    def _sign(self, name, key, days, authority=False, hosts=()):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0]))
                   .not_valid_after(now + datetime.timedelta(days=days[1]))
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                   .add_extension(usages(authority), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                                  critical=False))
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative_name(h) for h in hosts]),
                                            critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, common_name, hosts=(), days=(-1, 30), password=None, kind=None):
        """NAME-cert.pem and NAME-key.pem, instead of those that are there; `days` are from now: from when until when."""
        key = new_key(kind or self.kind)
        certificate = self._sign(subject(common_name), key, days, hosts=hosts)
        issued = Issued(str(self.directory / f"{name}-cert.pem"), str(self.directory / f"{name}-key.pem"))
        replace(issued.key, key_pem(key, password), 0o600)
        replace(issued.certificate, pem(certificate))
        return issued


class Certificates(NamedTuple):
    authority: Authority
    broker: Issued
    client: Issued

    @property
    def trust(self):
        return self.authority.file


def make(directory, role="admin", kind="ec"):
    """Of an authority: a broker at this machine, and a client whose common name is `role`."""
    authority = Authority(directory, kind=kind)
    return Certificates(authority, authority.issue("broker", "localhost", hosts=HERE), authority.issue("client", role))
