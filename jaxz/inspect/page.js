// The page: what is looked at, and what changes it.

const at = (id) => document.getElementById(id);
const CHECKED = ["model", "emission", "absorption", "sky", "rest", "air", "second"];
const QUALITIES = {
  4: "confident: two or more secure features",
  3: "probable: one secure feature and continuum, or many weak ones",
  2: "possible: one strong feature, unsure what it is",
  1: "unlikely: signal, but features are unidentified",
  0: "nothing there, no signal",
};
const ISSUES = { R: "bad redshift fit", C: "bad spectype fit", S: "bad spectrum" };

class Inspection {
  constructor(book, drawing) {
    this.book = book;
    this.drawing = drawing;
    this.judgements = new Judgements(book);
    this.rows = [];
    this.lines = new Map(); // of the list, by row
    this.row = -1; // that is on screen
    this.wanted = -1; // that was asked for, until it is
    this.width = null; // of the smoothing, as long as nobody chose one: what suits the spectrum
    this.view = { width: 1, z: 0, other: NaN, candidate: 0, unit: "" };
    for (const name of CHECKED) this.view[name] = at(name).checked;
  }

  // Rows of the filter, the first of them on screen unless the one that was there passes.
  async list() {
    const filter = { descending: at("descending").textContent === "↓" };
    for (const name of ["spectype", "zwarn", "inspected", "text", "sort"]) filter[name] = at(name).value;
    for (const [name, end] of [["least", 0], ["most", 1]]) filter[name] = at(name).value === "" ? end : Number(at(name).value);
    this.rows = listed(this.book, filter, this.judgements);
    at("count").textContent = `${this.rows.length} of ${this.book.sheets.length} spectra`;
    this.lines = new Map(this.rows.map((row) => [row, this.listLine(row)]));
    at("list").replaceChildren(...this.lines.values());
    if (this.rows.length && !this.rows.includes(this.row)) await this.show(this.rows[0]);
    else if (this.spectrum) this.tell();
  }

  async step(by) {
    const place = this.rows.indexOf(this.wanted) + by;
    if (place >= 0 && place < this.rows.length) await this.show(this.rows[place]);
  }

  async show(row) {
    this.wanted = row;
    const spectrum = await spectrumOf(this.book, row);
    if (row !== this.wanted) return; // another was asked for meanwhile
    this.lines.get(this.row)?.classList.remove("chosen");
    this.row = row; // from here on: what is judged is what is seen
    this.spectrum = spectrum;
    const { columns, smoothing, sheets } = this.book;
    this.view.width = this.width ?? (sheets[row].snr < smoothing.below ? smoothing.width : 1);
    this.view.unit = columns.FLUXUNIT && columns.FLUXUNIT[row] ? columns.FLUXUNIT[row] : "unit of the file";
    this.choose(0, true);
    this.tell();
    const place = this.rows.indexOf(row);
    for (const other of [this.rows[place + 1], this.rows[place - 1]]) {
      if (other !== undefined) spectrumOf(this.book, other);
    }
  }

  // The candidate of a rank, from 0, is shown at its redshift.
  choose(rank, fresh = false) {
    const { candidates } = this.spectrum;
    this.view.candidate = Math.max(Math.min(rank, candidates.length - 1), 0);
    // Of a blend, the galaxy that is not looked at.
    const other = candidates[this.view.candidate]?.beside ? candidates[0] : candidates.find(isSeen);
    this.view.other = other ? other.z : NaN;
    this.view.star = candidates[this.view.candidate]?.spectype === "STAR";
    at("secondlabel").hidden = !other;
    at("z2shown").textContent = digits(this.view.other, 5);
    this.move(candidates.length ? candidates[this.view.candidate].z : 0, fresh);
  }

  move(z, fresh = false) {
    this.view.z = z;
    const candidate = this.spectrum.candidates[this.view.candidate];
    const velocity = candidate ? (299792.458 * (z - candidate.z)) / (1 + candidate.z) : 0;
    at("z").value = z.toFixed(6);
    at("coarse").value = z;
    at("fine").value = velocity;
    this.draw(fresh);
    this.tellCandidates();
  }

  // A click near a candidate is of the candidate.
  click(z) {
    const { x_range } = this.drawing.parts("redshift"), near = 0.008 * (x_range.end - x_range.start);
    const away = this.spectrum.candidates.map((candidate) => Math.abs(candidate.z - z));
    const nearest = away.indexOf(Math.min(...away));
    if (away.length && away[nearest] < near) this.choose(nearest);
    else this.move(z);
  }

