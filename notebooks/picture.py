"""The picture on the first page, drawn when the site is built; `python notebooks/picture.py` draws README's."""

import jaxz


def draw(path: str, dpi: int = 120) -> None:
    """Write it."""
    spectra, _ = jaxz.mock.survey(jaxz.mock.INSTRUMENTS["muse"](), 12, seed=4)
    model = jaxz.NonNegative(jaxz.load_basis(), error=jaxz.ErrorModel())
    scan = jaxz.scan(spectra[11], model, zmin=0, zmax=6.7)
    best = jaxz.find_redshifts(scan, spectra[11])
    figure = best.plot(0, spectra[11], scan=scan)
    figure.savefig(path, dpi=dpi)


if __name__ == "__main__":
    draw("notebooks/picture.png", dpi=70)
