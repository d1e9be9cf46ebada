/* One order: header, tiles, charts, ladder, children, why, logs, amend. Live rows come from the
 * stream; an order of the past is drawn from the record of the read tables by the same code.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const CHILD_ENDED = new Set(["FILLED", "CANCELLED", "REJECTED", "EXPIRED", "SEND_REFUSED"]);
  const SERIES_MS = 4000, RECORD_MS = 8000, DRAW_MS = 400, SHOWN = 300, MARK_PX = 9;
  const MODEL = {
    live: "The model decides the tilt.",
    unsure: "The model is unsure (its score is inside the confidence floor): it runs its base schedule.",
    doubtful: "The model is doubtful (features outside the training range): it runs its base schedule.",
    expired: "The model has expired: it runs its base schedule.",
    none: "There is no approved model: it runs its base schedule.",
    off: "It was taken off its model: it runs its base schedule until somebody says otherwise.",
  };
  const POLICY = {
    live: "The policy decides how it leaves its base schedule.",
    doubtful: "The market is outside of what the policy has seen: it runs its base schedule.",
    expired: "The policy has expired: it runs its base schedule.",
    none: "No policy is in force: it runs its base schedule.",
  };
  let meta = null, record = null, series = null, tail = null, explained = null, chosen = "", problem = "";
  let timers = [], lastVersion = "", pending = { children: true, charts: true };
  const $ = (id) => document.getElementById(id);
  const { make, defined, f, LIVE } = window.QDPieces;
  const bp = (v) => defined(v) ? f("bps", v) + " bp" : "-";
  const text = (node, value) => { if (node) QD.write(node, value); };

  window.QDPieces.ready(() => {
    QD.renderer("order", (node) => {
      if (!node.qdOpen) { node.qdOpen = true; open(JSON.parse(node.dataset.meta)); }
      draw();
    });
    QD.renderer("order-children", () => { pending.children = true; });
    QD.renderer("order-quotes", () => { note(); ladder(); });
    QD.renderer("order-venues", () => { touch(); });
    QD.renderer("order-uses", () => { uses(); });
    QD.renderer("order-strategies", () => standing());
    document.addEventListener("qd-zone", () => {
      if (!meta || !$("order-children")) return;
      pending.children = pending.charts = true;
      explained = null;
      people();
      kills();
      draw();
    });
  });

  const row = () => {
    const live = meta && QD.rows("parents").get(meta.id);
    return live && live.state ? live : record && record.parent;
  };
  const isLive = () => { const r = row(); return Boolean(r) && LIVE.has(r.state); };
  const tick = () => (QD.rows("quotes").get((row() || {}).symbol) || {}).tick_size || 0.01;
  const d = () => window.QDPieces.decimalsOf(tick());
  const marketAt = () => QD.cell("desk", "desk", "market_at") || 0;

  function open(found) {
    meta = found;
    record = series = explained = null;
    tail = { at: [], target: [], filled: [], midAt: [], mid: [] };
    chosen = problem = "";
    for (const timer of timers) clearInterval(timer);
    timers = [
      setInterval(() => { if (!document.hidden && (isLive() || !series)) load("series"); }, SERIES_MS),
      setInterval(() => { if (!document.hidden && (isLive() || !record)) load("orders"); }, RECORD_MS),
      setInterval(slow, DRAW_MS),
    ];
    load("series");
    load("orders");
    $("order-acts").addEventListener("click", (event) => {
      const button = event.target.closest("[data-open]");
      if (button && !button.disabled) (button.dataset.open === "amend" ? amend : move)(button);
    });
    $("order-children").addEventListener("click", (event) => {
      const line = event.target.closest("tr[data-child]");
      if (line) { chosen = chosen === line.dataset.child ? "" : line.dataset.child; explained = null; pending.children = true; explain(); }
    });
    /* what somebody writes about stays in front of them, however many decisions follow */
    $("why-comment").addEventListener("click", (event) => {
      const button = event.target.closest("button[data-child]");
      if (button) { chosen = button.dataset.child; pending.children = true; }
    });
    document.querySelector("[data-work]").parentNode.addEventListener("click", (event) => {
      const button = event.target.closest("[data-work]");
      if (!button) return;
      for (const other of button.parentNode.querySelectorAll("[data-work]")) {
        other.setAttribute("aria-selected", String(other === button));
        $("work-" + other.dataset.work).hidden = other !== button;
      }
    });
    document.querySelector("[data-log]").parentNode.addEventListener("click", (event) => {
      const button = event.target.closest("[data-log]");
      if (!button) return;
      for (const other of button.parentNode.children) {
        other.setAttribute("aria-selected", String(other === button));
        $("log-" + other.dataset.log).hidden = other !== button;
      }
      history.replaceState(history.state, "", location.pathname + "?tab=" + button.dataset.log);
    });
  }
  const busy = new Set();
  async function load(what) {
    if (busy.has(what)) return;
    busy.add(what);
    try {
      const most = what === "series" ? "?most=900" : "";
      const answer = await fetch(`/api/v1/${what}/${meta.id}${most}`, { cache: "no-store" });
      const body = await answer.json();
      if (!answer.ok) { if (!row()) problem = body.detail || "error " + answer.status; draw(); return; }
      problem = "";
      if (what === "series") { series = body; trim(); pending.charts = true; } else { record = body; pending.children = true; people(); kills(); draw(); }
    } catch (failure) {
      if (!row()) problem = "no connection";
    } finally { busy.delete(what); }
  }

  const wants = (r) => {
    const words = meta.objectives[r.objective];
    return words ? "wants " + words + (r.objective === "urgency" ? ` ${f("price", r.risk_aversion, 2)}` : "") : "";
  };
  /* the other orders of the same remainder, and the way to one more */
  function links(r) {
    const host = $("order-links"), way = $("order-reenter"), after = r.reentered || [];
    const key = [r.reenters, ...after].join();
    if (host.dataset.key !== key) {
      host.dataset.key = key;
      host.textContent = "";
      const add = (word, ids) => {
        if (!ids.length) return;
        host.append(host.childNodes.length ? ", " + word : word);
        for (const id of ids) {
          const link = make("a", "", id);
          link.href = "/orders/" + id;
          host.append(" ", link);
        }
      };
      add("re-enters", r.reenters ? [r.reenters] : []);
      add("re-entered as", after);
    }
    way.hidden = !way.dataset.may || isLive() || !(r.room > 0) || QD.cell("desk", "desk", "session") === "CLOSED";
    const asked = new URLSearchParams({ symbol: r.symbol, side: r.side, quantity: r.room || "", strategy: r.strategy, client: r.client || "", reenters: r.id });
    way.href = "/ticket?" + asked;
    text(way, `Re-enter the remainder (${f("int", r.room || 0)})`);
  }
  /* --- header and tiles -------------------------------------------------------------------- */
  function draw() {
    const r = row();
    if (!meta || !$("order-what")) return;
    if (!r) {
      const settled = problem && QD.rows("desk").size;
      text($("order-what"), settled ? problem : "loading");
      const none = settled && problem.includes("no such order");
      text($("order-terms"), none ? "The blotter has the orders of today, TCA those of reported days, the audit every entry." : "");
      $("order-what").closest(".order-page").classList.toggle("missing", Boolean(none));
      $("order-acts").hidden = true;
      return;
    }
    $("order-what").closest(".order-page").classList.remove("missing");
    $("order-acts").hidden = !isLive();
    const what = $("order-what");
    what.className = r.side === 1 ? "buy" : "sell";
    text(what, `${f("side", r.side)} ${f("int", r.quantity)} ${r.symbol}`);
    const state = $("order-state");
    text(state, f("state", r.state));
    state.className = "order-state state-" + r.state.toLowerCase().replace(/_/g, "-");
    text($("order-terms"), [r.strategy, r.limit === null ? "no limit" : "limit " + f("price", r.limit, d()),
      `cap ${f("percent", r.cap, 0)}`, `${QD.clock(r.accepted_at, false).slice(0, 5)} \u2026 ${QD.clock(r.end_at, false).slice(0, 5)}`,
      QD.format("person", r.trader), r.client, wants(r), (r.excluded || []).length ? "not " + r.excluded.join(", ") : "", r.hold && "held: " + r.hold, r.kill && "killed by " + r.kill,
      r.canary && isLive() ? `canary ${r.canary} decides` : "",
      r.model_off && isLive() ? "base schedule, no model: " + r.model_off : "",
      isLive() && r.on_disconnect ? `after a restart ${r.on_restart}, exchange lost ${r.on_disconnect}${r.on_model_loss && r.model !== "-" ? `, model lost ${r.on_model_loss}` : ""}` : "", `version ${r.version}`, r.origin === "DEMO" ? "past demo day " + r.day : ""].filter(Boolean).join("  \u00b7  "));
    window.QDPieces.aim($("order-acts"), r);
    links(r);
    const costs = $("order-costs"), day = r.day || QD.cell("desk", "desk", "day");
    costs.hidden = isLive();
    costs.href = `/tca/${day}/${r.id}`;
    if (!QD.rows("parents").has(meta.id)) stored();
    const values = {
      filled: [`${f("int", r.filled)} / ${f("int", r.quantity)}`, `${f("int", r.leaves)} left, ${f("int", r.live)} at venue`],
      slip: [bp(r.slippage_bps), `${f("price", r.average, d() + 2)} vs ${f("price", r.arrival, d() + 1)}`],
      vwap: [bp(r.vwap_bps), defined(r.passive) ? f("percent", r.passive, 0) + " passive" : ""],
      left: left(r),
      pov: [`${f("percent", r.participation)} (${f("percent", r.cap, 0)})`, r.binding || ""],
      ahead: [defined(r.behind) ? f("signed", r.behind * 100, 1) + "%" : "-", defined(r.target) ? `target ${f("int", r.target)}` : ""],
      model: [r.model === "-" ? "no model" : defined(r.score) ? f("price", r.score, 3) : "-", r.model === "-" ? "by design" : r.model_off ? "off: " + r.model_off : "model " + r.model],
      age: [r.decided_at && isLive() ? f("age", Math.max(0, marketAt() - r.decided_at) / 1e6) : "-", r.decided_at ? "at " + QD.clock(r.decided_at, false) : ""],
    };
    for (const [name, [value, under]] of Object.entries(values)) {
      text(document.querySelector(`[data-tile="${name}"]`), value);
      text(document.querySelector(`[data-note="${name}"]`), under);
    }
    for (const name of ["slip", "vwap"]) {
      const v = name === "slip" ? r.slippage_bps : r.vwap_bps;
      document.querySelector(`[data-tile="${name}"]`).className = "tile-value " + (v > 0.005 ? "cost" : v < -0.005 ? "gain" : "");
    }
    text($("why-now"), (r.hold && isLive() ? "held: " + r.hold : r.why || "-") + (r.binding && r.state === "WORKING" ? ` (${r.binding})` : ""));
    standing();
    note();
    ladder();
    const version = [r.version, r.state, r.kill].join();
    if (version !== lastVersion) { lastVersion = version; setTimeout(() => load("orders"), 600); setTimeout(() => load("orders"), 2500); }
  }
  /* nothing of it is live: the panels say where their numbers are from instead of an age */
  function stored() {
    for (const age of document.querySelectorAll(".order-page .panel-age[data-age-of]")) {
      age.removeAttribute("data-age-of");
      text(age, "record of " + record.day);
      age.title = record.as_of ? `read tables as of entry ${f("int", record.as_of.seq)}` : "";
    }
  }
  function left(r) {
    const q = QD.rows("quotes").get(r.symbol);
    if (!isLive() || !q || !defined(q.spread_bps)) return ["-", ""];
    return [bp(q.spread_bps / 2), `${f("money", r.leaves * q.mid)} ${q.currency} left to do`];
  }
  function standing() {
    const r = row();
    if (!r || !$("why-model")) return;
    const s = QD.rows("strategies").get(r.strategy), uses = meta.strategies[r.strategy] && meta.strategies[r.strategy].model;
    if (!QD.rows("parents").has(meta.id)) { text($("why-model"), (meta.strategies[r.strategy] || {}).words || ""); text($("why-record"), ""); return; }
    const learnt = s && (s.model ? s.model.startsWith("rl-") : r.strategy === "RL");
    text($("why-model"), uses ? `${learnt && POLICY[r.model] || MODEL[r.model] || ""}${s && s.model ? ` ${learnt ? "Policy" : "Model"} ${s.model}.` : ""}` : meta.strategies[r.strategy] ? `${r.strategy} uses no model. ${meta.strategies[r.strategy].words}` : "");
    if (!s || !uses) { text($("why-record"), ""); return; }
    if (learnt) { text($("why-record"), !s.model ? "" : `A policy has no running record: what it chooses has no label of its own. ${s.model_card || ""}`); return; }
    text($("why-record"), s.n ? `Today: accuracy ${f("percent", s.accuracy)} against a base rate of ${f("percent", s.base_rate)}, AUC ${f("price", s.auc, 3)}`
      + `${defined(s.trained_auc) ? ` (trained ${f("price", s.trained_auc, 3)})` : ""}, n = ${f("int", s.n)}. ${s.model_card || ""}`
      : `No label has come due yet, n = 0. ${s.model_card || ""}`);
  }
  function ladder() {
    const r = row(), host = $("order-ladder");
    if (!r || !host) return;
    if (!isLive()) {
      if (host.dataset.symbol !== "") { host.textContent = ""; host.dataset.symbol = ""; host.append(make("p", "dim", "The order has ended; its market is in the charts.")); }
      return;
    }
    const quote = QD.rows("quotes").get(r.symbol), places = quote && quote.venues ? quote.venues.length : 0;
    const levels = Math.max(2, Math.min(10, Math.floor((host.parentNode.clientHeight - 48 - 15 * places) / 36)));
    window.QDPieces.ladder(host, quote, levels);
    touch();
  }
  function touch() {
    const r = row(), host = $("order-touches");
    if (!r || !host) return;
    host.hidden = !isLive();
    if (isLive()) window.QDPieces.touches(host, QD.rows("quotes").get(r.symbol));
  }

  /* --- charts: the series as stored, and behind it what the stream said since --------------- */
  function note() {
    const r = row(), at = marketAt();
    if (!r || !tail || !isLive() || !at) return;
    if (defined(r.target) && at > (tail.at.at(-1) || 0)) { tail.at.push(at); tail.target.push(r.target); tail.filled.push(r.filled); pending.charts = true; }
    const q = QD.rows("quotes").get(r.symbol);
    if (q && defined(q.mid) && q.at > (tail.midAt.at(-1) || 0)) { tail.midAt.push(q.at); tail.mid.push(q.mid); pending.charts = true; }
    for (const list of Object.values(tail)) if (list.length > 600) list.splice(0, list.length - 600);
  }
  function trim() {
    const points = series.points.at_ns, prices = series.prices ? series.prices.at_ns : [];
    const cut = (list, names, last) => {
      let n = 0;
      while (n < list.length && list[n] <= last) n += 1;
      for (const name of names) tail[name].splice(0, n);
    };
    cut([...tail.at], ["at", "target", "filled"], points.at(-1) || 0);
    cut([...tail.midAt], ["midAt", "mid"], prices.at(-1) || 0);
  }
  function charts() {
    const r = row();
    if (!r || !$("chart-schedule")) return;
    const s = series || { points: { at_ns: [], target: [], band_low: [], band_high: [], filled: [] }, prices: null, fills: [] };
    const now = isLive() ? Math.max(marketAt(), r.accepted_at) : r.ended_at || r.end_at;
    const span = Math.max(60e9, now - r.accepted_at), from = r.accepted_at, to = from + span * (isLive() ? 1.03 : 1.01);
    const p = s.points, last = p.at_ns.length - 1;
    const under = last >= 0 ? p.target[last] - p.band_low[last] : 0, over = last >= 0 ? p.band_high[last] - p.target[last] : 0;
    // the schedule is the target without the model's tilt, which jumps with every score
    const tilt = p.tilt || [], untilted = (rows) => rows.map((v, i) => v - (tilt[i] || 0)), isTilted = tilt.some((v) => v !== 0);
    const x = p.at_ns.concat(tail.at), target = untilted(p.target).concat(tail.target);
    const low = untilted(p.band_low).concat(tail.target.map((v) => v - under)), high = untilted(p.band_high).concat(tail.target.map((v) => v + over));
    let sum = 0;
    const fills = (s.fills || []).map(([at, price, shares, liquidity, _child, _mid, fate]) => { sum += shares; return { at, price, shares, liquidity, fate: fate || "", sum }; });
    const room = Math.max(20, Math.floor($("chart-schedule").clientWidth / MARK_PX));
    const step = Math.max(1, Math.ceil(fills.length / room));
    const shape = r.side === 1 ? "up" : "down", tone = r.side === 1 ? "buy" : "sell";
    const few = fills.filter((m, i) => m.fate || i % step === 0); // what was taken back is never left out
    const marks = (liquidity, y) => few.filter((m) => !m.fate && m.liquidity === liquidity).map((m) => ({ x: m.at, y: y(m) }));
    const fates = (y) => ["busted", "corrected"].filter((fate) => few.some((m) => m.fate === fate)).map((fate) => (
      { kind: "marks", name: fate, points: few.filter((m) => m.fate === fate).map((m) => ({ x: m.at, y: y(m) })), tone: fate === "busted" ? "bad" : "warn", shape, hollow: fate === "busted" }));
    const some = step > 1 ? ` (1 of ${step})` : "";
    window.QDPieces.chart($("chart-schedule"), {
      unit: "shares", decimals: 0, from, to, now, zero: true, tick: (v) => f("int", v), tip: (v) => f("int", v), empty: "no decision has been stored yet",
      series: [
        { kind: "band", name: "band", x, y: low.map((v) => Math.max(0, v)), y2: high, tone: "dim" },
        ...(isTilted ? [{ kind: "line", name: "target with tilt", x: p.at_ns, y: p.target, tone: "dim" }] : []),
        { kind: "line", name: isTilted ? "schedule" : "target", x, y: target, tone: "warn", dash: true },
        { kind: "line", name: "done", x, y: p.filled.concat(tail.filled), tone: "text", stair: true },
        { kind: "marks", name: "passive" + some, points: marks("passive", (m) => m.sum), tone, shape, hollow: true },
        { kind: "marks", name: "aggressive", points: marks("aggressive", (m) => m.sum), tone, shape },
        ...fates((m) => m.sum),
      ],
    });
    const prices = s.prices || { at_ns: [], mid: [], vwap: [] };
    const px = prices.at_ns.concat(tail.midAt), mid = prices.mid.concat(tail.mid);
    const seen = mid.filter(defined), lowest = Math.min(...seen), highest = Math.max(...seen);
    const near = r.limit !== null && r.limit > lowest - 2 * (highest - lowest) && r.limit < highest + 2 * (highest - lowest);
    window.QDPieces.chart($("chart-price"), {
      unit: (QD.rows("quotes").get(r.symbol) || { currency: "price" }).currency, decimals: d(), from, to, now, least: tick() * 2, tip: (v) => f("price", v, d() + 1),
      empty: (series && series.refused) || "no price has been stored yet",
      series: [
        { kind: "line", name: "mid", x: px, y: mid, tone: "text" },
        { kind: "line", name: "VWAP", x: prices.at_ns, y: prices.vwap, tone: "good", dash: true },
        { kind: "line", name: "arrival", x: [from, to], y: [r.arrival, r.arrival], tone: "warn", dash: true },
        ...(r.limit === null ? [] : [{ kind: "line", name: near ? "limit" : `limit ${f("price", r.limit, d())} off scale`, x: near ? [from, to] : [], y: near ? [r.limit, r.limit] : [], tone: "bad", dash: true }]),
        { kind: "marks", name: "passive" + some, points: marks("passive", (m) => m.price), tone, shape, hollow: true },
        { kind: "marks", name: "aggressive", points: marks("aggressive", (m) => m.price), tone, shape },
        ...fates((m) => m.price),
      ],
    });
  }

  /* --- by venue: live from the stream, of an ended order from its fills and children --------- */
  function venueRows() {
    const live = [...QD.rows("uses").values()].filter((u) => meta && u.parent === meta.id);
    return live.length ? live : (record && record.venues) || [];
  }
  function uses() {
    const body = $("order-uses"), r = row();
    if (!body || !r) return;
    const rows = venueRows().sort((a, b) => b.filled - a.filled || (a.venue < b.venue ? -1 : 1));
    const all = rows.reduce((sum, u) => sum + u.filled, 0);
    while (body.children.length > Math.max(1, rows.length)) body.lastChild.remove();
    if (!rows.length) {
      if (!body.querySelector(".none")) { body.textContent = ""; const line = make("tr", "none"), cell = make("td", "", "nothing was sent to a venue yet"); cell.colSpan = 9; line.append(cell); body.append(line); }
      return;
    }
    if (body.querySelector(".none")) body.textContent = "";
    rows.forEach((u, i) => {
      let line = body.children[i];
      if (!line) { line = make("tr"); for (let k = 0; k < 9; k += 1) line.append(make("td", k ? "num" : "")); body.append(line); }
      const cells = [u.venue || "-", f("int", u.sent), f("int", u.filled), all ? f("percent", u.filled / all, 0) : "-", f("percent", u.fill_rate, 0), f("percent", u.passive, 0),
        defined(u.slippage_bps) ? f("bps", u.slippage_bps) : "-", defined(u.markout_bps) ? f("signed", u.markout_bps, 1) : "-", f("signed", u.fees, 2)];
      cells.forEach((value, k) => text(line.children[k], value));
      line.children[6].className = "num " + (u.slippage_bps > 0.005 ? "cost" : u.slippage_bps < -0.005 ? "gain" : "");
      line.title = (r.excluded || []).includes(u.venue) ? "excluded now" : "";
      line.classList.toggle("ended", (r.excluded || []).includes(u.venue));
    });
  }

  /* --- children ---------------------------------------------------------------------------- */
  function allChildren() {
    const found = new Map();
    for (const child of record ? record.children : []) found.set(child.id, child);
    for (const [key, child] of QD.rows("children")) if (meta && child.parent === meta.id) found.set(key, child);
    return [...found.values()].sort((a, b) => b.sent_at - a.sent_at || order(b.id) - order(a.id));
  }
  const order = (id) => Number(id.split("-").pop());
  const lines = new Map();
  function children() {
    const body = $("order-children"), r = row();
    if (!body || !r) return;
    const rows = allChildren(), shown = rows.slice(0, SHOWN), keep = new Set(shown.map((c) => c.id));
    const live = rows.filter((c) => !CHILD_ENDED.has(c.state)).length;
    text($("children-count"), `${f("int", rows.length)} in all, ${f("int", live)} live` + (rows.length > SHOWN ? `, newest ${SHOWN} shown` : ""));
    if (body.qdFor !== meta.id) { body.textContent = ""; lines.clear(); body.qdFor = meta.id; }
    for (const [key, line] of lines) if (!keep.has(key)) { line.remove(); lines.delete(key); }
    let before = null;
    for (const child of shown) {
      let line = lines.get(child.id);
      if (!line) {
        line = make("tr");
        line.dataset.child = child.id;
        line.title = "click: explain this decision";
        for (let i = 0; i < 13; i += 1) line.append(make("td", [1, 4, 5, 6, 7, 9].includes(i) ? "num" : ""));
        lines.set(child.id, line);
      }
      const life = child.ended_at ? (child.ended_at - child.sent_at) / 1e9 : child.sent_at ? (marketAt() - child.sent_at) / 1e9 : NaN;
      const cells = [child.id, QD.clock(child.sent_at, false), child.venue || "-", child.type, f("price", child.price, d()), f("int", child.quantity), f("int", child.filled),
        f("price", child.average, d() + 1), child.unconfirmed || f("state", child.state), f("price", Math.max(0, life), 1), child.why || "-", child.binding || "-",
        child.refusal || (child.cancel_by ? "by " + child.cancel_by : "-")];
      cells.forEach((value, i) => text(line.children[i], value));
      const state = child.unconfirmed ? (child.late === "alert" ? "cost" : "warn") : "state-" + String(child.state).toLowerCase().replace(/_/g, "-");
      if (line.children[8].className !== state) line.children[8].className = state;
      line.classList.toggle("chosen", child.id === chosen);
      line.classList.toggle("ended", CHILD_ENDED.has(child.state));
      const expected = before ? before.nextSibling : body.firstChild;
      if (expected !== line) body.insertBefore(line, expected);
      before = line;
    }
    const none = body.querySelector("tr.none");
    if (!shown.length && !none) {
      const line = make("tr", "none"), cell = make("td", "", "no child has been sent yet");
      cell.colSpan = 13;
      line.append(cell);
      body.append(line);
    } else if (shown.length && none) none.remove();
    decisions(rows);
    uses();
  }

  /* --- why now ----------------------------------------------------------------------------- */
  let explaining = false, tried = "";
  async function explain() {
    const first = allChildren()[0], wanted = chosen || (first && first.id);
    if (!wanted || explaining || tried === wanted) return;
    if (!QD.rows("children").has(wanted)) {
      const child = allChildren().find((c) => c.id === wanted);
      tried = wanted;
      explained = { child: wanted, stored: child };
      parts();
      return;
    }
    explaining = true;
    tried = wanted;
    try {
      const answer = await fetch("/api/v1/explain/" + wanted, { cache: "no-store" });
      const body = await answer.json();
      explained = answer.ok ? body : { child: wanted, problem: body.detail };
    } catch (failure) { explained = { child: wanted, problem: "no connection" }; tried = ""; }
    explaining = false;
    parts();
  }
  /* --- what people said about single decisions ---------------------------------------------- */
  const comments = () => (record ? record.commands : []).filter((c) => c.verb === "CommentDecision" && c.outcome !== "refused" && c.after && c.after.comment);
  const saidOf = (c) => `${QD.format("person", c.person)} on the decision of ${c.after.child}: ${c.after.comment}`;
  let heard = "";
  function said() {
    const host = $("why-said"), slot = $("why-comment"), r = row();
    if (!host || !slot || !r) return;
    const child = explained ? explained.child : "", button = slot.querySelector("button"), chip = slot.querySelector(".chip-state");
    const about = comments().filter((c) => c.after.child === child).reverse(), shows = (QD.zoneName() || "") + child + JSON.stringify(about);
    if (host.dataset.drawn !== shows) {
      host.dataset.drawn = shows;
      host.textContent = "";
      for (const c of about) {
        const line = make("li");
        line.append(make("span", "dim", `${QD.clock(c.desk_at, false)} ${QD.format("person", c.person)} `), c.after.comment);
        host.append(line);
      }
    }
    /* the engine keeps comments on decisions of today; earlier days have notes in their cost report */
    slot.hidden = !child || !QD.rows("parents").has(meta.id) || (Boolean(meta.commentOwn) && r.trader !== document.body.dataset.person);
    if (button.dataset.child !== child) {
      button.dataset.child = child;
      button.dataset.target = meta.id;
      button.dataset.args = JSON.stringify({ child });
      button.dataset.confirm = `Said about the decision that sent ${child}: kept with your name, in the log of the order and in the audit.`;
    }
    if (chip.dataset.state === "DONE" && heard !== chip.textContent) { heard = chip.textContent; setTimeout(() => load("orders"), 700); }
  }
  function parts() {
    said();
    const host = $("why-parts");
    if (!host || !explained) return;
    host.textContent = "";
    const e = explained;
    if (e.stored) {
      const c = e.stored, list = make("dl", "facts");
      for (const [name, value] of [["decision", `${c.id} at ${QD.clock(c.sent_at, false)}: ${c.type} ${f("int", c.quantity)} @ ${f("price", c.price, d())}`],
        ["why", c.why + (c.binding ? ` (${c.binding})` : "")], ["parameters", "version " + c.parameter_version], ["model", c.model || "none"]]) {
        list.append(make("dt", "", name), make("dd", "", value));
      }
      host.append(list);
      text($("why-proof"), `Its decision record is entry ${f("int", c.decision)} of the journal of ${c.day}.`);
      return;
    }
    if (e.problem) { text($("why-proof"), `${e.child}: ${e.problem}`); return; }
    const facts = [["decision", `${e.child} at ${QD.clock(e.at, false)}: ${e.type} ${f("int", e.size)} @ ${f("price", e.price_ticks * tick(), d())}`],
      ["why", e.why + (e.binding ? ` (${e.binding})` : "")],
      ["target, band, done", `${f("int", e.target)}, ${f("int", e.band[0])} \u2026 ${f("int", e.band[1])}, ${f("int", e.filled)}`],
      ["bid / ask then", `${f("price", e.bid_ticks * tick(), d())} / ${f("price", e.ask_ticks * tick(), d())}`]];
    if (defined(e.score)) facts.push(["score, tilt", `${f("price", e.score, 3)}, ${f("signed", e.tilt, 0)} sh`]);
    const list = make("dl", "facts");
    for (const [name, value] of facts) list.append(make("dt", "", name), make("dd", "", value));
    host.append(list);
    const used = e.contributions.filter(([, , part]) => defined(part) && part !== 0);
    if (used.length) {
      host.append(make("h3", "", "Contributions to the score [log-odds], value of the feature"));
      const most = Math.max(...used.map(([, , part]) => Math.abs(part)));
      for (const [name, value, part] of used.slice(0, 8)) {
        const line = make("div", "part"), bar = make("span", "part-bar " + (part > 0 ? "buy" : "sell"));
        bar.style.setProperty("--size", String(Math.abs(part) / most));
        line.append(make("span", "part-name", name.replaceAll("_", " ")), bar, make("span", "num", f("signed", part, 3)), make("span", "num dim", f("price", value, 3)));
        host.append(line);
      }
    }
    const knobs = make("details", "knobs");
    knobs.append(make("summary", "", `parameters of this decision (${Object.keys(e.parameters).length})`));
    knobs.append(make("p", "num", Object.entries(e.parameters).map(([k, v]) => `${k.replaceAll("_", " ")} ${Number(v.toPrecision(6))}`).join("  \u00b7  ")));
    host.append(knobs);
    text($("why-proof"), e.same ? `${e.child}: recomputed from its record, the same to the bit.` : `${e.child}: recomputing gives ANOTHER action.`);
    $("why-proof").className = e.same ? "dim" : "cost";
  }

  /* --- logs -------------------------------------------------------------------------------- */
  function log(host, entries, none) {
    const key = (QD.zoneName() || "local") + JSON.stringify(entries);
    if (!host || host.dataset.text === key) return;
    host.dataset.text = key;
    host.textContent = "";
    for (const [at, tone, words, ms] of entries) {
      const line = make("div", "log-line " + tone);
      line.append(make("time", "num dim", QD.clock(at, ms)), make("span", "", words));
      host.append(line);
    }
    if (!entries.length) host.append(make("p", "dim", none));
  }
  function decisions(rows) {
    const r = row(), entries = rows.slice(0, 120).map((c) => [c.sent_at, "", `${c.id} ${c.type} ${f("int", c.quantity)} @ ${f("price", c.price, d())}${c.venue ? " " + c.venue : ""}: ${c.why}${c.binding ? ` (${c.binding})` : ""}`, true]);
    for (const [at, why, binding, filled, target] of series ? series.turns || [] : []) {
      entries.push([at, "dim", `${why || "-"}${binding ? `, ${binding}` : ""} (done ${f("int", filled)}, target ${f("int", target)})`, false]);
    }
    for (const c of comments()) entries.push([c.market_at, "said", saidOf(c), true]);
    entries.sort((a, b) => b[0] - a[0]);
    log($("log-decisions"), entries.slice(0, 160), r && r.state === "NEEDS_APPROVAL" ? "it waits for approval" : "no decision yet");
  }
  function people() {
    const entries = (record ? record.commands : []).map((c) => {
      if (c.after && c.after.comment) return [c.market_at, "", `${saidOf(c)}, entry ${f("int", c.seq)}, desk clock ${QD.clock(c.desk_at, true)}`, true];
      const change = Object.keys(c.after || {}).map((k) => `${k.replaceAll("_", " ")} ${show(c.before && c.before[k], k)} \u2192 ${show(c.after[k], k)}`).join(", ");
      return [c.market_at, c.outcome === "refused" ? "cost" : "", `${QD.format("person", c.person)} ${c.verb} by ${c.door || "-"}: ${c.outcome}`
        + `${c.sentence ? ", " + c.sentence : ""}${change ? ", " + change : ""}${c.reason ? ", reason: " + c.reason : ""}, entry ${f("int", c.seq)}, desk clock ${QD.clock(c.desk_at, true)}`, true];
    });
    log($("log-people"), entries, "nobody has intervened");
  }
  function show(v, name) {
    if (v === null || v === undefined) return "-";
    if (typeof v === "number" && name.endsWith("_at")) return QD.clock(v, false);
    if (typeof v === "number" && name === "limit_price") return f("price", v * tick(), d());
    if (typeof v === "number") return Number.isInteger(v) ? f("int", v) : String(v);
    return typeof v === "object" ? JSON.stringify(v) : String(v).replaceAll("_", " ");
  }
  function kills() {
    const r = row(), host = $("log-kills");
    if (!r || !host) return;
    const stored = record && record.kills && record.kills[0], live = r.kill ? QD.rows("kills").get(r.kill) : null;
    const kill = live && live.scope ? live : stored;
    if (!kill) { log(host, [], "no kill has hit this order"); return; }
    const steps = [["REQUESTED", QD.clock(kill.requested_at, true)], ["BLOCKED", f("after", kill.blocked_ms)], ["CANCEL SENT", f("after", kill.cancel_sent_ms)],
      ["CONFIRMED", kill.confirmed_ms === null ? `waiting, ${kill.unconfirmed} unconfirmed` : f("after", kill.confirmed_ms)]];
    const entries = [[kill.requested_at, kill.state === "CONFIRMED" ? "gain" : "cost", `${kill.id} ${kill.scope} ${kill.target} by ${QD.format("person", kill.by)} (${kill.door}): `
      + steps.map(([name, at]) => `${name} ${at}`).join("  >  ") + `. ${kill.children} children: ${kill.acked} cancelled, ${kill.filled_in_flight} filled in flight, ${kill.unconfirmed} unconfirmed.`
      + (kill.reason ? ` Reason: ${kill.reason}` : ""), true]];
    for (const line of stored && stored.id === kill.id ? stored.receipts : []) {
      entries.push([line.market_at, line.outcome === "UNCONFIRMED" ? "cost" : "", `${line.child} ${line.outcome}, ${f("int", line.leaves)} left when blocked, ${f("int", line.filled)} filled after, ${line.after_ms === null ? "no answer yet" : f("after", line.after_ms)}`, true]);
    }
    log(host, entries, "");
  }
  function slow() {
    if (document.hidden || !meta || !$("order-children")) return;
    if (isLive()) { draw(); kills(); }
    if (pending.children) { pending.children = false; children(); }
    said();
    if (pending.charts) { pending.charts = false; charts(); }
    explain();
  }

  /* --- amend and move: fields with the order's own numbers --------------------------------- */
  const input = (spec) => { const host = make("div", "input-host"); host.dataset.input = JSON.stringify(spec); return host; };
  function fieldsOf(...specs) {
    const box = make("div", "dialog-fields");
    box.append(...specs.map(input));
    return box;
  }
  const refuse = (chip, sentence) => { chip.dataset.state = "REFUSED"; chip.textContent = "REFUSED " + sentence; };
  async function amend(button) {
    const r = row(), chip = button.parentNode.querySelector(".chip-state"), version = r.version;
    const answer = await QD.confirm({ title: `Amend ${r.id}`, tone: "primary", typed: "", hold: 0, reason: "ask", text:
      `${f("int", r.filled)} filled, ${f("int", r.live)} at the venue. Live children are taken back first. More than your size limit needs a new order.`,
    fields: fieldsOf({ name: "quantity", kind: "shares", label: "Quantity [shares]", value: r.quantity },
      { name: "limit", kind: "text", label: "Limit price, empty = none", value: r.limit === null ? "" : f("price", r.limit, d()) },
      { name: "end", kind: "text", label: "Ends at (hh:mm)", value: QD.clock(r.end_at, false).slice(0, 5) },
      ...[...QD.rows("venues").keys()].map((name) => ({ name: "venue." + name, kind: "checkbox", label: name, value: String(!(r.excluded || []).includes(name)) }))) });
    if (!answer) return;
    const args = {}, typed = answer.args, kept = typed.venue || {}, was = r.excluded || [];
    const leave = Object.keys(kept).filter((name) => !kept[name] && !was.includes(name)), back = Object.keys(kept).filter((name) => kept[name] && was.includes(name));
    if (leave.length) args.exclude = leave;
    if (back.length) args.include = back;
    if (defined(typed.quantity) && typed.quantity !== r.quantity) args.quantity = typed.quantity;
    const limit = typed.limit === undefined ? null : QD.plainNumber(String(typed.limit));
    if (typed.limit !== undefined && limit === null) { refuse(chip, `limit price must be a number, was ${typed.limit}`); return; }
    if (limit !== null && Math.abs(limit / tick() - Math.round(limit / tick())) > 1e-6) { refuse(chip, `limit price must be a multiple of ${f("price", tick(), d())}, was ${typed.limit}`); return; }
    if (limit === null && r.limit !== null) args.clear_limit = true;
    if (limit !== null && (r.limit === null || Math.abs(limit - r.limit) > tick() / 2)) args.limit_price = Math.round(limit / tick());
    const wanted = String(typed.end || ""), old = QD.clock(r.end_at, false);
    if (wanted && wanted !== old.slice(0, 5)) {
      const found = /^(\d{1,2}):(\d{2})$/.exec(wanted);
      if (!found) { refuse(chip, `end must be like 14:30, was ${wanted}`); return; }
      const seconds = (clock) => clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
      args.end_at = r.end_at + (seconds(wanted + ":00") - seconds(old)) * 1e9;
    }
    if (!Object.keys(args).length) { refuse(chip, "nothing was changed, nothing was sent"); return; }
    await QD.send({ id: QD.newId(), verb: "AmendParent", target: r.id, reason: answer.reason, expected_version: version, args }, chip);
  }
  async function move(button) {
    const r = row(), chip = button.parentNode.querySelector(".chip-state"), version = r.version, algo = meta.strategies[r.strategy];
    const values = (QD.rows("strategies").get(r.strategy) || {}).values || {}, own = record ? record.parent.overrides : {};
    const options = algo.parameters.map((p) => {
      const now = p.name in own ? own[p.name] : values[p.name];
      return [p.name, `${p.name.replaceAll("_", " ")}: now ${f("price", now, p.decimals)}${p.name in own ? " (this order)" : ""}, band ${f("price", p.low, p.decimals)} \u2026 ${f("price", p.high, p.decimals)} ${p.unit}`];
    });
    const answer = await QD.confirm({ title: `Move a parameter of ${r.id}`, tone: "primary", typed: "", hold: 0, reason: "ask",
      text: "For this order alone, inside the approved band, from its next decision on. Wider, or for all orders, needs a change request and a supervisor.",
      fields: fieldsOf({ name: "name", kind: "select", label: "Parameter", options, value: options[0][0] }, { name: "value", kind: "number", label: "New value" }) });
    if (!answer) return;
    if (!defined(answer.args.value)) { refuse(chip, "the new value must be a number"); return; }
    await QD.send({ id: QD.newId(), verb: "MoveParameter", target: r.id, reason: answer.reason, expected_version: version, args: answer.args }, chip);
  }
})();
