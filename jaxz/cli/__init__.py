"""The `jaxz` command. Each subcommand has its own file, which imports what is slow to load only when it runs."""

import typer

from jaxz.cli import (
    calibrate,
    crossval,
    demo,
    evaluate,
    info,
    inspect,
    lae,
    merge,
    plot,
    prior,
    process,
    simulate,
    train,
    zfind,
)

app = typer.Typer(
    name="jaxz",
    help="Galaxy redshifts from spectra, thousands at a time.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def before_any_command() -> None:
    """Galaxy redshifts from spectra, thousands at a time."""
    process.prepare()


for command in (
    zfind.zfind,
    lae.lae,
    merge.merge,
    evaluate.evaluate,
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
