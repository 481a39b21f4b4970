"""gRPC's messages as a stub sees them: bytes, or with `grpc.descriptors` in stub.yaml as plain values.

A descriptor set is what `protoc --include_imports --descriptor_set_out=FILE` writes. Reading it needs the package
protobuf, which childproof doesn't install by itself (`pip install 'childproof[grpc]'`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from childproof.stubkit.entity import public
from childproof.stubkit.refusal import Refusal


class Codec(Protocol):
    """How one method's messages are read and written."""

    def decode(self, raw: bytes) -> Any:
        """A request's message. Raises Refusal."""
        ...

    def encode(self, value: Any) -> bytes:
        """A reply's message. Raises TypeError or ValueError for what the method can't say: a stub's bug."""
        ...


class PlainCodec:
    """Messages as the bytes that they are."""

    def decode(self, raw: bytes) -> bytes:
        """As it is."""
        return raw

    def encode(self, value: Any) -> bytes:
        """As it is; an empty message for nothing."""
        if isinstance(value, bytes):
            return value
        if value == {}:
            return b""
        raise TypeError(f"without grpc.descriptors in stub.yaml a message is bytes, not {type(value).__name__}")


class DescriptorError(Exception):
    """A descriptor set that can't be used; in words."""


class Descriptors:
    """The services of a descriptor set."""

    def __init__(self, raw: bytes) -> None:
        try:
            # most stubs need none of it, and it needn't be there
            from google.protobuf import (  # noqa: PLC0415
                descriptor_pb2,
                descriptor_pool,
                json_format,
                message,
                message_factory,
            )
        except ImportError:
            raise DescriptorError("reading descriptors needs the package protobuf") from None
        self._json, self._broken = json_format, message.DecodeError
        found = descriptor_pb2.FileDescriptorSet()
        pool = descriptor_pool.DescriptorPool()
        try:
            found.ParseFromString(raw)
            for file in found.file:
                pool.AddSerializedFile(file.SerializeToString())
            self._methods = {
                f"/{name}/{method.name}": tuple(
                    message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type)
                )
                for name in _services(found.file)
                for method in pool.FindServiceByName(name).methods
            }
        except Exception as error:  # noqa: BLE001 - protobuf raises what its implementation happens to
            raise DescriptorError(f"it can't be read: {error}") from None

    def methods(self) -> Iterable[str]:
        """The paths of all methods."""
        return self._methods

    def codec(self, path: str) -> Codec:
        """The codec of a method. LookupError where there is none."""
        return _ValueCodec(self._json, self._broken, *self._methods[path])


def _services(files: Iterable[Any]) -> Iterable[str]:
    for file in files:
        for service in file.service:
            yield f"{file.package}.{service.name}" if file.package else service.name


class _ValueCodec:
    """Messages as plain values, by the names of the .proto file."""

    def __init__(self, json: Any, broken: type[Exception], request: Any, reply: Any) -> None:
        self._json, self._broken = json, broken
        self._request, self._reply = request, reply

    def decode(self, raw: bytes) -> dict[str, Any]:
        """All fields are there, also those that the client left at their defaults."""
        try:
            message = self._request.FromString(raw)
        except self._broken:
            raise Refusal(400, "INTERNAL", "Failed parsing request protobuf.") from None
        value: dict[str, Any] = self._json.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return value

    def encode(self, value: Any) -> bytes:
        """From values, or from bytes that are a message already."""
        if isinstance(value, bytes):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(f"a message is a mapping or bytes, not {type(value).__name__}")
        raw: bytes = self._json.ParseDict(public(value), self._reply()).SerializeToString(deterministic=True)
        return raw


def read_descriptors(path: Path) -> Descriptors:
    """The descriptor set in a file. Raises DescriptorError."""
    try:
        return Descriptors(path.read_bytes())
    except OSError as error:
        raise DescriptorError(f"it can't be read: {error.strerror or error}") from None
