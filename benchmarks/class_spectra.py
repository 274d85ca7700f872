"""Spectra of known class, and what `benchmarks.class_bases` learns from: some of them, a library, drawn white dwarfs.

Learned from are those of SDSS, BOSS, LAMOST and DESI whose pipeline gives no warning. Of pairs of epochs of quasars
that change their look, the bright one counts: the faint one looks like a galaxy.

A star's spectrum ends where its camera does. Beyond, and in gaps, telluric bands and bright sky lines, it goes on as
the non-negative mixture of the library (Pickles 1998, R ≈ 500) and of white dwarfs that fits it best, scaled to meet
it: levels do not step there, only the resolution changes. The library has no white dwarfs. They are drawn, as black
bodies with lines of hydrogen (DA), of helium (DB), or without (DC), about as wide and deep as those of 5000 to 70,000 K
are seen.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

import jaxz
from benchmarks.inputs import data_folder
from jaxz.air import airtovac
from jaxz.spectra import DEFAULT_STEP, LogGrid, Spectra

LATTICE = LogGrid.covering(2900.0, 11900.0, DEFAULT_STEP)
"""Where stars are known; all are put on it."""

BALMER = np.array([6564.61, 4862.68, 4341.68, 4102.89, 3971.20, 3890.15, 3836.48, 3798.98, 3771.70])
"""Hα to Hκ, vacuum Å, as all wavelengths here."""

CAMERA = (3750.0, 9100.0)
"""Å between which real spectra of stars count, away from the ends of the cameras."""

SETS = ("lamost_stars", "boss_plate7102_vi", "boss_qso_3655_9367", "sdss_mixed")
_SPOILT = ((5572, 5587), (6296, 6308), (6361, 6370), (6864, 6950), (7590, 7720))
"""Sky lines and telluric bands, Å."""

_LEAST_SNR = 5.0
_LEAST_PIXELS = 2000
_MEETING = 250
"""Lattice pixels at each end of a star over which the library is scaled to it."""

_HELIUM = {
    3889.75: 0.4,
    4027.33: 0.6,
    4472.73: 1.0,
    4714.5: 0.5,
    4923.3: 0.55,
    5017.1: 0.35,
    5877.25: 0.5,
    6679.99: 0.35,
    7067.2: 0.3,
    7283.4: 0.2,
}
"""He I lines of DB stars and their relative depths."""


class Labelled(NamedTuple):
    """Spectra of known class.

    Attributes:
        spectra: as observed.
        z: (spec,) redshifts.
        spectype: (spec,) classes: GALAXY, QSO, STAR or SKY.
        subtype: (spec,) of stars.
        warned: (spec,) whether the pipeline warns of its class or redshift.
    """

    spectra: Spectra
    z: np.ndarray
    spectype: np.ndarray
    subtype: np.ndarray
    warned: np.ndarray

    def take(self, rows: np.ndarray) -> "Labelled":
        """Return those of a mask, (spec,)."""
        rows = np.flatnonzero(rows)
        return Labelled(self.spectra[rows], *(values[rows] for values in self[1:]))


class Stars(NamedTuple):
    """Spectra at rest on `LATTICE`.

    Attributes:
        flux: (spec, rest), of mean 1.
        subtype: (spec,) of each.
    """

    flux: np.ndarray
    subtype: np.ndarray


def labelled(spectype: str, *, without: int | None = None) -> list[Labelled]:
    """Return the real spectra of a class, set by set, where the pipeline gives no warning.

    Args:
        spectype: the class.
        without: the half of each set that is left out, see `half_of`.
    """
    found = [*sets().values(), *_bright_epochs(data_folder() / "desi_qso")]
    wanted = [(part.spectype == spectype) & ~part.warned & (half_of(part) != without) for part in found]
    return [part.take(rows) for part, rows in zip(found, wanted, strict=True) if rows.any()]


def sets() -> dict[str, Labelled]:
    """Return all sets of known classes, by name."""
    return {name: stored_set(name) for name in SETS} | {"sdss_files": sdss_files()}


def half_of(part: Labelled) -> np.ndarray:
    """Return 0 or 1 for each spectrum of a whole set, (spec,), for cross-validation in halves."""
    return np.arange(len(part.z)) % 2


def stored_set(name: str) -> Labelled:
    """Return one of `SETS`."""
    return stored(data_folder() / "classes" / f"{name}.npz")


def stored(path: Path) -> Labelled:
    """Return the set in a file."""
    with np.load(path) as stored:
        count = len(stored["z"])
        spectra = Spectra(stored["wave"], stored["flux"], stored["ivar"])
        subtype = stored["subtype"] if "subtype" in stored else np.full(count, "")
        warned = stored["zwarning"] != 0 if "zwarning" in stored else np.zeros(count, bool)
        return Labelled(spectra, stored["z"], stored["class"].astype("U6"), subtype.astype("U20"), warned)


def sdss_files() -> Labelled:
    """Return the original files of SDSS, sky fibres among them."""
    folder = data_folder() / "classes" / "sdss_files"
    rows = list(jaxz.io.read_table(folder / "truth.ecsv"))
    spectra = jaxz.io.read([folder / str(row["file"]) for row in rows])
    columns = ("z", "class", "subtype", "zwarning_pipe")
    z, spectype, subtype, zwarning = (np.array([row[name] for row in rows]) for name in columns)
    return Labelled(spectra, z.astype(float), spectype.astype("U6"), subtype.astype("U20"), zwarning != 0)


def _bright_epochs(folder: Path) -> list[Labelled]:
    """DESI observed second: it has the bright epoch of a quasar that turned on, SDSS that of one that turned off."""
    with np.load(folder / "desi.npz") as desi, np.load(folder / "sdss.npz") as sdss:
        change = dict(zip(desi["name"], desi["ctype"], strict=True))
        on = desi["ctype"] == "turn-on"
        off = np.array([change.get(name) == "turn-off" for name in sdss["desi_name"]])
    return [stored(folder / "desi.npz").take(on), stored(folder / "sdss.npz").take(off)]


def library() -> Stars:
    """Return the stars of Pickles (1998), interpolated on the lattice."""
    with np.load(data_folder() / "templates" / "pickles.npz") as stored:
        wave = airtovac(stored["wave"].astype(float))
        flux = np.stack([np.interp(LATTICE.wave, wave, row) for row in stored["flux"].astype(float)])
        return Stars(_scaled(np.maximum(flux, 0)), stored["subtype"].astype("U20"))


def white_dwarfs() -> Stars:
    """Return drawn white dwarfs: 11 DA, 3 DB and 7 DC."""
    wave = LATTICE.wave
    kelvin = np.log10([7000, 8500, 12000, 20000, 33000, 70000])
    strengths = [0.35, 0.7, 1.0, 0.75, 0.5, 0.3]
    depths = [0.5, 0.58, 0.6, 0.58, 0.5, 0.4, 0.3, 0.2, 0.1]
    hydrogen = []
    for t in (7000, 8500, 10000, 12000, 14000, 17000, 21000, 26000, 33000, 45000, 70000):
        strength = float(np.interp(np.log10(t), kelvin, strengths))
        flux = black_body(wave, t)
        for number, (line, depth) in enumerate(zip(BALMER, depths, strict=True)):
            width = 35 * strength * (line / BALMER[1]) * (1 + 0.35 * min(number, 4))
            flux *= 1 - strength * depth / (1 + (np.abs(wave - line) / width) ** 1.7)
        hydrogen.append(flux)
    helium = []
    for t in (15000, 22000, 30000):
        flux = black_body(wave, t)
        for line, depth in _HELIUM.items():
            flux *= 1 - 0.45 * depth / (1 + ((wave - line) / 25) ** 2)
        helium.append(flux)
    bare = [black_body(wave, t) for t in (5000, 6500, 8000, 10000, 14000, 20000, 30000)]
    subtype = ["DA"] * len(hydrogen) + ["DB"] * len(helium) + ["DC"] * len(bare)
    return Stars(_scaled(np.array(hydrogen + helium + bare)), np.array(subtype, dtype="U20"))


def black_body(wave: np.ndarray, temperature: float) -> np.ndarray:
    """Return Planck's f_λ at wavelengths in Å, in an arbitrary unit."""
    return (wave / 5000) ** -5 / np.expm1(1.4387769e8 / (wave * temperature))


