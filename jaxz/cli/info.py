"""`jaxz info`."""

import importlib.metadata
import platform

from jaxz.cli.console import show, table


def info() -> None:
    """Show versions, devices, and the bases, components and calibrations that are known by name.

    Example: `jaxz info`
    """
    import jax

    from jaxz import __version__, io

    shown = table("", "")
    shown.columns[1].justify = "left"
    shown.add_row("jaxz", __version__)
    for package in ("jax", "jaxlib", "equinox", "numpy", "astropy"):
        shown.add_row(package, importlib.metadata.version(package))
    shown.add_row("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    shown.add_row("devices", ", ".join(f"{one.platform}:{one.id} ({one.device_kind})" for one in jax.devices()))
    shown.add_row("jax_enable_x64", "on" if jax.config.read("jax_enable_x64") else "off")
    shown.add_row("bases", ", ".join(io.basis_names()))
    shown.add_row("components", ", ".join(io.component_names()))
    shown.add_row("calibrations", ", ".join(["default", *io.calibration_names()]))
    show(shown)
