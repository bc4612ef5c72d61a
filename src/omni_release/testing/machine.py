"""Causes of failures that are in the machine, not in the project."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_NETWORK = re.compile(
    r"name resolution|Name or service not known|nodename nor servname|getaddrinfo failed|Network is unreachable"
    r"|No route to host|Connection refused|urlopen error|NewConnectionError|MaxRetryError|ProxyError|ConnectError\b"
    r"|All connection attempts failed|Could not resolve|Tunnel connection failed|Failed to establish a new connection"
    r"|ClientConnectorError|network is unreachable|EAI_AGAIN|ConnectTimeout|Cannot connect to host|Could not fetch URL"
    r"|Could not find a version that satisfies|No matching distribution found|ServerNotFoundError|SocketBlockedError"
)
_SLOW = re.compile(r"\bDeadlineExceeded\b|which exceeds the deadline of|Unreliable test timings")
_EARLY = re.compile(r"\bBrokenPipeError\b|\bConnectionResetError\b|Connection reset by peer|\bRemoteDisconnected\b")
_ROOT = re.compile(
    r"chmod\(|os\.access\(|PermissionError|EACCES|EPERM|geteuid|getuid|DID NOT RAISE .*OSError|as root\b|\bS_I[RWX]"
)
_ROOT_NAME = re.compile(r"permission|readonly|read_only|unreadable|unwrit|not_writ|non_writ|no_access|denied", re.I)
_CERTIFICATES = (
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "NODE_EXTRA_CA_CERTS"),
)
_CERTIFICATE = re.compile(
    r"CA_BUNDLE|SSL_CERT|SSLKEYLOGFILE|ca_?bundle|ca-certificates|cafile|capath|CERTIFICATE|certifi\b", re.I
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PROXY = re.compile(r"proxy|proxies", re.I)


def network_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables that set certificates or a proxy here."""
    names = (name for name in environment if name in _CERTIFICATES or name.lower() in _PROXIES)
    return tuple(sorted(name for name in names if environment[name]))


def is_slow(text: str) -> bool:
    """Whether a test failed because an example of Hypothesis took longer than its deadline."""
    return _SLOW.search(text) is not None


def cause(name: str, text: str, environment: Mapping[str, str], output: str = "") -> str:
    """The cause in the machine of the failure of a test, which has this `name` and `text`; empty if there is none.

    `output` is what the test and the programs that it started printed.
    """
    if _NETWORK.search(text) or _NETWORK.search(output):
        return "the network is blocked, or a service does not answer"
    if _EARLY.search(text):
        return "a connection ended early, which depends on the speed of this machine"
    if is_slow(text):
        return "this machine is slower than a deadline that the tests set for Hypothesis"
    if is_root() and (_ROOT.search(text) or _ROOT_NAME.search(name)):
        return "the tests run as root, who may read and write everything"
    if (variables := [name for name in _CERTIFICATES if environment.get(name)]) and _CERTIFICATE.search(text):
        return f"certificates are set by {', '.join(variables)}"
    proxies = [name for name in environment if name.lower() in _PROXIES and environment[name]]
    if proxies and _PROXY.search(text):
        return f"a proxy is set by {', '.join(sorted(proxies))}"
    return ""


def is_root() -> bool:
    """Whether this is root, for whom permissions of files do not count."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
