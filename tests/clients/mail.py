"""Sending mail with smtplib through the explicit proxy's CONNECT."""

import smtplib
import socket


class Tunnelled(smtplib.SMTP):
    """An SMTP client whose connection goes through `proxy`, a `host:port`."""

    def __init__(self, proxy: str, host: str, port: int, timeout: float = 20) -> None:
        self._proxy = proxy
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        name, _, number = self._proxy.rpartition(":")
        sock = socket.create_connection((name, int(number)), timeout)
        sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                raise smtplib.SMTPServerDisconnected("the proxy hung up")
            head += byte
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise smtplib.SMTPConnectError(int(head.split()[1]), head)
        return sock
