/* How a person looks at the blotter: the filter language, columns, sorting, saved views.
 *
 * A filter is words, all of which must be found, and conditions: symbol=MIDC|NRTH, state!=held,
 * slip>5, done<50, -twap. What is not understood is said, and the last understood filter stays.
 */
(function () {
  "use strict";
  if (!window.QDBlotter) return;
  const B = window.QDBlotter;
  const $ = (id) => document.getElementById(id);
  const FIELDS = { symbol: "symbol", sym: "symbol", side: "side", strategy: "strategy", strat: "strategy", state: "state",
    trader: "trader", client: "client", model: "model", alert: "alert", hold: "hold", parent: "id", id: "id", why: "why",
    quantity: "quantity", qty: "quantity", filled: "filled", left: "leaves", done: "done", slip: "slippage_bps",
    vwap: "vwap_bps", pov: "participation", sched: "behind", score: "score", children: "children", limit: "limit", fees: "fees" };
  const PERCENT = new Set(["done", "participation", "behind"]);
  const COMPARE = { ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b };

  function textOf(row, field) {
    if (field === "side") return row.side === 1 ? "buy" : "sell";
    if (field === "trader") return QD.format("person", row.trader);
    return String(row[field] ?? "").replaceAll("_", " ");
  }
  const all = (row) => ["id", "symbol", "side", "strategy", "state", "trader", "client", "alert"].map((f) => textOf(row, f)).join(" ").toLowerCase();

  /* a condition as a function of a row, or a text that says what is wrong with it */
  function condition(token) {
    const found = /^(-?)([a-z]+)(!=|>=|<=|=|>|<)(.*)$/.exec(token);
    if (!found) {
      const not = token.length > 1 && token.startsWith("-"), word = not ? token.slice(1) : token;
      return (row) => all(row).includes(word) !== not;
    }
    const [, , name, sign, value] = found, field = FIELDS[name];
    if (!field) return `there is no field ${name}: ${Object.keys(FIELDS).join(", ")}`;
    if (value === "") return `${name}${sign} needs a value`;
    if (sign === "=" || sign === "!=") {
      const values = value.split("|").map((v) => v.replaceAll("_", " "));
      return (row) => values.includes(textOf(row, field).toLowerCase()) === (sign === "=");
    }
    const number = QD.plainNumber(value.replace(/%$/, ""));
    if (number === null) return `${name}${sign} needs a number, was ${value}`;
    const bound = PERCENT.has(field) ? number / 100 : number;
    return (row) => typeof row[field] === "number" && COMPARE[sign](row[field], bound);
  }
  function understand(text) {
    const found = text.toLowerCase().split(/\s+/).filter(Boolean).map(condition);
    return { wrong: found.find((one) => typeof one === "string") || "", tests: found.filter((one) => typeof one !== "string") };
  }
  let tests = [];
  B.fits = (row) => tests.every((test) => test(row));
  function filter(text) {
    const { wrong, tests: fresh } = understand(text), input = $("blotter-words");
    input.setAttribute("aria-invalid", String(Boolean(wrong)));
    input.title = wrong || input.dataset.help;
    QD.write($("blotter-wrong"), wrong);
    if (wrong) return;
    tests = fresh;
    B.view.q = text;
    B.refresh();
  }

  /* --- columns and sorting ---------------------------------------------------------------------- */
  let moving = false;
  function columns() {
    const preset = B.meta.presets[B.view.cols] || B.meta.presets[""];
    const wanted = B.view.cols.includes(",") ? B.view.cols.split(",") : preset;
    const narrow = B.view.cols === "" ? B.meta.narrow : {};
    const [sorted, way] = (B.view.sort || "id:desc").split(":");
    const hidden = Object.keys(B.meta.forms).filter((field) => !wanted.includes(field));
    moving = true;
    B.grid.applyColumnState({ applyOrder: true, defaultState: { sort: null },
      state: [...wanted, ...hidden].map((field) => ({ colId: field, sort: field === sorted ? way : null,
        hide: !wanted.includes(field) || window.innerWidth < (narrow[field] || 0) })) });
    moving = false;
    $("blotter-columns").value = B.view.cols.includes(",") ? "," : B.view.cols;
    $("blotter-columns").lastElementChild.hidden = !B.view.cols.includes(",");
  }
  function moved(event) {
    if (moving || !event.finished && event.type === "columnMoved") return;
    const fields = B.grid.getAllDisplayedColumns().map((c) => c.getColDef().field).filter(Boolean);
    B.view.cols = fields.join(",");
    columns();
    B.refresh();
  }
  function sorted() {
    if (moving) return;
    const by = B.grid.getColumnState().find((state) => state.sort);
    B.view.sort = by ? `${by.colId}:${by.sort}` : "";
    if (B.view.sort === "id:desc") B.view.sort = "";
    B.refresh();
  }

  /* --- saved views, kept on the server for each person --------------------------------------------- */
  const KEPT = ["tab", "q", "mine", "cols", "sort", "kids"];
  let views = {};
  async function ask(body) {
    const path = "/api/v1/views";
    let answer;
    try {
      answer = body ? await fetch(path, { method: "POST", body: JSON.stringify({ page: "blotter", ...body }), cache: "no-store",
        headers: { "Content-Type": "application/json", "X-QD-CSRF": document.body.dataset.csrf } })
        : await fetch(path + "?page=blotter", { cache: "no-store" });
    } catch (failure) { QD.toast("The saved views could not be reached: no connection.", "warn"); return false; }
    const content = await answer.json();
    if (!answer.ok) { QD.toast("The view was not saved: " + (content.detail || "error " + answer.status), "warn"); return false; }
    views = content.items;
    options();
    return true;
  }
  function options() {
    const select = $("blotter-view"), { view } = B;
    select.textContent = "";
    const add = (value, text) => select.append(new Option(text, value));
    add("", "View: none");
    for (const name of Object.keys(views).sort()) add("=" + name, name);
    if (view.view && !views[view.view]) add("=" + view.view, view.view + " (not there)");
    add("+", "Save this view\u2026");
    if (view.view && views[view.view]) { add("!", `Save ${view.view} again`); add("-", `Forget ${view.view}`); }
    select.value = view.view ? "=" + view.view : "";
  }
  const now = () => Object.fromEntries(KEPT.map((name) => [name, B.view[name]]));
  function use(name) {
    const found = name ? views[name] : { tab: "active", q: "", mine: false, cols: "", sort: "", kids: false };
    if (!found) return;
    for (const key of KEPT) if (key in found) B.view[key] = found[key];
    B.view.view = name;
    show();
  }
  function show() {
    $("blotter-words").value = B.view.q;
    $("blotter-mine").checked = B.view.mine;
    B.tabWords();
    columns();
    filter(B.view.q);
    for (const run of B.onSelect) run();
    B.refresh();
  }
  async function chose() {
    const value = $("blotter-view").value, { view } = B, name = view.view;
    options();
    if (value === "" || value.startsWith("=")) { use(value.slice(1)); options(); return; }
    if (value === "!") { await ask({ name, view: now() }); return; }
    if (value === "-") {
      view.view = "";
      if (await ask({ name, view: null })) B.refresh();
      return;
    }
    const fields = QD.element("div", "dialog-fields"), host = QD.element("div", "input-host");
    host.dataset.input = JSON.stringify({ name: "name", label: "Name of the view", kind: "text" });
    fields.append(host);
    const answer = await QD.confirm({ title: "Save this view", tone: "primary", typed: "", hold: 0, reason: "", fields,
      text: "Tab, filter, columns, order and children panel, for you alone, in any browser." });
    const given = answer && String(answer.args.name || "").trim();
    if (!given) return;
    const before = view.view;
    view.view = given;
    if (await ask({ name: given, view: now() })) B.refresh(); else view.view = before;
    options();
  }

  function boxes() {
    const make = QD.element, box = $("blotter-filter"), words = make("input"), mine = make("input"), label = make("label", "choice");
    words.type = "search";
    words.id = "blotter-words";
    words.placeholder = "Filter: midc pov slip>5 state=held";
    words.setAttribute("aria-label", "filter the orders");
    words.setAttribute("aria-describedby", "blotter-wrong");
    words.dataset.help = `words, -word, and conditions as symbol=MIDC|NRTH, state!=held, slip>5, done<50 on ${Object.keys(FIELDS).join(", ")}`;
    words.value = B.view.q;
    mine.type = "checkbox";
    mine.id = "blotter-mine";
    mine.checked = B.view.mine;
    label.append(mine, " mine");
    label.title = "only orders that I entered";
    words.addEventListener("input", () => filter(words.value));
    mine.addEventListener("change", () => { B.view.mine = mine.checked; B.refresh(); });
    box.append(words, label);
  }
  B.parts.push(() => {
    boxes();
    $("blotter-columns").addEventListener("change", (event) => { B.view.cols = event.target.value; columns(); B.refresh(); });
    $("blotter-view").addEventListener("change", chose);
    for (const name of ["columnMoved", "columnVisible"]) B.grid.addEventListener(name, (event) => { if (event.source !== "api") moved(event); });
    B.grid.addEventListener("sortChanged", sorted);
    window.addEventListener("resize", () => { if (!B.grid.isDestroyed()) columns(); });
    columns();
    B.tabWords();
    filter(B.view.q);
    ask(null).then((there) => { if (there && B.view.view && B.meta.bare) use(B.view.view); });
  });
})();
