"""TLS contexts for servers and clients, with certificates created on the fly."""

import ssl
from datetime import datetime

import trustme


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server that presents a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def serving_self_signed() -> ssl.SSLContext:
    """Return the context of a server that presents a self-signed certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.cert_pem.tempfile() as cert, authority.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)
    return context


def serving_expired(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    return serving(authority.issue_cert(*names, not_after=datetime(2020, 1, 1)))  # noqa: DTZ001


def serving_early(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    return serving(authority.issue_cert(*names, not_before=datetime(2999, 1, 1)))  # noqa: DTZ001


def serving_with_root(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return the context of a server that presents the authority's certificate with its own."""
    certificate = authority.issue_cert(*names)
    pem = certificate.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(pem).tempfile() as path:
        context.load_cert_chain(path)
    return context


def demanding(authority: trustme.CA, version: ssl.TLSVersion, *names: str) -> ssl.SSLContext:
    """Return the context of a server that requires a client certificate."""
    context = serving(authority.issue_cert(*names))
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    authority.configure_trust(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a client that trusts an authority, as error messages advise."""
    with authority.cert_pem.tempfile() as path:
        return ssl.create_default_context(cafile=path)


def unverified() -> ssl.SSLContext:
    """Return the context of a client that accepts any certificate, as error messages advise."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
