"""Damaged files: real ones with bytes flipped, cut off, or other values in their headers, sent through every reader.

Counted for each reader: files that are read, errors that name the file in one line, anything else that is raised,
RuntimeWarnings, and calls of more than 20 s.

Checked: nothing else is raised, nothing warns of arithmetic, nothing hangs.
"""

import argparse
import json
import multiprocessing
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import io
from jaxz.cli.zprior import read_prior
from jaxz.train.checkpoint import Checkpoint

PATIENCE = 20
"""Seconds after which a call counts as one that hangs."""

OUTCOMES = ("read", "error that names it", "other error", "RuntimeWarning", "hang")
_BAD = OUTCOMES[2:]
_CHUNK = 20
_LISTED = 20
_LARGEST = 3_100_000
"""Bytes of the largest file that is damaged: others are of the same kinds."""

READERS: dict[str, tuple[Callable[[Path], Any], type[Exception]]] = {
    "spectra": (io.read, io.FileError),
    "spectra, columns": (lambda path: io.read(path, columns={"wave": "wave", "flux": "flux"}), io.FileError),
    "table, truth": (io.read_table, io.FileError),
    "catalog": (io.read_catalog, io.FileError),
    "curves": (lambda path: io.read_curves(path, ["a"]), io.FileError),
    "basis": (io.read_basis, io.FileError),
    "numbers of a basis": (io.load_numbers, io.FileError),
    "component": (io.read_component, io.FileError),
    "calibration": (io.read_calibration, io.FileError),
    "populations": (io.read_populations, io.FileError),
    "prior": (lambda path: read_prior(str(path)), ValueError),
    "checkpoint": (lambda path: Checkpoint(path, {"rank": 3}), ValueError),
}
"""Each reader, and what it raises, besides FileError, for what it cannot read."""

_CARDS = (
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT", "TFIELDS", "EXTNAME"),
    *("TTYPE1", "TTYPE2", "TFORM1", "TFORM2", "TFORM3", "TDIM1", "TDIM2", "TUNIT1", "TUNIT2", "TNULL1", "TZERO1"),
    *("TSCAL2", "BZERO", "BSCALE", "BUNIT", "CUNIT1", "CTYPE1", "CRVAL1", "CRPIX1", "CDELT1", "CD1_1", "DC-FLAG"),
    *("LOGLAM", "RRTYPE", "RRMETHOD", "VERSION", "REFZ", "CALIBRAT", "VELOCITY", "THEAP", "WAT1_001", "END"),
)
_VALUES = (
    *("0", "1", "2", "3", "-1", "16", "-32", "999", "9223372036854775807", "-9223372036854775808", "99999999999"),
    *("1.5E400", "1E-300", "1E300", "-1E30", "NaN", "T", "F", "''", "'A'", "'open", "= =", "1D", "'10E'", "'PE(9)'"),
    *("'QD'", "'1000000000D'", "'(3,7)'", "'(0)'", "'um'", "'Jy'", "'mag'", "'erg/s/cm2'", "'counts'", "'WAVE-LOG'"),
    *("'RA---TAN'", "'LOG-LINEAR'", "'flux'", "'wave'", "'ivar'", "'mask'", "'TARGETID'", "'ID'", "'GALAXY'"),
)


class _Late(BaseException):
    """No Exception, so that no reader takes it for damage."""


def originals(folder: Path) -> list[list[Path]]:
    """Return the files that are damaged, by folder: real ones of every kind, those of the package, and made ones.

    Args:
        folder: where to make those that are at hand nowhere.
    """
    data, shipped = inputs.data_folder(), Path(io.__file__).parents[1] / "data"
    patterns = ("muse_*/*", "sdss/*", "desi/*", "formats/*", "templates/*", "templates/redrock/*", "classes/*/*")
    real = sorted(path for pattern in patterns for path in data.glob(pattern))
    own = [path for path in sorted(shipped.iterdir()) if path.suffix in (".fits", ".json", ".ecsv")]
    known = (".fits", ".json", ".ecsv", ".dat", ".csv")
    chosen = [path for path in (*real, *own) if path.suffix in known and path.stat().st_size <= _LARGEST]
    folders = {path.parent: [other for other in chosen if other.parent == path.parent] for path in chosen}
    return [*folders.values(), _made(folder)]


def _made(folder: Path) -> list[Path]:
    wave = np.arange(4000.0, 4400.0, 2.0)
    one = Table({"wave": wave, "flux": np.ones(200), "err": np.ones(200), "mask": np.zeros(200, dtype=np.int32)})
    one["wave"].unit, one["flux"].unit = "Angstrom", "mJy"
    for form, name in (("fits", "one.fits"), ("ascii.csv", "one.csv"), ("ascii.ecsv", "one.ecsv")):
        one.write(folder / name, format=form, overwrite=True)
    one.write(folder / "one.dat", format="ascii.commented_header", overwrite=True)
    cells = np.array([wave, wave[:150]], dtype=object)
    columns = [fits.Column(name, "PD()", array=cells) for name in ("WAVE", "FLUX", "IVAR")]
    columns.append(fits.Column("TARGETID", "K", array=[39627000000000001, 5]))
    fits.BinTableHDU.from_columns(columns).writeto(folder / "cells.fits", overwrite=True)
    axis = fits.Header({"CTYPE1": "WAVE", "CRVAL1": 4000.0, "CRPIX1": 1.0, "CDELT1": 2.0})
    packed = [fits.CompImageHDU(np.ones((2, 200), "f4"), axis, name=name) for name in ("FLUX", "IVAR")]
    fits.HDUList([fits.PrimaryHDU(), *packed]).writeto(folder / "packed.fits", overwrite=True)
    curves = [fits.ImageHDU(wave, name="Z"), fits.ImageHDU(np.ones((1, 200)), name="CHI2")]
    table = fits.BinTableHDU(Table({"ID": ["a"], "STATUS": [0]}), name="SPECTRA")
    fits.HDUList([fits.PrimaryHDU(), *curves, table]).writeto(folder / "curves.fits", overwrite=True)
    prior = Table({"TARGETID": [1, 2], "FUNCTION": ["gaussian"] * 2, "Z": [0.5, 1.0], "SIGMA": [0.1, 0.1]})
    prior.write(folder / "prior.fits", overwrite=True)
    np.savez(folder / "checkpoint.npz", configuration=json.dumps({"rank": 3}), vectors=np.ones((3, 50)))
    names = ("one.fits", "one.csv", "one.ecsv", "one.dat", "cells.fits", "packed.fits", "curves.fits", "prior.fits")
    return [folder / name for name in (*names, "checkpoint.npz")]


