"""A stub's own address: what comes in there is answered by it, unless a rule about its service says otherwise."""

from childproof.model import Action, Call, Verdict
from childproof.policy import Judgement


def at_own_address(call: Call, judgement: Judgement) -> Judgement:
    """What is to become of a call that came in at a stub's own address; as judged, for any other.

    Rules that lead to this stub, reply or deny count as they do elsewhere, with their limits, delays and faults. Where none
    matches, or where one would let the call out, which leads nowhere from such an address, the stub answers. Mail of a
    stub whose stub.yaml says who keeps it comes in there.
    """
    if not call.stub or judgement.verdict.action is Action.REPLY:
        return judgement
    if judgement.verdict.action is Action.DENY and judgement.rule is not None:
        return judgement
    if judgement.verdict.stub == call.stub:
        return judgement
    if call.envelope is not None and call.envelope.service:
        reason = f"no rule takes the mail of {call.envelope.service}, whose stub.yaml names {call.stub} for it"
    else:
        reason = f"it came in at the address of the stub {call.stub}"
    verdict = Verdict(Action.STUB, None, reason, stub=call.stub)
    return Judgement(verdict, would=judgement.would)
