"""What is masked: sockets by listener, by name and by variable; and files under all their paths."""

import socket

import pytest

from childproof.sandbox.hide import clean_environment, listening_sockets, sockets
from childproof.sandbox.mounts import MountPoint, aliases


@pytest.fixture
def listening(tmp_path):
    path = tmp_path / "with space.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield str(path.resolve())


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")
def test_every_bound_socket_is_found(listening):
    found = listening_sockets()
    assert listening in found
    assert listening in list(sockets({}, found))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("SSH_AUTH_SOCK", "{}"),
        ("DOCKER_HOST", "unix://{}"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path={},guid=0123"),
        ("TMUX", "{},100,0"),
    ],
)
def test_sockets_that_variables_name_are_found(listening, name, form):
    assert list(sockets({name: form.format(listening)}, [])) == [listening]


def test_what_is_no_socket_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("x")
    assert list(sockets({"SSH_AUTH_SOCK": str(tmp_path / "file")}, [str(tmp_path / "gone")])) == []


def test_variables_to_agents_and_proxies_are_removed_and_others_stay():
    env = {
        "SSH_AUTH_SOCK": "a",
        "HTTPS_PROXY": "b",
        "no_proxy": "c",
        "DISPLAY": ":0",
        "PATH": "/bin",
        "STRIPE_KEY": "k",
    }
    assert clean_environment(env) == {"PATH": "/bin", "STRIPE_KEY": "k"}


def test_a_file_is_known_under_every_mount_of_its_file_system(tmp_path):
    folder = tmp_path.resolve()
    (folder / "home/state").mkdir(parents=True)
    (folder / "data/home/state").mkdir(parents=True)
    mounts = [
        MountPoint("8:1", "/", "/"),
        MountPoint("8:2", "/homes", f"{folder}/home"),
        MountPoint("8:2", "/", f"{folder}/data"),
        MountPoint("8:3", "/", f"{folder}/other"),
        MountPoint("8:2", "/homes/state", f"{folder}/nowhere"),
    ]
    (folder / "data/homes/state").mkdir(parents=True)
    assert aliases(f"{folder}/home/state", mounts) == [f"{folder}/home/state", f"{folder}/data/homes/state"]
