/* The live blotter: tabs, filter, sums, detail pane, bulk acts, export. Rows come from live.js. */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
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
  let view = null;       // what the address says: tab, q, mine, sel
  let grid = null;

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
    view = { tab: meta.tab, q: meta.q || "", mine: Boolean(meta.mine), sel: meta.sel || "", me: meta.me };
    const host = document.querySelector('[data-grid-id="blotter-grid"]');
    const attempt = () => {
      if (!host.isConnected) return;
      if (!host.qdGrid) { setTimeout(attempt, 40); return; }
      grid = host.qdGrid.api;
      grid.setGridOption("isExternalFilterPresent", () => true);
      grid.setGridOption("doesExternalFilterPass", (line) => passes(line.data));
      grid.onFilterChanged();
      grid.addEventListener("cellFocused", (event) => {
        const line = event.rowIndex === null ? null : grid.getDisplayedRowAtIndex(event.rowIndex);
        if (line && line.data) select(line.data.id);
      });
      grid.addEventListener("selectionChanged", bulkState);
      grid.addEventListener("modelUpdated", shown);
    };
    attempt();
    filterBox();
    document.querySelector(".tabs[role=tablist]").addEventListener("click", (event) => {
      const button = event.target.closest("[data-tab]");
      if (!button) return;
      view.tab = button.dataset.tab;
      for (const other of button.parentNode.children) other.setAttribute("aria-selected", String(other === button));
      refresh();
    });
    document.getElementById("blotter-csv").addEventListener("click", csv);
    document.getElementById("bulk-hold").addEventListener("click", () => bulk("hold"));
    document.getElementById("bulk-kill").addEventListener("click", () => bulk("kill"));
    window.addEventListener("beforeprint", () => { if (grid) grid.setGridOption("domLayout", "print"); });
    window.addEventListener("afterprint", () => { if (grid) grid.setGridOption("domLayout", "normal"); });
    setInterval(chart, 4000);
    setInterval(() => {
      if (grid && !grid.isDestroyed() && !document.hidden) grid.refreshCells({ columns: ["decided_at"], force: true });
    }, 500);
  }
  function filterBox() {
    const { make } = window.QDPieces, box = document.getElementById("blotter-filter");
    const input = make("input"), mine = make("input"), label = make("label", "choice");
    input.type = "search";
    input.placeholder = "Filter: symbol, strategy, state, trader, client";
    input.setAttribute("aria-label", "filter the orders");
    input.id = "blotter-words";
    input.value = view.q;
    mine.type = "checkbox";
    mine.id = "blotter-mine";
    mine.checked = view.mine;
    label.append(mine, " mine");
    label.title = "only orders that I entered";
    input.addEventListener("input", () => { view.q = input.value; refresh(); });
    mine.addEventListener("change", () => { view.mine = mine.checked; refresh(); });
    box.append(input, label);
  }
  function words(row) {
    return [row.id, row.symbol, row.side === 1 ? "buy" : "sell", row.strategy, row.state.replaceAll("_", " "),
      QD.format("person", row.trader), row.client, row.alert].join(" ").toLowerCase();
  }
  function matches(row) {
    if (view.mine && row.trader !== view.me) return false;
    if (!view.q) return true;
    const text = words(row);
    return view.q.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
  }
  const passes = (row) => TABS[view.tab](row) && matches(row);
  function refresh() {
    const query = new URLSearchParams();
    if (view.tab !== "active") query.set("tab", view.tab);
    if (view.q.trim()) query.set("q", view.q.trim());
    if (view.mine) query.set("mine", "1");
    if (view.sel) query.set("sel", view.sel);
    const text = query.toString();
    history.replaceState(history.state, "", location.pathname + (text ? "?" + text : ""));
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
    let working = 0, filled = 0, quantity = 0, cost = 0, value = 0, market = 0, own = 0, action = 0;
    const each = [];
    for (const row of rows.values()) {
      if (!row.state || !passes(row)) continue;
      const mid = QD.cell("quotes", row.symbol, "mid") || row.arrival;
      if (!DONE.has(row.state)) working += row.leaves * mid;
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
    put("working", QD.format("money", working));
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
    refresh();
    pane();
    ladder();
    chart();
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

  /* --- bulk: preview, one press, an answer for each ---------------------------------------- */
  const chosen = () => grid ? grid.getSelectedRows().filter((row) => {
    const now = QD.rows("parents").get(row.id);
    return now && passes(now);
  }).map((row) => QD.rows("parents").get(row.id)) : [];
  function bulkState() {
    const rows = chosen(), hold = document.getElementById("bulk-hold"), kill = document.getElementById("bulk-kill");
    hold.disabled = kill.disabled = rows.length === 0;
    QD.write(hold, rows.length ? `Hold ${rows.length} selected` : "Hold selected");
    QD.write(kill, rows.length ? `Kill ${rows.length} selected` : "Kill selected");
  }
  function bulk(kind) {
    const rows = chosen().filter((row) => kind === "kill" ? window.QDPieces.LIVE.has(row.state) && row.state !== "KILLING" : row.state === "WORKING");
    const dialog = document.getElementById("bulk-dialog"), go = document.getElementById("bulk-go");
    const body = document.getElementById("bulk-rows"), close = document.getElementById("bulk-close");
    const children = rows.reduce((sum, row) => sum + row.children, 0);
    const value = rows.reduce((sum, row) => sum + row.leaves * (QD.cell("quotes", row.symbol, "mid") || row.arrival), 0);
    const verb = kind === "kill" ? "Kill" : "Hold";
    QD.write(document.getElementById("bulk-title"), `${verb} ${rows.length} orders`);
    QD.write(document.getElementById("bulk-text"), rows.length === 0 ? `None of the selected orders can be ${kind === "kill" ? "killed" : "held"} now.`
      : `${rows.length} orders, ${children} live children, ${QD.format("money", value)} left. `
      + (kind === "kill" ? "Every live child is cancelled and the orders end; they do not come back." : "Live children are cancelled; the orders can resume."));
    body.textContent = "";
    const chips = rows.map((row) => {
      const line = QD.element("tr"), chip = QD.element("output", "chip-state", "not sent");
      line.append(QD.element("td", "", row.id), QD.element("td", "", row.symbol), QD.element("td", row.side === 1 ? "buy" : "sell", QD.format("side", row.side)),
        QD.element("td", "", QD.format("state", row.state)), QD.element("td", "num", QD.format("int", row.leaves)), QD.element("td", "num", QD.format("int", row.children)));
      const last = QD.element("td");
      last.append(chip);
      line.append(last);
      body.append(line);
      return chip;
    });
    QD.write(go, `${verb} ${rows.length} orders, ${children} children` + (kind === "kill" ? " (press 1.5 s)" : ""));
    go.className = kind === "kill" ? "kill" : "primary";
    go.disabled = rows.length === 0;
    const run = () => {
      go.disabled = true;
      QD.write(close, "Close");
      rows.forEach((row, i) => {
        const answer = kind === "kill" ? QD.sendKill({ scope: "parent", target: row.id, reason: "" }, chips[i])
          : QD.send({ id: QD.newId(), verb: "HoldParent", target: row.id, reason: "", expected_version: null, args: { children: "cancel" } }, chips[i]);
        answer.then(() => follow(row.id, chips[i], kind));
      });
    };
    let off = () => {};
    if (kind === "kill") off = QD.longPress(go, 1500, run);
    else { go.addEventListener("click", run); off = () => go.removeEventListener("click", run); }
    QD.write(close, "Close, send nothing");
    const done = () => { off(); dialog.close(); };
    close.addEventListener("click", done, { once: true });
    dialog.addEventListener("cancel", off, { once: true });
    dialog.showModal();
    close.focus();
  }
  /* the receipt of each: from the engine's rows, never assumed */
  function follow(id, chip, kind) {
    const look = () => {
      if (!chip.isConnected || chip.dataset.state === "REFUSED" || chip.dataset.state === "UNKNOWN") return;
      const row = QD.rows("parents").get(id);
      const kill = row && row.kill && QD.rows("kills").get(row.kill);
      if (kind === "kill" && kill) {
        chip.dataset.state = kill.state === "CONFIRMED" ? "DONE" : "ACK";
        chip.textContent = `${kill.state}: ${kill.acked} cancelled, ${kill.filled_in_flight} too late (filled), ${kill.unconfirmed} unconfirmed`
          + (kill.confirmed_ms !== null ? `, ${QD.format("after", kill.confirmed_ms)}` : "");
        if (kill.state === "CONFIRMED") return;
      } else if (kind === "hold" && row && row.state !== "WORKING") {
        chip.dataset.state = row.state === "HELD" ? "DONE" : "ACK";
        chip.textContent = `${row.state}, ${row.children} children still live`;
        if (row.state === "HELD") return;
      }
      setTimeout(look, 100);
    };
    look();
  }

  /* --- export: the rows and columns shown, in the order shown ------------------------------ */
  function csv() {
    const columns = grid.getAllDisplayedColumns().filter((c) => c.getColDef().field);
    const at = QD.cell("desk", "desk", "market_at"), day = QD.cell("desk", "desk", "day") || "";
    const stamp = QD.clock(at, false).replaceAll(":", "");
    const marked = document.querySelector(".watermark").dataset.text.replace(/[^A-Z]+/g, "-");
    const source = QD.cell("desk", "desk", "source") || "";
    grid.exportDataAsCsv({
      columnKeys: columns, fileName: ["blotter", marked, day, stamp].filter(Boolean).join("-") + ".csv",
      appendContent: source.startsWith("REPLAY") ? `\r\n"${source.replaceAll('"', "'")}"` : "",
      processCellCallback: (params) => plain(params.formatValue(params.value)),
    });
  }
  /* the digits as shown; a minus and thousands that a spreadsheet can read, and no formula */
  const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;
  function plain(text) {
    const shownText = String(text === null || text === undefined ? "-" : text).replaceAll("\u2212", "-");
    if (/^[-+]?[\d,]+(\.\d+)?%?$/.test(shownText)) return shownText.replaceAll(",", "");
    return shownText !== "-" && FORMULA.test(shownText) ? "'" + shownText : shownText;
  }
})();
