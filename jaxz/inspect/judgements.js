// Visual inspection as prospect has it: quality 0 to 4, issues R, C, S, class, comment, z; kept in the browser.

const FIELDS = [
  "TARGETID", "EXPID", "NIGHT", "TILEID", "Spec_version", "Redrock_version", "Template_version", "Redrock_spectype",
  "Redrock_z", "Redrock_deltachi2", "VI_scanner", "VI_quality", "VI_issue", "VI_z", "VI_spectype", "VI_comment", "ID",
  "FILE",
]; // prospect's, in its order, and by what jaxz knows a spectrum that has no TARGETID

const EMPTY = Object.freeze({ quality: "", issue: "", z: "", spectype: "", comment: "" });

class Judgements {
  constructor(book) {
    this.book = book;
    this.key = `jaxz inspect ${book.key}`;
    this.keeps = true; // whether the browser lets anything be kept
    this.read();
  }

  // What is kept, which another window may have changed.
  read() {
    let kept = null;
    try {
      kept = localStorage.getItem(this.key);
    } catch {
      this.keeps = false;
    }
    ({ scanner: this.scanner, rows: this.rows } = parsed(kept));
  }

  of(row) {
    return { ...EMPTY, ...this.rows[row] };
  }

  has(row) {
    return row in this.rows;
  }

  change(row, changes) {
    if (this.keeps) this.read();
    const next = { ...this.of(row), ...changes };
    if (Object.values(next).every((value) => value === "")) delete this.rows[row];
    else this.rows[row] = next;
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ scanner: this.scanner, rows: this.rows }));
    } catch {
      this.keeps = false;
    }
  }

  sign(scanner) {
    if (this.keeps) this.read();
    this.scanner = scanner;
    this.keep();
  }

  // prospect's file: a row for each spectrum of which anything is said.
  csv() {
    const rows = Object.keys(this.rows).map(Number).sort((one, other) => one - other);
    return [FIELDS, ...rows.map((row) => this.record(row))].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  }

  record(row) {
    const { columns, versions } = this.book, said = this.of(row);
    const known = (name, missing = "-1") => (columns[name] && columns[name][row] !== null ? columns[name][row] : missing);
    return [
      known("TARGETID"), known("EXPID"), known("NIGHT"), known("TILEID"), versions.spectra, versions.redshifts,
      versions.templates, known("SPECTYPE", ""), known("Z"), known("DELTACHI2"), this.scanner, said.quality || "-1",
      said.issue, said.z, said.spectype, said.comment, known("ID", ""),
      known("FILE", ""),
    ];
  }
}

// What is kept, from its text; nothing, if there is none or it is damaged.
function parsed(text) {
  try {
    const { scanner, rows } = JSON.parse(text);
    return { scanner: String(scanner), rows: Object(rows) };
  } catch {
    return { scanner: "", rows: {} };
  }
}

function quoted(value) {
  const text = String(value).replace(/[\r\n]+/g, " ");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
