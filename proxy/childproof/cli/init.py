"""`childproof init`: the redirection for a network namespace that others live in, such as a pod's."""

import click

from childproof.sandbox import redirection


@click.command()
@click.option(
    "--uid",
    type=click.IntRange(1, 2**32 - 2),
    default=redirection.PROXY_UID,
    show_default=True,
    help="The proxy's user, the only one that may leave.",
)
def init(*, uid: int) -> None:
    """Redirect this network namespace to the proxy: all TCP and DNS; everything else is refused.

    Run it once, before the workload starts, where NET_ADMIN is allowed. The running proxy needs no privilege.
    """
    from childproof.sandbox.initiating import redirect_here  # noqa: PLC0415 (only once it is needed)

    redirect_here(uid)
    click.echo(f"childproof: all TCP and DNS of this network namespace go to the proxy; only uid {uid} may leave")
