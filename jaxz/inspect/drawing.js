// A spectrum and how it is looked at → the sources and ranges of the figures.

const NAME_HEIGHT = 13; // px of the name of a line
const LIKELY = 0.02; // probability from which candidates have their rank written
const PIECE = 64; // pixels of a piece of the error band
const WITHIN = 0.002, SEEN = 5; // Δλ/λ that a line has, and the S/N from which its pixels have to be in the picture

class Drawing {
  constructor(document, book) {
    this.book = book;
    this.model = (name) => document.get_model_by_name(name);
  }

  fill(name, data) {
    this.model(name).data = data;
  }

  // Vacuum wavelength in the observed frame, Å → what the axis shows.
  shown(vacuum, view) {
    const wave = view.rest ? vacuum / (1 + view.z) : vacuum;
    return view.air ? airOf(wave) : wave;
  }

  // All that depends on the spectrum and the view. `fresh` is whether the ranges are to be those of a new spectrum.
  draw(spectrum, view, fresh) {
    const { wave, flux, sigma } = spectrum, { mean, error } = smoothed(flux, sigma, view.width);
    const x = wave.map((value) => this.shown(value, view));
    this.limits = [x[0], x[x.length - 1]];
    const candidate = spectrum.candidates[view.candidate];
    const asFitted = candidate && Math.abs(view.z - candidate.z) < 1e-6 * (1 + view.z);
    // Of a sum of galaxies one alone moves.
    const known = view.model && candidate && candidate.model && (asFitted || !candidate.beside);
    const model = known ? moved(wave, candidate, view.z) : null;
    const there = model && sigma.map((value, i) => (Number.isFinite(model[i]) ? value : NaN));
    const fit = model && smoothed(model, there, view.width).mean;
    const curves = { x, flux: mean, low: mean.map((v, i) => v - error[i]), high: mean.map((v, i) => v + error[i]), fit };
    this.curves("spectrum", curves, 0, x.length, asFitted);
    this.ranges(x, curves, sigma, view, fresh);
    this.follow(view);
    this.sky(view);
    this.windows(wave, curves, view, asFitted);
    this.redshift(spectrum, view, fresh);
  }

  curves(name, { x, flux, low, high, fit }, first, end, asFitted) {
    const cut = (values) => values.subarray(first, end), seen = cut(flux);
    this.fill(name, { x: cut(x), flux: seen });
    this.fill(`${name} band`, band(cut(x), cut(low), cut(high)));
    const alone = [...seen.keys()].filter((i) => isAlone(seen, i)), some = (values) => alone.map((i) => values[first + i]);
    this.fill(`${name} alone`, { x: some(x), flux: some(flux), low: some(low), high: some(high) });
    this.fill(`${name} model`, fit ? { x: cut(x), flux: cut(fit) } : { x: [], flux: [] });
    const line = this.model(`${name} model line`).glyph;
    line.line_dash = asFitted ? [] : [5, 3]; // a model that was moved is no fit
  }

  ranges(x, curves, sigma, view, fresh) {
    const { x_range, y_range, xaxis, yaxis } = this.parts("spectrum");
    const frame = (rest) => `${rest ? "rest" : "observed"} wavelength (${view.air ? "air" : "vacuum"} Å)`;
    xaxis[0].axis_label = frame(view.rest);
    yaxis[0].axis_label = `flux density (${view.unit})`;
    const good = x.filter((_, i) => sigma[i] > 0);
    if (fresh && good.length) {
      whole(x_range, good[0], good[good.length - 1]);
      const lines = this.book.lines.map((line) => this.shown(line.wave * (1 + view.z), view));
      whole(y_range, ...fluxRange(curves, sigma, lines));
    }
    this.model("other axis").axis_label = frame(!view.rest);
    const unit = view.rest ? 1 / (1 + view.z) : 1;
    if (!fresh && unit !== this.unit) {
      const ends = ["start", "end", "reset_start", "reset_end"].map((name) => [name, (x_range[name] * unit) / this.unit]);
      x_range.setv(Object.fromEntries(ends));
    }
    this.unit = unit;
  }

