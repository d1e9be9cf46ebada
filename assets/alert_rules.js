/* Alert rules: each in words, with its threshold, range, owner and who set it. */
(function () {
  "use strict";
  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { person, metaOf, labelled } = window.QDReview;
    const UNITS = { bp: [" bp", 1], times: [" \u00d7 usual", 1], s: [" s", 1], order: "" };
    function amount(value, unit) {
      if (unit === "fraction") return QD.format("percent", value, 1);
      const [words, decimals] = UNITS[unit] || ["", 0];
      return QD.format("price", value, Number.isInteger(value) ? 0 : decimals) + (words || "");
    }
    const HEAD = [["Rule", ""], ["Alarms when", "wide"], ["Beyond", "num"], ["May be", "num wide-only"], ["As", ""], ["Owner", ""], ["Set", ""], ["Version", "num"], ["Review", "num wide-only"]];
    function frame(host, meta) {
      const table = make("table", "table rules"), head = make("tr"), body = make("tbody");
      for (const [title, form] of HEAD) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      host.qdLines = new Map(meta.rules.map((rule) => {
        const tr = make("tr", rule.kind === meta.key ? "chosen" : ""), name = make("th"), link = make("a", "", rule.words);
        const cells = HEAD.slice(1).map(([, form]) => make("td", form));
        name.scope = "row";
        link.href = "/alert-rules?key=" + encodeURIComponent(rule.kind);
        if (rule.kind === meta.key) link.setAttribute("aria-current", "page");
        name.append(link);
        tr.dataset.rule = rule.kind;
        cells[0].classList.add("wrap");
        tr.title = `may be ${amount(rule.low, rule.unit)} … ${amount(rule.high, rule.unit)}`;
        cells[0].textContent = rule.meaning;
        cells[2].textContent = `${amount(rule.low, rule.unit)} \u2026 ${amount(rule.high, rule.unit)}`;
        cells[3].textContent = rule.severity;
        cells[3].className = "state-" + rule.severity;
        tr.append(name, ...cells);
        body.append(tr);
        return [rule.kind, cells];
      }));
      table.append(labelled("thead", "", head), body);
      host.replaceChildren(table);
    }
    QD.renderer("rules-table", (host) => {
      const meta = metaOf(host), rows = QD.rows("limits");
      if (!host.qdLines) frame(host, meta);
      for (const rule of meta.rules) {
        const row = rows.get(rule.kind), cells = host.qdLines.get(rule.kind);
        if (!row) continue;
        write(cells[1], amount(row.value, rule.unit) + (row.window_s ? ` in ${QD.format("int", row.window_s)} s` : ""));
        cells[1].title = `Derivation: ${row.derivation || "none"}`;
        write(cells[4], row.owner ? person(row.owner) : "nobody yet");
        write(cells[5], row.version ? `${person(row.by)}${row.approved_by ? " and " + person(row.approved_by) : ", alone (stricter)"} ${QD.clock(row.since, false)}` : "as delivered");
        write(cells[6], row.version ? String(row.version) : "-");
        write(cells[7], row.overdue ? `${row.review} OVERDUE` : row.review || "-");
        cells[7].classList.toggle("warn", row.overdue);
      }
    });

    /* --- tried on the days that are past: asked again while it runs, and when the number changes --- */
    const ASK_MS = 400, TYPED_MS = 500, SHOWN = 30;
    const ticket = QD.newId().slice(0, 12);
    let asking = false, wanted = "", changedAt = 0, told = null, shownFor = "";
    const boxOf = () => document.querySelector("[data-tried]");
    function question(box) {
      const value = document.querySelector("#rule-form input[name='terms.value']"), window_ = document.querySelector("#rule-form input[name='terms.window_s']");
      if (!value) return null;
      const number = QD.plainNumber(value.value), seconds = window_ && window_.value.trim() ? QD.plainNumber(window_.value) : null;
      if (number === null || (window_ && window_.value.trim() && seconds === null)) return { box, text: "" };
      return { box, text: `/api/v1/alert-rules/${encodeURIComponent(box.dataset.tried)}?` + new URLSearchParams({ value: number, ticket, ...(seconds === null ? {} : { window_s: seconds }) }) };
    }
    async function ask() {
      const box = boxOf();
      if (!box || asking || document.hidden) return;
      const now = question(box);
      if (!now) return;
      const key = now.text + "|" + (QD.cell("limits", box.dataset.tried, "version") || 0) + "|" + (QD.zoneName() || "");
      if (key !== wanted) { wanted = key; changedAt = performance.now(); told = null; return; }
      if (!now.text) { draw(box, { state: "refused", detail: "type a number to see what it would have done" }); return; }
      if (performance.now() - changedAt < TYPED_MS || (told && !["running", "waiting"].includes(told.state))) { if (told) draw(box, told); return; }
      asking = true;
      try {
        const answer = await fetch(now.text, { cache: "no-store" }), body = await answer.json();
        told = answer.ok ? body : { state: "refused", detail: body.detail || "error " + answer.status };
      } catch (failure) { told = { state: "waiting", detail: "no connection: asked again" }; }
      asking = false;
      if (wanted === key) draw(box, told);
    }
    const often = (found) => `${QD.format("int", found.fired)} time${found.fired === 1 ? "" : "s"}`;
    function sums(body, unit) {
      const table = make("table", "table diff"), head = make("tr"), rows = make("tbody");
      for (const [title, form] of [["", ""], ["Beyond", "num"], ["Would have fired", "num"], ["On days", "num"], ["About", "num"]]) {
        const cell = make(title ? "th" : "td", form, title);
        if (title) cell.scope = "col";
        head.append(cell);
      }
      for (const [name, found] of [["In force", body.now], ["Typed", body.proposed]]) {
        const line = make("tr"), cell = make("th", "", name);
        cell.scope = "row";
        line.dataset.tried = name;
        line.append(cell, make("td", "num", amount(found.threshold, unit)), make("td", "num proposed", often(found)),
          make("td", "num", `${QD.format("int", found.on_days)} of ${QD.format("int", body.n)}`), make("td", "num", QD.format("int", found.about)));
        rows.append(line);
      }
      table.append(labelled("thead", "", head), rows);
      return table;
    }
    function times(body, unit) {
      const table = make("table", "table tried-lines"), head = make("tr"), rows = make("tbody");
      for (const [title, form] of [["Day", ""], ["At", "num"], ["About", ""], ["Was", "num"], ["With", ""]]) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      const keyOf = (row) => row.day + row.at + row.about, inForce = new Set(body.now.lines.map(keyOf)), typed = new Set(body.proposed.lines.map(keyOf));
      const every = new Map([...body.now.lines, ...body.proposed.lines].map((row) => [keyOf(row), row]));
      const lines = [...every.values()].sort((a, b) => b.at - a.at).slice(0, SHOWN);
      for (const row of lines) {
        const line = make("tr"), about = make("td"), key = keyOf(row);
        if (row.about.startsWith("P-")) {
          const link = make("a", "", row.about);
          link.href = "/orders/" + encodeURIComponent(row.about);
          about.append(link);
        } else about.textContent = row.about;
        line.append(make("td", "", row.day), make("td", "num", QD.clock(row.at, false)), about, make("td", "num", amount(row.value, unit)),
          make("td", "dim", inForce.has(key) && typed.has(key) ? "both" : inForce.has(key) ? "in force" : "typed"));
        rows.append(line);
      }
      table.append(labelled("thead", "", head), rows);
      const scroller = labelled("div", "table-host", table);
      scroller.tabIndex = 0;
      return lines.length ? scroller : make("p", "dim", "neither would have fired on these days");
    }
    function draw(box, body) {
      const shows = JSON.stringify(body) + (QD.zoneName() || "") + box.dataset.tried;
      if (shownFor === shows && box.dataset.drawn === "1") return;
      shownFor = shows;
      box.dataset.drawn = "1";
      box.dataset.state = body.state;
      if (!body.now) { box.replaceChildren(make("p", body.state === "refused" ? "warn" : "dim", body.detail || "the worker looks through the days")); return; }
      const running = body.state === "running" || body.state === "waiting", demo = body.demo ? `, ${QD.format("int", body.demo)} of them simulated by the worker` : "";
      const said = make("p", "", running ? `${QD.format("int", body.n)} of ${QD.format("int", body.of)} days so far, the newest first`
        : `${often(body.proposed)} in ${QD.format("int", body.n)} day${body.n === 1 ? "" : "s"}, on ${QD.format("int", body.proposed.on_days)} of them; in force: ${often(body.now)}.`);
      said.dataset.said = "1";
      const age = make("span", "num");
      if (body.done_at) age.dataset.since = String(body.done_at);
      const source = labelled("p", "dim", `${body.first_day} to ${body.last_day}${demo}; ${QD.format("int", body.looks)} looks at ${QD.format("int", body.things)} ${body.kind === "alert_move" || body.kind === "alert_stale" || body.kind === "alert_rejects" ? "stocks" : "orders"} of these days`
        + (running ? "" : `, ${body.seconds.toFixed(1)} s, `), age, body.done_at ? " old" : "");
      const parts = [said, sums(body, box.dataset.unit), source];
      if (!running && !body.looks) parts.push(make("p", "warn", body.kind === "alert_rejects" ? "No child was rejected on these days: nothing could fire." : "The rule had nothing to look at on these days (of a model: no decision had one): that it did not fire says nothing."));
      box.replaceChildren(...parts, times(body, box.dataset.unit));
      window.QDReview.tick();
    }
    setInterval(ask, ASK_MS);
    window.QDRules = { amount };
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
