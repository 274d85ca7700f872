// Which spectra are listed, and in which order.

// Rows of the catalog that pass a filter, in the order that it asks for.
function listed(book, filter, judgements) {
  const { SPECTYPE, ZWARN, PCONF } = book.columns;
  const rows = [...book.sheets.keys()].filter((row) => {
    const warnings = ZWARN ? ZWARN[row] : 0;
    if (filter.spectype && SPECTYPE[row] !== filter.spectype) return false;
    if (filter.zwarn === "none" && warnings) return false;
    if (filter.zwarn === "some" && !warnings) return false;
    if (Number(filter.zwarn) && !(warnings & Number(filter.zwarn))) return false;
    if (PCONF && (filter.least > 0 || filter.most < 1)) {
      if (PCONF[row] === null || PCONF[row] < filter.least || PCONF[row] > filter.most) return false;
    }
    if (filter.inspected && (filter.inspected === "yes") !== judgements.has(row)) return false;
    return !filter.text || book.columns.ID[row].toLowerCase().includes(filter.text.toLowerCase());
  });
  const values = book.columns[filter.sort];
  const sign = filter.descending ? -1 : 1;
  if (values) rows.sort((one, other) => ordered(values[one], values[other], sign) || sign * (one - other));
  else if (filter.descending) rows.reverse();
  return rows;
}

// Missing values are last, in either order.
function ordered(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  return sign * (typeof one === "string" ? one.localeCompare(other) : one - other);
}

function warningsOf(book, row) {
  const bits = book.columns.ZWARN ? book.columns.ZWARN[row] : 0;
  return Object.entries(book.zwarn).filter(([bit]) => bits & Number(bit)).map(([, name]) => name);
}
