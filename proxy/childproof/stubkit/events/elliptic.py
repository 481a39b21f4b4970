"""Keys and signatures of ECDSA (P-256, SHA-256), for webhooks whose listeners are given a public key.

A private key is 64 hexadecimal digits, so that a world's own randomness makes it. Signatures are those of RFC 6979: the same
key and text give the same one.
"""

import base64

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def ecdsa_key(hexadecimal: str) -> str:
    """A private key from 64 random hexadecimal digits."""
    return f"{int(hexadecimal, 16) % (ORDER - 1) + 1:064x}"


def ecdsa_public_key(key: str) -> str:
    """The public key to a private one: base64 of its SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - for the few stubs that sign so
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    public = ec.derive_private_key(int(key, 16), ec.SECP256R1()).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def ecdsa_signature(key: str, text: str) -> str:
    """The signature of a text: base64 of DER."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    made = ec.derive_private_key(int(key, 16), ec.SECP256R1())
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return base64.b64encode(made.sign(text.encode(), scheme)).decode()