  parts(name) {
    const figure = this.model(`${name} figure`);
    return { figure, x_range: figure.x_range, y_range: figure.y_range, xaxis: figure.below, yaxis: figure.left };
  }

  // What depends on the size of the figure and on the range that it shows: the other axis, and the places of names.
  follow(view) {
    const { x_range } = this.parts("spectrum");
    const other = (x) => {
      const vacuum = view.air ? vacuumOf(x) : x, wave = view.rest ? vacuum * (1 + view.z) : vacuum / (1 + view.z);
      return view.air ? airOf(wave) : wave;
    };
    const ends = ["start", "end", "reset_start", "reset_end"].map((name) => [name, other(x_range[name])]);
    this.model("other").setv(Object.fromEntries(ends));
    this.lines("lines", view.z, view);
    this.lines("second lines", view.second ? view.other : NaN, view);
  }

  // Lines in reach at a redshift; names that would overlap on the screen are moved apart.
  lines(name, z, view) {
    const data = { x: [], y: [], shift: [], name: [], color: [] };
    const wanted = ({ kind }) => (kind === "both" ? view.emission || view.absorption : view[kind] && !(view.star && kind === "emission"));
    const seen = Number.isFinite(z) ? this.book.lines.filter(wanted) : [];
    const { figure, x_range } = this.parts("spectrum"), second = name === "second lines";
    const scale = (figure.inner_width || 800) / (x_range.end - x_range.start);
    let last = -Infinity;
    for (const { name: label, wave, kind } of seen) {
      const x = this.shown(wave * (1 + z), view);
      if (!this.within(x)) continue;
      last = Math.max(x * scale, last + NAME_HEIGHT);
      data.x.push(x);
      data.y.push(second ? 3 : (figure.inner_height || 300) - 3);
      data.shift.push(last - x * scale - 1);
      data.name.push(label);
      data.color.push(this.book.colors[second ? "second" : kind]);
    }
    this.fill(name, data);
  }

  sky(view) {
    const seen = view.sky ? this.book.sky.filter(([wave]) => this.within(this.shown(wave, view))) : [];
    this.fill("sky", { x: seen.map(([wave]) => this.shown(wave, view)), alpha: seen.map(([, strength]) => strength) });
  }

  within(place) {
    return place > this.limits[0] && place < this.limits[1];
  }

  windows(wave, curves, view, asFitted) {
    const reach = this.book.windows.filter(({ wave: middle, half, ofStars }) => {
      if (view.star && !ofStars) return false;
      const low = (middle - half / 2) * (1 + view.z), high = (middle + half / 2) * (1 + view.z);
      return low > wave[0] && high < wave[wave.length - 1];
    });
    const chosen = reach.slice(0, this.book.nwindow).sort((one, other) => one.wave - other.wave);
    for (let number = 0; number < this.book.nwindow; number++) {
      const name = `window ${number}`, { figure, x_range, y_range } = this.parts(name), window = chosen[number];
      // Hidden, not left out: with fewer figures the whole page would be laid out anew.
      figure.styles = { visibility: window ? "visible" : "hidden" };
      if (!window) continue;
      const ends = [window.wave - window.half, window.wave + window.half].map((rest) => rest * (1 + view.z));
      const first = firstAbove(wave, ends[0]), end = Math.max(firstAbove(wave, ends[1]), first + 2);
      this.model(`${name} name`).text = window.name;
      this.curves(name, curves, first, end, asFitted);
      whole(x_range, ...ends.map((value) => this.shown(value, view)));
      const parts = ["low", "high", "fit"].filter((key) => curves[key]).map((key) => curves[key].subarray(first, end));
      whole(y_range, ...padded(parts.flatMap((values) => [quantile(values, 0.01), quantile(values, 0.995)])));
      const seen = this.model("lines").data;
      this.fill(`${name} lines`, { x: seen.x, color: seen.color });
    }
  }

