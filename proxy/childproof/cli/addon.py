"""`childproof addon`: where the script for a stock mitmdump or mitmweb is."""

from importlib.resources import files

import click


@click.command()
def addon() -> None:
    """Print the path of the mitmproxy script: mitmdump -s "$(childproof addon)"."""
    click.echo(str(files("childproof.run").joinpath("mitmdump_script.py")))
