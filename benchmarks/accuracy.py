"""How many redshifts of real spectra are right: MUSE UDF10 and SDSS, with the interim and with the shipped basis.

Checked: at least 10 of the 12 and 17 of the 20 are within 0.005 (1 + z).
"""

import argparse
from pathlib import Path

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import validate
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan


def run(name: str, case: inputs.Inputs, *, least: int, figures: Path | None = None) -> Report:
    """Measure the redshifts of `case`, of which at least `least` have to be good."""
    scan = jaxz.nmf_scan(case.spectra, case.basis, zmax=inputs.ZMAX)
    found = jaxz.find_redshifts(scan, case.spectra)
    good = validate.is_good(found.z, case.ztrue)
    rows = [
        {
            "id": found.ids[i],
            "z true": f"{case.ztrue[i]:.5f}",
            "z found": f"{found.z[i]:.5f}",
            "zerr": f"{found.zerr[i]:.1e}",
            "Δz/zerr": f"{(found.z[i] - case.ztrue[i]) / found.zerr[i]:.1f}",
            "Δχ²": f"{found.deltachi2[i]:.1f}",
            "significance": f"{found.significance[i]:.3f}",
            "robustness": f"{found.robustness[i]:.2f}",
            "pconf": f"{found.pconf[i]:.3f}",
            "zwarn": int(found.zwarn[i]),
            "good": "yes" if good[i] else "NO",
        }
        for i in range(len(found))
    ]
    fraction = validate.good_fraction(found.z, case.ztrue)
    if figures is not None:
        draw(figures / name, case, scan, found)
    text = f"{fraction.ngood} of {fraction.ntotal} good, {fraction.low:.0%} to {fraction.high:.0%} (Wilson, 95 %)"
    require(fraction.ngood >= least, f"{name}, {case.label}: {text}; at least {least} were expected")
    return Report(f"accuracy {name}", rows, {"inputs": case.label, "spectra": len(rows)}, [text])


def draw(folder: Path, case: inputs.Inputs, scan: ZScan, found: Redshifts) -> None:
    """Write a figure of each spectrum with its fit and χ² curve."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = {str(line["name"]): float(line["wave"]) for line in jaxz.io.read_lines()}
    for row, name in enumerate(found.ids):
        figure = jaxz.plot.plot_fit(jaxz.plot.ZFit.of(case.spectra, scan, found, row), lines=lines)
        figure.savefig(folder / f"{name}.png", dpi=80)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if arguments.quick:
        case = inputs.choose(quick=True, basis_file=arguments.basis)
        common.finish(run("simulated", case, least=len(case.spectra)), arguments)
        return
    bases = {"interim": inputs.interim_file(), "shipped": None}
    if arguments.basis is not None:
        bases = {"given": arguments.basis}
    for label, path in bases.items():
        basis = jaxz.load_basis(path)
        for survey, case, least in (("udf10", inputs.udf10(basis, hard=True), 10), ("sdss", inputs.sdss(basis), 17)):
            common.finish(run(f"{survey}-{label}", case, least=least, figures=arguments.figures), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--figures", type=Path, help="folder to write a figure of each spectrum to")
    main(options.parse_args())
