/* System: kills with receipts and acts, alerts, gate, and what the other processes say. */
(function () {
  "use strict";
  const POLL_MS = 2000, OLD_MS = 6000, WATCHDOG_OLD_MS = 3000;
  const STEPS = [["BLOCKED", "blocked_ms"], ["CANCEL_SENT", "cancel_sent_ms"], ["CONFIRMED", "confirmed_ms"]];

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { words, person, metaOf, labelled, command, keepCards, every } = window.QDReview;

    /* --- gate and reconciliation ---------------------------------------------------------------- */
    QD.renderer("system-gate", (host, rows) => {
      const row = rows.get("desk");
      if (!row || row.gate === undefined) return;
      const meta = metaOf(host), key = JSON.stringify([row.gate, row.difference]);
      if (host.dataset.drawn === key) return;
      host.dataset.drawn = key;
      host.textContent = "";
      const open = row.gate === "open";
      host.dataset.state = open ? "open" : "closed";
      host.append(make("strong", "", open ? "\u25cf Gate OPEN" : "\u25a0 Gate CLOSED"),
        make("span", "", open ? "new orders may leave" : row.gate + ". Cancels pass."));
      const books = labelled("span", "command-slot push");
      if (row.difference) {
        host.dataset.state = "closed";
        books.append(make("strong", "warn", "Books and venue differ"), make("code", "", row.difference.slice(0, 16)),
          command("Accept this difference", "AcceptReconciliation", row.difference, { reason: "must",
            confirm: `Accepts exactly difference ${row.difference.slice(0, 16)}; new orders may leave afterwards. The alert lists the places.` },
          meta.accept, "needs the permission reconciliation.accept"), make("output", "chip-state"));
      } else books.append(make("span", "dim", "Books and venue agree"));
      host.append(books);
    });

    /* --- drills: the dialog offers the venues and symbols of the day ----------------------------- */
    const options = (host) => {
      const panel = host.closest(".panel");
      const fill = (name, keys) => {
        for (const input of panel.querySelectorAll(".command-slot .dialog-fields [data-input]")) {
          const spec = JSON.parse(input.dataset.input);
          if (spec.name !== name) continue;
          spec.options = [spec.options[0], ...keys.map((key) => [key, key])];
          input.dataset.input = JSON.stringify(spec);
        }
      };
      fill("venue", [...QD.rows("venues").keys()]);
      fill("symbol", [...QD.rows("quotes").keys()]);
    };
    QD.renderer("system-drill", options);
    QD.renderer("drill-options", options);

    /* --- kills ------------------------------------------------------------------------------------ */
    const rank = (row) => row.state === "RELEASED" ? 2 : row.state === "CONFIRMED" ? 1 : 0;
    const number = (key) => Number(key.split("-").pop());
    QD.renderer("system-kills", (host, rows) => {
      const sorted = [...rows].filter(([, row]) => row.scope !== "drill").sort(([a, x], [b, y]) => rank(x) - rank(y) || number(b) - number(a));
      keepCards(host, new Map(sorted), drawKill, () => true, ["oldest_s", "silent", "waiting"]);
      for (const node of host.querySelectorAll("[data-waiting-of]")) {
        const silent = (rows.get(node.dataset.waitingOf) || {}).silent || [];
        write(node, silent.map(([venue, n, age, phone]) => `${QD.format("int", n)} unconfirmed at ${venue}, ${QD.format("age", age * 1000)}${phone ? ", call " + phone : ""}`).join("; "));
      }
      for (const node of host.querySelectorAll("[data-oldest-of]")) {
        write(node, QD.format("age", ((rows.get(node.dataset.oldestOf) || {}).oldest_s || 0) * 1000));
      }
      write(host.qdNone, "Nothing is killed. The red button and Ctrl+Shift+X work at any time.");
    });
    function timeline(row) {
      const line = make("ol", "receipts");
      const first = labelled("li", "done", make("strong", "", "REQUESTED"), make("span", "num", QD.clock(row.requested_at, true)));
      line.append(first);
      let waiting = false;
      for (const [name, field] of STEPS) {
        const ms = row[field], known = typeof ms === "number";
        const step = labelled("li", known ? "done" : waiting ? "" : "waits", make("strong", "", words(name)));
        if (known) step.append(make("span", "num", QD.format("after", ms)));
        else if (!waiting) {
          const age = make("span", "num");
          age.dataset.since = String(row.requested_at);
          step.append("waiting ", age);
          waiting = true;
        }
        line.append(step);
      }
      return line;
    }
    function drawKill(card, key, row, meta) {
      card.node.dataset.state = row.state;
      const scope = row.scope === "all" ? "ALL" : `${row.scope} ${row.target}`;
      const head = labelled("header", "card-head", make("strong", "", key), make("strong", "", scope),
        make("span", "badge state-" + row.state.toLowerCase().replace("_", "-"), words(row.state)),
        make("span", "dim", "by " + person(row.by) + (row.door === row.by ? "" : row.door === "web" ? ", on the web" : `, door ${row.door}`)));
      card.body.append(head, timeline(row));
      const some = (n, one, many) => `${QD.format("int", n)} ${n === 1 ? one : many}`;
      const counts = labelled("p", "num counts", `${some(row.parents, "parent", "parents")}, ${some(row.children, "child", "children")}: `,
        `${QD.format("int", row.acked)} acked, ${QD.format("int", row.filled_in_flight)} filled in flight, `);
      counts.append(make("strong", row.unconfirmed ? "cost" : "", `${QD.format("int", row.unconfirmed)} unconfirmed`));
      if (row.unconfirmed) {
        const oldest = make("span", "num");
        oldest.dataset.oldestOf = key;
        counts.append(", oldest ", oldest, " of market time");
      }
      if (row.waits_for) card.body.append(make("p", "cost", `Waiting for ${row.waits_for}: no cancel has been sent yet, it goes out at the next log-on.`));
      if (row.unconfirmed) {
        const list = make("p", "cost num left");
        list.dataset.waitingOf = key;
        card.body.append(list);
        if (row.repeats) card.body.append(make("p", "dim", `Cancelled and asked again ${QD.format("int", row.repeats)} times; every 5 s until confirmed.`));
      }
      card.body.append(counts, labelled("p", "dim", "Reason: ", row.reason || "not given yet"));
      const each = make("details", "each"), list = make("div");
      each.append(make("summary", "", "every child"), list);
      each.addEventListener("toggle", () => { card.unfolded = each.open; if (each.open) receipts(key, list); });
      each.open = Boolean(card.unfolded);
      card.body.append(each);
      if (row.state === "RELEASED") {
        card.body.append(make("p", "dim", `Release asked by ${person(row.release_by)}, granted by ${person(row.released_by)}.`));
        return;
      }
      if (!row.reason) {
        card.acts.append(command(`Give the reason of ${key}`, "RequestKill", row.scope === "all" ? "" : row.target,
          { args: JSON.stringify({ scope: row.scope }), record: "1", reason: "must", confirm: `Adds a reason to ${key} (${scope}). It kills nothing more.` },
          meta.kill, "needs the permission order.kill"));
      }
      const asked = row.release_by, own = asked && asked === meta.me;
      const ready = row.state === "CONFIRMED";
      if (own) card.body.append(make("p", "own", "You asked for the release: another person must grant it."));
      const why = own ? "another person must grant it" : !ready ? "not before every child is confirmed by the venue"
        : "needs the permission kill.release";
      card.acts.append(command(asked ? `Grant release of ${key}, asked by ${person(asked)}` : `Ask release of ${key}`,
        "ReleaseKill", key, { reason: "must", confirm: asked
          ? `Orders of ${scope} may be sent again at once. Killed orders do not come back.`
          : `A second person must grant it. Orders of ${scope} stay blocked until then.` },
        meta.release && ready && !own, why));
    }
    async function receipts(key, list) {
      write(list, "asking");
      let found;
      try {
        const answer = await fetch("/api/v1/receipts/" + encodeURIComponent(key), { cache: "no-store" });
        found = await answer.json();
        if (!answer.ok) throw new Error(found.detail || "error " + answer.status);
      } catch (failure) { write(list, String(failure.message || failure)); return; }
      const table = make("table", "table"), body = make("tbody"), head = make("tr");
      for (const [title, form] of [["Child", ""], ["Parent", ""], ["What became of it", ""], ["Left when blocked", "num"],
        ["Filled after", "num"], ["Venue answered", "num"]]) head.append(make("th", form, title));
      for (const row of found.items) {
        const line = make("tr");
        line.append(make("td", "", row.child), make("td", "", row.parent),
          make("td", "state-" + row.outcome.toLowerCase(), words(row.outcome)), make("td", "num", QD.format("int", row.leaves)),
          make("td", "num", QD.format("int", row.filled)), make("td", "num", QD.format("after", row.after_ms)));
        body.append(line);
      }
      table.append(labelled("thead", "", head), body);
      list.replaceChildren(found.items.length ? table : make("p", "dim", "no child was live"));
    }

    /* --- alerts ------------------------------------------------------------------------------------ */
    const weight = { critical: 0, warn: 1 };
    QD.renderer("system-alerts", (host, rows) => {
      const meta = metaOf(host);
      if (!host.qdLines) {
        const table = make("table", "table"), head = make("tr");
        for (const title of ["", "Severity", "Kind", "About", "What", "Raised", "Times", "Seen by"]) {
          head.append(make(title ? "th" : "td", title === "Raised" || title === "Times" ? "num" : "", title));
        }
        host.qdBody = make("tbody");
        host.qdLines = new Map();
        table.append(labelled("thead", "", head), host.qdBody);
        host.append(table);
        host.qdNone = labelled("tr", "none", make("td", "", "no alerts"));
        host.qdNone.firstChild.colSpan = 8;
      }
      const sorted = [...rows].sort(([, a], [, b]) => Boolean(a.acknowledged_by) - Boolean(b.acknowledged_by)
        || (weight[a.severity] ?? 2) - (weight[b.severity] ?? 2) || b.raised_at - a.raised_at);
      for (const [key, line] of host.qdLines) if (!rows.has(key)) { line.node.remove(); host.qdLines.delete(key); }
      sorted.forEach(([key, row], i) => {
        let line = host.qdLines.get(key);
        if (!line) {
          line = { node: make("tr"), slot: labelled("span", "command-slot"), chip: make("output", "chip-state"), text: "" };
          line.node.dataset.key = key;
          host.qdLines.set(key, line);
        }
        const text = JSON.stringify(row);
        if (line.text !== text) { line.text = text; drawAlert(line, key, row, meta); }
        if (host.qdBody.children[i] !== line.node) host.qdBody.insertBefore(line.node, host.qdBody.children[i] || null);
      });
      if (rows.size) host.qdNone.remove(); else host.qdBody.append(host.qdNone);
    });
    function seen(row) {
      const cell = make("td", "num", QD.clock(row.raised_at, false));
      if (row.seen_at) cell.title = `market time: cause ${QD.clock(row.event_at, true)}, seen ${QD.clock(row.seen_at, true)}`;
      return cell;
    }
    function drawAlert(line, key, row, meta) {
      line.slot.textContent = "";
      if (!row.acknowledged_by) {
        line.slot.append(command(`Acknowledge ${key}`, "AcknowledgeAlert", key, {}, meta.acknowledge, "needs the permission alert.acknowledge"));
      }
      line.slot.append(line.chip);
      const severity = make("td", row.acknowledged_by ? "dim" : "state-" + row.severity, row.severity.toUpperCase());
      line.node.replaceChildren(labelled("td", "", line.slot), severity, make("td", "", words(row.kind)), make("td", "", row.object),
        make("td", "wrap", row.sentence), seen(row), make("td", "num", QD.format("int", row.times)),
        make("td", "", person(row.acknowledged_by)));
    }

    /* --- processes, watchdog, jobs: polled while somebody looks --------------------------------------- */
    const heard = {};
    function stamp(name, problem) {
      if (problem === undefined) heard[name] = { at: performance.now() };
      else heard[name] = { at: heard[name] ? heard[name].at : 0, problem };
    }
    setInterval(() => {
      for (const node of document.querySelectorAll("[data-polled-age]")) {
        const seen = heard[node.dataset.polledAge];
        if (!seen) continue;
        const old = seen.at ? performance.now() - seen.at : Infinity;
        write(node, (seen.problem ? seen.problem + ", " : "") + (seen.at ? QD.format("age", old) : "never"));
        node.closest(".panel").dataset.stale = old > OLD_MS ? "veil" : old > POLL_MS * 2 ? "amber" : "";
        node.closest(".panel").dataset.staleText = "stale " + (seen.at ? QD.format("age", old) : "");
      }
    }, 500);

    function processWords(row) {
      if (row.state === "running") return "running";
      if (row.state === "waiting") return "CRASHED, starts again";
      return row.state;
    }
    function cells(tag, list) {
      const line = make("tr");
      for (const [text, className] of list) line.append(make(tag, className || "", text));
      return line;
    }
    function drawProcesses(found) {
      stamp("processes");
      stamp("watchdog");
      drawWatchdog(found);
      const host = document.getElementById("processes-body");
      if (!host) return;
      const table = make("table", "table"), body = make("tbody");
      for (const row of found.processes) {
        const since = make("span", "num");
        since.dataset.since = String(row.since_at);
        const exit = row.last_exit === null || row.last_exit === undefined ? "-" : row.last_exit < 0 ? `signal ${-row.last_exit}` : `code ${row.last_exit}`;
        const line = cells("td", [[row.name], [processWords(row), row.state === "running" ? "state-ok" : "state-bad"]]);
        line.append(labelled("td", "num", since), make("td", "num", QD.format("int", row.restarts)), make("td", "num", exit),
          make("td", "num", row.pid ? String(row.pid) : "-"));
        line.dataset.key = row.name;
        body.append(line);
      }
      table.append(labelled("thead", "", cells("th", [["Process"], ["State"], ["For", "num"], ["Restarts", "num"], ["Last exit", "num"], ["PID", "num"]])), body);
      const note = !found.processes.length ? make("p", "dim", "Nobody supervises these processes: each was started alone.")
        : found.supervised ? null : make("p", "cost", "The supervisor is gone: nothing restarts what crashes.");
      host.replaceChildren(...[note, table].filter(Boolean));
      window.QDReview.tick();
    }
    function drawWatchdog(found) {
      const host = document.getElementById("watchdog-body"), said = found.watchdog;
      if (!host) return;
      if (!said) {
        host.replaceChildren(make("p", "cost", "The watchdog has written nothing: the lease is what counts, see the chip above."));
        return;
      }
      const old = (found.at - said.written_at) / 1e6, silent = old > WATCHDOG_OLD_MS;
      const verdict = silent ? "SILENT" : String(said.verdict).toUpperCase();
      const head = labelled("p", "card-head", make("strong", silent || said.verdict !== "ok" ? "cost" : "state-ok", verdict),
        make("span", "dim", `written ${QD.format("age", old)} ago, engine ${said.engine}, epoch ${said.epoch}`));
      const checks = make("p", silent ? "checks dim" : "checks");
      for (const [name, worst] of Object.entries(said.checks || {})) {
        const good = worst === 0;
        checks.append(make("span", "badge " + (good ? "good" : "material"), `${good ? "\u2713" : "\u2717"} ${name}${good ? "" : " " + worst}`));
      }
      const parts = [head, checks];
      for (const [source, why] of Object.entries(said.blind || {})) parts.push(make("p", "cost", `cannot read ${source}: ${why}`));
      const counts = Object.entries(said.counts || {}).map(([name, n]) => `${words(name)} ${QD.format("int", n)}`).join(", ");
      parts.push(make("p", "dim num left", counts));
      for (const act of (said.acts || []).slice(-4).reverse()) {
        const text = typeof act === "string" ? act : [act.act, act.scope, act.target, act.sentence].filter(Boolean).join(" ");
        parts.push(labelled("p", "", make("span", "num dim", act.at ? QD.clock(act.at, true) + " " : ""), text));
      }
      host.replaceChildren(...parts);
    }
    function drawJobs(found) {
      stamp("jobs");
      const host = document.getElementById("jobs-body");
      if (!host) return;
      const table = make("table", "table"), body = make("tbody");
      for (const row of found.items) {
        const running = row.state === "running";
        const bar = make("td", "num", running ? QD.format("percent", row.progress, 0) : row.state === "done" ? "100%" : "-");
        if (running) bar.style.setProperty("--fill", String(row.progress));
        const age = make("span", "num");
        age.dataset.since = String(row.changed_at);
        const line = cells("td", [[words(row.name)], [words(row.state), "state-" + (row.state === "failed" ? "bad" : running ? "warn" : row.state === "done" ? "ok" : "held")]]);
        line.append(bar, make("td", "wrap" + (row.error ? " cost" : ""), row.error || row.text || "-"), labelled("td", "num", age));
        line.dataset.key = row.name;
        body.append(line);
      }
      table.append(labelled("thead", "", cells("th", [["Job"], ["State"], ["Done", "num"], ["What"], ["Changed", "num"]])), body);
      host.replaceChildren(found.items.length ? table : make("p", "dim", "The worker has not begun a job yet."));
      window.QDReview.tick();
    }
    every(POLL_MS, () => "/api/v1/processes", "#processes-body", drawProcesses, (why) => { stamp("processes", why); stamp("watchdog", why); });
    every(POLL_MS, () => "/api/v1/jobs", "#jobs-body", drawJobs, (why) => stamp("jobs", why));
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
