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
    window.QDRules = { amount };
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
