// Wavelengths in air, smoothing, ranges, digits.

// Air wavelength (Å) of a vacuum wavelength: Ciddor (1996), as `jaxz/air.py`; below 2000 Å there is no air.
function airOf(vacuum) {
  if (vacuum < 2000) return vacuum;
  const sigma2 = (1e4 / vacuum) ** 2;
  return vacuum / (1 + 0.05792105 / (238.0185 - sigma2) + 0.00167917 / (57.362 - sigma2));
}

// Means over `width` pixels with weights 1/σ², and their errors; NaN where a pixel has no data.
function smoothed(flux, sigma, width) {
  const count = flux.length, mean = new Float64Array(count), error = new Float64Array(count);
  const weight = new Float64Array(count + 1), sum = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) {
    const ivar = sigma[i] > 0 ? 1 / sigma[i] ** 2 : 0;
    weight[i + 1] = weight[i] + ivar;
    sum[i + 1] = sum[i] + (ivar > 0 ? ivar * flux[i] : 0);
  }
  const before = Math.floor((width - 1) / 2);
  for (let i = 0; i < count; i++) {
    const first = Math.max(i - before, 0), end = Math.min(i - before + width, count);
    const total = weight[end] - weight[first];
    const there = sigma[i] > 0;
    mean[i] = there ? (width === 1 ? flux[i] : (sum[end] - sum[first]) / total) : NaN;
    error[i] = there ? (width === 1 ? sigma[i] : 1 / Math.sqrt(total)) : NaN;
  }
  return { mean, error };
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

function digits(value, count) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(count);
}
