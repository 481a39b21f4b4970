"""The doctor's report, with the trying itself replaced; tests/clients tries for real."""

import json
import sys

import pytest
from click.testing import CliRunner

from childproof.cli import doctor as module
from childproof.cli import doctor_workload
from childproof.policy import load_ruleset
from childproof.sandbox.support import Support
from childproof.sandbox.trust.clients import CLIENTS, TOKEN, Trial, installed, rules_text, try_client
from childproof.sandbox.trust.workload import Finding


@pytest.fixture
def report(monkeypatch):
    def run(support, trials=(), *options):
        monkeypatch.setattr(module, "probe", lambda python: support)
        monkeypatch.setattr(module, "_try_clients", lambda: iter(trials))
        return CliRunner().invoke(module.doctor, options)

    return run


def test_a_machine_that_can_not_seal_exits_with_1_and_tells_why_and_tries_no_client(report):
    result = report(Support("This machine can't seal a command: because."), [Trial("curl", trusted=True)])
    assert result.exit_code == 1
    assert "✗ sealing a command   This machine can't seal a command: because." in result.output
    assert "curl" not in result.output


def test_each_finding_is_a_line_with_its_mark_and_what_to_do(report):
    support = Support("", ipv6=True, refusals_recorded=False, escapes=(("UDP is refused at once", "it hung"),))
    result = report(
        support, [Trial("curl", trusted=True, said=TOKEN), Trial("go", trusted=False, said="x509: unknown")]
    )
    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert "✓ IPv6" in lines
    assert "✗ a record of refused UDP (NFLOG)   refused UDP leaves no entry: load the module nfnetlink_log" in lines
    assert "✗ UDP is refused at once   it hung" in lines
    assert "✓ curl" in lines
    assert "✗ go   x509: unknown" in lines


def test_json_holds_the_same(report):
    result = report(Support("", ipv6=True, refusals_recorded=True), [Trial("go", trusted=False, said="no")], "--json")
    found = json.loads(result.output)
    assert found["sealed"] is True
    assert found["clients"] == [{"subject": "go", "works": False, "note": "no"}]
    assert all(finding["works"] for finding in found["machine"])


def test_only_installed_clients_are_tried_and_python_always_is():
    found = {client.name for client, _ in installed({"PATH": ""}, sys.executable)}
    assert "python" in found
    assert "curl" not in found


def test_a_client_that_does_not_get_our_answer_says_why(tmp_path):
    client_type = type(CLIENTS[0])
    trial = try_client(
        client_type("python", "python3", ("-c", "print('SSL: CERTIFICATE_VERIFY_FAILED')")), sys.executable, tmp_path
    )
    assert trial == Trial("python", trusted=False, said="SSL: CERTIFICATE_VERIFY_FAILED")


def test_the_rules_of_the_trials_are_a_valid_rule_file(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(rules_text())
    load_ruleset([file], stubs=(), include_roots=())


def test_a_workload_that_is_asked_without_its_variables_is_told_how_it_is_asked_with_them(monkeypatch, tmp_path):
    """`kubectl exec` starts beside the wrapper: every client would be said to distrust us."""
    certificate = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    (tmp_path / "childproof-ca-cert.pem").write_text(certificate)
    (tmp_path / "trust.sh").touch()
    monkeypatch.setattr(doctor_workload, "closed", lambda **_: iter([Finding("UDP is refused", works=True)]))
    monkeypatch.setattr(doctor_workload, "trusting", lambda *_: iter([Finding("curl trusts childproof", works=False)]))
    monkeypatch.setattr(doctor_workload, "bundled", lambda _: iter([]))
    told = f"write: sh {tmp_path}/trust.sh -- childproof doctor --workload"
    for name, expected in (("OTHER", True), ("SSL_CERT_FILE", False)):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv(name, "/run/childproof/ca/bundle.pem")
        result = CliRunner().invoke(module.doctor, ["--workload", "--ca", str(tmp_path)])
        assert (result.exit_code, told in result.output) == (6, expected)
