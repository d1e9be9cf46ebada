/* Simulated costs: the ticket's table of strategies and the order page's twin. A question is asked
 * again and again while it is simulated and somebody looks; the worker ends it when nobody asks.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const ASK_MS = 300, TYPED_MS = 400, RETRY_MS = 4000, OLD_NS = 300e9, MINUS = "\u2212";
  const SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const tab = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
  const { make, defined, f } = window.QDPieces;
  const bp = (v, d) => defined(v) ? f("price", v, d === undefined ? 2 : d).replace("-", MINUS) : "-";
  const write = (node, value) => { if (node) window.QD.write(node, value); };
  const over = new Set(["done", "refused", "cancelled"]);
  let host = null, typed = "", typedAt = 0, asked = "", told = null, busy = false, again = false, heard = 0, flags = "";

  window.QDPieces.ready(() => setInterval(look, ASK_MS));

  function look() {
    const shown = $("work-twin") && !$("work-twin").hidden;   /* simulated only while its tab is open */
    const now = $("expected") || (shown ? $("twin") : null);
    if (now !== host) { host = now; typed = asked = flags = ""; told = null; again = false; if (host) open(); }
    if (!host || document.hidden) return;
    const twin = host.id === "twin";
    const key = twin ? `${host.dataset.parent} ${version()}` : question(false);
    if (key !== typed) { typed = key; typedAt = performance.now(); }
    if (!twin) objective();
    if (key === "") { asked = ""; told = null; draw(); return; }
    if (typed !== asked && performance.now() - typedAt < (twin ? 0 : TYPED_MS)) { age(); return; }
    if (typed !== asked) { asked = typed; told = null; flags = ""; host.qdUrl = twin ? `/api/v1/twin/${host.dataset.parent}?` : "/api/v1/pretrade?" + question(true); }
    const settled = told && over.has(told.state) && !again;
    if (settled && (told.state === "done" || performance.now() - heard < RETRY_MS)) { age(); return; }
    ask(twin);
  }
  /* an amended order is another question */
  const version = () => (window.QD.rows("parents").get(host.dataset.parent) || {}).version || 0;
  function open() {
    const button = $(host.id + "-again");
    button.addEventListener("click", () => { again = true; asked = ""; button.hidden = true; });
    if (host.id !== "expected") return;
    const risk = $("expected-risk");
    risk.open = window.innerWidth >= 1900 || window.innerHeight >= 1000;   /* elsewhere a click away */
    risk.addEventListener("toggle", () => { if (told) frontier(told.table); });
    $("expected-rows").addEventListener("click", (event) => {
      const line = event.target.closest("tr[data-strategy]");
      const radio = line && document.querySelector(`#ticket input[name="strategy"][value="${line.dataset.strategy}"]`);
      if (!radio) return;
      radio.checked = true;
      radio.dispatchEvent(new Event("input", { bubbles: true }));
      mark();
    });
    $("ticket").addEventListener("change", mark);
  }
  async function ask() {
    if (busy) return;
    busy = true;
    const of = asked, at = host;
    try {
      const more = `&ticket=${tab}${ranking()}${again ? "&again=1" : ""}`;
      const answer = await fetch(at.qdUrl + more, { cache: "no-store" });
      const body = await answer.json();
      again = false;
      heard = performance.now();
      if (of !== asked || at !== host) return;
      told = answer.ok ? body : { state: "refused", detail: body.detail || "error " + answer.status };
      draw();
    } catch (failure) {
      heard = performance.now();
      told = { state: "refused", detail: "no connection" };
      if (host) draw();
    } finally { busy = false; }
  }

  /* --- the ticket as a question ------------------------------------------------------------ */
  const form = () => $("ticket");
  const field = (name) => form().querySelector(`[name="${name}"]`);
  const chosen = () => (form().querySelector('input[name="strategy"]:checked') || { value: "" }).value;
  function question(full) {
    if (!form() || !form().qdReady || !field("objective")) return "";
    const number = (node) => node && node.value.trim() !== "" ? window.QD.plainNumber(node.value) : null;
    const quantity = number(field("quantity")), horizon = field("horizon_ns").value;
    const side = (form().querySelector('input[name="side"]:checked') || {}).value;
    if (!(quantity >= 1) || quantity % 1 || !(Number(horizon) > 0) || !side) return "";
    const parameters = [];
    for (const row of document.querySelectorAll("#ticket-parameters > :not([hidden]) [data-parameter] input")) {
      const value = number(row);
      if (value !== null) parameters.push(`${row.name.replace("parameters.", "")}:${value}`);
    }
    const asks = { symbol: field("symbol").value, side, quantity, limit_price: field("limit_price").value || 0,
      exclude: (field("exclude") || { value: "" }).value, parameters: parameters.join(",") };
    /* an end that was typed stays, the minutes to it run down: that is no edit */
    const end = form().dataset.typedEnd ? form().querySelector("[data-typed=end]").value : "";
    const bounds = end && !full ? { end } : { horizon_ns: horizon };
    const own = full || parameters.length ? { strategy: chosen() } : {};
    return new URLSearchParams({ ...asks, ...bounds, ...own }).toString();
  }
  const aversion = () => { const v = window.QD.plainNumber(field("risk_aversion").value || ""); return v === null || !(v >= 0 && v <= 20) ? 0 : v; };
  const ranking = () => host.id === "expected" ? `&objective=${field("objective").value}&risk_aversion=${aversion()}` : "";
  /* another objective ranks the same answer anew: one more look at it */
  function objective() {
    if (!form() || !field("objective")) return;
    const urgent = field("objective").value === "urgency", box = $("risk-aversion");
    if (box.hidden === urgent) {
      box.hidden = !urgent;
      field("risk_aversion").value = urgent ? "0.5" : "";
    }
    const seen = ranking();
    if (flags && seen !== flags && told && over.has(told.state)) ask();
    flags = seen;
  }

  /* --- drawing ----------------------------------------------------------------------------- */
  function state() {
    if (!told) return typed ? "asks \u2026" : "a symbol, a side, a quantity and a duration are simulated as soon as they are typed";
    if (told.state === "waiting") return "waits for another simulation to end";
    if (told.state === "running") return told.n ? `${told.n} of ${told.of} paths` : "simulates the first paths \u2026";
    if (told.state === "done") return `${told.n} of ${told.of} paths`;
    if (told.state === "cancelled") return `stopped after ${told.n} paths`;
    return told.detail;
  }
  function draw() {
    const name = host.id, table = told && told.table, card = told && told.card;
    write($(name + "-state"), state());
    $(name + "-state").className = told && told.state === "refused" ? "warn-text" : "";
    host.classList.toggle("busy", Boolean(told) && told.state === "running");
    if (name === "expected") $("expected-risk").hidden = !table;
    if (name === "expected") { rows(table); laws(table); frontier(table); } else lines(card);
    const notes = (told && told.notes) || [];
    $(name + "-notes").hidden = !notes.length;
    write($(name + "-notes"), notes.join("; "));
    age();
  }
  function age() {
    const made = $(host.id + "-made"), market = window.QD.cell("desk", "desk", "market_at");
    if (!told || !told.at || !told.question) { write(made, ""); $(host.id + "-again").hidden = true; return; }
    const old = market - told.at, late = host.id === "expected" && old > OLD_NS;
    made.classList.toggle("warn-text", late);
    const since = old < 1e9 ? "of now" : `${f("int", old / 1e9)} s old`;
    const speed = defined(told.first_s) ? ` \u00b7 first ${f("price", told.first_s, 1)} s, all ${f("price", told.seconds, 1)} s` : "";
    write(made, `market of ${window.QD.clock(told.at, false)}, ${since}${late ? ": it has moved on" : ""} \u00b7 simulator ${told.market} \u00b7 seed ${told.seed} \u00b7 question ${told.question}${speed}`);
    const m = told.matched || {}, s = told.seen || {};
    made.title = `volatility \u00d7 ${bp(m.volatility)} (weight ${bp(m.volatility_weight)}), volume \u00d7 ${bp(m.volume)} (${bp(m.volume_weight)}), spread \u00d7 ${bp(m.spread)} (${bp(m.spread_weight)}) against a usual day; mid ${bp(s.mid, 1)} ticks, touch ${f("int", s.bid_size)} \u00d7 ${f("int", s.ask_size)} shares (not matched)`;
    $(host.id + "-again").hidden = host.id === "twin" || !(over.has(told.state) && old > 1e9);   /* the start of an order stays */
  }
  const cell = (line, text, title, kind) => { const td = make("td", kind === undefined ? "num" : kind, text); if (title) td.title = title; line.append(td); return td; };
  function rows(table) {
    const body = $("expected-rows");
    body.textContent = "";
    const q = window.QD.rows("quotes").get((field("symbol") || {}).value) || {};
    for (const [i, row] of ((table && table.rows) || []).entries()) {
      const line = make("tr", i === 0 ? "first" : "");
      line.dataset.strategy = row.strategy;
      const name = make("button", "link", row.strategy);
      name.type = "button";
      const head = cell(line, "", row.model ? `model ${row.model}` : "", "");
      head.append(name, i === 0 ? make("span", "best", " 1st") : "");
      const half = defined(row.low) && defined(row.high) ? (row.high - row.low) / 2 : null;
      if (row.unfinished) {
        const told = `${f("percent", row.left, 0)} of the order is left over on ${row.unfinished} of ${table.n} paths, clean-up included: what is not done has no cost here`;
        const note = cell(line, `${f("percent", row.left, 0)} left over: no cost to compare`, told, "num warn-text");
        note.colSpan = 3;
        cell(line, "", "", "num wide");
      } else {
        cell(line, bp(row.cost), `${bp(row.low)} \u2026 ${bp(row.high)} bp; of it ${bp(row.spread)} bp at the touch`);
        cell(line, bp(half));
        const same = row.behind === null || row.behind === undefined;
        const unsure = !same && row.behind_low <= 0 && row.behind_high >= 0;
        cell(line, same ? "best" : (unsure ? "~" : "+") + bp(row.behind), same ? "the cheapest" : `${bp(row.behind_low)} \u2026 ${bp(row.behind_high)} bp${unsure ? ": cannot tell" : ""}`, unsure ? "num dim" : "num");
        cell(line, f("money", row.money), `${f("int", row.money)} ${q.currency || ""}`, "num wide");
      }
      cell(line, bp(row.shortfall_sd, 1), `mean shortfall ${bp(row.shortfall)} bp`);
      cell(line, bp(row.worst, 0));
      cell(line, bp(row.vwap_rms, 1), `mean ${bp(row.vwap)} bp`, "num wide");
      cell(line, f("int", row.minutes));
      cell(line, f("percent", row.participation, 1));
      cell(line, f("percent", row.done, 0), row.cleanup > 0 ? `the clean-up crosses ${f("percent", row.cleanup, 1)} of the order${row.unfinished ? `; unfinished on ${row.unfinished} paths` : ""}` : "", row.done < 1 ? "num warn-text" : "num");
      body.append(line);
    }
    mark();
  }
  function mark() {
    if (!$("expected-rows")) return;
    for (const line of $("expected-rows").children) line.classList.toggle("chosen", line.dataset.strategy === chosen());
  }
  function laws(table) {
    const box = $("expected-laws");
    box.textContent = "";
    if (!table) return;
    box.append(make("span", "dim", "Published: "));
    for (const law of table.laws) {
      const one = make("abbr", "law", `${law.name} ${bp(law.bps, 1)}`);
      one.title = `${law.formula}. ${law.source}`;
      one.tabIndex = 0;
      box.append(one);
    }
  }
  function el(tag, values, parent, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }
  function frontier(table) {
    const box = $("expected-frontier"), width = box.clientWidth, height = box.clientHeight;
    box.textContent = "";
    if (!table || width < 200 || height < 90) return;
    const points = table.rows.filter((r) => defined(r.shortfall_sd) && !r.unfinished);
    if (!points.length) return;
    const line = table.frontier, worst = Math.max(...points.map((r) => r.cost)), top = Math.max(worst * 2, worst + 4);
    const curve = line ? line.risk.map((x, i) => [x, line.cost[i]]).filter((p) => p[1] <= top) : [];
    const xs = points.map((r) => r.shortfall_sd).concat(curve.map((p) => p[0])), ys = points.map((r) => r.cost).concat(curve.map((p) => p[1]));
    const left = 44, right = 130, above = 18, below = 30, w = width - left - right, h = height - above - below;
    const x0 = Math.min(...xs) * 0.95, x1 = Math.max(...xs) * 1.03, y0 = Math.min(0, ...ys), y1 = Math.max(...ys) * 1.08;
    const X = (v) => left + (v - x0) / (x1 - x0) * w, Y = (v) => above + (y1 - v) / (y1 - y0) * h;
    const svg = el("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "chart" }, box);
    const ticks = (low, high, most) => { const raw = (high - low) / most, p = 10 ** Math.floor(Math.log10(raw)), s = [1, 2, 5, 10].map((k) => k * p).find((k) => k >= raw), found = []; for (let v = Math.ceil(low / s) * s; v <= high; v += s) found.push(v); return found; };
    for (const v of ticks(y0, y1, Math.max(2, h / 40))) { el("line", { x1: left, x2: left + w, y1: Y(v), y2: Y(v), class: "gridline" }, svg); el("text", { x: left - 6, y: Y(v) + 4, "text-anchor": "end" }, svg, f("int", v)); }
    for (const v of ticks(x0, x1, Math.max(2, w / 70))) { el("line", { x1: X(v), x2: X(v), y1: above, y2: above + h, class: "gridline" }, svg); el("text", { x: X(v), y: above + h + 13, "text-anchor": "middle" }, svg, f("int", v)); }
    el("text", { x: 6, y: 11 }, svg, "cost bp");
    el("text", { x: left + w, y: height - 3, "text-anchor": "end" }, svg, "SD of the shortfall, bp");
    if (curve.length > 1) {
      const g = el("g", { class: "tone-focus" }, svg);
      el("path", { d: curve.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join(""), class: "line dash" }, g);
      el("text", { x: left + 60, y: 11, class: "legend" }, svg, "- - Almgren\u2013Chriss frontier through TWAP").append(Object.assign(document.createElementNS(SVG, "title"), { textContent: line.words }));
    }
    const used = [], together = new Map();   /* strategies that did the same are one point */
    for (const r of points) {
      const at = `${r.shortfall_sd} ${r.cost}`;
      together.set(at, [...(together.get(at) || []), r]);
    }
    for (const same of together.values()) {
      const r = same[0], x = X(r.shortfall_sd), y = Y(r.cost), mine = same.some((one) => one.strategy === chosen()), g = el("g", { class: mine ? "tone-warn" : "tone-text" }, svg);
      if (defined(r.low) && defined(r.high)) el("line", { x1: x, x2: x, y1: Y(r.low), y2: Y(r.high), stroke: "currentColor" }, g);
      el("circle", { cx: x, cy: y, r: 4, class: "mark" }, g);
      const words = same.map((one) => one.strategy).join(", "), end = x + 12 + words.length * 6.4;
      let at = y + 4;
      while (used.some(([u0, u1, uy]) => u0 < end && x < u1 && Math.abs(uy - at) < 12)) at += 12;
      used.push([x, end, at]);
      el("text", { x: x + 8, y: at, class: "legend" }, svg, words);
    }
  }
  function lines(card) {
    const body = $("twin-rows");
    body.textContent = "";
    write($("twin-own"), !card ? "The same order from its start, at its terms of now, under every other strategy." : `${card.own}: ${bp(card.own_cost)} bp expected from its start. Noise floor ${bp(card.floor)} bp: ${card.own} against itself on other draws.`);
    for (const row of (card && card.claims) || []) {
      const line = make("tr", row.verdict === "cannot tell" ? "dim" : "");
      cell(line, row.strategy, "", "");
      cell(line, bp(row.cost));
      cell(line, (row.mean > 0 ? "+" : "") + bp(row.mean));
      cell(line, `${bp(row.low)} \u2026 ${bp(row.high)}`);
      cell(line, !defined(row.mean) ? "not finished: cannot tell" : row.verdict === "cannot tell" ? "cannot tell" : `would be ${row.verdict}`, "", row.verdict === "cheaper" ? "gain-text" : row.verdict === "dearer" ? "cost-text" : "dim");
      body.append(line);
    }
  }
  window.addEventListener("resize", () => { if (host && host.id === "expected" && told) frontier(told.table); });
})();
