/* The live blotter: tabs, sums, detail pane. Rows come from live.js; the filter language, views,
 * children, bulk acts and export are in the files blotter_*.js and share window.QDBlotter.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const parts = [];    // functions of the other files, run once when the blotter is open
  const DONE = new Set(["COMPLETED", "EXPIRED", "KILLED", "REFUSED"]);
  const number = (text) => Number(String(text).replace(/^\D+/, "")) || 0;

  /* formats that need more than their own cell */
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    qdById: (a, b) => number(a) - number(b),
    qdPov: ({ data }) => !data || data.participation === null || data.participation === undefined ? "-"
      : `${QD.format("percent", data.participation)} / ${QD.format("percent", data.cap, 0)}`,
    qdSchedule: ({ data }) => data && typeof data.behind === "number"
      ? QD.format("signed", data.behind * 100, 1) + "%" : "-",
    qdModel: ({ data }) => {
      if (!data || data.model === "-" || !data.model) return "-";
      return data.model === "live" && typeof data.score === "number" ? QD.format("price", data.score, 2) : data.model;
    },
    qdDecided: ({ data }) => {
      const at = QD.cell("desk", "desk", "market_at");
      return data && data.decided_at && at && !DONE.has(data.state) ? QD.format("age", Math.max(0, at - data.decided_at) / 1e6) : "-";
    },
  });

  const needsAction = (row) => row.state === "NEEDS_APPROVAL" || Boolean(row.alert)
    || (Boolean(row.hold) && !row.hold.startsWith("person") && !DONE.has(row.state));
  const TABS = {
    active: (row) => !DONE.has(row.state),
    action: (row) => !DONE.has(row.state) && needsAction(row),
    done: (row) => DONE.has(row.state),
  };
  let view = null;       // what the address says: tab, q, mine, sel, cols, sort, kids
  let grid = null;

  const QDBlotter = window.QDBlotter = { parts, DONE, onSelect: [], view: null, grid: null, fits: () => true,
    passes: (row) => passes(row), refresh: () => refresh(), tabWords: () => tabWords(),
    /* what is left of an order, at the mid, to the sum of its currency */
    addLeft(values, row) {
      const currency = QD.cell("quotes", row.symbol, "currency") || "";
      values[currency] = (values[currency] || 0) + row.leaves * (QD.cell("quotes", row.symbol, "mid") || row.arrival);
    } };
  window.QDPieces.ready(start);
  function start() {
    QD.renderer("blotter", (node, rows) => {
      if (!node.qdOpen) { node.qdOpen = true; open(JSON.parse(node.dataset.meta)); }
      later();
      pane();
    });
    QD.renderer("blotter-desk", (node, rows) => { speed(rows.get("desk")); closedDay(rows.get("desk")); });
    QD.renderer("blotter-ladder", () => ladder());
  }

  /* sums over all rows: four times a second are enough for a reader */
  let due = 0;
  function later() {
    if (due) return;
    due = setTimeout(() => {
      due = 0;
      const rows = QD.rows("parents");
      if (!document.getElementById("blotter-strip")) return;
      counts(rows);
      sums(rows);
    }, 250);
  }

  function open(meta) {
    view = { tab: meta.tab, q: meta.q || "", mine: Boolean(meta.mine), sel: meta.sel || "", me: meta.me,
      cols: meta.cols || "", sort: meta.sort || "", kids: Boolean(meta.kids), view: meta.view || "" };
    QDBlotter.view = view;
    QDBlotter.meta = meta;
    const host = document.querySelector('[data-grid-id="blotter-grid"]');
    const attempt = () => {
      if (!host.isConnected) return;
      if (!host.qdGrid) { setTimeout(attempt, 40); return; }
      grid = QDBlotter.grid = host.qdGrid.api;
      if (window.innerHeight >= 1000) grid.setGridOption("rowHeight", 25);
      grid.setGridOption("isExternalFilterPresent", () => true);
      grid.setGridOption("doesExternalFilterPass", (line) => passes(line.data));
      grid.onFilterChanged();
      grid.addEventListener("cellFocused", (event) => {
        const line = event.rowIndex === null ? null : grid.getDisplayedRowAtIndex(event.rowIndex);
        if (line && line.data) select(line.data.id);
      });
      grid.addEventListener("modelUpdated", shown);
      for (const part of parts) part();
    };
    attempt();
    const tabs = document.querySelector(".tabs[role=tablist]");
    tabs.addEventListener("click", (event) => {
      const button = event.target.closest("[data-tab]");
      if (!button) return;
      view.tab = button.dataset.tab;
      tabWords();
      refresh();
    });
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], all = [...tabs.children];
      if (!step) return;
      const next = all[(all.indexOf(event.target.closest("[data-tab]")) + step + all.length) % all.length];
      next.focus();
      next.click();
    });
    setInterval(chart, 4000);
    setInterval(() => {
      if (grid && !grid.isDestroyed() && !document.hidden) grid.refreshCells({ columns: ["decided_at"], force: true });
    }, 500);
  }
  function tabWords() {
    for (const button of document.querySelectorAll("[data-tab]")) {
      button.setAttribute("aria-selected", String(button.dataset.tab === view.tab));
      button.tabIndex = button.dataset.tab === view.tab ? 0 : -1;
    }
  }
  const matches = (row) => (!view.mine || row.trader === view.me) && QDBlotter.fits(row);
  const passes = (row) => TABS[view.tab](row) && matches(row);
  function address() {
    const query = new URLSearchParams();
    if (view.tab !== "active") query.set("tab", view.tab);
    if (view.q.trim()) query.set("q", view.q.trim());
    if (view.mine) query.set("mine", "1");
    for (const name of ["cols", "sort", "view", "sel"]) if (view[name]) query.set(name, view[name]);
    if (view.kids) query.set("kids", "1");
    const zone = new URLSearchParams(location.search).get("tz");
    if (zone) query.set("tz", zone);
    const text = query.toString();
    history.replaceState(history.state, "", location.pathname + (text ? "?" + text : ""));
  }
  function refresh() {
    address();
    if (grid) grid.onFilterChanged();
    const rows = QD.rows("parents");
    counts(rows);
    sums(rows);
  }
  function counts(rows) {
    const found = { active: 0, action: 0, done: 0 };
    for (const row of rows.values()) {
      if (!row.state || !matches(row)) continue;
      for (const name of Object.keys(found)) if (TABS[name](row)) found[name] += 1;
    }
    for (const [name, n] of Object.entries(found)) {
      QD.write(document.querySelector(`[data-tab-count=${name}]`), QD.format("int", n));
    }
  }
  function shown() {
    QD.write(document.getElementById("page-status"),
      `${QD.format("int", grid.getDisplayedRowCount())} of ${QD.format("int", QD.rows("parents").size)} orders shown; click = pane, Enter = page`);
  }

  /* --- sums over what is shown ------------------------------------------------------------- */
  function sums(rows) {
    const working = {};
    let filled = 0, quantity = 0, cost = 0, value = 0, market = 0, own = 0, action = 0;
    const each = [];
    for (const row of rows.values()) {
      if (!row.state || !passes(row)) continue;
      if (!DONE.has(row.state)) QDBlotter.addLeft(working, row);
      filled += row.filled;
      quantity += row.quantity;
      if (needsAction(row)) action += 1;
      if (row.filled && typeof row.slippage_bps === "number") {
        const weight = row.filled * row.arrival;
        cost += row.slippage_bps * weight;
        value += weight;
        each.push([row.slippage_bps, weight]);
      }
      if (row.participation) { market += row.filled / row.participation; own += row.filled; }
    }
    const slip = value ? cost / value : null;
    let text = QD.format("bps", slip);
    if (each.length > 1) {
      const spread = each.reduce((sum, [v, w]) => sum + (w / value) ** 2 * (v - slip) ** 2, 0);
      text += ` \u00b1 ${QD.format("price", 1.96 * Math.sqrt(spread * each.length / (each.length - 1)), 2)}, n = ${each.length}`;
    } else if (each.length === 1) text += ", n = 1";
    put("working", QD.moneyIn(working));
    put("slip", text);
    put("fill", quantity ? QD.format("percent", filled / quantity) : "-");
    put("pov", market ? QD.format("percent", own / market) : "-");
    put("action", QD.format("int", action));
  }
  function put(name, text) {
    const node = document.querySelector(`[data-sum=${name}]`);
    if (node) QD.write(node, text);
  }
  function speed(row) {
    if (!row) return;
    put("asked", row.speed === 0 ? "paused" : `${QD.format("price", row.speed, row.speed % 1 ? 1 : 0)}x`);
    put("achieved", `${QD.format("price", row.achieved, 1)}x`);
    put("gate", row.gate || "open");
    const gate = document.querySelector("[data-sum=gate]");
    if (gate) gate.classList.toggle("bad-word", Boolean(row.gate) && row.gate !== "open");
    for (const button of document.querySelectorAll("button.speed")) {
      const value = JSON.parse(button.dataset.args || "{}").speed;
      button.setAttribute("aria-pressed", String(value === row.speed));
    }
  }

  /* after the close: what can be done with the day, and who opens the next one */
  function closedDay(row) {
    const band = document.getElementById("day-closed");
    if (!row || !band) return;
    const closed = row.session === "CLOSED" && Boolean(row.day), recorded = row.mode === "REPLAY";
    if (band.hidden === closed) band.hidden = !closed;
    if (!closed) return;
    QD.write(document.getElementById("closed-words"), `${row.day} is closed: no order works any more.`);
    document.getElementById("closed-costs").href = "/tca?day=" + row.day;
    const opener = document.getElementById("closed-open");
    if (opener) opener.hidden = recorded;
    QD.write(document.getElementById("closed-next"), recorded ? "The recording holds this day only; start the desk again with another one."
      : opener ? "" : "A person with the permission market.speed opens the next day.");
  }

  /* --- detail pane ------------------------------------------------------------------------- */
  function select(id) {
    if (view.sel === id) return;
    view.sel = id;
    address();    /* no filtering: rows drawn anew under the pointer would swallow the click on a box */
    pane();
    ladder();
    chart();
    for (const run of QDBlotter.onSelect) run();
  }
  const FACTS = [
    ["State", (r) => QD.format("state", r.state)],
    ["Filled", (r) => `${QD.format("int", r.filled)} of ${QD.format("int", r.quantity)}`],
    ["Left", (r) => `${QD.format("int", r.leaves)} sh`],
    ["At the venue", (r) => `${QD.format("int", r.live)} sh, ${r.children} children`],
    ["Average", (r) => QD.format("price", r.average, 4)],
    ["Arrival", (r) => QD.format("price", r.arrival, 3)],
    ["Limit", (r) => r.limit === null ? "none" : QD.format("price", r.limit, 2)],
    ["Slippage", (r) => r.slippage_bps === null ? "-" : QD.format("bps", r.slippage_bps) + " bp"],
    ["vs VWAP", (r) => r.vwap_bps === null ? "-" : QD.format("bps", r.vwap_bps) + " bp"],
    ["POV / cap", (r) => `${QD.format("percent", r.participation)} / ${QD.format("percent", r.cap, 0)}`],
    ["Schedule", (r) => typeof r.behind === "number" ? QD.format("signed", r.behind * 100, 1) + "% of quantity" : "-"],
    ["Passive", (r) => QD.format("percent", r.passive)],
    ["Model", (r) => r.model === "-" ? "none by design" : r.model],
    ["From / to", (r) => `${QD.clock(r.accepted_at, false).slice(0, 5)} \u2026 ${QD.clock(r.ended_at || r.end_at, false).slice(0, 5)}`],
    ["Trader", (r) => QD.format("person", r.trader) + (r.client ? ", " + r.client : "")],
  ];
  function pane() {
    const row = view && QD.rows("parents").get(view.sel);
    const title = document.getElementById("pane-title");
    if (!title || !row || !row.state) return;
    QD.write(title, `${row.id}  ${QD.format("side", row.side)}  ${row.symbol}`);
    const link = document.getElementById("pane-open");
    link.hidden = false;
    link.href = "/orders/" + row.id;
    link.title = "open the page of " + row.id + " [Enter]";
    document.getElementById("pane-empty").hidden = true;
    const acts = document.getElementById("pane-acts");
    acts.hidden = false;
    window.QDPieces.aim(acts.firstElementChild, row);
    const list = document.getElementById("pane-facts");
    if (!list.children.length) {
      for (const [name] of FACTS) list.append(QD.element("dt", "", name), QD.element("dd", "num", "-"));
    }
    FACTS.forEach(([, text], i) => QD.write(list.children[2 * i + 1], text(row)));
    QD.write(document.getElementById("pane-why"), [row.hold ? "" : row.why + (row.binding && row.state === "WORKING" ? ` (${row.binding})` : ""), row.hold && "held: " + row.hold,
      row.kill && "by " + row.kill].filter(Boolean).join("; "));
  }
  function ladder() {
    const row = view && QD.rows("parents").get(view.sel), host = document.getElementById("pane-ladder");
    if (!row || !host) return;
    const body = host.parentNode, room = body.clientHeight - (host.getBoundingClientRect().top - body.getBoundingClientRect().top);
    const levels = Math.max(3, Math.min(10, Math.floor((room - 46) / 36)));
    window.QDPieces.ladder(host, QD.rows("quotes").get(row.symbol), levels);
  }

  /* where there is room below the ladder: schedule, band and done of the order */
  let series = null, loading = "";
  async function chart() {
    const row = view && QD.rows("parents").get(view.sel), host = document.getElementById("pane-chart");
    if (!row || !host || document.hidden || host.clientHeight < 120) return;
    if (loading) return;
    loading = row.id;
    try {
      const answer = await fetch(`/api/v1/series/${row.id}?most=300`, { cache: "no-store" });
      if (answer.ok) series = { id: row.id, points: (await answer.json()).points };
    } catch (failure) { /* the next look tries again; the panel's age shows that it is old */ }
    loading = "";
    if (!series || series.id !== row.id) return;
    const p = series.points, last = p.at_ns.at(-1) || row.accepted_at + 60e9;
    window.QDPieces.chart(host, {
      unit: "shares", decimals: 0, from: row.accepted_at, to: Math.max(last, row.accepted_at + 60e9), zero: true,
      tick: (v) => QD.format("int", v), tip: (v) => QD.format("int", v), empty: "no decision has been stored yet",
      series: [{ kind: "band", name: "band", x: p.at_ns, y: p.band_low.map((v) => Math.max(0, v)), y2: p.band_high, tone: "dim" },
        { kind: "line", name: "target", x: p.at_ns, y: p.target, tone: "warn", dash: true },
        { kind: "line", name: "done", x: p.at_ns, y: p.filled, tone: "text", stair: true }],
    });
  }
})();
