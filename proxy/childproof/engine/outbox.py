"""Mail that stubs send: judged like any call, delivered to a stub or not at all."""

from childproof.model import Action, Call, Envelope, Protocol, Verdict, Violation, replace
from childproof.model.hostname import HostError, normalize_host
from childproof.world import Mail

from .denial import denial
from .recording import Decision

PORT = 25  # as servers send it to each other
_HINT = "lead it to a mailbox: {name: mail, match: {protocol: smtp}, stub: email}"


def mail_call(mail: Mail, world: str) -> Call:
    """The call that a queued message is: from the service's server to that of the first recipient."""
    domain = mail.recipients[0].rpartition("@")[2]
    violation = None
    try:
        host = normalize_host(domain)
    except HostError as error:
        host, violation = "unknown", Violation("bad_host", str(error))
    return Call(
        Protocol.SMTP,
        host,
        PORT,
        world,
        method="MESSAGE",
        body=mail.message,
        envelope=Envelope(mail.sender, mail.recipients, helo=mail.sender.rpartition("@")[2], service=mail.service),
        violation=violation,
        stub=mail.keeper,
    )


def kept_in(call: Call, decision: Decision, call_id: str, *, at: int) -> Decision:
    """The decision, closed: nobody asked for this mail to be sent on, so no rule can let it out."""
    verdict = decision.verdict
    if verdict.action is Action.STUB and decision.reply is not None:
        return replace(decision, forward=None, delay=0.0, fault="")
    if verdict.action is Action.DENY:
        if verdict.rule is None and call.envelope is not None and call.envelope.service and call.violation is None:
            reason = f"{verdict.reason}; the mail of {call.envelope.service} is kept nowhere"
            verdict = replace(verdict, reason=reason, hint=_HINT)
        return replace(decision, verdict=verdict, forward=None)
    closed = Verdict(
        rule=verdict.rule, reason=f"mail of a stub goes to a stub or nowhere; the rule says {verdict.action}"
    )
    return Decision(closed, denial(call, closed, call_id, at=at))
