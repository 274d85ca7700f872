"""What was measured: `Spectra`, and the integer lattice, `LogGrid`, on which it is compared with a model."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np

from jaxz.display import curve_svg, html_of, shown_rows, text_of
from jaxz.measured import fill_gaps, measured, native_float
from jaxz.meta import concatenate_meta
from jaxz.rows import Rows, rows_of

DEFAULT_STEP = 5e-5
"""The default lattice step in dex: 34.5 km/s, near the native sampling of MUSE and DESI."""


@dataclasses.dataclass(frozen=True)
class LogGrid:
    """A window of the lattice λ_i = 10^(i·step), vacuum Å, i = start … start + size - 1.

    λ_i is the centre of pixel i; its edges are 10^((i ± ½)·step). A redshift of 10^(k·step) - 1 is a shift by k pixels.

    Raises:
        ValueError: if `size` or `step` is not positive.

    Example:
        >>> grid = jaxz.LogGrid.covering(4000.0, 5000.0)
        >>> grid.size, round(float(grid.wave[0]), 1)
        (1939, 3999.9)
    """

    start: int
    size: int
    step: float = DEFAULT_STEP

    def __post_init__(self) -> None:
        if self.size < 1 or not self.step > 0:
            raise ValueError(f"LogGrid needs size >= 1 and step > 0, got size={self.size}, step={self.step}")

    @classmethod
    def covering(cls, wave_min: float, wave_max: float, step: float = DEFAULT_STEP) -> "LogGrid":
        """Return the smallest window whose pixels hold all of `wave_min` … `wave_max` (Å)."""
        first = math.floor(math.log10(wave_min) / step + 0.5)
        last = math.ceil(math.log10(wave_max) / step - 0.5)
        return cls(first, max(last - first + 1, 1), step)

    @property
    def loglam(self) -> np.ndarray:
        """log10 of the pixel centres, (size,) float64."""
        return (self.start + np.arange(self.size)) * self.step

    @property
    def wave(self) -> np.ndarray:
        """Pixel centres in Å, (size,) float64."""
        return 10.0**self.loglam


class Spectra(eqx.Module):
    """A batch of spectra with their native pixels; lengths and wavelength grids may differ.

    A pixel reaches half-way to its neighbours. Pixels without data must therefore be there, with ivar 0, and not be
    left out: `jaxz.measured.fill_gaps` puts them back.

    A pixel counts only if its flux is finite and its inverse variance is finite and positive: all others get flux 0 and
    ivar 0 here, once, so that no later step meets NaN × 0. Rows shorter than the longest are padded with such pixels.

    Arrays may be astropy's quantities or columns, whose units count, and masked arrays. As in files, f_λ stays in its
    unit, f_ν and photons become f_λ in erg/s/cm²/Å, surface brightness is per arcsec² (or pixel) then as before, the
    noise follows the flux, and the column ``FLUXUNIT`` of `meta` says what unit that is. A pixel has no data where its
    flux, noise or wavelength is masked.

    Args:
        wave: (pix,) for a grid common to all, or (spec, pix); pixel centres, vacuum Å, strictly increasing.
        flux: (spec, pix) or (pix,) f_λ, in any unit; float32 stays float32.
        ivar: like `flux`, inverse variance in the unit of flux⁻².
        var: like `flux`, variance, in place of `ivar`.
        error: like `flux`, standard deviation, in place of `ivar`, which becomes float64.
        air: whether `wave` is of air, to be converted to vacuum.
        ids: a name for each spectrum; numbers from 0 if absent.
        resolution: (spec, diag, pix) banded matrix in DESI's layout (row d holds the diagonal of offset
            diag//2 - d, stored by column), or None.
        meta: columns of per-spectrum values, each of length spec, for the catalog. ``TARGETID`` is a column of
            Redrock's, ``ZWARN`` has `ZWarn` bits that are known before, and ``FIBERMAP.OBJTYPE``, say, is a column of
            an extension FIBERMAP.

    Raises:
        ValueError: if the shapes disagree, a spectrum has no pixels, units do not fit, there is not one of `ivar`,
            `var` and `error`, or a wavelength is not finite, not positive or not increasing. The message names the
            argument or the spectrum.

    Example:
        >>> wave = np.linspace(5000.0, 6000.0, 101)
        >>> spectra = jaxz.Spectra(wave, np.ones((2, 101)), error=np.full((2, 101), 0.1), ids=["a", "b"])
        >>> len(spectra), spectra["b"].ivar[0, 0].round(3)
        (2, np.float64(100.0))

        >>> import astropy.units as u
        >>> flux, error = np.ones(101) * u.mJy, np.full(101, 0.1) * u.mJy
        >>> spectra = jaxz.Spectra(wave / 10 * u.nm, flux, error=error, air=True)
        >>> str(spectra.meta["FLUXUNIT"][0])
        'erg / (Angstrom s cm2)'
    """

    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    ids: tuple[str, ...] = eqx.field(static=True)
    resolution: np.ndarray | None
    meta: dict[str, np.ndarray]

    def __init__(
        self,
        wave: np.ndarray,
        flux: np.ndarray,
        ivar: np.ndarray | None = None,
        *,
        var: np.ndarray | None = None,
        error: np.ndarray | None = None,
        air: bool = False,
        ids: Sequence[str] | None = None,
        resolution: np.ndarray | None = None,
        meta: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        wave, flux, ivar, unit = measured(wave, flux, {"ivar": ivar, "var": var, "error": error}, air=air)
        self.ids = tuple(str(i) for i in (range(len(flux)) if ids is None else ids))
        if len(self.ids) != len(flux):
            raise ValueError(f"{len(self.ids)} ids for {len(flux)} spectra")
        _check_wave(np.atleast_2d(wave), self.ids)
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
        self.wave = np.broadcast_to(wave, flux.shape)
        self.flux = np.where(good, flux, flux.dtype.type(0))
        self.ivar = np.where(good, ivar, ivar.dtype.type(0))
        self.resolution = None if resolution is None else _check_resolution(resolution, flux.shape)
        self.meta = {name: np.asarray(column) for name, column in (meta or {}).items()}
        if unit:
            self.meta["FLUXUNIT"] = np.full(len(flux), unit)
        for name, column in self.meta.items():
            if len(column) != len(flux):
                raise ValueError(f"meta column {name!r} has {len(column)} values for {len(flux)} spectra")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a spectrum of a name."""
        return name in self.ids

    def __iter__(self) -> Iterator["Spectra"]:
        return (self[row] for row in range(len(self)))

    def __add__(self, other: "Spectra") -> "Spectra":
        return Spectra.concatenate([self, other]) if isinstance(other, Spectra) else NotImplemented

    def __getitem__(self, rows: Rows) -> "Spectra":
        """Return the spectra at a position, with a name, of a slice, a mask, or a list of positions or names.

        The result is `Spectra` always, of one for a position, so that it can be measured.

        Raises:
            IndexError, KeyError, TypeError: if there is no such spectrum, or that is no index.

        Example:
            >>> import numpy as np, jaxz
            >>> spectra = jaxz.Spectra(np.linspace(5000, 6000, 101), np.ones((3, 101)), np.ones((3, 101)), ids="abc")
            >>> spectra[-1].ids, spectra["b"].ids, spectra[spectra.npixels > 100].ids, len(spectra[:2] + spectra["a"])
            (('c',), ('b',), ('a', 'b', 'c'), 3)
        """
        index = rows_of(rows, self.ids, what="spectra")
        return Spectra(
            self.wave[index],
            self.flux[index],
            self.ivar[index],
            ids=[self.ids[i] for i in index],
            resolution=None if self.resolution is None else self.resolution[index],
            meta={name: column[index] for name, column in self.meta.items()},
        )

    def __repr__(self) -> str:
        return text_of(*self._shown())

    def _repr_html_(self) -> str:
        drawn = [curve_svg(np.where(self.ivar[row] > 0, self.flux[row], np.nan)) for row in shown_rows(len(self))]
        return html_of(*self._shown(), ("flux", drawn))

    def _shown(self) -> tuple[str, dict[str, list[str]], int]:
        rows = shown_rows(len(self))
        some = self[rows]
        snr = [_median_snr(flux, ivar) for flux, ivar in zip(some.flux, some.ivar, strict=True)]
        columns = {
            "ID": list(some.ids),
            "pixels": [str(count) for count in some.npixels],
            "from Å": [
                f"{wave[ivar > 0].min(initial=np.inf):.0f}" for wave, ivar in zip(some.wave, some.ivar, strict=True)
            ],
            "to Å": [f"{wave:.0f}" for wave in some.reddest],
            "S/N": [f"{value:.1f}" for value in snr],
        }
        return f"Spectra: {len(self)}, up to {self.flux.shape[1]} pixels", columns, len(self)

    @property
    def npixels(self) -> np.ndarray:
        """Good pixels of each spectrum, (spec,) int."""
        return np.count_nonzero(self.ivar > 0, axis=1)

    @property
    def reddest(self) -> np.ndarray:
        """Wavelength of the last good pixel of each spectrum, (spec,) Å; 0 where there is none."""
        return np.max(np.where(self.ivar > 0, self.wave, 0), axis=1, initial=0)

    @classmethod
    def from_table(cls, table: Any, columns: Mapping[str, str] | None = None, *, air: bool = False) -> "Spectra":
        """Return the spectra of an astropy table, with its units and masks, as `jaxz.io.read` reads one from a file.

        Args:
            table: one spectrum with a row for each pixel, or a row for each spectrum where the columns hold vectors;
                columns for wavelength, flux and noise, and in the latter case ``ID``, ``TARGETID``, ``RA``, ``DEC``.
            columns: names of columns that are not found by their names, for ``wave`` or ``loglam``, ``flux``, and
                ``ivar``, ``var`` or ``error``, and ``mask``.
            air: whether wavelengths are of air, where the metadata (``AIRORVAC``, ``VACUUM``) do not say.

        Raises:
            ValueError: if a column is missing or has the wrong shape, or units do not fit. The message names it.

        Example:
            ``Spectra.from_table(Table.read("spectrum.ecsv"), {"error": "scatter"})``
        """
        from jaxz.io.exchange import from_table

        return from_table(table, columns, air=air)

    @classmethod
    def from_specutils(cls, spectra: Any, *, air: bool = False) -> "Spectra":
        """Return the spectra of specutils: a Spectrum (Spectrum1D), a SpectrumList or a SpectrumCollection.

        Units count as in `Spectra`, frequencies and energies become wavelengths, masked pixels have no data, and gaps
        are filled with such pixels. A name is what the metadata have as ``ID``, or else a number; numbers, texts and
        arrays in the metadata of a single spectrum, and RA and DEC of its header, become `meta`.

        Args:
            spectra: (pix,) or (spec, pix) each, with an uncertainty of any kind.
            air: whether wavelengths are of air; those of a FITS axis AWAV are.

        Raises:
            ValueError: if there is no uncertainty, or units do not fit. The message names the spectrum or argument.

        Example:
            ``Spectra.from_specutils(specutils.SpectrumList.read("spectra.fits"))``
        """
        from jaxz.io.exchange import from_specutils

        return from_specutils(spectra, air=air)

    def to_table(self) -> Any:
        """Return an astropy table with a row for each spectrum, which `from_table` takes back.

        Columns ``ID``, ``WAVE`` (vacuum Å), ``FLUX`` and ``IVAR``, vectors in the unit that `meta` gives as
        ``FLUXUNIT``, and the other columns of `meta`. Resolution matrices have no place in it.

        Example:
            >>> import numpy as np, jaxz
            >>> spectra = jaxz.Spectra(np.linspace(5000, 6000, 101), np.ones((3, 101)), np.ones((3, 101)), ids="abc")
            >>> spectra.to_table().colnames
            ['ID', 'WAVE', 'FLUX', 'IVAR']
        """
        from jaxz.io.exchange import to_table

        return to_table(self)

    def to_specutils(self) -> Any:
        """Return a SpectrumList with a Spectrum for each, which `from_specutils` takes back.

        Pixels without data are masked, and the uncertainty is an InverseVariance; the unit of flux is ``FLUXUNIT`` of
        `meta`, or none. Metadata are ``ID`` and the values of `meta`. Resolution matrices have no place in it.

        Raises:
            ImportError: if specutils is not installed.
        """
        from jaxz.io.exchange import to_specutils

        return to_specutils(self)

    @classmethod
    def from_mpdaf(cls, spectra: Any) -> "Spectra":
        """Return the spectra of MPDAF, as `jaxz.io.read` reads them from files.

        Args:
            spectra: an mpdaf.obj.Spectrum or a list of them, with variances and wavelengths of type AWAV (air) or WAVE.

        Raises:
            ValueError: if there is no variance, or wavelengths have no such type. The message names the spectrum.

        Example:
            ``Spectra.from_mpdaf(mpdaf.obj.Cube("cube.fits").aperture((53.16, -27.78), 1.0))``
        """
        from jaxz.io.exchange import from_mpdaf

        return from_mpdaf(spectra)

    @classmethod
    def concatenate(cls, parts: Sequence["Spectra"]) -> "Spectra":
        """Return one batch of all spectra of `parts`, padded to the longest.

        A meta column that a part lacks is filled with NaN, -1 or an empty string there; a resolution matrix that a part
        lacks is the identity.

        Raises:
            ValueError: if `parts` is empty.
        """
        if not parts:
            raise ValueError("no spectra to concatenate: give at least one")
        if len(parts) == 1:
            return parts[0]  # resolution matrices are large
        width = max(part.flux.shape[1] for part in parts)
        return cls(
            np.concatenate([_pad_wave(part.wave, width) for part in parts]),
            np.concatenate([_pad(part.flux, width) for part in parts]),
            np.concatenate([_pad(part.ivar, width) for part in parts]),
            ids=[name for part in parts for name in part.ids],
            resolution=_concatenate_resolution(parts, width),
            meta=concatenate_meta([part.meta for part in parts], [len(part) for part in parts]),
        )


