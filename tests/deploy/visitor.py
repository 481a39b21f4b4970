"""What a visitor of the agent's container tries, with the standard library alone; prints JSON."""

import errno
import json
import os
import smtplib
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def call(url, method="GET", body=None, headers=None):
    """The status and the reply of a call; the reason where there is none."""
    data = None if body is None else json.dumps(body).encode()
    given = {"Authorization": "Bearer crm_test", "Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as reply:
            return [reply.status, json.loads(reply.read() or b"null")]
    except urllib.error.HTTPError as error:
        return [error.code, json.loads(error.read() or b"null")]
    except OSError as error:
        return [0, str(error)]


def tcp(address, port):
    """What becomes of a connection: `closed` where it was accepted and ended, the error's name else."""
    try:
        with socket.create_connection((address, port), timeout=10) as connection:
            connection.sendall(b"\x00\x01hello\n")
            return "closed" if connection.recv(100) == b"" else "answered"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def udp(address, port, family=socket.AF_INET):
    """What becomes of a datagram."""
    with socket.socket(family, socket.SOCK_DGRAM) as plug:
        plug.settimeout(10)
        try:
            plug.connect((address, port))
            plug.send(b"hello")
            return plug.recv(100).decode("latin-1")
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))


def writing(path):
    """What becomes of a file that is to be written."""
    try:
        Path(path).write_text("mine")
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "written"


def attempt(do, *given):
    """The error's name, or `done`."""
    try:
        do(*given)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"


def before():
    """The redirection is there, the proxy isn't."""
    return {"tcp": tcp("203.0.113.7", 443), "udp": udp("203.0.113.7", 4433)}


def down():
    """The proxy was there, and isn't."""
    return {**before(), "name": attempt(socket.getaddrinfo, "api.stripe.com", 443)}


def calls():
    """A bit of everything that a container may try."""
    return {
        "made": call("https://crm.example.com/contacts", "POST", {"email": "ada@example.com"}),
        "listed": call("https://crm.example.com/contacts"),
        "denied": call("https://paste.example.com/"),
        "allowed": call("https://docs.readthedocs.io/"),
        "ssh": tcp("203.0.113.7", 22),
        "ssh6": tcp("2001:db8::7", 22),
        "metadata": tcp("169.254.169.254", 80),
        "quic": udp("203.0.113.7", 443),
        "quic6": udp("2001:db8::7", 443, socket.AF_INET6),
        "certificate": writing("/run/childproof/ca/mine"),
        "root": writing("/usr/mine"),
        "tmp": writing("/tmp/mine"),
        "proxys files": [
            path for path in ("/etc/childproof", "/var/lib/childproof", "/etc/childproof-ca") if Path(path).exists()
        ],
        "keys": [path.name for path in Path("/run/childproof/ca").rglob("*") if b"PRIVATE KEY-----" in reading(path)],
        "proxys user": attempt(os.setuid, 15001),
        "raw": attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW),
        "user": os.getuid(),
    }


def mail():
    """A mail by SMTP, to a host that exists nowhere."""
    message = "From: agent@example.com\r\nTo: ada@example.com\r\nSubject: hello\r\n\r\nfrom the pod\r\n"
    with smtplib.SMTP("smtp.example.com", 25, timeout=15) as session:
        return {"refused": session.sendmail("agent@example.com", ["ada@example.com"], message)}


def reading(path):
    """A file's bytes; none of a folder."""
    return path.read_bytes() if path.is_file() else b""


def until_denied(url):
    """Ask again and again until the answer is a denial, for ten seconds at most."""
    for _ in range(100):
        answer = call(url)
        if answer[0] == 403:
            break
        time.sleep(0.1)
    return {"answer": answer}


tried = {
    "mail": mail,
    "before": before,
    "down": down,
    "calls": calls,
    "until-denied": until_denied,
    "once": lambda url, key="crm_test": {"answer": call(url, headers={"Authorization": f"Bearer {key}"})},
}
sys.stdout.write(json.dumps(tried[sys.argv[1]](*sys.argv[2:])))