  draw(fresh = false) {
    at("width").value = this.view.width;
    at("widthshown").textContent = `${this.view.width} pixel${this.view.width > 1 ? "s" : ""}`;
    this.drawing.draw(this.spectrum, this.view, fresh);
  }

  judge(changes) {
    this.judgements.change(this.row, changes);
    this.tellJudgement();
    this.tellList();
  }

  toggleIssue(issue) {
    const { issue: now } = this.judgements.of(this.row);
    this.judge({ issue: Object.keys(ISSUES).filter((one) => now.includes(one) !== (one === issue)).join("") });
  }

  export() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.judgements.csv()], { type: "text/csv" }));
    const who = this.judgements.scanner.trim().replace(/[^\w-]+/g, "-") || "unknown-user";
    link.download = `desi-vi_${this.book.title.replace(/[^\w-]+/g, "-")}_${who}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  tell() {
    const { columns } = this.book, row = this.row, of = (name) => (columns[name] ? columns[name][row] : null);
    at("name").textContent = of("ID");
    const summary = [`z = ${withError(of("Z"), of("ZERR"))}`, of("SPECTYPE"), columns.PCONF && `P = ${digits(of("PCONF"), 3)}`];
    at("summary").textContent = summary.filter(Boolean).join("   ");
    at("warnings").textContent = warningsOf(this.book, row).join(" ");
    const lines = Object.entries(columns).map(([name, values]) => line([name, written(values[row])]));
    at("columns").tBodies[0].replaceChildren(...lines);
    this.tellList();
    this.tellJudgement();
  }

  tellList() {
    const shown = this.lines.get(this.row);
    if (!shown) return;
    shown.classList.add("chosen");
    const { quality } = this.judgements.of(this.row), cell = shown.lastChild;
    if (cell.textContent !== quality) cell.textContent = quality;
    shown.scrollIntoView({ block: "nearest" });
  }

  // What another window said: not where somebody may be writing here.
  tellOthers() {
    for (const [row, shown] of this.lines) shown.lastChild.textContent = this.judgements.of(row).quality;
    if (!at("judgement").contains(document.activeElement)) this.tellJudgement();
  }

  listLine(row) {
    const { columns } = this.book, values = [columns.ID[row], digits(columns.Z[row], 4), columns.SPECTYPE[row]];
    const made = line([...values, digits(columns.PCONF?.[row], 2), this.judgements.of(row).quality], "div", "span");
    made.onclick = () => this.show(row);
    made.classList.add("line");
    made.classList.toggle("warned", Boolean(columns.ZWARN?.[row]));
    return made;
  }

  tellCandidates() {
    const { candidates } = this.spectrum;
    const lines = candidates.map(({ z, spectype, chi2, probability }, rank) => {
      const delta = chi2 === null || candidates[0].chi2 === null ? null : chi2 - candidates[0].chi2;
      const made = line([ranked(candidates[rank], rank), z.toFixed(4), spectype, digits(delta, 1), digits(probability, 3)]);
      made.onclick = () => this.choose(rank);
      made.classList.toggle("chosen", rank === this.view.candidate);
      return made;
    });
    at("candidates").tBodies[0].replaceChildren(...lines);
  }

  tellJudgement() {
    const said = this.judgements.of(this.row);
    for (const button of at("quality").children) button.classList.toggle("chosen", button.textContent === said.quality);
    for (const box of at("issues").querySelectorAll("input")) box.checked = said.issue.includes(box.value);
    at("vispectype").value = said.spectype;
    at("viz").value = said.z;
    at("viz").classList.remove("wrong");
    at("comment").value = said.comment;
    at("scanner").value = this.judgements.scanner;
    const kept = this.judgements.keeps ? "" : ": this browser keeps nothing, export before you leave";
    at("judged").textContent = `${Object.keys(this.judgements.rows).length} inspected${kept}`;
  }
}

// A galaxy beside the first, unless it is improbable.
function isSeen({ beside, probability }) {
  return beside && (probability === null || probability > LIKELY);
}

function written(value) {
  if (value === null) return "–";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(7))) : String(value);
}

// A row of a table, or of a list; what comes from files is text, never markup.
function line(values, row = "tr", cell = "td") {
  const made = document.createElement(row);
  made.append(...values.map((value) => Object.assign(document.createElement(cell), { textContent: value })));
  return made;
}
