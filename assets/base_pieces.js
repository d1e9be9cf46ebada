/* Pieces that the trader's pages share: the ladder, the acts of one parent, the chart.
 * Drawn from rows of the stream; nothing is kept here that a snapshot cannot restore.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const LIVE = new Set(["PROPOSED", "NEEDS_APPROVAL", "WORKING", "HOLDING", "HELD", "KILLING"]);
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const defined = (v) => typeof v === "number" && Number.isFinite(v);
  const f = (name, v, d) => window.QD.format(name, v, d);
  const decimalsOf = (tick) => Math.max(0, Math.ceil(-Math.log10(tick || 0.01) - 1e-9));

  /* run when live.js is there; assets load in order of name */
  function ready(run) {
    if (window.QD) run(); else document.addEventListener("qd-ready", run, { once: true });
  }

  /* --- ladder: read-only, own shares marked, frozen while hovered ------------------------- */
  function ladder(host, quote, levels) {
    if (host.matches(":hover") && host.dataset.symbol === (quote && quote.symbol)) {
      host.dataset.frozen = "1";
      return;
    }
    delete host.dataset.frozen;
    if (!quote) { host.textContent = ""; return; }
    if (host.dataset.symbol !== quote.symbol || host.dataset.levels !== String(levels)) {
      host.dataset.symbol = quote.symbol;
      host.dataset.levels = String(levels);
      host.textContent = "";
      const head = make("div", "rung head");
      for (const word of ["own", "shares", "price"]) head.append(make("span", "num", word));
      host.append(head);
      for (let i = 0; i < levels * 2 + 1; i += 1) {
        const rung = make("div", i === levels ? "rung spread" : i < levels ? "rung ask" : "rung bid");
        if (i === levels) rung.append(make("span", "num"));
        else for (const name of ["own", "size", "price"]) rung.append(make("span", name + " num"));
        host.append(rung);
      }
    }
    const d = decimalsOf(quote.tick_size);
    const asks = (quote.asks || []).slice(0, levels), bids = (quote.bids || []).slice(0, levels);
    const most = Math.max(1, ...asks.map((l) => l[1]), ...bids.map((l) => l[1]));
    const fill = (rung, level) => {
      const [own, size, price] = rung.children;
      const write = window.QD.write;
      if (!level) { write(own, ""); write(size, ""); write(price, ""); rung.style.setProperty("--depth", "0"); return; }
      const ahead = defined(level[3]) && level[2] > 0 ? `, ${f("int", level[3])} ahead` : "";
      write(own, level[2] > 0 ? "\u25cf " + f("int", level[2]) : "");
      own.title = level[2] > 0 ? `${f("int", level[2])} own shares at this price${ahead}` : "";
      write(size, f("int", level[1]));
      write(price, f("price", level[0], d));
      rung.style.setProperty("--depth", String(level[1] / most));
      rung.classList.toggle("mine", level[2] > 0);
    };
    for (let i = 0; i < levels; i += 1) {
      fill(host.children[1 + i], asks[levels - 1 - i]);
      fill(host.children[2 + levels + i], bids[i]);
    }
    window.QD.write(host.children[1 + levels].firstChild, quote.waits ? quote.waits : quote.spread_bps === null ? "no two-sided quote"
      : `spread ${f("price", quote.ask - quote.bid, d)} = ${f("price", quote.spread_bps, 1)} bp`);
  }

  /* --- each venue's own touch, below the ladder --------------------------------------------- */
  function touches(host, quote) {
    const rows = quote && quote.venues ? quote.venues : [], venues = window.QD.rows("venues");
    const write = window.QD.write;
    if (host.dataset.count !== String(rows.length)) {
      host.dataset.count = String(rows.length);
      host.textContent = "";
      for (const _row of rows) {
        const line = make("div", "touch");
        for (const name of ["name", "bid", "ask", "state", "age"]) line.append(make("span", "touch-" + name));
        host.append(line);
      }
    }
    const d = decimalsOf(quote ? quote.tick_size : 0.01);
    rows.forEach(([name, state, bid, bidSize, ask, askSize], i) => {
      const [venue, left, right, stands, age] = host.children[i].children, about = venues.get(name) || {};
      const show = (price, shares, first) => price === null ? "-" : first ? `${f("int", shares)} \u00d7 ${f("price", price, d)}` : `${f("price", price, d)} \u00d7 ${f("int", shares)}`;
      write(venue, name);
      venue.title = `${about.kind || ""} ${about.phone ? "call " + about.phone : ""}`.trim();
      const quotes = about.kind !== "dark";
      write(left, quotes ? show(bid, bidSize, true) : "midpoint");
      write(right, quotes ? show(ask, askSize, false) : "hidden");
      left.classList.toggle("best", quotes && bid !== null && bid === quote.bid);
      right.classList.toggle("best", quotes && ask !== null && ask === quote.ask);
      const word = ["down", "killed", "held"].includes(about.state) ? about.state : state;
      write(stands, (word === "up" ? "\u25cf " : "\u25a0 ") + word);
      stands.className = "touch-state venue-" + word;
      write(age, defined(about.age_s) && about.age_s >= 1.5 ? f("age", about.age_s * 1000) : "");
      age.title = "market time since its last sign of life";
    });
  }

  /* --- acts: aim the buttons of ``acts()`` at one parent ----------------------------------- */
  const describe = (row) => `${row.side === 1 ? "BUY" : "SELL"} ${row.symbol}`;
  function aim(host, row) {
    const mine = !host.dataset.own || row.trader === document.body.dataset.person;
    const shown = {
      hold: row.state === "WORKING", resume: row.state === "HELD",
      approve: row.state === "NEEDS_APPROVAL", refuse: row.state === "NEEDS_APPROVAL",
      kill: LIVE.has(row.state) && row.state !== "KILLING", amend: ["WORKING", "HOLDING", "HELD"].includes(row.state),
      move: ["WORKING", "HOLDING", "HELD"].includes(row.state),
      "model-off": ["WORKING", "HOLDING", "HELD"].includes(row.state) && !["-", "off"].includes(row.model),
      "model-on": ["WORKING", "HOLDING", "HELD"].includes(row.state) && row.model === "off",
    };
    const left = `${f("int", row.leaves)} left, ${f("int", row.children)} live children`;
    const words = {
      hold: [`Hold ${row.id}`, ""],
      resume: [`Resume ${row.id}`, `${row.id} ${describe(row)} goes on working: ${f("int", row.leaves)} left.`],
      approve: [`Approve ${row.id}`, `${row.id} ${describe(row)} ${f("int", row.quantity)} by ${row.strategy} starts working.`],
      refuse: [`Refuse ${row.id}`, `${row.id} ${describe(row)} ${f("int", row.quantity)} will not be worked.`],
      kill: [`Kill ${row.id}`, `${row.id} ${describe(row)}: ${left}. Every live child is cancelled and the order ends; a killed order does not come back.`],
      amend: [`Amend ${row.id}`, ""], move: ["Move a parameter", ""],
      "model-off": ["Model off", `${row.id} ${describe(row)} works by the base schedule of ${row.strategy} from now on, without its model.`],
      "model-on": ["Model on", `${row.id} ${describe(row)} is decided by the model of ${row.strategy} again. It works without it now: ${row.model_off}.`],
    };
    for (const button of host.querySelectorAll("button.act")) {
      const kind = Object.keys(shown).find((name) => button.classList.contains(name));
      const slot = button.closest(".command-slot") || button;
      const chip = slot.querySelector ? slot.querySelector(".chip-state") : null;
      button.hidden = !shown[kind];
      slot.hidden = !shown[kind] && !(chip && chip.textContent);
      if (button.dataset.target !== row.id && chip) { chip.textContent = ""; chip.dataset.state = ""; }
      button.dataset.target = row.id;
      window.QD.write(button, words[kind][0]);
      if (words[kind][1]) button.dataset.confirm = words[kind][1];
      if (kind === "hold") button.dataset.undo = JSON.stringify([`Resume ${row.id}`, "ResumeParent"]);
      if ("version" in button.dataset) button.dataset.version = `parents:${row.id}:version`;
      if (!button.dataset.reach) button.dataset.reach = button.disabled ? "no" : "yes";
      button.disabled = button.dataset.reach === "no" || !mine;
      if (!mine) button.title = "only its trader or a supervisor may do this";
    }
  }

  /* --- chart: lines, bands and marks as SVG, clock times on the axis ----------------------- */
  const el = (tag, attributes, parent) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, String(value));
    if (parent) parent.append(node);
    return node;
  };
  function niceStep(span, count) {
    const raw = span / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw) || raw;
  }
  const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  function clockTicks(from, to, count) {
    const span = (to - from) / 1e9;
    const step = (CLOCK_STEPS.find((s) => span / s <= count) || 14400) * 1e9;
    const ticks = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
    return { ticks, seconds: step < 60e9 };
  }
  /* spec: {unit, decimals, from, to, series:[{kind, name, x, y, y2, tone, dash, points}], now} */
  function chart(host, spec) {
    const width = host.clientWidth, height = host.clientHeight;
    if (width < 60 || height < 50) return;
    host.qdSpec = spec;
    const left = 54, right = 10, top = 20, bottom = 20;
    const w = width - left - right, h = height - top - bottom;
    let low = Infinity, high = -Infinity;
    const widen = (v) => { if (defined(v)) { if (v < low) low = v; if (v > high) high = v; } };
    for (const s of spec.series) {
      if (s.outside) continue;
      for (const v of s.y || []) widen(v);
      for (const v of s.y2 || []) widen(v);
      for (const p of s.points || []) widen(p.y);
    }
    if (!(high >= low)) { empty(host, spec.empty || "no data yet"); return; }
    if (spec.zero) low = Math.min(0, low);
    const pad = Math.max((high - low) * 0.06, spec.least || 1e-9);
    if (!spec.zero || low < 0) low -= pad;
    high += pad;
    const X = (t) => left + (t - spec.from) / Math.max(1, spec.to - spec.from) * w;
    const Y = (v) => top + (high - v) / (high - low) * h;
    const svg = el("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "chart" });
    const rows = Math.max(2, Math.floor(h / 44)), step = niceStep(high - low, rows);
    const d = spec.decimals !== undefined ? spec.decimals : Math.max(0, -Math.floor(Math.log10(step)));
    for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) {
      el("line", { x1: left, x2: left + w, y1: Y(v), y2: Y(v), class: "gridline" }, svg);
      el("text", { x: left - 6, y: Y(v) + 4, class: "tick", "text-anchor": "end" }, svg).textContent = spec.tick ? spec.tick(v) : f("price", v, d);
    }
    const clocks = clockTicks(spec.from, spec.to, Math.max(2, Math.floor(w / 74)));
    for (const t of clocks.ticks) {
      el("line", { x1: X(t), x2: X(t), y1: top, y2: top + h, class: "gridline" }, svg);
      const text = window.QD.clock(t, false);
      el("text", { x: X(t), y: height - 6, class: "tick", "text-anchor": X(t) > left + w - 20 ? "end" : "middle" }, svg).textContent = clocks.seconds ? text : text.slice(0, 5);
    }
    el("text", { x: 6, y: 12, class: "tick" }, svg).textContent = spec.unit;
    legend(svg, spec, left, width);
    const frame = el("svg", { x: left, y: top, width: w, height: h, viewBox: `${left} ${top} ${w} ${h}`, overflow: "hidden" }, svg);
    for (const s of spec.series) draw(frame, s, X, Y);
    if (defined(spec.now) && spec.now > spec.from && spec.now < spec.to) {
      el("line", { x1: X(spec.now), x2: X(spec.now), y1: top, y2: top + h, class: "now" }, svg);
    }
    const cross = el("line", { y1: top, y2: top + h, class: "cross", visibility: "hidden" }, svg);
    if (host.qdSvg) host.qdSvg.replaceWith(svg); else { host.textContent = ""; host.append(svg); }
    host.qdSvg = svg;
    host.qdGeometry = { left, w, X, cross };
    if (!host.qdHover) hover(host);
    if (host.qdAt !== undefined) point(host, host.qdAt);
  }
  function empty(host, text) {
    host.textContent = "";
    host.qdSvg = null;
    host.append(make("p", "chart-empty dim", text));
  }
  function legend(svg, spec, left, width) {
    const tight = spec.series.reduce((sum, s) => sum + (s.name ? 30 + s.name.length * 5.9 : 0), left) > width;
    let x = tight ? 16 + spec.unit.length * 6 : Math.max(left, 10 + spec.unit.length * 6);
    for (const s of spec.series) {
      if (!s.name || x > width - 40) continue;
      const g = el("g", { class: "tone-" + s.tone }, svg);
      if (s.kind === "band") el("rect", { x, y: 5, width: 14, height: 8, class: "band" }, g);
      else if (s.kind === "marks") mark(g, x + 7, 9, s.shape, s.hollow);
      else el("line", { x1: x, x2: x + 14, y1: 9, y2: 9, class: "line" + (s.dash ? " dash" : "") }, g);
      const text = el("text", { x: x + 18, y: 12, class: "legend" }, svg);
      text.textContent = s.name;
      x += tight ? 31 + s.name.length * 5.5 : 30 + s.name.length * 5.9;
    }
  }
  function mark(parent, x, y, shape, hollow) {
    const r = 4;
    const d = shape === "up" ? `M${x} ${y - r}L${x + r} ${y + r}L${x - r} ${y + r}Z`
      : shape === "down" ? `M${x} ${y + r}L${x + r} ${y - r}L${x - r} ${y - r}Z`
        : `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    el("path", { d, class: hollow ? "mark hollow" : "mark" }, parent);
  }
  function path(x, y, X, Y, stair) {
    let d = "", pen = false, last = 0;
    for (let i = 0; i < x.length; i += 1) {
      if (!defined(y[i])) { pen = false; continue; }
      const px = X(x[i]).toFixed(1), py = Y(y[i]).toFixed(1);
      d += pen ? (stair ? `L${px} ${last}L${px} ${py}` : `L${px} ${py}`) : `M${px} ${py}`;
      last = py;
      pen = true;
    }
    return d;
  }
  function draw(parent, s, X, Y) {
    const g = el("g", { class: "tone-" + s.tone }, parent);
    if (s.kind === "line") el("path", { d: path(s.x, s.y, X, Y, s.stair), class: "line" + (s.dash ? " dash" : "") }, g);
    else if (s.kind === "band") {
      const back = s.x.map((t, i) => [t, s.y2[i]]).reverse();
      const ring = path(s.x, s.y, X, Y) + back.map(([t, v]) => `L${X(t).toFixed(1)} ${Y(v).toFixed(1)}`).join("") + "Z";
      if (s.x.length) el("path", { d: ring, class: "band" }, g);
    } else for (const p of s.points) mark(g, X(p.x), Y(p.y), s.shape, s.hollow);
  }
  function hover(host) {
    host.qdHover = true;
    const box = make("div", "chart-tip");
    box.hidden = true;
    host.parentNode.append(box);
    host.qdTip = box;
    host.addEventListener("pointermove", (event) => {
      const rect = host.getBoundingClientRect(), g = host.qdGeometry, spec = host.qdSpec;
      if (!g) return;
      const x = event.clientX - rect.left;
      if (x < g.left || x > g.left + g.w) { host.qdAt = undefined; box.hidden = true; g.cross.setAttribute("visibility", "hidden"); return; }
      host.qdAt = spec.from + (x - g.left) / g.w * (spec.to - spec.from);
      point(host, host.qdAt);
    });
    host.addEventListener("pointerleave", () => {
      host.qdAt = undefined;
      box.hidden = true;
      if (host.qdGeometry) host.qdGeometry.cross.setAttribute("visibility", "hidden");
    });
  }
  function nearest(x, at) {
    let low = 0, high = x.length - 1;
    while (low < high) { const mid = (low + high) >> 1; if (x[mid] < at) low = mid + 1; else high = mid; }
    return low;
  }
  function point(host, at) {
    const { qdTip: box, qdSpec: spec, qdGeometry: g } = host;
    g.cross.setAttribute("visibility", "visible");
    g.cross.setAttribute("x1", g.X(at));
    g.cross.setAttribute("x2", g.X(at));
    box.textContent = "";
    box.append(make("div", "dim num", window.QD.clock(at, false)));
    for (const s of spec.series) {
      if (!s.name || s.kind === "marks" || !s.x || !s.x.length) continue;
      const i = nearest(s.x, at);
      const text = s.kind === "band" ? `${spec.tip(s.y[i])} \u2026 ${spec.tip(s.y2[i])}` : spec.tip(s.y[i]);
      const line = make("div", "tone-" + s.tone);
      line.append(make("span", "", s.name + " "), make("strong", "num", text));
      box.append(line);
    }
    box.hidden = false;
    const half = g.left + g.w / 2;
    box.style.left = g.X(at) < half ? `${g.X(at) + 12}px` : "";
    box.style.right = g.X(at) < half ? "" : `${host.clientWidth - g.X(at) + 12}px`;
  }
  const redraw = () => { for (const host of document.querySelectorAll(".chart-host")) if (host.qdSpec && host.qdSvg) chart(host, host.qdSpec); };
  window.addEventListener("resize", redraw);

  window.QDPieces = { ready, make, defined, ladder, touches, aim, chart, decimalsOf, describe, LIVE, f };
})();
