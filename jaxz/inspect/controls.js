// Buttons, sliders and keys of the page → what `Inspection` does.

function connect(page) {
  const { book, view } = page;
  options(at("spectype"), [...new Set(book.columns.SPECTYPE)].filter(Boolean).sort().map((name) => [name, name]));
  options(at("zwarn"), Object.entries(book.zwarn));
  const sortable = ["PCONF", "ZWARN", "SPECTYPE", "Z", "ZERR", "DELTACHI2", "CHI2", "ID"];
  options(at("sort"), sortable.filter((name) => name in book.columns).map((name) => [name, name]));
  for (const name of ["spectype", "zwarn", "inspected", "text", "sort"]) at(name).oninput = () => page.list();
  for (const name of ["least", "most"]) at(name).onchange = () => page.list();
  at("descending").onclick = ({ target }) => {
    target.textContent = target.textContent === "↑" ? "↓" : "↑";
    page.list();
  };
  at("previous").onclick = () => page.step(-1);
  at("next").onclick = () => page.step(1);
  at("width").oninput = ({ target }) => {
    page.width = view.width = Number(target.value);
    page.draw();
  };
  for (const name of CHECKED) {
    at(name).onchange = ({ target }) => {
      view[name] = target.checked;
      page.draw();
    };
  }
  const { figure, x_range } = page.drawing.parts("spectrum");
  for (const [model, ...names] of [[figure, "inner_width", "inner_height"], [x_range, "start", "end"]]) {
    for (const name of names) model.properties[name].change.connect(() => page.spectrum && page.drawing.follow(view));
  }
  connectRedshift(page);
  connectJudgement(page);
  connectKeys(page);
}

function connectRedshift(page) {
  [at("coarse").min, at("coarse").max] = page.book.zrange;
  at("coarse").oninput = ({ target }) => page.move(Number(target.value));
  at("z").onchange = ({ target }) => page.move(redshiftOf(target.value) ?? page.view.z);
  at("fine").oninput = ({ target }) => {
    const candidate = page.spectrum.candidates[page.view.candidate];
    if (candidate) page.move(candidate.z + ((1 + candidate.z) * Number(target.value)) / 299792.458);
  };
  at("back").onclick = () => page.choose(page.view.candidate);
  window.addEventListener("jaxz:z", ({ detail }) => page.click(detail));
}

function connectJudgement(page) {
  for (const quality of Object.keys(QUALITIES)) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: quality });
    made.title = QUALITIES[quality];
    made.onclick = () => page.judge({ quality });
    at("quality").append(made);
  }
  for (const [issue, meaning] of Object.entries(ISSUES)) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: issue });
    box.onchange = () => page.toggleIssue(issue);
    const label = document.createElement("label");
    label.append(box, `${issue}: ${meaning}`);
    at("issues").append(label);
  }
  at("vispectype").onchange = ({ target }) => page.judge({ spectype: target.value });
  at("viz").onchange = ({ target }) => {
    const wrong = target.value.trim() !== "" && redshiftOf(target.value) === null;
    if (!wrong) page.judge({ z: target.value.trim().replace(",", ".") });
    target.classList.toggle("wrong", wrong);
  };
  at("takez").onclick = () => page.judge({ z: page.view.z.toFixed(6) });
  at("comment").onchange = ({ target }) => page.judge({ comment: target.value.trim() });
  at("scanner").onchange = ({ target }) => page.judgements.sign(target.value.trim());
  at("export").onclick = () => page.export();
  window.addEventListener("storage", ({ key }) => {
    if (key !== page.judgements.key) return; // of another window with this page
    page.judgements.read();
    page.tellOthers();
  });
}

function connectKeys(page) {
  const click = (id) => () => at(id).click();
  const smooth = (by) => () => {
    at("width").value = page.view.width + by;
    at("width").dispatchEvent(new Event("input"));
  };
  const keys = {
    ArrowRight: ["next spectrum", click("next")],
    ArrowLeft: ["previous spectrum", click("previous")],
    "]": ["next candidate", () => page.choose(page.view.candidate + 1)],
    "[": ["previous candidate", () => page.choose(page.view.candidate - 1)],
    r: ["back to the candidate", click("back")],
    "+": ["smooth more", smooth(2)],
    "-": ["smooth less", smooth(-2)],
    m: ["model on and off", click("model")],
    e: ["emission lines", click("emission")],
    b: ["absorption lines", click("absorption")],
    l: ["all lines", () => ["emission", "absorption"].forEach((id) => at(id).click())],
    k: ["sky lines", click("sky")],
    f: ["rest or observed frame", click("rest")],
    a: ["air or vacuum", click("air")],
    d: ["other redshift of a blend", click("second")],
    ...Object.fromEntries(Object.keys(QUALITIES).map((quality) => [quality, [`quality ${quality}`, () => page.judge({ quality })]])),
    ...Object.fromEntries(Object.keys(ISSUES).map((issue) => [issue, [`issue ${issue}`, () => page.toggleIssue(issue)]])),
    z: ["take z into the inspection", click("takez")],
    c: ["comment", () => at("comment").focus()],
    x: ["export CSV", click("export")],
  };
  for (const [key, [meaning]] of Object.entries(keys)) {
    const term = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
    at("keys").append(term("dt", key), term("dd", meaning));
  }
  // Else keys would change what was chosen there.
  window.addEventListener("change", ({ target }) => target.matches("select") && target.blur());
  window.addEventListener("keydown", (event) => {
    const writes = event.target.matches("input:not([type=range]):not([type=checkbox]), select");
    if (event.key === "Escape" || (event.key === "Enter" && writes)) document.activeElement.blur();
    if (writes || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key][1]();
  });
}

function options(select, values) {
  for (const [value, text] of values) {
    select.append(Object.assign(document.createElement("option"), { value, textContent: text }));
  }
}

async function begin() {
  const book = JSON.parse(at("book").textContent);
  book.data = at("data").textContent.trim().split("\n");
  const views = await Bokeh.embed.embed_item(JSON.parse(at("item").textContent), "figures");
  const root = views.roots ? views.roots[0] : views;
  const page = new Inspection(book, new Drawing(root.model.document, book));
  connect(page);
  await page.list();
  window.inspection = page;
}

begin();
