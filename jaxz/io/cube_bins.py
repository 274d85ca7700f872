"""Spaxels joined until their continuum has a signal-to-noise ratio, by accretion (Cappellari & Copin 2003, §5.1)."""

import numpy as np

from jaxz.io.cube_noise import LAG, CubeNoise

Place = tuple[int, int]

_SMALL = 0.02
"""Correlation that is no more than how well it is known."""

_ROUND = 1.3**2 / np.pi
"""Square of the distance from its centre that a bin may reach, for each of its spaxels: a disc reaches 1/π."""


def bins(noise: CubeNoise, target: float) -> tuple[np.ndarray, float]:
    """Return the bin that each spaxel is in, and the highest S/N that was reached.

    A bin begins at the brightest spaxel that is in none, and takes the nearest neighbour by which its S/N rises, until
    it has the target, or would be less round than 1.3 times a disc. What does not get there (a spaxel that is fainter
    than half of those in a bin lowers its S/N) is left to the bins that it touches, where it raises theirs; the rest is
    in no bin. The covariance of neighbours counts. Signals are means over 3 x 3 spaxels, less than the seeing is wide:
    one alone would be taken or left for its noise.

    Args:
        noise: of the cube: its S/N is that of the continuum in a voxel.
        target: S/N of the continuum of a bin, in a pixel.

    Returns:
        Labels (y, x) int32 from 1, the brightest bin first, and 0 for none; and the highest S/N.
    """
    field = _Field(noise)
    single = field.snr()
    best, made, failed = 0.0, [], []
    for y, x in np.argwhere(single > 0)[np.argsort(-single[single > 0], kind="stable")].tolist():
        place = y + LAG, x + LAG
        if field.labels[place[0]][place[1]]:
            continue
        grown = field.grow(place, target, len(made) + 1)
        best = max(best, grown.snr)
        if grown.snr >= target:
            made.append(grown)
        else:
            failed += grown.members
            field.mark(grown.members, -1)
    alone = [list(row) for row in field.labels]  # a bin takes what it touches, and not what that touches
    for place in failed:
        near = [made[label - 1] for y, x in field.beside(place) if (label := alone[y][x]) > 0]
        # The nearest of those whose S/N rises.
        for grown in sorted(near, key=lambda one: one.distance(place)):
            if field.joins(grown, place):
                break
    return field.image(), best


def smoothed(image: np.ndarray) -> np.ndarray:
    """Return the mean of what is finite of each spaxel and its eight neighbours; NaN stays NaN."""
    known = np.isfinite(image)
    padded, count = np.pad(np.where(known, image, 0), 1), np.pad(known.astype(float), 1)
    windows = (np.lib.stride_tricks.sliding_window_view(one, (3, 3)).sum(axis=(2, 3)) for one in (padded, count))
    total, number = windows
    return np.where(known, total / np.maximum(number, 1), np.nan)


class _Bin:
    """Spaxels, the sum of their signal and its variance."""

    def __init__(self, label: int, place: Place, signal: float, variance: float) -> None:
        self.label = label
        self.members = [place]
        self.signal, self.variance = signal, variance
        self._y, self._x = float(place[0]), float(place[1])

    @property
    def snr(self) -> float:
        return self.signal / self.variance**0.5

    def distance(self, place: Place) -> float:
        """Return the square of the distance of a place from the centre."""
        return (place[0] - self._y) ** 2 + (place[1] - self._x) ** 2

    def add(self, place: Place, signal: float, variance: float) -> None:
        self.members.append(place)
        self._y += (place[0] - self._y) / len(self.members)
        self._x += (place[1] - self._x) / len(self.members)
        self.signal, self.variance = self.signal + signal, self.variance + variance


class _Field:
    """The image, and which bin each spaxel is in: -1 for one that was given up, 0 for none yet.

    Its spaxels are visited one by one, for which lists are faster than arrays; around them is a margin without data.
    """

    def __init__(self, noise: CubeNoise) -> None:
        signal = smoothed(noise.signal)
        known = np.isfinite(signal) & (noise.sigma > 0)
        self.shape = signal.shape
        self._known = np.pad(known, LAG).tolist()
        self._signal = np.pad(np.where(known, signal, 0), LAG).tolist()
        self._sigma = np.pad(np.where(known, noise.sigma, 0), LAG).tolist()
        self.labels = np.zeros(np.add(signal.shape, 2 * LAG), dtype=int).tolist()
        self._variance = float(noise.covariance[LAG, LAG])
        self._near = [
            (int(dy) - LAG, int(dx) - LAG, float(noise.covariance[dy, dx]))
            for dy, dx in np.argwhere(np.abs(noise.covariance) > _SMALL * self._variance)
            if (dy, dx) != (LAG, LAG)
        ]

    def image(self) -> np.ndarray:
        """Return the labels, 0 for none."""
        return np.maximum(np.array(self.labels, dtype=np.int32)[LAG:-LAG, LAG:-LAG], 0)

    def snr(self) -> np.ndarray:
        """Return the S/N of each spaxel alone, -inf where there are no data."""
        signal, sigma = (np.array(values)[LAG:-LAG, LAG:-LAG] for values in (self._signal, self._sigma))
        return np.where(sigma > 0, signal / np.where(sigma > 0, sigma, 1), -np.inf)

    def mark(self, members: list[Place], label: int) -> None:
        for y, x in members:
            self.labels[y][x] = label

    def beside(self, place: Place) -> list[Place]:
        """Return the places beside one, of those that have data."""
        y, x = place
        return [one for one in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)) if self._known[one[0]][one[1]]]

    def grow(self, seed: Place, target: float, label: int) -> _Bin:
        """Return the bin around a spaxel, marked with its label whether it has reached the target or not."""
        y, x = seed
        grown = _Bin(label, seed, self._signal[y][x], self._variance * self._sigma[y][x] ** 2)
        self.labels[y][x] = label
        border = dict.fromkeys(self._free(seed))
        while grown.snr < target:
            farthest = _ROUND * (len(grown.members) + 1)
            near = sorted((one for one in border if grown.distance(one) <= farthest), key=grown.distance)
            joined = next((one for one in near if self.joins(grown, one)), None)
            if joined is None:
                break
            del border[joined]
            border.update(dict.fromkeys(self._free(joined)))
        return grown

    def _free(self, place: Place) -> list[Place]:
        return [(y, x) for y, x in self.beside(place) if not self.labels[y][x]]

    def joins(self, grown: _Bin, place: Place) -> bool:
        """Add a spaxel to a bin if its S/N rises by that, and tell whether it did."""
        y, x = place
        signal, sigma = self._signal[y][x], self._sigma[y][x]
        total = grown.signal + signal
        if total <= 0:
            return False
        variance = self._variance * sigma**2
        for dy, dx, covariance in self._near:
            if self.labels[y + dy][x + dx] == grown.label:
                variance += 2 * covariance * sigma * self._sigma[y + dy][x + dx]
        if total**2 * grown.variance <= grown.signal**2 * (grown.variance + variance):
            return False
        grown.add(place, signal, variance)
        self.labels[y][x] = grown.label
        return True
