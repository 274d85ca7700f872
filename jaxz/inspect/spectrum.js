// One sheet of `sheets.py` → a spectrum: wave, flux, sigma, candidates with models, curve.

// `book` is what the page holds of all spectra; its `packing` are the constants of `sheets.py`.

const decoded = new Map(), KEPT = 32;

// Decoded spectra are kept, so that going back, or to a neighbour that was asked for before, takes no time.
function spectrumOf(book, row) {
  if (!decoded.has(row)) {
    decoded.set(row, decode(book, row));
    if (decoded.size > KEPT) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(row);
}

async function decode(book, row) {
  const { grid, npix, least, candidates, curve } = book.sheets[row];
  const { wave_step, ratio, parts, bins } = book.packing;
  const wave = (await unpacked(book.grids[grid]))(npix, 2).map((value) => value * wave_step);
  const next = await unpacked(book.data[row]);
  const sigma = next(npix, 1).map((code) => (code > 0 ? least * ratio ** (code - 1) : NaN));
  const flux = next(npix, 0).map((value, i) => (value * sigma[i]) / parts);
  const found = candidates.map((candidate) => {
    if (!candidate.model) return { ...candidate, model: null };
    const { first, count, step } = candidate.model, model = new Float64Array(npix).fill(NaN);
    model.set(next(count, 1).map((value) => value * step), first);
    return { ...candidate, model };
  });
  return { wave, flux, sigma, candidates: found, curve: curve ? curveOf(curve, next(bins, 1), bins) : null };
}

function curveOf({ first, last, low, step }, levels, bins) {
  const z = new Float64Array(bins).map((_, i) => first + ((i + 0.5) * (last - first)) / bins);
  return { z, chi2: levels.map((level) => low + level * step) };
}
