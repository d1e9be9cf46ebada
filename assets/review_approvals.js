/* Approvals: change requests and orders that wait for a second person. */
(function () {
  "use strict";
  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { words, person, metaOf, labelled, command, keepCards, commentsBox, drawComments, commentSlot, tick } = window.QDReview;
    const price = (v, d) => QD.format("price", v, d);
    let reach = new Map();

    /* --- change requests ---------------------------------------------------------------------- */
    const SEEN = "red flag seen";    /* the engine asks for these words (core/rules/approval.py) */
    const isOpen = (row) => row.state === "OPEN";
    function diff(row, table) {
      const lines = Object.entries(row.values || {}).map(([name, value]) => {
        const rule = table[name] || { decimals: 4, unit: "" };
        const now = (row.before || {})[name];
        const inside = value >= rule.bandLow && value <= rule.bandHigh;
        const moved = Math.round(100 * ((row.moved || {})[name] || 0));
        return { name, value, now, rule, inside, moved, up: value > now, same: value === now };
      });
      return lines.sort((a, b) => a.name.localeCompare(b.name));
    }
    const STAGES = {
      shadow: "it decides beside the version in force, nothing of it is sent.",
      canary: "it acts inside its limits, everywhere else the version in force.",
      full: "it decides for all orders of the strategy.",
    };
    function sentence(lines, row) {
      const parts = lines.map((l) => `${words(l.name)} ${price(l.now, l.rule.decimals)} \u2192 ${price(l.value, l.rule.decimals)}`);
      if (row.model !== null && row.model !== undefined) parts.push(row.model ? `model ${row.model.slice(0, 12)}` : "no model");
      if (row.stage) parts.push(`stage ${row.stage}${row.canary ? ": " + row.canary : ""}`);
      return parts.join(", ");
    }
    function diffTable(lines, row) {
      const table = make("table", "table diff"), head = make("tr"), body = make("tbody");
      for (const [title, form] of [["Parameter", ""], ["In force", "num"], ["Proposed", "num"], ["Unit", ""],
        ["Band", "num"], ["Hard limits", "num"], ["Effect", ""]]) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      for (const line of lines) {
        const d = line.rule.decimals, tr = make("tr");
        const effect = make("td", "effect", (line.inside ? "inside the band" : "OUTSIDE THE BAND")
          + (line.same ? ", no change" : !line.rule.raises ? "" : line.up ? ", raises risk \u25b2" : ", lowers risk \u25bc")
          + (line.moved ? `, moved ${line.moved} % of the band since the last full approval` : ""));
        effect.dataset.effect = line.inside ? "inside" : "outside";
        const name = make("th", "", words(line.name));
        name.scope = "row";
        name.title = line.rule.meaning || "";
        tr.append(name, make("td", "num", price(line.now, d)), make("td", "num proposed", price(line.value, d)),
          make("td", "dim", line.rule.unit), make("td", "num", `${price(line.rule.bandLow, d)} \u2026 ${price(line.rule.bandHigh, d)}`),
          make("td", "num", `${price(line.rule.low, d)} \u2026 ${price(line.rule.high, d)}`), effect);
        body.append(tr);
      }
      if (row.model !== null && row.model !== undefined) {
        const tr = make("tr"), name = make("th", "", "model"), wide = make("td", "effect");
        name.scope = "row";
        wide.colSpan = 4;
        wide.dataset.effect = "outside";
        wide.textContent = "a model change is always material";
        const now = QD.cell("strategies", row.strategy, "model");
        tr.append(name, make("td", "num", now ? now.slice(0, 12) : "-"),
          make("td", "num proposed", row.model ? row.model.slice(0, 12) : "no model"), wide);
        body.append(tr);
      }
      table.append(labelled("thead", "", head), body);
      return table;
    }
    function headOf(key, row) {
      const head = labelled("header", "card-head", make("strong", "", key), make("strong", "", row.strategy),
        make("span", "badge " + (row.material ? "material" : "minor"), row.material ? "MATERIAL" : "minor"));
      if (row.state !== "OPEN") head.append(make("span", "badge state-" + row.state.toLowerCase(), row.state));
      const age = make("span", "num"), left = make("span", "num");
      age.dataset.since = String(row.proposed_at);
      left.dataset.expires = String(row.expires_at);
      head.append(labelled("span", "dim", "by " + row.authors.map(person).join(", ") + ", ", age, " ago"));
      if (row.edits) head.append(make("span", "badge", `edited ${row.edits}\u00d7`));
      if (row.state === "OPEN") head.append(labelled("span", "dim push", "expires in ", left));
      return head;
    }
    function editFields(row, table) {
      const box = labelled("div", "dialog-fields edit-fields");
      box.hidden = true;
      for (const [name, rule] of Object.entries(table)) {
        const host = make("div", "input-host"), field = make("div", "field");
        const now = QD.cell("strategies", row.strategy, "values") || {};
        host.dataset.input = JSON.stringify({ name: "values." + name, kind: "number",
          label: `${words(name)}, in force ${price(now[name], rule.decimals)} ${rule.unit}`,
          value: row.values[name] });
        field.append(host);
        box.append(field);
      }
      return box;
    }
    /* --- evidence: the same order on the same simulated paths, with and without the change --------- */
    const ASK_MS = 1000;
    const evidence = new Map();    /* by request: what is asked now */
    const bps = (value) => typeof value === "number" ? QD.format("signed", value, 2) : "-";
    const range = (low, high) => typeof low === "number" && typeof high === "number" ? `${bps(low)} to ${bps(high)}` : "-";
    function sides(rows) {
      const table = make("table", "table diff evidence"), head = make("tr"), body = make("tbody");
      for (const title of ["", "Cost bp", "95 % of the mean", "Worst of 20 bp", "Of the volume", "Unfinished"]) {
        const cell = make(title ? "th" : "td", title ? "num" : "", title);
        if (title) cell.scope = "col";
        head.append(cell);
      }
      for (const [name, side] of rows) {
        const cell = make("th", "", name), line = make("tr");
        cell.scope = "row";
        line.append(cell, make("td", "num", bps(side.cost_bps)), make("td", "num", range(side.low_bps, side.high_bps)), make("td", "num", bps(side.worst_bps)),
          make("td", "num", QD.format("percent", side.participation)), make("td", "num", QD.format("int", side.unfinished)));
        body.append(line);
      }
      table.append(labelled("thead", "", head), body);
      return table;
    }
    const orderWords = (found) => `${found.side > 0 ? "buy" : "sell"} ${QD.format("int", found.quantity)} ${found.symbol} over ${QD.format("int", found.minutes)} min`;
    function kept(found) {
      const sure = found.gain_low_bps > 0 ? "cheaper" : found.gain_high_bps < 0 ? "dearer" : "not told apart from what is in force";
      return [sides([["In force", found.before], ["Proposed", found.after]]),
        make("p", "", found.gain_bps === null ? "Costs are not compared: shares were left over on some paths, and what is left over has no cost." : found.gain_low_bps === 0 && found.gain_high_bps === 0 ? "The change made no difference on any of these paths: what it moves did not bind." : `On the same paths the proposal is ${sure}: ${bps(found.gain_bps)} bp saved (${range(found.gain_low_bps, found.gain_high_bps)}).`),
        make("p", "dim", `${found.n} simulated paths from the market of ${QD.clock(found.asked_at, false)}, ${orderWords(found)}, seed ${found.seed}, question ${found.question}, market ${found.market}. Attached by the desk, void on edit.`)];
    }
    function drawEvidence(key, row) {
      const node = document.querySelector(`[data-evidence-of="${CSS.escape(key)}"]`), now = evidence.get(key);
      if (!node) return;
      const parts = [];
      if (row.evidence) parts.push(...kept(row.evidence));
      else parts.push(make("p", "dim", "No simulation stands beside this content yet."));
      if (now && now.text) parts.push(make("p", now.bad ? "warn" : "", now.text));
      const button = make("button", "", now && now.on ? "Simulating" : row.evidence ? "Simulate again, from the market of now" : "Simulate before and after");
      button.type = "button";
      button.disabled = Boolean(now && now.on);
      button.addEventListener("click", () => simulate(key));
      node.replaceChildren(...parts, labelled("div", "row acts", button));
    }
    async function simulate(key) {
      const mine = { on: true, text: "asking the worker", order: null };
      evidence.set(key, mine);
      while (mine.on) {
        const row = QD.rows("changes").get(key);
        if (!row || !isOpen(row) || !document.querySelector(`[data-evidence-of="${CSS.escape(key)}"]`)) break;
        drawEvidence(key, row);
        try {
          const asked = mine.order ? "?" + new URLSearchParams({ symbol: mine.order.symbol, side: mine.order.side }) : "";
          const answer = await fetch(`/api/v1/evidence/${encodeURIComponent(key)}${asked}`, { cache: "no-store" });
          if (!answer.ok) throw new Error("error " + answer.status);
          const told = await answer.json();
          mine.order = told.order || mine.order;
          if (told.state === "running" || told.state === "waiting") mine.text = `${told.n || 0} of ${told.of || 64} paths`;
          else if (told.state === "done" && !told.attached) { mine.on = false; mine.text = ""; }
          else if (told.state === "done") { mine.on = false; mine.bad = true; mine.text = told.attached; }
          else { mine.on = false; mine.bad = true; mine.text = told.detail || told.state; }
        } catch (failure) { mine.on = false; mine.bad = true; mine.text = String(failure.message || failure); }
        if (mine.on) await new Promise((resolve) => setTimeout(resolve, ASK_MS));
      }
      mine.on = false;
      const row = QD.rows("changes").get(key);
      if (row) drawEvidence(key, row);
    }

    function drawChange(card, key, row, meta) {
      const table = meta.strategies[row.strategy] || {}, lines = diff(row, table);
      const own = row.authors.includes(meta.me), text = sentence(lines, row);
      card.node.dataset.hash = row.content_hash;
      const against = row.against || [], flagged = against.length > 0;
      if (flagged) {
        const flag = labelled("div", "red-flag", make("strong", "", `RED FLAG: the desk itself holds this against model ${row.model.slice(0, 15)}`), make("ul"));
        for (const sentence of against) flag.lastChild.append(make("li", "", sentence));
        flag.setAttribute("role", "note");
        card.body.append(flag);
      }
      card.body.append(headOf(key, row), labelled("p", "reason", make("span", "dim", "Reason: "), make("span", "", row.reason || "-")),
        diffTable(lines, row));
      if (row.stage) {
        const told = STAGES[row.stage] + (row.canary ? ` Limits: ${row.canary}.` : "");
        card.body.append(labelled("p", "reason", make("span", "dim", `Stage ${row.stage}: `), make("span", "", told)));
      }
      const hash = make("code", "content-hash", row.content_hash);
      card.body.append(labelled("p", "dim", "Content ", hash), commentsBox(key));
      if (row.state !== "OPEN") {
        if (row.evidence) card.body.append(...kept(row.evidence));
        card.body.append(labelled("p", "outcome", `${words(row.state)} by ${person(row.decided_by || row.authors[0])}`,
          row.decided_at ? ` at ${QD.clock(row.decided_at, true)}` : "",
          row.decision_reason ? `: ${row.decision_reason}` : ""));
        return;
      }
      const beside = make("div", "evidence-box");
      beside.dataset.evidenceOf = key;
      card.body.append(beside);
      setTimeout(() => drawEvidence(key, row));    /* once the card stands in the page */
      const blast = make("p", "blast dim");
      blast.dataset.reachOf = row.strategy;
      card.body.append(blast);
      const may = meta.decide && !own;
      const why = own ? "you wrote this: another person must decide" : "needs the permission change.decide";
      if (own) card.body.append(make("p", "own", "You wrote this: another person must decide."));
      const args = (approve) => JSON.stringify({ content_hash: row.content_hash, approve });
      const shown = `${row.strategy}: ${text}. Content ${row.content_hash.slice(0, 16)}.`;
      card.acts.append(
        command(`Approve ${key}`, "DecideChange", key, { args: args(true), reason: flagged ? "must" : "ask",
          confirm: flagged ? `RED FLAG of model ${row.model.slice(0, 15)}: ${against.join("; ")}. ${shown} It applies before the next decision. Your reason must hold the words "${SEEN}" and say why all the same.`
            : `${shown} It applies before the next decision.` }, may, why),
        command(`Refuse ${key}`, "DecideChange", key, { args: args(false), reason: "must",
          confirm: `${shown} Nothing changes; the authors see your reason.` }, may, why));
      const edit = labelled("span", "command-slot", command(`Edit ${key}`, "EditChange", key, { reason: "ask",
        args: JSON.stringify(row.model === null || row.model === undefined ? {} : { model_id: row.model }),
        confirm: `Editing ${key} voids every decision given before: the content gets a new hash, and you become an author who cannot decide it.` },
        meta.propose, "needs the permission change.propose"), make("output", "chip-state"), editFields(row, table));
      card.more.append(edit, commentSlot(key, "CommentChange", meta.comment));
      if (own) card.acts.append(command(`Withdraw ${key}`, "WithdrawChange", key, {}, meta.propose, why));
      drawReach(card.node);
    }
    QD.renderer("approvals-inbox", (host, rows) => {
      const sorted = [...rows].sort(([, a], [, b]) => b.proposed_at - a.proposed_at);
      keepCards(host, new Map(sorted), drawChange, isOpen, ["comments"]);
      drawComments(host, rows);
      write(host.qdNone, "No change request waits. Propose one on a strategy's page.");
      tick();
    });

    /* --- size against the average day, when its quote has come ---------------------------------- */
    QD.renderer("approvals-beside", () => shares());
    function shares() {
      for (const node of document.querySelectorAll("[data-adv]")) {
        const adv = QD.cell("quotes", node.dataset.adv, "adv");
        write(node, adv ? `${QD.format("percent", Number(node.dataset.quantity) / adv)} of ADV` : "ADV unknown");
      }
    }

    /* --- how far an approval reaches ----------------------------------------------------------- */
    QD.renderer("approvals-reach", (_host, rows) => {
      reach = new Map();
      for (const row of rows.values()) {
        if (!["WORKING", "HOLDING", "HELD"].includes(row.state)) continue;
        const seen = reach.get(row.strategy) || { n: 0, leaves: 0, worth: 0 };
        seen.n += 1;
        seen.leaves += row.leaves;
        seen.worth += row.leaves * row.arrival;
        reach.set(row.strategy, seen);
      }
      drawReach(document);
    });
    function drawReach(root) {
      for (const node of root.querySelectorAll("[data-reach-of]")) {
        const seen = reach.get(node.dataset.reachOf);
        write(node, seen ? `Reaches ${seen.n} live order${seen.n === 1 ? "" : "s"}: `
          + `${QD.format("int", seen.leaves)} shares left, ${QD.format("money", seen.worth)} at arrival prices.`
          : "No live order uses this strategy now.");
      }
    }

    /* --- orders above a size limit ------------------------------------------------------------- */
    const orderShown = (row) => ({ id: row.id, state: row.state, trader: row.trader, side: row.side, quantity: row.quantity,
      symbol: row.symbol, strategy: row.strategy, arrival: row.arrival, limit: row.limit, note: row.note,
      accepted_at: row.accepted_at, end_at: row.end_at });
    function drawParent(card, key, row, meta) {
      const own = row.trader === meta.me;
      const worth = QD.format("money", row.quantity * row.arrival);
      const side = QD.format("side", row.side), size = QD.format("int", row.quantity);
      const link = make("a", "", key);
      link.href = "/orders/" + encodeURIComponent(key);
      const head = labelled("header", "card-head", labelled("strong", "", link),
        make("strong", row.side === 1 ? "buy" : "sell", side), make("strong", "num", `${size} ${row.symbol}`),
        make("span", "badge material", "above the personal limit"));
      const share = make("span", "num");
      share.dataset.adv = row.symbol;
      share.dataset.quantity = String(row.quantity);
      const facts = `; ${row.strategy}, ${row.limit ? "limit " + price(row.limit, 2) : "no limit"}, `
        + `${QD.clock(row.accepted_at, false)} to ${QD.clock(row.end_at, false)}; by ${person(row.trader)}`;
      card.body.append(head, labelled("p", "", `${worth} at ${price(row.arrival, 2)}, `, share, facts));
      shares();
      if (row.note) card.body.append(labelled("p", "dim", "Note: ", row.note));
      if (own) card.body.append(make("p", "own", "You entered this: another person must decide."));
      if (row.state !== "NEEDS_APPROVAL") {
        card.body.append(make("p", "outcome", `now ${words(row.state)}`));
        return;
      }
      const may = meta.approve && !own;
      const why = own ? "you entered this: another person must decide" : "needs the permission order.approve";
      const shown = `${side} ${size} ${row.symbol} for ${person(row.trader)}, ${worth}.`;
      card.acts.append(
        command(`Approve ${key}`, "ApproveParent", key, { args: JSON.stringify({ approve: true }), reason: "ask",
          confirm: `${shown} It starts to work at once.` }, may, why),
        command(`Refuse ${key}`, "ApproveParent", key, { args: JSON.stringify({ approve: false }), reason: "must",
          confirm: `${shown} It will not be worked.` }, may, why));
    }
    QD.renderer("approvals-parents", (host, rows) => {
      const waits = new Map([...rows].map(([key, row]) => [key, orderShown(row)]));
      for (const [key] of host.qdCards || []) {
        const row = QD.rows("parents").get(key);
        if (row && !waits.has(key)) waits.set(key, orderShown(row));
      }
      keepCards(host, waits, drawParent, (row) => row.state === "NEEDS_APPROVAL");
      write(host.qdNone, "No order waits for a second person.");
    });

    /* --- decided -------------------------------------------------------------------------------- */
    const COLUMNS = ["Request", "Strategy", "Before \u2192 after", "Kind", "Authors", "State", "Decided by", "At", "Reason", "Comments", "Hash"];
    function said(row) {
      const comments = row.comments || [], cell = make("td", "wrap");
      for (const [at, by, text] of comments) cell.append(labelled("div", "", make("span", "dim", `${QD.clock(at, false)} ${person(by)} `), text));
      if (!comments.length) cell.textContent = "-";
      return cell;
    }
    QD.renderer("approvals-decided", (host, rows) => {
      const meta = metaOf(host), table = make("table", "table"), head = make("tr"), body = make("tbody");
      for (const title of COLUMNS) {
        const cell = make("th", title === "At" || title === "Hash" ? "num" : "", title);
        cell.scope = "col";
        head.append(cell);
      }
      const sorted = [...rows].sort(([, a], [, b]) => (b.decided_at || b.proposed_at) - (a.decided_at || a.proposed_at));
      for (const [key, row] of sorted) {
        const rules = meta.strategies[row.strategy] || {}, tr = make("tr");
        const content = Object.entries(row.values || {}).map(([name, value]) =>
          `${words(name)} ${price(row.before[name], (rules[name] || { decimals: 4 }).decimals)} \u2192 ${price(value, (rules[name] || { decimals: 4 }).decimals)}`);
        if (row.model !== null && row.model !== undefined) content.push(row.model ? "model " + row.model.slice(0, 12) : "no model");
        if (row.stage) content.push(`stage ${row.stage}`);
        tr.dataset.key = key;
        tr.append(make("td", "", key), make("td", "", row.strategy), make("td", "", content.join(", ") || "-"),
          make("td", "", row.material ? "material" : "minor"), make("td", "", row.authors.map(person).join(", ")),
          make("td", "state-" + row.state.toLowerCase(), words(row.state)), make("td", "", person(row.decided_by)),
          make("td", "num", QD.clock(row.decided_at, true)), make("td", "", row.decision_reason || "-"), said(row),
          make("td", "num", QD.format("hash", row.content_hash)));
        tr.lastChild.title = row.content_hash;
        body.append(tr);
      }
      if (!sorted.length) {
        const none = labelled("tr", "none", make("td", "", "nothing has been decided today"));
        none.firstChild.colSpan = COLUMNS.length;
        body.append(none);
      }
      table.append(labelled("thead", "", head), body);
      host.replaceChildren(table);
    });
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
