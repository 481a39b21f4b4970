"""gRPC by grpcio: a stub of tests/data through the explicit proxy and from within the sandbox."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.live import RULES, STUB, script
from tests.clients.served import Served

GRPC = """
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
found = descriptor_pb2.FileDescriptorSet.FromString(open(os.environ["DESCRIPTORS"], "rb").read())
pool = descriptor_pool.DescriptorPool()
pool.AddSerializedFile(found.file[0].SerializeToString())
Order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
if os.environ.get("PLAIN"):
    channel = grpc.insecure_channel("grpc.live.example:50051")
else:
    channel = grpc.secure_channel("grpc.live.example:443", grpc.ssl_channel_credentials(open(os.environ["CA"], "rb").read()))
coders = dict(request_serializer=Order.SerializeToString, response_deserializer=Order.FromString)
KEY = [("authorization", "Bearer key")]
def failing(call):
    try:
        list(call) if hasattr(call, "__iter__") else call()
    except grpc.RpcError as error:
        print(error.code().name, "" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else error.details())
place = channel.unary_unary("/shop.Orders/Place", **coders)
made = place(Order(item="pen"), metadata=KEY, timeout=20)
get = channel.unary_unary("/shop.Orders/Get", **coders)
same, call = get.with_call(Order(id=made.id), metadata=KEY, timeout=20)
print(same.item, dict(call.initial_metadata())["x-shop"])
watch = channel.unary_stream("/shop.Orders/Watch", **coders)
print("pen" in [order.item for order in watch(Order(), metadata=KEY, timeout=20)])
many = channel.stream_unary("/shop.Orders/PlaceMany", **coders)
print(many(iter([Order(item="a"), Order(item="b")]), metadata=KEY, timeout=20).item)
print(place(Order(item="x" * 70_000), metadata=KEY, timeout=20, compression=grpc.Compression.Gzip).item == "x" * 70_000)
failing(lambda: place(Order(), metadata=KEY, timeout=20))
failing(lambda: get(Order(id="ord_0"), metadata=KEY, timeout=20))
failing(watch(Order(item="gold"), metadata=KEY, timeout=20))
failing(watch(Order(item="never"), metadata=KEY, timeout=0.6))
failing(lambda: place(Order(item="x"), timeout=20))
failing(lambda: channel.unary_unary("/shop.Orders/Cancel", **coders)(Order(), metadata=KEY, timeout=20))
failing(lambda: channel.unary_unary("/other.Service/Do", **coders)(Order(), metadata=KEY, timeout=20))
other = grpc.secure_channel("nobody.example:443", grpc.ssl_channel_credentials(open(os.environ["CA"], "rb").read()))
failing(lambda: other.unary_unary("/shop.Orders/Place", **coders)(Order(), timeout=20))
"""
ANSWERED = [
    "pen yes",
    "True",
    "2 orders",
    "True",
    "INVALID_ARGUMENT What would you like? 100 % is no item.",
    "NOT_FOUND No order has the id ord_0.",
    "NOT_FOUND no more gold",
    "DEADLINE_EXCEEDED ",
    "UNAUTHENTICATED No API key was given.",
    "UNIMPLEMENTED unknown method Cancel for service shop.Orders",
    "UNIMPLEMENTED unknown service other.Service",
    "PERMISSION_DENIED childproof: no rule matches (default: deny)",
]


def test_grpcio_calls_a_stub_through_the_explicit_proxy(live: Served) -> None:
    env = {"https_proxy": f"http://{live.http}", "DESCRIPTORS": str(STUB / "shop.binpb")}
    assert script(live, GRPC, **env) == ANSWERED
    entries = live.entries()
    place = [entry for entry in entries if entry["operation"] == "RPC /shop.Orders/Place"]
    assert place[0]["fidelity"] == "modelled"
    assert len(place[0]["changes"]) == 1
    gaps = [entry["path"] for entry in entries if entry["fidelity"] == "gap"]
    assert gaps == ["/shop.Orders/Cancel", "/other.Service/Do"]
    watched = [entry for entry in entries if entry["operation"] == "RPC /shop.Orders/Watch"]
    assert [entry["status"] for entry in watched] == [200, 200, 200]


@pytest.mark.sealed
@pytest.mark.parametrize("plain", ["", "yes"], ids=["tls", "prior-knowledge"])
def test_grpcio_calls_a_stub_from_within_the_sandbox(needs_sealing: None, tmp_path: Path, plain: str) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    code = GRPC.replace('os.environ["CA"]', '"/etc/ssl/certs/ca-certificates.crt"')
    done = subprocess.run(
        [
            *(sys.executable, "-m", "childproof", "run", "--rules", "rules.yaml", "--stubs", str(STUB), "--"),
            *(
                "env",
                f"DESCRIPTORS={STUB / 'shop.binpb'}",
                f"PLAIN={plain}",
                sys.executable,
                "-c",
                "import os\n" + code,
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, ANSWERED), done.stderr
