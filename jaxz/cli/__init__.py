"""The `jaxz` command. Each subcommand has its own file, which imports what is slow to load only when it runs."""

from typing import Annotated

import typer

from jaxz import __version__
from jaxz.cli import (
    calibrate,
    crossval,
    deblend,
    demo,
    evaluate,
    info,
    inspect,
    lae,
    lines,
    merge,
    plot,
    prior,
    process,
    simulate,
    target,
    train,
    zfind,
)
from jaxz.cli.console import results

app = typer.Typer(
    name="jaxz",
    help="Galaxy redshifts from spectra, thousands at a time.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> bool:
    if wanted:
        results.print(f"jaxz {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def before_any_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Galaxy redshifts from spectra, thousands at a time."""
    process.prepare()


for command in (
    zfind.zfind,
    lae.lae,
    lines.lines,
    deblend.deblend,
    merge.merge,
    evaluate.evaluate,
    target.target,
    plot.plot,
    inspect.inspect,
    simulate.simulate,
    train.train,
    crossval.crossval,
    calibrate.calibrate,
    demo.demo,
    info.info,
):
    app.command()(command)
app.add_typer(prior.app, name="prior")
