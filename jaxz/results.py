"""What was found: `Redshifts`."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import numpy as np

from jaxz.arguments import check_types
from jaxz.calibration import OPTICAL, Calibration, probability_of
from jaxz.display import html_of, shown_rows, text_of
from jaxz.intervals import Peaks, interval
from jaxz.meta import concatenate_meta
from jaxz.models import AbstractModel, Trials
from jaxz.rows import Rows, row_of, rows_of
from jaxz.scan import ZScan, fingerprints_of
from jaxz.spectra import Spectra
from jaxz.status import names_of

REAL = (-9.8, 3.1)
"""Odds (see `jaxz.calibration.probability_of`) that there is a source, Δχ² being over noise and a smooth continuum, if
half of the spectra have one. Fitted to 480 simulated MUSE spectra, half of them blank and half with artefacts
(`benchmarks.detections`)."""


class Redshifts(eqx.Module):
    """The redshift of each spectrum, with its error, scores, alternatives and flags; all NumPy, float64.

    Args:
        ids: names of the spectra.
        z: (spec,) best redshift; NaN where `status` is one of those that cannot be scanned.
        zerr: (spec,) 1 σ error: Δχ² = T, and the velocity of the calibration; infinite where χ² has no minimum
            (BAD_MINFIT).
        chi2: (spec,) χ² of the best fit in native pixels; after a MADGICS scan the total χ² on the lattice, with target
            and nuisance components marginalised.
        deltachi2: (spec,) χ² of the next candidate minus the best, penalties of a prior included; the depth of the
            curve where there is no other. Not the Δχ² of a detection, which is `detection`.
        zwarn: (spec,) `ZWarn` bits.
        status: (spec,) `Status` codes.
        coeff: (spec, basis) coefficients of what slides, NaN beyond `ncoeff`; posterior means of those of a target.
        ncoeff: (spec,) how many there are.
        npixels: (spec,) good pixels.
        coverage: (spec,) share of them that the model covers at the best redshift.
        significance: (spec,) 1 - χ²min / Q1(χ²) [M, eq. 7].
        robustness: (spec,) (min2 - min1) / σ(χ² ≤ Q1) [M, eq. 8]: `deltachi2` in units of the scatter of the curve.
        pconf: (spec,) posterior mass within 0.005(1+z) of z.
        pclass: (spec,) posterior mass of all models of this `spectype`.
        logmass: (spec,) ln ∫ p(z) exp(-χ²/2T) dz, with which models are compared.
        temperature: (spec,) T, the Δχ² that is worth one (see `jaxz.calibration`).
        zalt, zalt_err, zalt_chi2: (spec, cand) candidates, best first, the first being z; NaN where there are fewer.
        zalt_penalty: (spec, cand) -2 T ln p(z) of the prior, by which they are ranked as well.
        zalt_prob: (spec, cand) posterior mass within 0.005(1+z) of each and of no better one, whatever the class: they
            sum to 1 at most. The first is `pconf`, but for what models of other classes find there.
        spectype, subtype, fitmethod: (spec,) of the model that fits best; the first is empty without a redshift.
        reddest: (spec,) wavelength of the last good pixel, Å.
        meta: per-spectrum columns handed on from `Spectra`.
        chi2_null: (spec,) χ² without what slides.
        fingerprints: (spec,) of the spectra.
        models: that were compared; one after `find_redshifts`.
        which: (spec,) index of the best of them.
        trials: of each model.
        calibration: that was applied.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> best[0].z.round(3), best[best.zwarn == 0].ids
        (array([0.05]), ('mock-0000',))
    """

    ids: tuple[str, ...] = eqx.field(static=True)
    z: np.ndarray
    zerr: np.ndarray
    chi2: np.ndarray
    deltachi2: np.ndarray
    zwarn: np.ndarray
    status: np.ndarray
    coeff: np.ndarray
    ncoeff: np.ndarray
    npixels: np.ndarray
    coverage: np.ndarray
    significance: np.ndarray
    robustness: np.ndarray
    pconf: np.ndarray
    pclass: np.ndarray
    logmass: np.ndarray
    temperature: np.ndarray
    zalt: np.ndarray
    zalt_err: np.ndarray
    zalt_chi2: np.ndarray
    zalt_penalty: np.ndarray
    zalt_prob: np.ndarray
    spectype: np.ndarray
    subtype: np.ndarray
    fitmethod: np.ndarray
    reddest: np.ndarray
    meta: dict[str, np.ndarray]
    chi2_null: np.ndarray
    fingerprints: np.ndarray
    models: tuple[AbstractModel, ...]
    which: np.ndarray
    trials: tuple[Trials, ...] = eqx.field(static=True)
    calibration: Calibration

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a redshift of a name."""
        return name in self.ids

    def __iter__(self) -> Iterator["Redshifts"]:
        return (self[row] for row in range(len(self)))

    def __add__(self, other: "Redshifts") -> "Redshifts":
        return Redshifts.concatenate([self, other]) if isinstance(other, Redshifts) else NotImplemented

    def __getitem__(self, rows: Rows) -> "Redshifts":
        """Return those at a position, with a name, of a slice, a mask, or a list of positions or names.

        The result is `Redshifts` always, of one spectrum for a position.

        Raises:
            IndexError, KeyError, TypeError: if there is no such spectrum, or that is no index.
        """
        index = rows_of(rows, self.ids, what="redshifts")
        return dataclasses.replace(
            self,
            ids=tuple(self.ids[i] for i in index),
            meta={name: column[index] for name, column in self.meta.items()},
            **{name: getattr(self, name)[index] for name in self._columns()},
        )

    def _columns(self) -> list[str]:
        """Return the names of the arrays, (spec, …)."""
        return [name for name, value in vars(self).items() if isinstance(value, np.ndarray)]

    def __repr__(self) -> str:
        return text_of(*self._shown())

    def _repr_html_(self) -> str:
        return html_of(*self._shown())

    def _shown(self) -> tuple[str, dict[str, list[str]], int]:
        some = self[shown_rows(len(self))]
        columns = {
            "ID": list(some.ids),
            "class": some.spectype.tolist(),
            "z": [f"{z:.5f}" for z in some.z],
            "zerr": [f"{error:.5f}" for error in some.zerr],
            "Δχ²": [f"{value:.1f}" for value in some.deltachi2],
            "pconf": [f"{value:.3f}" for value in some.pconf],
            "zwarn": [names_of(int(bits)) for bits in some.zwarn],
        }
        without = np.count_nonzero(self.zwarn == 0)
        return f"Redshifts: {len(self)}, {without} of them without a warning", columns, len(self)

    def to_table(self) -> Any:
        """Return an astropy table, the columns of a catalog (see `jaxz.io.to_table`)."""
        from jaxz.io.catalog import to_table

        return to_table(self)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame of `to_table`; a column of vectors, as ZALT, becomes ZALT_0, ZALT_1 and so on.

        Raises:
            ImportError: if pandas is not installed.
        """
        from jaxz.io.exchange import to_pandas

        return to_pandas(self.to_table())

    def model(self, row: Rows, spectra: Spectra) -> np.ndarray:
        """Return the flux of the best fit of one spectrum in its pixels, (pix,) float64; NaN where there is no data.

        It is fitted again at `z`, nuisance parts and the continuum distortion of an error model included: spectra are
        not kept with their redshifts, so that these stay small.

        Args:
            row: position or name of the redshift.
            spectra: that were measured, or some of them in any order; the spectrum is known by its name and contents.

        Raises:
            IndexError, KeyError, TypeError: if there is no such row, or that is no index.
            ValueError: if it means several, or the spectrum that was measured is not among those given.
        """
        from jaxz.likelihood import best_fit

        at, spectrum = self._measured(row, spectra)
        return best_fit(spectrum, self.models[int(self.which[at])], self.z[[at]])[0]

    def plot(self, row: Rows, spectra: Spectra, *, scan: Any = None) -> Any:
        """Return the figure of one spectrum, its best fit and its candidates (see `jaxz.plot.plot_fit`).

        Args:
            row: position or name of the redshift.
            spectra: as of `model`.
            scan: of the same spectra, or of some of them, whose χ²(z) is drawn; the candidates alone if absent.

        Raises:
            IndexError, KeyError, TypeError, ValueError: as `model`, and if the scan is of another spectrum.
        """
        from jaxz.plot import ZFit, plot_fit

        at, spectrum = self._measured(row, spectra)
        curve = None
        if scan is not None:
            check_types("best.plot(row, spectra, scan=…)", scan=(scan, ZScan))
            curve = scan[[self._place(at, scan)]]
        return plot_fit(ZFit.of(spectrum, curve, self[at], 0))

    def _measured(self, row: Rows, spectra: Spectra) -> tuple[int, Spectra]:
        """Return the position and the spectrum of a row.

        Raises:
            ValueError: if the spectrum is not the one that was measured.
        """
        check_types("best.model(row, spectra)", spectra=(spectra, Spectra))
        at = row_of(row, self.ids, what="redshifts")
        return at, spectra[self._place(at, spectra)]

    def _place(self, at: int, given: Spectra | ZScan) -> int:
        """Return where among spectra, or curves, the one is that a row was measured from.

        Raises:
            ValueError: if it is not among them.
        """
        name = self.ids[at]
        named = [place for place, other in enumerate(given.ids) if other == name]
        if not named:
            raise ValueError(f"none of the {len(given)} that were given is {name!r}: give what was measured")
        marks = fingerprints_of(given[named]) if isinstance(given, Spectra) else given.fingerprints[named]
        same = np.flatnonzero(marks == self.fingerprints[at])
        if not len(same):
            raise ValueError(f"{name!r} is not the one that was measured: its flux, ivar or wavelengths differ")
        return named[same[0]]

    @property
    def detection(self) -> np.ndarray:
        """(spec,) |Δχ²| by which what slides improves the fit [L, eq. 6], not calibrated."""
        return self.chi2_null - self.chi2

    @property
    def preal(self) -> np.ndarray:
        """(spec,) probability that there is a source at all, if half of the spectra have one (see `REAL`).

        NaN where nothing was measured, and after scans without an error model, to which a continuum is a source and
        any residual of the sky, too.
        """
        if any(model.error is None for model in self.models):
            return np.full(len(self), np.nan)
        return probability_of(self.detection, self.temperature, REAL)

    @property
    def ultraviolet(self) -> np.ndarray:
        """(spec,) whether nothing redward of [O II] is seen at z, so that it rests on Lyα and the ultraviolet alone."""
        return self.reddest <= OPTICAL * (1 + self.z)

    @property
    def peaks(self) -> Peaks:
        """P(z) as a sum of Gaussians at the candidates (see `jaxz.intervals`)."""
        return Peaks.of(self.zalt, self.zalt_err, self.zalt_prob)

    @property
    def z_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(spec,) ends of the region of P(z) that holds 90 % of the truths, as far as the calibration knows.

        Where the candidates do not have as much probability as it takes, they are those of the trial redshifts.
        """
        ends = np.array([(trials.first, trials.last) for trials in self.trials])
        limits = 10.0 ** (ends * np.array([trials.step for trials in self.trials])[:, None]) - 1
        return interval(self.peaks, self.z, self.calibration.level, (float(limits.min()), float(limits.max())))

    @classmethod
    def concatenate(cls, parts: Sequence["Redshifts"]) -> "Redshifts":
        """Return the redshifts of all parts, found with the same models and one number of candidates.

        Raises:
            ValueError: if the models differ, or there are no parts.
        """
        if not parts:
            raise ValueError("no redshifts to concatenate: give at least one")
        if len({tuple(model.sha256 for model in part.models) for part in parts}) != 1:
            raise ValueError("redshifts to concatenate need the same models: keep those of different ones apart")
        return dataclasses.replace(
            parts[0],
            ids=tuple(name for part in parts for name in part.ids),
            meta=concatenate_meta([part.meta for part in parts], [len(part) for part in parts]),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in parts[0]._columns()},
        )
