// Visual inspection as prospect has it: quality 0 to 4, issues R, C, S, class, comment, z; kept in the browser.

const FIELDS = [
  "TARGETID", "EXPID", "NIGHT", "TILEID", "Spec_version", "Redrock_version", "Template_version", "Redrock_spectype",
  "Redrock_z", "Redrock_deltachi2", "VI_scanner", "VI_quality", "VI_issue", "VI_z", "VI_spectype", "VI_comment", "ID",
]; // prospect's, in its order, and the name by which jaxz knows a spectrum that has no TARGETID

const EMPTY = Object.freeze({ quality: "", issue: "", z: "", spectype: "", comment: "" });

class Judgements {
  constructor(book) {
    this.book = book;
    this.key = `jaxz inspect ${book.key}`;
    const kept = JSON.parse(localStorage.getItem(this.key) || '{"scanner": "", "rows": {}}');
    this.scanner = kept.scanner;
    this.rows = kept.rows;
  }

  of(row) {
    return { ...EMPTY, ...this.rows[row] };
  }

  has(row) {
    return row in this.rows;
  }

  change(row, changes) {
    const next = { ...this.of(row), ...changes };
    if (Object.values(next).every((value) => value === "")) delete this.rows[row];
    else this.rows[row] = next;
    this.keep();
  }

  keep() {
    localStorage.setItem(this.key, JSON.stringify({ scanner: this.scanner, rows: this.rows }));
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
    ];
  }
}

function quoted(value) {
  const text = String(value).replace(/\s+/g, " ");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
