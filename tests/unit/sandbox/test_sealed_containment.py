"""What a sealed command can not undo, not reach and not read; and what it still may."""

import os
import socket
import stat

import pytest

pytestmark = pytest.mark.sealed


def test_no_capability_is_left_and_none_can_be_gained(sealer):
    outcome = sealer.run("cat", "/proc/self/status")
    status = dict(line.split(":\t", 1) for line in outcome.out.splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_user_and_group_are_the_same_inside(sealer):
    outcome = sealer.script("print(os.getuid(), os.getgid())")
    uid = os.getuid() if sealer.uid is None else sealer.uid
    gid = os.getgid() if sealer.uid is None else sealer.uid
    assert outcome.out.split() == [str(uid), str(gid)]


def test_the_ruleset_and_the_routes_can_not_be_changed(sealer):
    """What `nft flush ruleset` and `ip route add` send to the kernel, in a namespace of one's own or not."""
    outcome = sealer.script("""
        import struct, ctypes
        def ask(family, kind, body, flags):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
            s.settimeout(10)
            s.sendto(b"".join(struct.pack("=LHHLL", 16 + len(b), k, 5 | f, 1, 0) + b for k, f, b in body), (0, 0))
            return struct.unpack_from("=i", s.recv(4096), 16)[0]
        import errno
        batch = struct.pack("!BBH", 0, 0, 10)
        flush = [(0x10, 0, batch), (10 << 8 | 2, 0, struct.pack("!BBH", 1, 0, 0)), (0x11, 0, batch)]
        route = [(24, 0x600, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 4, 0, 1, 0))]
        print(errno.errorcode[-ask(12, 0, flush, 0)], errno.errorcode[-ask(0, 0, route, 0)])
    """)
    assert outcome.out.split() == ["EPERM", "EPERM"], outcome.err


def test_a_namespace_of_its_own_leads_nowhere(sealer):
    outcome = sealer.script("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000 | 0x40000000):
            print("refused")
        else:
            s = socket.socket(); s.settimeout(5)
            try:
                s.connect(("203.0.113.5", 80)); print("connected")
            except OSError as error:
                print("unreachable")
    """)
    assert outcome.out.strip() in ("refused", "unreachable")
    assert outcome.tcp == []


def test_what_is_covered_can_not_be_uncovered_in_a_namespace_of_its_own(sealer, tmp_path_factory):
    secret = sealer.folder / "secret"
    secret.mkdir(exist_ok=True)
    (secret / "key.pem").write_text("the key")
    outcome = sealer.script(
        f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        uid = os.getuid()
        if libc.unshare(0x10000000 | 0x20000) == 0:
            open("/proc/self/setgroups", "w").write("deny")
            open("/proc/self/uid_map", "w").write(f"0 {{uid}} 1")
            for target in ({str(secret)!r}, "/run", "/dev", "/proc/sys"):
                print(libc.umount2(target.encode(), 0), libc.umount2(target.encode(), 2))
            print(libc.mount(b"/", b"/mnt", None, 4096, None))
        print(os.listdir({str(secret)!r}))
        """,
        hidden=[secret],
    )
    *attempts, listed = outcome.out.splitlines()
    assert listed == "[]", outcome.err
    assert all("0" not in attempt.split() for attempt in attempts)


def test_hidden_files_and_folders_are_empty_inside_and_whole_outside(sealer):
    folder, file = sealer.folder / "ca", sealer.folder / "childproof.db"
    folder.mkdir(exist_ok=True)
    (folder / "key.pem").write_text("the key")
    file.write_text("the ledger")
    if sealer.uid is not None:
        os.chown(file, sealer.uid, sealer.uid)
        os.chown(folder, sealer.uid, sealer.uid)
    outcome = sealer.script(
        f"""
        print(os.listdir({str(folder)!r}), repr(open({str(file)!r}).read()))
        for attempt in (
            lambda: open({str(file)!r}, "w"),
            lambda: os.unlink({str(file)!r}),
            lambda: os.rename({str(file)!r}, {str(file)!r} + ".old"),
            lambda: open({str(folder)!r} + "/new", "w"),
            lambda: os.rmdir({str(folder)!r}),
        ):
            try:
                attempt()
                print("done")
            except OSError:
                print("refused")
        """,
        hidden=[folder, file],
    )
    assert outcome.out.splitlines() == ["[] ''"] + ["refused"] * 5, outcome.err
    assert (file.read_text(), (folder / "key.pem").read_text()) == ("the ledger", "the key")


def test_rules_can_be_read_and_not_be_changed(sealer):
    rules = sealer.folder / "rules.yaml"
    rules.write_text("version: 1")
    if sealer.uid is not None:
        os.chown(rules, sealer.uid, sealer.uid)
    outcome = sealer.script(
        f"""
        print(open({str(rules)!r}).read())
        for attempt in (lambda: open({str(rules)!r}, "a"), lambda: os.unlink({str(rules)!r})):
            try:
                attempt()
                print("done")
            except OSError:
                print("refused")
        """,
        read_only=[rules, sealer.folder / "missing.yaml"],
    )
    assert outcome.out.splitlines() == ["version: 1", "refused", "refused"], outcome.err


def test_unix_sockets_of_the_host_are_covered(sealer):
    path = sealer.folder / "agent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o777)
        server.listen()
        outcome = sealer.script(f"""
            try:
                socket.socket(socket.AF_UNIX).connect({str(path)!r})
                print("connected")
            except OSError as error:
                print(type(error).__name__)
        """)
    path.unlink()
    assert outcome.out.strip() in ("ConnectionRefusedError", "PermissionError"), outcome.err


def test_run_is_empty_and_variables_to_agents_are_gone(sealer):
    outcome = sealer.script(
        """
        print(sorted(set(os.listdir("/run")) - {"childproof", "lock", "shm", "user"}) == [
            name for name in sorted(os.listdir("/run")) if os.path.islink("/run/" + name) and name != "shm"])
        print([name for name in ("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "https_proxy") if name in os.environ])
        """,
        env={
            "SSH_AUTH_SOCK": "/tmp/x/agent",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1/bus",
            "DOCKER_HOST": "unix:///var/run/docker.sock",
            "https_proxy": "http://corporate.example:3128",
        },
    )
    assert outcome.out.splitlines() == ["True", "[]"], outcome.err


def test_disks_and_kernel_switches_are_out_of_reach(sealer):
    outcome = sealer.script("""
        import stat
        print([n for n in os.listdir("/dev") if stat.S_ISBLK(os.lstat("/dev/" + n).st_mode)])
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/net/ipv4/ip_forward",
                     "/sys/kernel/uevent_seqnum", "/sys/power/state"):
            if os.path.exists(path):
                try:
                    open(path, "w")
                    print("open", path)
                except OSError:
                    pass
    """)
    assert outcome.out.strip() == "[]"


def test_a_device_node_elsewhere_does_not_help_root(sealer):
    if sealer.uid is not None or os.getuid() != 0:
        pytest.skip("only root can make one, and only root could use it")
    node = sealer.folder / "disk"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    outcome = sealer.script(f"""
        try:
            print(open({str(node)!r}, "rb").read(1))
        except OSError as error:
            print(type(error).__name__)
    """)
    node.unlink()
    assert outcome.out.strip() == "PermissionError"


def test_the_first_process_can_not_be_read_or_traced(sealer):
    outcome = sealer.script("""
        import ctypes
        for path in ("/proc/1/environ", "/proc/1/mem", "/proc/1/root/etc/passwd", "/proc/1/cwd", "/proc/1/fd/3"):
            try:
                os.close(os.open(path, os.O_RDONLY))
                print("read", path)
            except OSError:
                pass
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.ptrace(16, 1, 0, 0), sorted(p for p in os.listdir("/proc") if p.isdigit())[0])
    """)
    assert outcome.out.split() == ["-1", "1"]


def test_processes_outside_are_invisible(sealer):
    outcome = sealer.script("print(len([p for p in os.listdir('/proc') if p.isdigit()]))")
    assert outcome.out.strip() == "2"


def test_keyrings_and_io_uring_do_not_exist(sealer):
    outcome = sealer.script("""
        import ctypes, errno, platform
        libc = ctypes.CDLL(None, use_errno=True)
        for number in ({"x86_64": (248, 249, 250, 425)}.get(platform.machine(), (217, 218, 219, 425))):
            libc.syscall(number, 0, 0, 0, 0, 0)
            print(errno.errorcode[ctypes.get_errno()])
    """)
    assert outcome.out.split() == ["ENOSYS"] * 4


def test_descriptors_of_the_parent_are_closed(sealer):
    outcome = sealer.script("print(sorted(os.listdir('/proc/self/fd')))")
    assert outcome.out.strip() == "['0', '1', '2', '3']"  # 3 is the listing's own


def test_a_failing_step_starts_nothing(sealer):
    """A CA without a certificate: the sandbox ends before the command exists, with the step in the message."""
    (sealer.folder / "started").unlink(missing_ok=True)
    good = (sealer.folder / "ca.pem").read_text()
    (sealer.folder / "ca.pem").write_text("nothing")
    try:
        outcome = sealer.run("touch", str(sealer.folder / "started"))
    finally:
        (sealer.folder / "ca.pem").write_text(good)
    assert not outcome.started
    assert outcome.error.startswith("This machine can't seal a command: reading the CA certificate failed")
    assert "--mode env" in outcome.error
    assert not (sealer.folder / "started").exists()
