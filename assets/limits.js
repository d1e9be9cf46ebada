/* Limits: the tree of levels with use and age, requests, overrides, disabled strategies. */
(function () {
  "use strict";
  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { words, person, metaOf, labelled, command, keepCards, commentsBox, drawComments, commentSlot, tick } = window.QDReview;
    const LEVELS = ["firm", "desk", "trader", "client", "instrument", "strategy"];
    const defined = (v) => typeof v === "number" && Number.isFinite(v);
    function amount(v, unit) {
      if (!defined(v)) return "-";
      if (unit === "currency") return QD.format("money", v);
      if (unit === "fraction") return QD.format("percent", v, 1);
      if (unit === "bp") return QD.format("price", v, 1) + " bp";
      if (unit === "times") return QD.format("price", v, 1) + " \u00d7 usual";
      if (unit === "s") return QD.format("price", v, 1) + " s";
      return QD.format("int", v);
    }
    const subjectOf = (level, subject) => subject === "*" ? "each" : level === "trader" ? person(subject) : subject;
    const placeOf = (row) => row.level === "firm" ? "the firm" : `${row.level} ${subjectOf(row.level, row.subject)}`;
    const valueOf = (row, value) => row.unit === "symbol" ? (row.symbols || "empty") : amount(value, row.unit);
    const withWindow = (row) => valueOf(row, row.value) + (row.window_s ? ` in ${QD.format("int", row.window_s)} s` : "");

    /* --- the tree ------------------------------------------------------------------------------- */
    const HEAD = [["Limit", ""], ["In force", "num"], ["Soft", "num"], ["Now", "num"], ["Use", ""],
      ["Highest today", "num"], ["Refused", "num"], ["Version", ""], ["Review", ""]];
    function frame(host) {
      const table = make("table", "table limit-tree"), head = make("tr");
      for (const [title, form] of HEAD) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      host.qdBody = make("tbody");
      host.qdKnown = new Map();
      table.append(labelled("thead", "", head), host.qdBody);
      host.replaceChildren(table);
    }
    function bar() {
      const track = make("span", "use-bar"), fill = make("i", "fill"), soft = make("i", "soft"), peak = make("i", "peak");
      track.append(fill, soft, peak);
      return { track, fill, soft, peak };
    }
    const width = (share) => `${Math.max(0, Math.min(1, share)) * 100}%`;
    function lineOf(key, row, chosen) {
      const tr = make("tr", key === chosen ? "chosen" : ""), cells = HEAD.map(([, form]) => make("td", form));
      const name = make("th"), link = make("a", "", words(row.words));
      name.scope = "row";
      link.href = "/limits?key=" + encodeURIComponent(key);
      link.title = `${row.meaning}\n\nDerivation: ${row.derivation || "none"}\n\nOpen it to see its versions and to change it.`;
      name.append(link);
      if (row.unit === "currency") name.append(make("small", "dim", " currency"));    /* the other units stand beside their number */
      const use = bar();
      cells[4].append(use.track);
      tr.dataset.key = key;
      tr.append(name, ...cells.slice(1));
      return { tr, cells, use };
    }
    function fillLine(line, row) {
      const { cells, use } = line;
      write(cells[1], withWindow(row));
      write(cells[2], row.soft === null ? "-" : amount(row.soft, row.unit));
      write(cells[3], row.used === null ? "-" : amount(row.used, row.unit));
      cells[3].title = row.used === null ? "measured on one order at a time" : row.used_by ? `of ${subjectOf(row.level, row.used_by)}` : "";
      const share = row.share === null ? null : row.share, high = row.peak_share;
      use.fill.style.width = width(share || 0);
      use.fill.className = "fill" + (share >= 1 ? " over" : share >= 0.8 ? " near" : "");
      use.soft.hidden = row.soft === null || !row.value;
      if (!use.soft.hidden) use.soft.style.left = width(row.soft / row.value);
      use.peak.hidden = high === null;
      if (high !== null) use.peak.style.left = width(high);
      use.track.hidden = row.unit === "symbol";
      use.track.title = `now ${share === null ? "measured on one order at a time" : QD.format("percent", share, 1)}`
        + `, highest today ${high === null ? "none" : QD.format("percent", high, 1)}`;
      write(cells[5], row.peak === null ? "-" : `${amount(row.peak, row.unit)} = ${QD.format("percent", high, 0)}`);
      cells[5].title = row.peak === null ? "" : `at ${QD.clock(row.peak_at, false)}${row.peak_by ? ", " + subjectOf(row.level, row.peak_by) : ""}`;
      write(cells[6], row.refused ? QD.format("int", row.refused) : "-");
      cells[6].classList.toggle("warn", row.refused > 0);
      write(cells[7], row.version ? `${row.version} by ${person(row.by)}${row.approved_by ? " and " + person(row.approved_by) : ""}` : "as delivered");
      cells[7].title = row.version ? `since ${QD.clock(row.since, false)}, owner ${person(row.owner)}${row.change ? `, L-${row.change}` : ", tightened by one person"}` : "nobody has taken it over yet";
      write(cells[8], row.overdue ? `${row.review} OVERDUE` : row.review || "no owner");
      cells[8].classList.toggle("warn", row.overdue || !row.review);
    }
    QD.renderer("limits-tree", (host) => {
      /* alert rules stop nothing: they have a page of their own */
      const chosen = metaOf(host).key, all = [...QD.rows("limits")].filter(([, row]) => !row.kind.startsWith("alert_"));
      if (!host.qdBody || !host.qdBody.isConnected) frame(host);
      const rank = (row) => [LEVELS.indexOf(row.level), subjectOf(row.level, row.subject)];
      const order = all.sort(([, a], [, b]) => {
        const [x, p] = rank(a), [y, q] = rank(b);
        return x - y || String(p).localeCompare(String(q)) || 0;
      });
      const shape = order.map(([key]) => key).join("|");
      if (host.dataset.shape !== shape) {
        host.dataset.shape = shape;
        host.qdBody.textContent = "";
        host.qdKnown.clear();
        let place = "";
        for (const [key, row] of order) {
          if (placeOf(row) !== place) {
            place = placeOf(row);
            const head = make("tr", "level"), cell = make("th", "", place);
            cell.colSpan = HEAD.length;
            cell.scope = "rowgroup";
            head.append(cell);
            host.qdBody.append(head);
          }
          const line = lineOf(key, row, chosen);
          host.qdKnown.set(key, line);
          host.qdBody.append(line.tr);
        }
      }
      for (const [key, row] of order) fillLine(host.qdKnown.get(key), row);
    });

    /* --- automatic kills --------------------------------------------------------------------------- */
    const armedAt = (row) => `${placeOf(row)} ${withWindow(row)}`;
    QD.renderer("limits-trips", (host) => {
      const kinds = metaOf(host).kinds, all = [...QD.rows("limits").values()];
      if (!host.qdLines) {
        const table = make("table", "table"), head = make("tr"), body = make("tbody");
        for (const title of ["Kills on", "Armed for"]) {
          const cell = make("th", "", title);
          cell.scope = "col";
          head.append(cell);
        }
        host.qdLines = new Map(kinds.map(({ kind, words: name, meaning }) => {
          const tr = make("tr"), th = make("th"), link = make("a", "", name), cell = make("td");
          th.scope = "row";
          tr.dataset.trip = kind;
          link.href = "/limits?key=" + encodeURIComponent(kind);
          link.title = meaning;
          th.append(link);
          tr.append(th, cell);
          body.append(tr);
          return [kind, cell];
        }));
        table.append(labelled("thead", "", head), body);
        host.replaceChildren(table);
      }
      for (const [kind, cell] of host.qdLines) {
        const rows = all.filter((row) => row.kind === kind);
        write(cell, rows.map(armedAt).join("; ") || "off");
        cell.classList.toggle("dim", !rows.length);
      }
    });

    /* --- disabled strategies --------------------------------------------------------------------- */
    QD.renderer("limits-disabled", (host, rows) => {
      keepCards(host, rows, (card, key, row, meta) => {
        card.body.append(labelled("p", "warn", make("strong", "", `\u25a0 ${key} is disabled: `),
          `${row.parent} repeated its order ${QD.format("int", row.count)} times, ${QD.clock(row.at, false)}. Its orders are held.`));
        card.acts.append(command(`Enable ${key} again`, "EnableStrategy", key, { reason: "must",
          confirm: `${key} may send again. Its orders stay held until they are resumed one by one.` },
          meta.may, "only risk enables a strategy again"));
      }, () => true);
      host.qdNone.remove();
    });

    /* --- how many wait ----------------------------------------------------------------------------- */
    function waiting() {
      const open = [...QD.rows("limit_changes").values()].filter((row) => row.state === "OPEN").length;
      const asked = [...QD.rows("overrides").values()].filter((row) => ["ASKED", "VERIFIED"].includes(row.state)).length;
      for (const node of document.querySelectorAll("[data-live-render=limits-waiting]")) {
        write(node, open + asked ? `${open} limit change${open === 1 ? "" : "s"} and ${asked} override${asked === 1 ? "" : "s"} wait` : "nothing waits");
        node.classList.toggle("warn", open + asked > 0);
      }
    }
    QD.renderer("limits-waiting", waiting);
    QD.renderer("limits-also", waiting);

    /* --- limit changes ----------------------------------------------------------------------------- */
    function ageHead(at, expires, open, by) {
      const age = make("span", "num"), left = make("span", "num");
      age.dataset.since = String(at);
      left.dataset.expires = String(expires);
      const out = [labelled("span", "dim", "by " + by + ", ", age, " ago")];
      if (open) out.push(labelled("span", "dim push", "expires in ", left));
      return out;
    }
    function terms(row) {
      const table = make("table", "table diff"), head = make("tr"), body = make("tbody");
      for (const [title, form] of [["", ""], ["In force", "num"], ["Proposed", "num"]]) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      const lines = row.unit === "symbol" ? [["symbols", row.before_symbols || "-", row.symbols || "none"]] : [
        ["limit", row.before === null ? "none here" : amount(row.before, row.unit), row.value === null ? "none here" : amount(row.value, row.unit)],
        ["soft", row.before_soft === null ? "-" : amount(row.before_soft, row.unit), row.soft === null ? "-" : amount(row.soft, row.unit)],
        ["window", row.before_window_s ? `${row.before_window_s} s` : "-", row.window_s ? `${row.window_s} s` : "as it is"]];
      for (const [name, old, now] of lines) {
        if (old === now || (name === "window" && now === "as it is")) continue;
        const tr = make("tr"), th = make("th", "", name);
        th.scope = "row";
        tr.append(th, make("td", "num", old), make("td", "num proposed", now));
        body.append(tr);
      }
      table.append(labelled("thead", "", head), body);
      return table;
    }
    function drawChange(card, key, row, meta) {
      const own = row.authors.includes(meta.me), open = row.state === "OPEN";
      card.node.dataset.hash = row.content_hash;
      const head = labelled("header", "card-head", make("strong", "", key), make("strong", "", `${row.words} of ${placeOf(row)}`),
        make("span", "badge " + (row.material ? "material" : "minor"), row.material ? "RISK MUST LOOK" : "small"));
      if (!open) head.append(make("span", "badge state-" + row.state.toLowerCase(), words(row.state)));
      head.append(...ageHead(row.proposed_at, row.expires_at, open, row.authors.map(person).join(", ")));
      card.body.append(head, terms(row),
        labelled("p", "reason", make("span", "dim", "Reason: "), row.reason || "-"),
        labelled("p", "", make("span", "dim", "Derivation: "), row.derivation),
        labelled("p", "dim", `Owner ${person(row.owner)}, review by ${row.review}. Content `, make("code", "content-hash", row.content_hash.slice(0, 16))));
      card.body.append(commentsBox(key));
      if (row.step > 0) card.body.append(make("p", "dim", `Loosens by ${QD.format("percent", Math.exp(Math.min(row.step, 50)) - 1, 0)}; since the last full approval in sum ${QD.format("percent", Math.exp(row.walked) - 1, 0)} before this.`));
      if (!open) {
        card.body.append(labelled("p", "outcome", `${words(row.state)} by ${person(row.decided_by)}`, row.decision_reason ? `: ${row.decision_reason}` : ""));
        return;
      }
      if (own) card.body.append(make("p", "own", "You wrote this: another person must decide."));
      const may = meta.decide && !own, why = own ? "you wrote this: another person must decide" : "needs the permission limit.decide";
      const args = (approve) => JSON.stringify({ content_hash: row.content_hash, approve });
      const shown = `${row.words} of ${placeOf(row)}: ${valueOf(row, row.before)} \u2192 ${row.value === null && row.unit !== "symbol" ? "none here" : valueOf(row, row.value)}. Content ${row.content_hash.slice(0, 16)}.`;
      card.acts.append(
        command(`Approve ${key}`, "DecideLimit", key, { args: args(true), reason: "ask", confirm: `${shown} It binds the next order.` }, may, why),
        command(`Refuse ${key}`, "DecideLimit", key, { args: args(false), reason: "must", confirm: `${shown} Nothing changes; the authors see your reason.` }, may, why));
      if (own) card.acts.append(command(`Withdraw ${key}`, "WithdrawLimit", key, {}, meta.propose, why));
      card.more.append(commentSlot(key, "CommentLimit", meta.comment));
    }
    QD.renderer("limits-changes", (host, rows) => {
      keepCards(host, new Map([...rows].sort(([, a], [, b]) => b.proposed_at - a.proposed_at)), drawChange, (row) => row.state === "OPEN", ["comments"]);
      drawComments(host, rows);
      write(host.qdNone, metaOf(host).none || "No limit change waits. Propose one under In force.");
      waiting();
      tick();
    });

    /* --- overrides -------------------------------------------------------------------------------------- */
    const isOpen = (row) => ["ASKED", "VERIFIED", "GRANTED"].includes(row.state);
    function drawOverride(card, key, row, meta) {
      const own = row.trader === meta.me, number = Number(key.split("-")[1]);
      const side = QD.format("side", row.side), order = `${side} ${QD.format("int", row.quantity)} ${row.symbol}`;
      card.node.dataset.hash = row.content_hash;
      card.body.append(labelled("header", "card-head", make("strong", "", key), make("strong", row.side === 1 ? "buy" : "sell", order),
        make("span", "", row.strategy), make("span", "badge state-" + row.state.toLowerCase(), words(row.state)),
        ...ageHead(row.asked_at, row.expires_at, isOpen(row), person(row.trader))),
        make("p", "warn", row.sentence),
        labelled("p", "reason", make("span", "dim", "Reason: "), row.reason),
        labelled("p", "dim", row.first_by ? `First: ${person(row.first_by)}. ` : "Two people must let it pass, one of them risk. ",
          row.second_by ? `Second: ${person(row.second_by)}. ` : "", "Content ", make("code", "content-hash", row.content_hash.slice(0, 16))));
      if (row.decision_reason) card.body.append(make("p", "dim", `Said: ${row.decision_reason}`));
      if (row.parent) card.body.append(make("p", "outcome", `spent by ${row.parent}`));
      if (row.state === "GRANTED") {
        const args = JSON.stringify({ ...row.order, override: number });
        card.acts.append(command(`Send ${order} under ${key}`, "SubmitParent", row.symbol, { args,
          confirm: `${order}, ${row.strategy}. All hard limits are checked again now. Once sent, ${key} is spent.` },
          own && meta.submit, own ? "needs the permission order.submit" : `only ${person(row.trader)} may send it`));
        return;
      }
      if (!isOpen(row)) return;
      const twice = row.first_by === meta.me, may = meta.confirm && !own && !twice;
      const why = own ? "nobody decides about an own order" : twice ? "a second person must let it pass too" : "needs the permission override.confirm";
      if (own) card.body.append(make("p", "own", "You asked for this: two others must decide."));
      const args = (approve) => JSON.stringify({ content_hash: row.content_hash, approve });
      const shown = `${order} for ${person(row.trader)}, this one order, once: ${row.sentence}.`;
      card.acts.append(
        command(`Let ${key} pass`, "ConfirmOverride", key, { args: args(true), reason: "ask", confirm: shown }, may, why),
        command(`Refuse ${key}`, "ConfirmOverride", key, { args: args(false), reason: "must", confirm: `${shown} It stays blocked.` }, may, why));
    }
    QD.renderer("limits-overrides", (host, rows) => {
      keepCards(host, new Map([...rows].sort(([, a], [, b]) => b.asked_at - a.asked_at)), drawOverride, isOpen);
      write(host.qdNone, "No order asks to pass a soft limit. A trader asks from the ticket.");
      waiting();
      tick();
    });
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