  redshift({ curve, candidates }, view, fresh) {
    const { x_range, y_range, yaxis } = this.parts("redshift");
    const chosen = (k) => (k === view.candidate ? "#c1121f" : "#6b7785");
    this.fill("curve", curve || { z: [], chi2: [] });
    this.fill("candidates", {
      z: candidates.map(({ z }) => z),
      probability: candidates.map(({ probability }) => probability ?? NaN),
      height: candidates.map(({ probability }) => probability ?? 1),
      rank: candidates.map((one, k) => (one.probability > LIKELY || k === view.candidate ? ranked(one, k) : "")),
      color: candidates.map((_, k) => chosen(k)),
    });
    this.model("here").location = view.z;
    yaxis[0].visible = curve !== null;
    this.model("P axis").visible = candidates.some(({ probability }) => probability !== null);
    if (!fresh) return;
    whole(x_range, ...this.book.zrange);
    if (curve) whole(y_range, ...padded(curveRange(curve)));
  }
}

// The area between two curves, in pieces that end where there is no data. Browsers take long for one polygon of
// thousands of corners; pieces overlap by a pixel, so that no seam is seen.
function band(x, low, high) {
  const xs = [], ys = [];
  for (let first = 0; first < x.length - 1; ) {
    let end = first;
    while (end < x.length && end - first <= PIECE && Number.isFinite(low[end])) end++;
    if (end - first > 1) {
      xs.push([...x.subarray(first, end), ...x.slice(first, end).reverse()]);
      ys.push([...low.subarray(first, end), ...high.slice(first, end).reverse()]);
    }
    first = end - first > PIECE ? end - 2 : end + 1;
  }
  return { xs, ys };
}

// Whether a pixel has no neighbour with data, with which a line could be drawn.
function isAlone(flux, i) {
  return Number.isFinite(flux[i]) && !Number.isFinite(flux[i - 1]) && !Number.isFinite(flux[i + 1]);
}

// The best fit of a candidate at another redshift: its shape, moved.
function moved(wave, { z, model }, to) {
  const ratio = (1 + to) / (1 + z);
  if (Math.abs(ratio - 1) < 1e-9) return model;
  const there = [...model.keys()].filter((i) => Number.isFinite(model[i]));
  return interpolated(Float64Array.from(there, (i) => wave[i] * ratio), Float64Array.from(there, (i) => model[i]), wave);
}

// A candidate's rank as it is written; what lies beside the first galaxy has none.
function ranked({ beside }, place) {
  return beside ? "+" : String(place + 1);
}

// A range of the figure, to which its reset tool returns.
function whole(range, start, end) {
  if (start === end) [start, end] = [start - 1, start + 1]; // of one pixel
  if (Number.isFinite(start) && Number.isFinite(end)) range.setv({ start, end, reset_start: start, reset_end: end });
}

function padded(values) {
  const known = values.filter(Number.isFinite), low = Math.min(...known), high = Math.max(...known);
  const room = high - low || 1;
  return [low - 0.06 * room, high + 0.1 * room];
}

// A range that shows the minima: where χ² is far above its median, it matters little how far.
function curveRange({ chi2 }) {
  const low = quantile(chi2, 0);
  return [low, Math.min(quantile(chi2, 1), low + 2.5 * (quantile(chi2, 0.5) - low))];
}

// A range that quiet pixels, the model and lines that stand out of their own noise set, so that residuals of bright sky
// lines do not.
function fluxRange({ x, flux, high: above, fit }, sigma, lines) {
  const quiet = 2 * quantile(sigma, 0.5), pick = (values) => values.filter((_, i) => sigma[i] < quiet);
  const shown = pick(flux), ends = [quantile(shown, 0.003), quantile(shown, 0.997), 0];
  if (fit) {
    const model = pick(fit), peak = quantile(model, 0.997);
    ends.push(quantile(model, 0), quantile(model, 1), quantile(shown.filter((_, i) => model[i] >= peak), 1));
  }
  for (const line of lines) {
    const first = firstAbove(x, line * (1 - WITHIN)), end = firstAbove(x, line * (1 + WITHIN));
    for (let i = first; i < end; i++) if (flux[i] > SEEN * (above[i] - flux[i])) ends.push(flux[i]);
  }
  const [low, high] = padded(ends);
  return [low, high + 0.25 * (high - low)];
}

// Index of the first of increasing values that is above a limit.
function firstAbove(values, limit) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