def completed_stars(templates: np.ndarray, *, without: int | None = None) -> Stars:
    """Return the real stars of S/N 5 or more, completed with templates.

    Args:
        templates: (template, rest).
        without: the half of each set that is left out.
    """
    flux, subtype = [], []
    for part in labelled("STAR", without=without):
        for row in range(len(part.z)):
            ivar = part.spectra.ivar[row]
            good = ivar > 0
            bright = np.median(part.spectra.flux[row][good] * np.sqrt(ivar[good])) >= _LEAST_SNR
            if not (bright and part.subtype[row]):
                continue
            star = completed(part.spectra.wave[row] / (1 + part.z[row]), part.spectra.flux[row], ivar, templates)
            if star is not None:
                flux.append(star)
                subtype.append(part.subtype[row])
    return Stars(np.array(flux), np.array(subtype))


def completed(wave: np.ndarray, flux: np.ndarray, ivar: np.ndarray, templates: np.ndarray) -> np.ndarray | None:
    """Return a star on the whole lattice, or None where it covers too little of it or does not meet its templates.

    Args:
        wave, flux, ivar: (pix,) the star at rest.
        templates: (template, rest) on the lattice.
    """
    good, lattice = ivar > 0, LATTICE.wave
    flux, ivar = np.interp(lattice, wave[good], flux[good]), np.interp(lattice, wave, ivar, left=0, right=0)
    ivar[(lattice < wave[good][0]) | (lattice > wave[good][-1])] = 0
    used = np.flatnonzero((ivar > 0) & (lattice > CAMERA[0]) & (lattice < CAMERA[1]))
    if len(used) < _LEAST_PIXELS or not (scale := np.median(flux[used])) > 0:
        return None
    fitted = used[::5]
    sigma = np.sqrt(1 / ivar[fitted] + (0.05 * flux[fitted]) ** 2 + (0.02 * scale) ** 2)
    model = nnls((templates[:, fitted] / sigma).T, flux[fitted] / sigma)[0] @ templates
    first, last = used[0], used[-1]
    blue, red = slice(first, first + _MEETING), slice(last - _MEETING, last)
    left, right = (np.sum(flux[end] * ivar[end]) / np.sum(model[end] * ivar[end]) for end in (blue, red))
    if not min(left, right) > 0.2:
        return None
    spoilt = (ivar <= 0) | np.any([(lattice > low) & (lattice < high) for low, high in _SPOILT], axis=0)
    out = np.where(spoilt, model, flux)
    out[:first], out[last + 1 :] = left * model[:first], right * model[last + 1 :]
    return out / out.mean()


def _scaled(flux: np.ndarray) -> np.ndarray:
    return flux / flux.mean(axis=1, keepdims=True)