def mutant(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to eight bytes changed, or one to three cards of its headers, or its end cut off."""
    changed = bytearray(raw)
    way = rng.integers(5)
    if way < 3 and raw.startswith(b"SIMPLE"):
        for _ in range(rng.integers(1, 4)):
            _change_card(changed, rng)
    elif way == 3 and len(raw) > 1:
        del changed[rng.integers(1, len(raw)) :]
    else:
        # Half of them near the beginning, where headers are.
        reach = len(raw) if rng.integers(2) else min(len(raw), 6000)
        for place in rng.integers(reach, size=rng.integers(1, 9)):
            changed[place] = rng.integers(256)
    return bytes(changed)


def _change_card(raw: bytearray, rng: np.random.Generator) -> None:
    present = [card for card in _CARDS if raw.find(card.ljust(8).encode()) >= 0]
    card = str(rng.choice(present))
    places, at = [], raw.find(card.ljust(8).encode())
    while at >= 0:
        places += [at] if at % 80 == 0 else []
        at = raw.find(card.ljust(8).encode(), at + 1)
    if places:
        at = int(rng.choice(places))
        raw[at : at + 80] = f"{card:8}= {rng.choice(_VALUES)}".ljust(80).encode()[:80]


@contextmanager
def _limited() -> Iterator[None]:
    def late(*_: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(name: str, path: Path) -> tuple[str, str]:
    """Return what a reader makes of a file, one of `OUTCOMES`, and what it says."""
    reader, refusal = READERS[name]
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            with _limited():
                reader(path)
            found, said = "read", ""
        except _Late:
            found, said = "hang", ""
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}"
            clear = isinstance(error, (io.FileError, refusal)) and str(path) in said and "\n" not in said
            found = "error that names it" if clear else "other error"
    arithmetic = [str(note.message) for note in noted if issubclass(note.category, RuntimeWarning)]
    return ("RuntimeWarning", arithmetic[0]) if arithmetic and found not in _BAD else (found, said)


def try_mutants(
    groups: Sequence[Sequence[Path]], numbers: Sequence[int], folder: Path
) -> tuple[Counter, list[str], float]:
    """Send mutants, each drawn with its number as the seed, through every reader.

    Returns:
        How often each reader had each outcome, the bad ones in words, and the peak memory of this process, GB.
    """
    counts: Counter = Counter()
    bad = []
    for number in numbers:
        rng = np.random.default_rng(number)
        group = groups[number % len(groups)]
        source = group[int(rng.integers(len(group)))]
        path = folder / f"mutant-{number}{source.suffix}"
        path.write_bytes(mutant(source.read_bytes(), rng))
        for name in READERS:
            found, said = outcome(name, path)
            counts[name, found] += 1
            if found in _BAD:
                bad.append(f"{name}, number {number} of {source.name}: {found}: {said.splitlines()[0] if said else ''}")
        path.unlink()
    unit = 1 if sys.platform == "darwin" else 1024
    return counts, bad, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def run(n: int, *, processes: int) -> Report:
    """Send `n` mutants through every reader, in so many processes, or in this one if 0."""
    counts: Counter = Counter()
    bad: list[str] = []
    peak = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        groups = originals(folder)
        chunks = [(groups, range(begin, min(begin + _CHUNK, n)), folder) for begin in range(0, n, _CHUNK)]
        for more, worse, memory in _results(chunks, processes):
            counts += more
            bad += worse
            peak = max(peak, memory)
    rows = [{"reader": reader, **{what: counts[reader, what] for what in OUTCOMES}} for reader in READERS]
    require(not bad, f"{len(bad)} of {n} mutants:\n" + "\n".join(bad[:_LISTED]))
    notes = [f"{sum(map(len, groups))} files; peak memory {peak:.2f} GB"]
    return Report("mutants", rows, {"mutants": n, "seconds to wait": PATIENCE}, notes)


def _results(chunks: list[Any], processes: int) -> Iterator[tuple[Counter, list[str], float]]:
    if not processes:
        yield from (try_mutants(*chunk) for chunk in chunks)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        waiting = [(chunk, pool.apply_async(try_mutants, chunk)) for chunk in chunks]
        for (_, numbers, _), result in waiting:
            try:
                # A call that does not come back from C is not interrupted by a signal.
                yield result.get(timeout=PATIENCE * _CHUNK * len(READERS))
            except multiprocessing.TimeoutError:
                yield Counter(), [f"numbers {numbers[0]} to {numbers[-1]}: a hang that no signal ends"], 0.0


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    n = 40 if arguments.quick else arguments.n
    common.finish(run(n, processes=0 if arguments.quick else arguments.processes), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("-n", type=int, default=5000, help="mutants")
    options.add_argument("--processes", type=int, default=2, help="that read them")
    main(options.parse_args())
