/* System: the mode of the desk, books that differ, holds by scope, the degraded table, kill latencies. */
(function () {
  "use strict";
  const POLL_MS = 2000, SLOW_MS = 10000, SVG = "http://www.w3.org/2000/svg";
  const MODES = ["NORMAL", "REDUCING", "HALTED"];
  const MEANS = {
    REDUCING: "Nothing that raises risk: no new parents, no resumption, orders at work rest and never cross.",
    HALTED: "Nothing new leaves, and every order at a venue is taken back.",
  };
  const SERIES = [["blocked_ms", "blocked", "s-0"], ["cancel_sent_ms", "cancels sent", "s-1"], ["confirmed_ms", "confirmed", "s-2"]];

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { words, person, metaOf, labelled, command, keepCards, every } = window.QDReview;

    /* --- the mode ------------------------------------------------------------------------------------ */
    QD.renderer("system-mode", (host, rows) => {
      const row = rows.get("desk");
      if (!row || !row.trading) return;
      const meta = metaOf(host);
      const key = JSON.stringify([row.trading, row.trading_why, row.trading_set, row.trading_asked, row.trading_asked_by]);
      if (host.dataset.drawn === key) return;
      host.dataset.drawn = key;
      host.textContent = "";
      host.dataset.state = row.trading === "NORMAL" ? "open" : "closed";
      host.append(make("strong", "", `${row.trading === "NORMAL" ? "\u25cf" : "\u25a0"} Mode ${row.trading}`));
      host.append(make("span", row.trading === "NORMAL" ? "dim" : "", row.trading === "NORMAL" ? "everything that limits allow" : (row.trading_why || "no reason given").replace(/^[\w-]+(?=: )/, person)));
      const acts = labelled("span", "command-slot push"), at = MODES.indexOf(row.trading_set);
      const why = "needs the permission mode.set";
      for (const mode of MODES.slice(at + 1)) {
        acts.append(command(mode === "HALTED" ? "Halt the desk" : "Reduce only", "SetMode", mode,
          { confirm: `${mode}: ${MEANS[mode]} At once, for every desk. Back it takes two people.`, reason: "ask" }, meta.mode, why));
      }
      for (const mode of MODES.slice(0, at)) {
        const asked = row.trading_asked === mode, own = asked && row.trading_asked_by === meta.me;
        acts.append(command(asked ? `Grant ${mode}, asked by ${person(row.trading_asked_by)}` : `Ask for ${mode}`, "RelaxMode", mode,
          { reason: "must", confirm: asked ? `The desk is ${mode} again at once.` : `A second person must grant it. Until then the desk stays ${row.trading_set}.` },
          meta.mode && !own, own ? "another person must grant it" : why));
      }
      acts.append(make("output", "chip-state"));
      host.append(acts);
    });

    /* --- books of single symbols --------------------------------------------------------------------- */
    QD.renderer("system-books", (host, rows) => {
      keepCards(host, rows, (card, key, row, meta) => {
        card.node.dataset.state = "CANCEL_SENT";
        card.body.append(labelled("header", "card-head", make("strong", "cost", `Books of ${key || "an unknown symbol"} differ`),
          make("span", "dim", `${row.places} places; nothing new is sent in it, cancels pass`)));
        for (const sentence of row.sentences) card.body.append(make("p", "", sentence));
        const own = row.asked_by && row.asked_by === meta.me;
        card.acts.append(command(row.asked_by ? `Accept too, after ${person(row.asked_by)}` : row.grows ? "Accept (two people)" : "Accept this difference",
          "AcceptReconciliation", row.digest, { args: JSON.stringify({ symbol: key }), reason: "must",
            confirm: row.grows ? "The venue has more of ours than we know of: two people must accept exactly this difference." : "Accepts exactly this difference; orders may leave in it again." },
          meta.accept && !own, own ? "another person must accept it too" : "needs the permission reconciliation.accept"));
      }, () => true);
      host.hidden = rows.size === 0;
    });

    /* --- holds by scope ------------------------------------------------------------------------------ */
    QD.renderer("system-holds", (host, rows) => {
      keepCards(host, rows, (card, key, row, meta) => {
        card.node.dataset.state = row.state;
        const scope = row.scope === "all" ? "ALL" : `${row.scope} ${row.target}`;
        card.body.append(labelled("header", "card-head", make("strong", "", key), make("strong", "", scope),
          make("span", "dim", `by ${person(row.by)}, children ${row.children === "leave" ? "left" : "cancelled"}`)));
        const text = [`${row.parents.length} ${row.parents.length === 1 ? "parent" : "parents"} held${row.parents.length ? ": " + row.parents.slice(0, 12).join(" ") : ""}`];
        if (row.live) text.push(`${row.live} children ${row.children === "leave" ? "still working" : "not terminal yet"}`);
        const line = make("p", "num left", text.join(", "));
        if (row.left_s !== null) {
          const left = make("span", "num");
          left.dataset.leftOf = key;
          line.append(", ends in ", left, " of market time");
        }
        if (row.ends) line.append(`, ends on ${row.ends}`);
        card.body.append(line, make("p", "dim", row.reason ? "Reason: " + row.reason : "No reason given"));
        card.acts.append(command(`End ${key}`, "ReleaseHold", key, { reason: "ask",
          confirm: `Parents of ${scope} go on with the catch-up of their ticket; the missed quantity is never sent in one child.` },
          meta.releaseHold, "needs the permission hold.release"));
      }, () => true, ["left_s"]);
      for (const node of host.querySelectorAll("[data-left-of]")) {
        write(node, QD.format("age", ((rows.get(node.dataset.leftOf) || {}).left_s || 0) * 1000));
      }
      write(host.qdNone, "No scope is held. Single orders are held on their own page.");
    });

    /* --- polled ------------------------------------------------------------------------------------------ */
    const heard = {};
    const stamp = (name, problem) => { heard[name] = { at: problem === undefined ? performance.now() : (heard[name] || {}).at || 0, problem }; };
    setInterval(() => {
      for (const name of ["degraded", "latency"]) {
        const node = document.querySelector(`[data-polled-age="${name}"]`), seen = heard[name];
        if (!node || !seen) continue;
        const old = seen.at ? performance.now() - seen.at : Infinity, period = name === "latency" ? SLOW_MS : POLL_MS;
        write(node, (seen.problem ? seen.problem + ", " : "") + (seen.at ? QD.format("age", old) : "never"));
        node.closest(".panel").dataset.stale = old > period * 3 ? "veil" : old > period * 2 ? "amber" : "";
      }
    }, 500);

    const TONE = { ok: "state-ok", degraded: "state-warn", down: "state-bad" };
    const SIGN = { ok: "\u25cf ok", degraded: "\u25b2 degraded", down: "\u25a0 DOWN" };
    function drawDegraded(found) {
      stamp("degraded");
      const host = document.getElementById("degraded-body");
      if (!host) return;
      const table = make("table", "table"), body = make("tbody"), head = make("tr");
      for (const [title, form] of [["Part", ""], ["State", ""], ["For", "num"], ["Now", ""], ["When down: new orders", "wide"], ["Cancels", "wide"], ["Kill by", "wide"]]) head.append(make("th", form, title));
      const rank = { down: 0, degraded: 1, ok: 2 };
      for (const row of [...found.items].sort((a, b) => rank[a.state] - rank[b.state])) {
        const line = make("tr"), since = make("span", "num"), fine = row.state === "ok";
        const works = `new orders: ${row.new_orders}; cancels: ${row.cancels}; kill by: ${row.kill_by}`;
        since.dataset.since = String(row.since);
        line.dataset.key = row.part;
        line.title = `${row.words}. When down: ${works}. ${row.note}`;
        const now = make("td", fine ? "dim clip" : "wrap", row.words);
        if (!fine) now.append(make("small", "dim works", works));
        line.append(make("td", "", row.part), make("td", TONE[row.state], SIGN[row.state]), labelled("td", "num", since), now);
        for (const text of [row.new_orders, row.cancels, row.kill_by]) line.append(make("td", "dim clip wide", text));
        body.append(line);
      }
      table.append(labelled("thead", "", head), body);
      host.replaceChildren(table);
      window.QDReview.tick();
    }

    function node(name, attributes, parent, text) {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
      if (text !== undefined) made.textContent = text;
      if (parent) parent.append(made);
      return made;
    }
    function drawLatency(found) {
      stamp("latency");
      const host = document.getElementById("latency-body");
      if (!host) return;
      const rows = found.items.filter((row) => typeof row.blocked_ms === "number").slice(-80);
      if (!rows.length) { host.replaceChildren(make("p", "dim", "No kill has its receipts yet; the self-test gives the first.")); return; }
      const width = Math.max(320, host.clientWidth - 4), height = 140, left = 58, right = 8, top = 24, low = 22;
      const all = rows.flatMap((row) => SERIES.map(([name]) => row[name]).filter((ms) => typeof ms === "number"));
      const least = Math.floor(Math.log10(Math.max(0.1, Math.min(...all)))), most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...all, 1))));
      const X = (i) => left + (i + 0.5) * (width - left - right) / rows.length;
      const Y = (ms) => top + (height - top - low) * (1 - (Math.log10(Math.max(ms, 10 ** least)) - least) / (most - least));
      const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "chart latency", role: "img", "aria-label": "milliseconds from the request of each kill" });
      for (let power = least; power <= most; power++) {
        const y = Y(10 ** power);
        node("line", { x1: left, x2: width - right, y1: y, y2: y, class: "gridline" }, svg);
        node("text", { x: left - 6, y: y + 4, class: "tick", "text-anchor": "end" }, svg, QD.format("after", 10 ** power).replace("+", ""));
      }
      rows.forEach((row, i) => {
        const mark = node("g", {}, svg);
        const known = SERIES.filter(([name]) => typeof row[name] === "number");
        if (known.length > 1) node("line", { x1: X(i), x2: X(i), y1: Y(row[known[0][0]]), y2: Y(row[known[known.length - 1][0]]), class: "gridline" }, mark);
        for (const [name, , tone] of known) node("circle", { cx: X(i), cy: Y(row[name]), r: row.scope === "drill" ? 2.2 : 3.6, class: "dot " + tone }, mark);
        const scope = row.scope === "drill" ? "self-test" : row.scope === "all" ? "ALL" : `${row.scope} ${row.target}`;
        node("title", {}, mark, `${row.id} ${scope}, door ${row.door}, ${QD.clock(row.requested_at, true)}: ` + known.map(([name, label]) => `${label} ${QD.format("after", row[name])}`).join(", ") + `, ${row.children} children`);
      });
      SERIES.forEach(([, label, tone], i) => {
        node("circle", { cx: left + 8 + i * 96, cy: 7, r: 3.6, class: "dot " + tone }, svg);
        node("text", { x: left + 16 + i * 96, y: 11, class: "tick" }, svg, label);
      });
      node("text", { x: left, y: height - 6, class: "tick" }, svg, QD.clock(rows[0].requested_at, false));
      node("text", { x: width - right, y: height - 6, class: "tick", "text-anchor": "end" }, svg, QD.clock(rows[rows.length - 1].requested_at, false));
      const tests = rows.filter((row) => row.scope === "drill"), last = tests[tests.length - 1];
      const line = make("p", "dim", last ? `Last self-test ${QD.clock(last.requested_at, false)}: ${typeof last.confirmed_ms === "number" ? "confirmed " + QD.format("after", last.confirmed_ms) : "NOT confirmed"}. ` : "Not tested yet. ");
      line.append(`${rows.length} kills and tests, small dots are tests.`);
      host.replaceChildren(svg, line);
    }
    every(POLL_MS, () => "/api/v1/degraded", "#degraded-body", drawDegraded, (why) => stamp("degraded", why));
    every(SLOW_MS, () => "/api/v1/kill-latency", "#latency-body", drawLatency, (why) => stamp("latency", why));

    /* --- the self-test goes the road of every kill: POST to its door ------------------------------------------ */
    document.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-kill-test]");
      if (!button || button.disabled) return;
      const chip = button.parentNode.querySelector(".chip-state");
      button.disabled = true;
      write(chip, "asking");
      try {
        const answer = await fetch("/api/v1/kill", { method: "POST", cache: "no-store",
          headers: { "content-type": "application/json", "X-QD-CSRF": document.body.dataset.csrf },
          body: JSON.stringify({ scope: "drill", target: "self-test" }) });
        const body = await answer.json();
        write(chip, answer.ok ? `REQUESTED, generation ${body.generation}` : body.detail || "refused");
      } catch (failure) { write(chip, String(failure.message || failure)); }
      setTimeout(() => { button.disabled = false; }, 2000);
    });
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
