/* Exceptions: the queue with its filter, the chosen one with its acts, and who is here. */
(function () {
  "use strict";
  const HERE_MS = 12000;    /* the desk hears every 5 s who has a page open */
  const LAW_S = 5;          /* alerts stand on a screen within 5 s of their detection */
  const KEPT = 400;         /* lines that are drawn */

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { words, person, metaOf, labelled, command } = window.QDReview;
    const weight = { critical: 0, warn: 1 };
    const view = { state: "", severity: "", id: "" };
    const seconds = (s) => typeof s !== "number" ? "-" : s < 10 ? s.toFixed(1) + " s" : QD.format("age", s * 1000);

    function open(host) {
      const meta = metaOf(host);
      if (view.host === host.closest("main")) return meta;
      Object.assign(view, { state: meta.state, severity: meta.severity, id: meta.id, host: host.closest("main") });
      return meta;
    }
    function keep() {
      const asked = new URLSearchParams();
      if (view.state !== "unresolved") asked.set("state", view.state);
      if (view.severity) asked.set("severity", view.severity);
      if (view.id) asked.set("id", view.id);
      history.replaceState(history.state, "", "/exceptions" + (asked.size ? "?" + asked : ""));
    }
    const FITS = {
      open: (row) => row.state === "open",
      acknowledged: (row) => row.state === "acknowledged",
      mine: (row, me) => row.state !== "resolved" && row.assigned_to === me,
      unresolved: (row) => row.state !== "resolved",
      resolved: (row) => row.state === "resolved",
      all: () => true,
    };
    const order = { open: 0, acknowledged: 1, resolved: 2 };
    function chosen(rows, meta) {
      return [...rows].filter(([, row]) => FITS[view.state](row, meta.me) && (!view.severity || row.severity === view.severity))
        .sort(([, a], [, b]) => (order[a.state] ?? 0) - (order[b.state] ?? 0) || Boolean(b.escalated_at) - Boolean(a.escalated_at)
          || (weight[a.severity] ?? 2) - (weight[b.severity] ?? 2) || b.raised_at - a.raised_at).slice(0, KEPT);
    }
    function redraw() {
      for (const name of ["exceptions-tabs", "exceptions-list", "exceptions-one"]) {
        const host = document.querySelector(`[data-live-render="${name}"]`);
        if (host) DRAW[name](host, QD.rows("alerts"));
      }
    }
    function choose(key) {
      view.id = key;
      keep();
      redraw();
    }

    /* --- who is here, and what nobody has seen ---------------------------------------------------- */
    function tile(label, value, note, tone) {
      const node = make("div", "tile");
      node.append(make("div", "tile-label", label), make("div", "tile-value " + (tone || ""), value), make("div", "tile-note", note));
      return node;
    }
    function presence(label, at, since) {
      const now = QD.serverNow(), away = now - (at || since) / 1e6;
      const here = at > 0 && away < HERE_MS;
      return tile(label, here ? "\u25cf here" : "\u25a0 nobody", here ? "with a page open" : `for ${QD.format("age", Math.max(0, away))}`, here ? "gain" : "cost");
    }
    function attendance(host) {
      const desk = QD.rows("desk").get("desk") || {}, alerts = [...QD.rows("alerts").values()];
      const late = alerts.filter((row) => row.escalated_at && row.state === "open");
      const waits = alerts.filter((row) => row.state === "open" && row.severity === "critical");
      const shown = alerts.filter((row) => typeof row.shown_s === "number");
      const slowest = shown.reduce((most, row) => Math.max(most, row.shown_s), 0);
      const oldest = waits.reduce((least, row) => Math.min(least, row.first_at || row.raised_at), Infinity);
      const parts = [
        presence("Trader at the desk", desk.trader_seen_at, desk.watched_since),
        presence("Independent risk", desk.risk_seen_at, desk.watched_since),
        tile("Unattended alarm", late.length ? `\u25a0 ${late.length} not acknowledged` : "\u25cf none", late.length ? "critical, and nobody has said that they saw it" : "every critical one was seen in time", late.length ? "cost" : "gain"),
        tile("Critical and open", QD.format("int", waits.length), waits.length ? "oldest " + QD.format("age", Math.max(0, QD.serverNow() - oldest / 1e6)) : "none waits", waits.length ? "cost" : ""),
        tile("From alert to screen", shown.length ? seconds(slowest) : "-", shown.length ? `slowest of ${shown.length}; at most ${LAW_S} s is asked for` : "none was shown yet", slowest > LAW_S ? "cost" : ""),
      ];
      const text = parts.map((part) => part.textContent).join("|");
      if (host.dataset.drawn === text) return;
      host.dataset.drawn = text;
      host.replaceChildren(...parts);
    }

    /* --- filter ------------------------------------------------------------------------------------ */
    function tabs(host, rows) {
      const meta = open(host), all = [...rows.values()];
      if (!host.qdTabs) {
        host.qdTabs = new Map();
        const list = labelled("div", "tabs");
        list.setAttribute("role", "group");
        list.setAttribute("aria-label", "State");
        for (const name of Object.keys(FITS)) {
          const button = make("button", "");
          button.type = "button";
          button.addEventListener("click", () => { view.state = name; keep(); redraw(); });
          host.qdTabs.set(name, button);
          list.append(button);
        }
        const pick = make("select");
        pick.setAttribute("aria-label", "Severity");
        for (const [value, text] of [["", "every severity"], ["critical", "critical"], ["warn", "warn"], ["info", "info"]]) pick.append(new Option(text, value));
        pick.addEventListener("change", () => { view.severity = pick.value; keep(); redraw(); });
        host.qdPick = pick;
        host.append(list, pick);
      }
      host.qdPick.value = view.severity;
      for (const [name, button] of host.qdTabs) {
        const n = all.filter((row) => FITS[name](row, meta.me) && (!view.severity || row.severity === view.severity)).length;
        write(button, `${name[0].toUpperCase()}${name.slice(1)} ${QD.format("int", n)}`);
        button.setAttribute("aria-pressed", String(view.state === name));
        button.setAttribute("aria-selected", String(view.state === name));
        button.removeAttribute("aria-selected");
        button.classList.toggle("primary", view.state === name);
      }
    }

    /* --- the queue --------------------------------------------------------------------------------- */
    const COLUMNS = [["Severity", ""], ["About", ""], ["What", "wide"], ["Cause", "mid"], ["First", "num wide-only"], ["Last", "num"], ["Times", "num"],
      ["With", ""], ["State", ""]];
    function list(host, rows) {
      const meta = open(host);
      if (!host.qdBody) {
        const table = make("table", "table"), head = make("tr");
        for (const [title, form] of COLUMNS) {
          const cell = make("th", form, title);
          cell.scope = "col";
          head.append(cell);
        }
        host.qdBody = make("tbody");
        host.qdLines = new Map();
        host.tabIndex = 0;
        table.append(labelled("thead", "", head), host.qdBody);
        host.append(table);
        host.qdBody.addEventListener("click", (event) => {
          const line = event.target.closest("tr[data-key]");
          if (line) choose(line.dataset.key);
        });
      }
      const shown = chosen(rows, meta), keys = new Set(shown.map(([key]) => key));
      if (!keys.has(view.id) && !rows.has(view.id) && shown.length) view.id = shown[0][0];
      for (const [key, line] of host.qdLines) if (!keys.has(key)) { line.node.remove(); host.qdLines.delete(key); }
      shown.forEach(([key, row], i) => {
        let line = host.qdLines.get(key);
        if (!line) {
          line = { node: make("tr"), text: "" };
          line.node.dataset.key = key;
          host.qdLines.set(key, line);
        }
        const text = JSON.stringify([row.severity, row.object, row.sentence, row.raised_at, row.times, row.assigned_to, row.state, row.escalated_at, row.stands]);
        if (line.text !== text) { line.text = text; drawLine(line.node, row); }
        line.node.classList.toggle("current", key === view.id);
        if (host.qdBody.children[i] !== line.node) host.qdBody.insertBefore(line.node, host.qdBody.children[i] || null);
      });
      if (host.qdNone) host.qdNone.remove();
      if (!shown.length) {
        const cell = make("td", "", rows.size ? "no exception is in this filter: choose All" : "no exception today: what the desk sees goes wrong stands here");
        cell.colSpan = COLUMNS.length - 2;  // two of them give way on a narrow screen
        host.qdNone = labelled("tr", "none", cell);
        host.qdBody.append(host.qdNone);
      }
    }
    function drawLine(node, row) {
      const what = make("td", "wide clip-text", row.sentence);
      what.title = row.sentence;
      const first = row.first_at || row.raised_at;
      const state = row.escalated_at && row.state === "open" ? make("td", "cost", "UNATTENDED") : make("td", row.state === "open" ? "state-warn" : "dim", row.state);
      node.replaceChildren(make("td", row.state === "resolved" ? "dim" : "state-" + row.severity, row.severity.toUpperCase()),
        make("td", "", row.object || "the desk"), what, make("td", "mid " + (row.stands === "yes" ? "cost" : "dim"), row.stands === "yes" ? "stands" : row.stands || "-"),
        make("td", "num wide-only", QD.clock(first, false)), make("td", "num", QD.clock(row.raised_at, false)), make("td", "num", QD.format("int", row.times)),
        make("td", "", row.assigned_to ? person(row.assigned_to) : "-"), state);
    }

    /* --- one ------------------------------------------------------------------------------------- */
    function fields(...specs) {
      const box = make("div", "dialog-fields");
      box.hidden = true;
      for (const spec of specs) {
        const host = make("div", "input-host");
        host.dataset.input = JSON.stringify(spec);
        box.append(labelled("div", "field", host));
      }
      return box;
    }
    function act(key, button, more) {
      if (key) { button.dataset.key = key; button.title += ` [${key}]`; }
      return labelled("span", "command-slot", button, make("output", "chip-state"), ...(more ? [more] : []));
    }
    function acts(row, meta) {
      const out = [], needs = (right) => "needs the permission " + right;
      if (row.state === "open") {
        out.push(act("a", command(`Acknowledge ${row.id}`, "AcknowledgeAlert", row.id, {}, meta.acknowledge, needs("alert.acknowledge"))));
      }
      if (row.state !== "resolved") {
        if (row.assigned_to !== meta.me) {
          out.push(act("t", command("Take it", "AssignAlert", row.id, {}, meta.assign, needs("alert.assign"))));
        }
        out.push(act("", command("Give to", "AssignAlert", row.id, { confirm: `Somebody else follows ${row.id} from now on.` }, meta.assign, needs("alert.assign")),
          fields({ name: "to", kind: "select", label: "To", options: meta.people.filter(([id]) => id !== row.assigned_to) })));
      }
      out.push(act("n", command("Note", "AnnotateAlert", row.id, { confirm: `A note beside ${row.id}; it is kept with your name.` }, meta.note, needs("alert.note")),
        fields({ name: "text", kind: "textarea", label: "Note", required: true })));
      if (row.state !== "resolved") {
        const stands = row.stands === "yes";
        out.push(act("r", command(`Close ${row.id}`, "ResolveAlert", row.id, { reason: "must", confirm: `${row.id} leaves the queue. If it comes again it is a new one.` },
          meta.resolve && !stands, stands ? "the desk still sees its cause: it can be closed when that is over" : needs("alert.resolve")),
          fields({ name: "cause", kind: "select", label: "Why", options: meta.causes, value: row.stands === "over" ? "passed" : "fixed" })));
      }
      return out;
    }
    function link(row) {
      const about = row.object;
      if (row.order) return ["/orders/" + row.order, row.order];
      if (QD.rows("quotes").has(about)) return ["/?q=" + encodeURIComponent("symbol=" + about), about + " on the blotter"];
      if (QD.rows("venues").has(about)) return ["/system#venues", about + " on System"];
      if (row.kind.startsWith("limit")) return ["/limits?key=" + encodeURIComponent(about), "the limit"];
      if (row.kind === "throttle") return ["/strategies/" + encodeURIComponent(about), about];
      if (row.kind.startsWith("desk") || row.kind.startsWith("kill") || row.kind.startsWith("venue")) return ["/system", "System"];
      return null;
    }
    function instants(row) {
      const list = make("dl", "instants"), add = (name, value, note) => {
        const dd = make("dd", "", value);
        if (note) dd.append(make("small", "dim", " " + note));
        list.append(make("dt", "", name), dd);
      };
      const first = row.first_at || row.raised_at;
      add("Cause", row.event_at ? QD.clock(row.event_at, true) : "-", "market time" + (row.times > 1 ? ", of the newest" : ""));
      add("Seen by the desk", QD.clock(first, true), typeof row.delay_s === "number" ? `${seconds(row.delay_s)} of market time later` : "");
      add("First on a screen", row.shown_at ? QD.clock(row.shown_at, true) : "on none yet", row.shown_at ? `${seconds(row.shown_s)} later, ${person(row.shown_by)}` : "");
      if (row.times > 1) add("Newest", QD.clock(row.raised_at, true), `${QD.format("int", row.times)} times`);
      if (row.escalated_at) add("Unattended alarm", QD.clock(row.escalated_at, false), "nobody had acknowledged it in time");
      add("Acknowledged", row.acknowledged_at ? QD.clock(row.acknowledged_at, false) : "by nobody", row.acknowledged_by ? person(row.acknowledged_by) : "");
      add("With", row.assigned_to ? person(row.assigned_to) : "nobody");
      if (row.resolved_at) add("Closed", QD.clock(row.resolved_at, false), `${person(row.resolved_by)}, ${words(row.cause)}: ${row.resolution}`);
      return list;
    }
    function one(host, rows) {
      const meta = open(host), row = rows.get(view.id);
      const book = row ? QD.rows("playbook").get(row.section) : null;
      const shows = row ? view.id + JSON.stringify([row, book && book.version]) : rows.size ? "none" : "empty";
      if (host.dataset.drawn === shows) return;
      host.dataset.drawn = shows;
      if (!row) {
        host.qdActs = "";
        host.replaceChildren(make("p", "state empty-state", view.id ? `${view.id} is not among those of today: the Audit page has all of them` : "choose an exception"));
        return;
      }
      const head = make("div", "card-head"), where = link(row);
      head.append(make("strong", "state-" + row.severity, row.severity.toUpperCase()), make("strong", "", row.id), make("span", "badge", words(row.kind)),
        make("span", "", row.object || "the desk"));
      if (row.stands) head.append(make("span", "badge " + (row.stands === "yes" ? "broken" : "good"), row.stands === "yes" ? "cause stands" : "cause is over"));
      if (where) {
        const away = make("a", "push", where[1] + " \u203a");
        away.href = where[0];
        head.append(away);
      }
      const notes = make("ul", "notes");
      for (const [at, by, text] of row.notes || []) notes.append(labelled("li", "", make("span", "dim", `${QD.clock(at, false)} ${person(by)} `), text));
      /* the buttons stay as long as they mean the same: their receipt is not lost by a redraw */
      const same = JSON.stringify([view.id, row.state, row.assigned_to, row.stands]);
      if (host.qdActs !== same) {
        const before = host.qdActed === view.id ? [...(host.qdRow ? host.qdRow.querySelectorAll(".chip-state") : [])].find((chip) => chip.dataset.state) : null;
        host.qdActs = same;
        host.qdActed = view.id;
        host.qdRow = labelled("div", "row acts", ...acts(row, meta), ...(before ? [before] : []));
      }
      const steps = window.QDSteps ? [window.QDSteps(row, meta)] : [];
      host.replaceChildren(head, make("p", "sentence-text", row.sentence), host.qdRow, instants(row), ...steps, make("h3", "", "Notes"),
        notes.children.length ? notes : make("p", "dim", "nobody has written anything"));
    }

    const DRAW = { "exceptions-attendance": attendance, "exceptions-tabs": tabs, "exceptions-list": list, "exceptions-one": one };
    for (const [name, draw] of Object.entries(DRAW)) QD.renderer(name, draw);
    QD.renderer("exceptions-beside", () => {
      const host = document.querySelector("[data-live-render=exceptions-one]");
      if (host) one(host, QD.rows("alerts"));
    });
    setInterval(() => {
      const host = document.querySelector("[data-live-render=exceptions-attendance]");
      if (host) attendance(host);
    }, 1000);

    /* j and k choose here; the frame's own keys move a mark only */
    document.addEventListener("keydown", (event) => {
      const host = document.querySelector("[data-live-render=exceptions-list]");
      if (!host || !host.qdBody || event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
      if (document.querySelector("dialog[open]") || (event.target instanceof Element && event.target.closest("input, textarea, select"))) return;
      event.preventDefault();
      const lines = [...host.qdBody.querySelectorAll("tr[data-key]")];
      if (!lines.length) return;
      const at = lines.findIndex((line) => line.dataset.key === view.id);
      const next = lines[Math.max(0, Math.min(lines.length - 1, at + (event.key === "j" ? 1 : -1)))];
      choose(next.dataset.key);
      next.scrollIntoView({ block: "nearest" });
    }, true);
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
