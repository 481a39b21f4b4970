"""Bundles, key stores, variables, and finding the files that clients bring along."""

import base64
import hashlib
import struct
import sys

import pytest

from childproof.sandbox.trust.bundles import find_bundles, find_java_stores
from childproof.sandbox.trust.trust import Bundles, variables


def pem(der):
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


ROOTS = pem(b"root one") + pem(b"root two")
OURS = pem(b"our own")


def test_merged_is_the_roots_and_ours_and_bare_is_ours_alone():
    bundles = Bundles.build(OURS, ROOTS)
    assert bundles.bare == OURS
    assert bundles.merged == ROOTS + OURS


def test_a_key_beside_the_certificate_is_left_out():
    key = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    bundles = Bundles.build(key + OURS, ROOTS)
    assert b"PRIVATE" not in bundles.bare + bundles.merged + bundles.java()


def test_a_file_without_a_certificate_is_refused():
    with pytest.raises(ValueError, match="no certificate"):
        Bundles.build(b"nothing", ROOTS)


def test_the_java_store_holds_every_root_and_a_valid_digest():
    store = Bundles.build(OURS, ROOTS).java()
    magic, version, count = struct.unpack_from("!III", store)
    assert (magic, version, count) == (0xFEEDFEED, 2, 3)
    for der in (b"root one", b"root two", b"our own"):
        assert struct.pack("!I", len(der)) + der in store
    password = "changeit".encode("utf-16-be")
    assert store[-20:] == hashlib.sha1(password + b"Mighty Aphrodite" + store[:-20]).digest()


def test_variables_that_add_get_the_bare_certificate_and_those_that_replace_the_bundle():
    names = variables("/bare", "/merged")
    assert {names[name] for name in ("NODE_EXTRA_CA_CERTS", "DENO_CERT")} == {"/bare"}
    replacing = (
        "SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT CURL_CA_BUNDLE GIT_SSL_CAINFO npm_config_cafile BUNDLE_SSL_CA_CERT "
        "CARGO_HTTP_CAINFO AWS_CA_BUNDLE GRPC_DEFAULT_SSL_ROOTS_FILE_PATH PERL_LWP_SSL_CA_FILE "
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE NIX_SSL_CERT_FILE"
    )
    assert {names[name] for name in replacing.split()} == {"/merged"}


@pytest.fixture
def bundle(tmp_path):
    def make(path):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"# roots\n" + ROOTS + b"#" * 20_000)
        return str(file.resolve())

    return make


@pytest.mark.parametrize(
    "path",
    [
        "env1/lib/python3.12/site-packages/stripe/data/ca-certificates.crt",
        "env1/lib/python3.12/site-packages/certifi/cacert.pem",
        "env1/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem",
        "env1/lib/python3.12/site-packages/botocore/cacert.pem",
        "env1/lib/python3.12/site-packages/httplib2/cacerts.txt",
        "env1/lib/python3.12/site-packages/grpc/_cython/_credentials/roots.pem",
    ],
)
def test_bundles_of_packages_are_found_in_the_active_environment(bundle, tmp_path, path):
    made = bundle(path)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert made in find_bundles(["true"], {"VIRTUAL_ENV": str(tmp_path / "env1"), "PATH": ""}, str(empty))


def test_bundles_are_found_by_the_commands_own_interpreter(bundle, tmp_path):
    made = bundle("tool/lib/python3.12/site-packages/certifi/cacert.pem")
    (tmp_path / "tool/bin").mkdir()
    (tmp_path / "tool/bin/python").symlink_to(sys.executable)
    script = tmp_path / "agent"
    script.write_text(f"#!{tmp_path}/tool/bin/python\n")
    script.chmod(0o755)
    assert made in find_bundles([str(script)], {"PATH": ""}, str(tmp_path / "tool/bin"))


def test_bundles_are_found_by_an_interpreter_that_is_named_within_a_word(bundle, tmp_path):
    made = bundle("tool/lib/python3.12/site-packages/certifi/cacert.pem")
    (tmp_path / "tool/bin").mkdir()
    (tmp_path / "tool/bin/python").symlink_to(sys.executable)
    (tmp_path / "elsewhere").mkdir()
    for script in (f"{tmp_path}/tool/bin/python agent.py", "cd . && '../tool/bin/python' agent.py"):
        assert made in find_bundles(["sh", "-c", script], {"PATH": ""}, str(tmp_path / "elsewhere"))


def test_bundles_are_found_in_the_environment_of_the_project_around(bundle, tmp_path):
    made = bundle("project/.venv/lib/python3.12/site-packages/certifi/cacert.pem")
    (tmp_path / "project/deep/below").mkdir(parents=True)
    assert made in find_bundles(["true"], {"PATH": ""}, str(tmp_path / "project/deep/below"))


def test_bundles_below_the_working_directory_are_found(bundle, tmp_path):
    made = bundle("vendor/composer/ca-bundle/res/cacert.pem")
    assert made in find_bundles(["true"], {"PATH": ""}, str(tmp_path))


def test_a_small_file_of_that_name_is_somebodys_own_certificate(tmp_path):
    (tmp_path / "cacert.pem").write_bytes(ROOTS)
    assert str(tmp_path / "cacert.pem") not in find_bundles(["true"], {"PATH": ""}, str(tmp_path))


def test_the_store_of_the_java_home_is_found(bundle, tmp_path):
    made = bundle("jdk/lib/security/cacerts")
    assert made in find_java_stores({"JAVA_HOME": str(tmp_path / "jdk"), "PATH": ""})
