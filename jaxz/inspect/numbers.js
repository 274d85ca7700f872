// Wavelengths in air, smoothing, ranges, digits.

// Air wavelength (Å) of a vacuum wavelength: Ciddor (1996), as `jaxz/air.py`; below 2000 Å there is no air.
function airOf(vacuum) {
  if (vacuum < 2000) return vacuum;
  const sigma2 = (1e4 / vacuum) ** 2;
  return vacuum / (1 + 0.05792105 / (238.0185 - sigma2) + 0.00167917 / (57.362 - sigma2));
}

// Vacuum wavelength (Å) of an air wavelength.
function vacuumOf(air) {
  let vacuum = air;
  for (let turn = 0; turn < 4; turn++) vacuum += air - airOf(vacuum);
  return air < airOf(2000) ? air : vacuum;
}

// Means over `width` pixels, an odd number, with weights 1/σ², and their errors; NaN where a pixel has no data. Sums are
// made anew for each pixel: differences of running sums have no digits left beside one pixel of high weight.
function smoothed(flux, sigma, width) {
  const count = flux.length, mean = new Float64Array(count).fill(NaN), error = new Float64Array(count).fill(NaN);
  const half = (width - 1) / 2;
  for (let i = 0; i < count; i++) {
    if (!(sigma[i] > 0)) continue;
    let weight = 0, sum = 0;
    for (let j = Math.max(i - half, 0); j < Math.min(i + half + 1, count); j++) {
      if (!(sigma[j] > 0)) continue;
      weight += 1 / sigma[j] ** 2;
      sum += flux[j] / sigma[j] ** 2;
    }
    mean[i] = width === 1 ? flux[i] : sum / weight;
    error[i] = width === 1 ? sigma[i] : 1 / Math.sqrt(weight);
  }
  return { mean, error };
}

// A redshift that somebody wrote, also with a decimal comma, or null.
function redshiftOf(text) {
  const plain = text.trim().replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) && Number(plain) > -1 && Number(plain) < 100 ? Number(plain) : null;
}

// Value below which a share of finite numbers lies.
function quantile(values, share) {
  const known = Float64Array.from(values).filter(Number.isFinite).sort();
  return known.length ? known[Math.min(Math.floor(share * known.length), known.length - 1)] : NaN;
}

// Values (x, y), x increasing, at other places; NaN outside.
function interpolated(x, y, places) {
  const found = new Float64Array(places.length).fill(NaN);
  let j = 0;
  for (let i = 0; i < places.length; i++) {
    if (!(places[i] >= x[0] && places[i] <= x[x.length - 1])) continue;
    while (j < x.length - 2 && x[j + 1] < places[i]) j++;
    found[i] = y[j] + ((y[j + 1] - y[j]) * (places[i] - x[j])) / (x[j + 1] - x[j]);
  }
  return found;
}

// A redshift and its error, which has two digits.
function withError(z, error) {
  if (!(error > 0 && error < 1)) return digits(z, 5);
  const count = Math.min(Math.max(1 - Math.floor(Math.log10(error)), 5), 9);
  return `${digits(z, count)} ± ${error.toFixed(count)}`;
}

function digits(value, count) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(count);
}
