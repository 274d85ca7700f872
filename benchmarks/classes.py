"""Classes and redshifts of stars and quasars that their bases have not seen, in two halves.

The bases of stars and quasars are learned twice (`benchmarks.class_bases`), each time without every second spectrum of
each set, and these are measured as `jaxz.redshifts` does. The basis of galaxies has seen none of them. The recipe of
the bases was chosen with all of them, and so was T in part.

Checked: eight tenths of each set have the right class.
"""

import argparse

import numpy as np

from benchmarks import class_spectra, common, confidence, inputs, surveys
from benchmarks.class_bases import quasar_basis, star_basis
from benchmarks.common import Report, require
from jaxz import Redshifts
from jaxz.classes import candidates, classified
from jaxz.models import ErrorModel, NonNegative

LEAST = 0.8


def run() -> Report:
    """Cross-validate all sets."""
    sets = class_spectra.sets()
    parts: dict[str, list[Redshifts]] = {name: [] for name in sets}
    for half in range(2):
        bases = {"star": star_basis(without=half)[0], "qso": quasar_basis(without=half)[0]}
        models = [
            one._replace(model=NonNegative(bases[one.model.name], error=one.model.error))
            if one.model.name in bases
            else one
            for one in candidates(0.0, inputs.ZMAX, error=ErrorModel())
        ]
        for name, part in sets.items():
            measured = part.spectra[np.flatnonzero(class_spectra.half_of(part) == half)]
            parts[name].append(classified(measured, models)[1])
    rows = []
    for name, part in sets.items():
        known = np.flatnonzero(part.spectype != "SKY")
        found = surveys.together(parts[name], class_spectra.half_of(part))[known]
        case = confidence.Case(name, part.spectra[known], part.z[known], part.spectype[known])
        rows.append({"spectra": name, "number": len(known)} | confidence.counted(found, case))
        share = rows[-1]["class right"] / len(known)
        require(share >= LEAST, f"{name}: {share:.2f} have the right class, {LEAST} expected")
    return Report("classes", rows, {"halves": 2, "zmax": inputs.ZMAX}, confidence.NOTES)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if arguments.quick:
        raise SystemExit("--quick: there is no quick size of this one: it learns bases of real spectra")
    common.finish(run(), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