def mended(wave: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return spectra as files are read: without pixels that have no wavelength, and with the gaps of a grid filled.

    Args:
        wave: (pix,) or (spec, pix), NaN where there is none.
        flux, ivar: (pix,) or (spec, pix).

    Raises:
        ValueError: as `drop_unplaced`.
    """
    wave, flux, ivar = drop_unplaced(wave, flux, ivar)
    return fill_gaps(wave, flux, ivar) if wave.ndim == 1 else (wave, flux, ivar)


def drop_unplaced(wave: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return spectra without the pixels that have no wavelength, as padding and ends of rows often have none.

    Rows that become shorter than others are padded with pixels of ivar 0.

    Args:
        wave: (pix,) or (spec, pix), NaN where there is none.
        flux, ivar: (pix,) or (spec, pix).

    Raises:
        ValueError: if no pixel has a wavelength.
    """
    placed = np.isfinite(wave)
    if placed.all():
        return wave, flux, ivar
    if not placed.any():
        raise ValueError("no pixel has a wavelength: check the wavelengths and their unit")
    if wave.ndim == 1:
        return wave[placed], flux[..., placed], ivar[..., placed]
    count = placed.sum(axis=1)
    width = int(count.max())
    # A row without any has the wavelengths of the longest, and no data.
    rows = np.where(count > 0, np.arange(len(wave)), int(np.argmax(count)))
    waves = [_pad_wave(wave[row, placed[row]][None], width) for row in rows]
    values = [[_pad(one[use], width) for one, use in zip(rows_of, placed, strict=True)] for rows_of in (flux, ivar)]
    return np.concatenate(waves), np.stack(values[0]), np.stack(values[1])


def _median_snr(flux: np.ndarray, ivar: np.ndarray) -> float:
    good = ivar > 0
    return float(np.median(np.abs(flux[good]) * np.sqrt(ivar[good]))) if good.any() else 0.0


def _check_wave(wave: np.ndarray, ids: Sequence[str]) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~(np.isfinite(wave) & (wave > 0)).all(axis=1) | (np.diff(wave, axis=1) <= 0).any(axis=1)
    if wrong.any():
        raise ValueError(
            f"spectrum {ids[int(np.argmax(wrong))]!r}: wavelengths must be finite, positive and strictly increasing "
            "(sort the pixels, or check the wavelength column and its unit)"
        )


def _check_resolution(resolution: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    resolution = native_float(resolution)
    if resolution.ndim != 3 or (resolution.shape[0], resolution.shape[2]) != shape:
        raise ValueError(f"resolution has shape {resolution.shape}; flux {shape} needs (spec, diag, pix)")
    return resolution


def _pad(values: np.ndarray, width: int) -> np.ndarray:
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, width - values.shape[-1])])


def _pad_wave(wave: np.ndarray, width: int) -> np.ndarray:
    """Padded pixels go on with the last pixel's width, so that wavelengths still increase."""
    if wave.shape[1] == width:
        return wave
    last_step = wave[:, -1:] - wave[:, -2:-1] if wave.shape[1] > 1 else np.ones_like(wave)
    return np.concatenate([wave, wave[:, -1:] + last_step * np.arange(1, width - wave.shape[1] + 1)], axis=1)


def _concatenate_resolution(parts: Sequence[Spectra], width: int) -> np.ndarray | None:
    if all(part.resolution is None for part in parts):
        return None
    ndiag = max(1 if part.resolution is None else part.resolution.shape[1] for part in parts)
    rows = []
    for part in parts:
        bands = np.ones((len(part), 1, part.flux.shape[1])) if part.resolution is None else part.resolution
        margin = (ndiag - bands.shape[1]) // 2
        rows.append(_pad(np.pad(bands, [(0, 0), (margin, ndiag - bands.shape[1] - margin), (0, 0)]), width))
    return np.concatenate(rows)
