"""The configuration: one file, one environment prefix, one order of precedence."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.model.places import Listener
from childproof.run.config.config import Config, load_config, split_address
from childproof.run.config.endpoint import Endpoint
from childproof.run.config.listen import Listen

HOME = {"HOME": "/home/someone"}


def write(folder: Path, text: str) -> Path:
    file = folder / "childproof.yaml"
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_config(HOME, tmp_path) == Config(state_dir=Path("/home/someone/.local/state/childproof"))


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    write(tmp_path, "rules: [rules/default.yaml]\nstubs: [stubs/]\nstore: data/childproof.db\n")
    config = load_config(HOME, tmp_path)
    assert config.rules == (tmp_path / "rules/default.yaml",)
    assert config.stubs == (tmp_path / "stubs",)
    assert config.store == str(tmp_path / "data/childproof.db")


def test_listeners_and_limits_are_read(tmp_path: Path) -> None:
    write(tmp_path, "listen: [{world: main, http: 127.0.0.1:8080}]\nlimits: {body: 1MiB, connections: 5}\n")
    config = load_config(HOME, tmp_path)
    assert config.listen == (Listen("main", "127.0.0.1:8080"),)
    assert (config.max_body, config.connections) == (1024 * 1024, 5)


@pytest.mark.parametrize("text", ["{stripe: maybe}", "synthesize", "[stripe]"])
def test_unknown_ids_are_told_by_stub(tmp_path: Path, text: str) -> None:
    """By name; anything else is refused at its place."""
    write(tmp_path, "unknown_ids: {stripe: synthesize}\n")
    assert load_config(HOME, tmp_path).unknown_ids == {"stripe": "synthesize"}
    write(tmp_path, f"unknown_ids: {text}\n")
    with pytest.raises(InputError, match=r"childproof\.yaml:1:"):
        load_config(HOME, tmp_path)


def test_a_stub_may_have_an_address_of_its_own(tmp_path: Path) -> None:
    """`at` and `stub` go together."""
    write(tmp_path, "listen: [{world: main, at: 127.0.0.1:12111, stub: stripe}]\n")
    assert load_config(HOME, tmp_path).listen == (Listen("main", at="127.0.0.1:12111", stub="stripe"),)
    for half in ("at: 127.0.0.1:1", "stub: stripe", "http: 127.0.0.1:1, anybody: true"):
        write(tmp_path, f"listen: [{{world: main, {half}}}]\n")
        with pytest.raises(InputError, match="listen"):
            load_config(HOME, tmp_path)


@pytest.mark.parametrize(("text", "size"), [("10", 10), ("10B", 10), ("2KB", 2000), ("2KiB", 2048), ("1GiB", 1024**3)])
def test_sizes_are_in_the_unit_that_is_written(tmp_path: Path, text: str, size: int) -> None:
    write(tmp_path, f"limits: {{body: {text}}}\n")
    assert load_config(HOME, tmp_path).max_body == size


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    write(tmp_path, "store: file.db\n")
    assert load_config(HOME, tmp_path).store.endswith("/file.db")
    from_environ = load_config({**HOME, "CHILDPROOF_STORE": "environ.db"}, tmp_path)
    assert from_environ.store == "environ.db"
    assert from_environ.override(store="flag.db").store == "flag.db"


def test_all_faults_are_reported_at_once_with_their_places(tmp_path: Path) -> None:
    file = write(tmp_path, "rulez: []\nlimits: {body: lots}\nlisten:\n  - {world: main}\n")
    with pytest.raises(InputError) as caught:
        load_config(HOME, tmp_path)
    places = [(fault.line, fault.column) for fault in caught.value.faults]
    assert (1, 1) in places
    assert any(line == 2 for line, _ in places)
    assert any(line == 4 for line, _ in places)
    assert str(file) in str(caught.value)
    assert "write: rules:" in str(caught.value)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        load_config(HOME, tmp_path, tmp_path / "missing.yaml")


def test_listen_addresses_are_split() -> None:
    assert split_address("127.0.0.1:8080") == ("127.0.0.1", 8080)
    assert split_address("[::1]:8080") == ("::1", 8080)
    with pytest.raises(InputError, match="65535"):
        split_address("localhost:70000")


@pytest.mark.parametrize(("name", "write"), [("CHILDPROOF_RULEZ", "CHILDPROOF_RULES"), ("CHILDPROOF_X", "")])
def test_an_unknown_variable_is_refused(tmp_path: Path, name: str, write: str) -> None:
    with pytest.raises(InputError, match=f"unknown variable {name}") as caught:
        load_config({**HOME, name: "x"}, tmp_path)
    assert caught.value.faults[0].write == write


def test_a_listener_without_an_address_is_told_what_to_write(tmp_path: Path) -> None:
    write(tmp_path, "listen: [{world: main}, {world: other, http: '8080'}]\nlimits: {body: lots}\n")
    with pytest.raises(InputError) as caught:
        load_config(HOME, tmp_path)
    assert [fault.write for fault in caught.value.faults] == [
        "http: 127.0.0.1:8080",
        "http: 127.0.0.1:8080",
        "body: 10MiB",
    ]


def test_without_a_home_the_state_folder_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("no such user")

    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(InputError, match="CHILDPROOF_STATE="):
        load_config({}, tmp_path)
    assert load_config({"CHILDPROOF_STATE": "/var/lib/childproof"}, tmp_path).state_dir == Path("/var/lib/childproof")


def test_telemetry_is_what_the_file_or_the_environment_says_and_its_headers_the_environment_alone(
    tmp_path: Path,
) -> None:
    """A command can read the file: a collector's key has no place there."""
    assert load_config({**HOME, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://agent.example:4318"}, tmp_path).otlp is None
    write(tmp_path, "telemetry: {otlp: 'http://127.0.0.1:4318'}\nmetrics: 127.0.0.1:9464\n")
    config = load_config({**HOME, "CHILDPROOF_OTLP_HEADERS": "x-key=a=b, x-other=c"}, tmp_path)
    assert config.otlp == Endpoint("http://127.0.0.1:4318", (("x-key", "a=b"), ("x-other", "c")))
    assert "a=b" not in repr(config)
    for wrong in ("s3cret", "=s3cret", "a b=s3cret", "x-key=1,s3cret"):
        with pytest.raises(InputError, match="expected name=value") as refused:
            load_config({**HOME, "CHILDPROOF_OTLP_HEADERS": wrong}, tmp_path)
        assert "s3cret" not in str(refused.value)
    assert config.metrics == "127.0.0.1:9464"
    environ = {**HOME, "CHILDPROOF_OTLP": "https://otel.example", "CHILDPROOF_METRICS": "[::1]:9"}
    config = load_config(environ, tmp_path)
    assert (config.otlp, config.metrics) == (Endpoint("https://otel.example"), "[::1]:9")
    assert config.override(metrics="127.0.0.1:0").metrics == "127.0.0.1:0"
    write(tmp_path, "telemetry: {otlp: 4318}\nmetrics: '9464'\n")
    with pytest.raises(InputError) as refused:
        load_config(HOME, tmp_path)
    assert [fault.write for fault in refused.value.faults] == ["otlp: http://127.0.0.1:4318", "metrics: 127.0.0.1:9464"]
    (tmp_path / "childproof.yaml").unlink()
    with pytest.raises(InputError) as refused:
        load_config({**HOME, "CHILDPROOF_OTLP": "localhost", "CHILDPROOF_METRICS": "9464"}, tmp_path)
    assert [fault.write for fault in refused.value.faults] == [
        "CHILDPROOF_OTLP=http://127.0.0.1:4318", "CHILDPROOF_METRICS=127.0.0.1:9464"
    ]  # fmt: skip


def test_webhooks_are_delivered_where_the_file_says_and_to_loopback_alone(tmp_path: Path) -> None:
    """A host or HOST:PORT; a port, an address of the loopback, TLS where it is written."""
    named = {"Shop.example": "3000", "b.example:8443": "'https://[::1]:1'", "c.example": "localhost:2"}
    write(tmp_path, "webhooks:\n  deliver:\n" + "".join(f"    {key}: {value}\n" for key, value in named.items()))
    webhooks = load_config(HOME, tmp_path).webhooks
    assert dict(webhooks.deliver) == {
        "shop.example": Listener(("127.0.0.1",), 3000),
        "b.example:8443": Listener(("::1",), 1, tls=True),
        "c.example": Listener(("127.0.0.1", "::1"), 2),
    }
    assert (webhooks.loopback, webhooks.world_time) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "deliver: {shop.example: 10.0.0.1:3000}",
        "deliver: {shop.example: 'http://example.com:80'}",
        "deliver: {shop.example: 127.0.0.1:99999}",
        "deliver: {'http://shop.example': 3000}",
        "deliver: {a..b: 3000}",
        "deliver: {shop.example: 0}",
        "deliver: {shop.example: '127.0.0.300:1'}",
        "deliver: {shop.example: '127.0.0.1:0'}",
        "loopback: maybe",
        "clock: mine",
        "retry: 5m",
    ],
)
def test_webhooks_to_anything_else_are_refused(tmp_path: Path, text: str) -> None:
    """What isn't the sandbox's own loopback is for rules to allow."""
    write(tmp_path, f"webhooks: {{{text}}}\n")
    with pytest.raises(InputError):
        load_config(HOME, tmp_path)
