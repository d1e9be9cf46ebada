/* The playbook: its sections, one of them in full, its drill and versions; its steps beside an exception. */
(function () {
  "use strict";
  const SECONDS = 60, TICKS = 20;    /* what a drill's dialog begins with: market time, ticks of a jump */

  function run() {
    const QD = window.QD, make = QD.element;
    const { words, person, metaOf, labelled, command } = window.QDReview;
    let chosen = null;
    const date = (at) => new Date(at / 1e6).toISOString().slice(0, 10);

    function choose(id) {
      chosen = id;
      history.replaceState(history.state, "", "/playbook" + (id ? "?section=" + encodeURIComponent(id) : ""));
      redraw();
    }
    function redraw() {
      for (const [name, draw] of [["playbook-list", list], ["playbook-text", text]]) {
        const host = document.querySelector(`[data-live-render="${name}"]`);
        if (host) draw(host, QD.rows("playbook"));
      }
    }
    const current = (host) => {
      if (host.qdMain !== host.closest("main")) { host.qdMain = host.closest("main"); chosen = metaOf(host).section; }
      return chosen;
    };
    const drilled = (row) => !row.drill ? "-" : row.drilled_at ? date(row.drilled_at) : "never";

    /* --- the sections ------------------------------------------------------------------------------ */
    function list(host, rows) {
      const id = current(host), key = JSON.stringify([id, [...rows.values()].map((r) => [r.id, r.title, r.unresolved, r.drilled_at, r.version])]);
      if (host.dataset.drawn === key) return;
      host.dataset.drawn = key;
      host.tabIndex = 0;
      const table = make("table", "table"), head = make("tr"), body = make("tbody");
      for (const [title, form] of [["Section", ""], ["Open", "num"], ["Last drill", "num"], ["Version", "num"]]) {
        const cell = make("th", form, title);
        cell.scope = "col";
        head.append(cell);
      }
      let part = "";
      for (const row of rows.values()) {
        if (row.part !== part) {
          part = row.part;
          const cell = make("th", "playbook-part", part);
          cell.colSpan = 4;
          cell.scope = "colgroup";
          body.append(labelled("tr", "", cell));
        }
        const link = make("a", "", row.title), line = make("tr");
        link.href = "/playbook?section=" + encodeURIComponent(row.id);
        link.addEventListener("click", (event) => { event.preventDefault(); choose(row.id); });
        if (row.id === id) link.setAttribute("aria-current", "true");
        line.dataset.key = row.id;
        line.classList.toggle("current", row.id === id);
        line.append(labelled("td", "", link), make("td", "num " + (row.unresolved ? "state-warn" : "dim"), row.unresolved ? QD.format("int", row.unresolved) : "-"),
          make("td", "num " + (row.drill && !row.drilled_at ? "state-warn" : "dim"), drilled(row)), make("td", "num", QD.format("int", row.version)));
        body.append(line);
      }
      if (!rows.size) {
        const none = make("td", "", "the engine has not sent it yet");
        none.colSpan = 4;
        body.append(labelled("tr", "none", none));
      }
      table.append(labelled("thead", "", head), body);
      host.replaceChildren(table);
      const now = body.querySelector("tr.current");
      if (now && host.qdSeen !== id) now.scrollIntoView({ block: "nearest" });
      host.qdSeen = id;
    }

    /* --- text -------------------------------------------------------------------------------------- */
    function steps(row) {
      const out = make("ol", "steps");
      for (const step of row.steps) out.append(make("li", "", step));
      return out;
    }
    function field(spec) {
      const host = make("div", "input-host");
      host.dataset.input = JSON.stringify(spec);
      return labelled("div", "field", host);
    }
    function slot(button, ...inputs) {
      const box = labelled("div", "dialog-fields", ...inputs);
      box.hidden = true;
      return labelled("span", "command-slot", button, make("output", "chip-state"), ...(inputs.length ? [box] : []));
    }
    function drill(row, meta) {
      const kind = meta.incidents[row.drill];
      const inputs = [];
      if (kind.venues.length) {
        const fits = [...QD.rows("venues").values()].filter((venue) => kind.venues.includes(venue.kind));
        inputs.push(field({ name: "venue", kind: "select", label: "Venue", options: fits.map((venue) => [venue.id, venue.id]) }));
      } else if (!kind.order) {
        inputs.push(field({ name: "symbol", kind: "select", label: "Symbol", options: [["", "all"], ...[...QD.rows("quotes").keys()].map((name) => [name, name])] }));
      } else inputs.push(field({ name: "child", kind: "text", label: "Order, C-3-17 (empty = the newest that fits)" }));
      inputs.push(field({ name: "seconds", kind: "number", label: "Seconds of market time", value: kind.usual || SECONDS, low: 1, high: kind.most }));
      if (kind.sized) inputs.push(field({ name: "size", kind: "number", label: "Ticks, + up, - down", value: TICKS }));
      return slot(command("Rehearse: " + words(row.drill), "StartIncident", "", { args: JSON.stringify({ kind: row.drill }), typed: "DRILL", reason: "must",
        confirm: `${kind.words}. It happens to the simulated market at once, for everybody on this desk, and cannot be taken back before its time.` },
        meta.drill, "needs the permission drill.incident"), ...inputs);
    }
    function edit(row, meta) {
      const args = JSON.stringify({ version: row.version });
      return slot(command("Edit this section", "EditPlaybook", row.id, { args, reason: "must",
        confirm: "Each step is a line that begins with - [ ] and everything else is the words above them. It is in force at once, as a new version with your name." },
        meta.edit, "needs the permission playbook.edit"), field({ name: "body", kind: "textarea", label: "Text", value: row.body }));
    }
    function versions(row, meta) {
      const out = make("ul", "notes");
      for (const [number, at, by, reason, body] of row.earlier) {
        const details = make("details", "each"), summary = make("summary", "", `version ${number}, ${at ? date(at) + " " + person(by) + ": " + reason : "as this desk came"}`);
        const back = slot(command(`Restore version ${number}`, "EditPlaybook", row.id, { args: JSON.stringify({ version: row.version, body }), reason: "must",
          confirm: `The text of version ${number} is in force again, as version ${row.version + 1}.` }, meta.edit, "needs the permission playbook.edit"));
        details.append(summary, make("pre", "entry-json", body), back);
        out.append(labelled("li", "", details));
      }
      return out;
    }
    function section(row, meta) {
      const head = make("div", "card-head");
      head.append(make("h2", "", row.title));
      for (const kind of row.kinds) head.append(make("span", "badge", words(kind)));
      if (row.within_min) head.append(make("span", "dim", `within ${row.within_min} min`));
      const out = labelled("section", "playbook-section", head);
      if (row.words) out.append(make("p", "words", row.words));
      out.append(steps(row));
      if (!meta) return out;
      const open = [...QD.rows("alerts").values()].filter((alert) => alert.section === row.id && alert.state !== "resolved");
      const about = make("p", "");
      if (open.length) about.append("Open now: ");
      for (const alert of open.slice(0, 8)) {
        const link = make("a", "", `${alert.id} ${alert.object || "the desk"}`);
        link.href = "/exceptions?id=" + alert.id;
        about.append(link, " ");
      }
      if (!open.length) about.append(row.kinds.length ? "No exception of this kind is open." : "No exception opens this one: it is worked through when its time has come.");
      const said = row.drill ? row.drilled_at ? `Last rehearsed ${date(row.drilled_at)} by ${person(row.drilled_by)}.` : "Never rehearsed on this desk." : "There is no drill for it.";
      const written = row.at ? `Version ${row.version} of ${date(row.at)} by ${person(row.by)}: ${row.reason}` : `Version ${row.version}, as this desk came.`;
      out.append(about, make("p", row.drill && !row.drilled_at ? "warn" : "dim", said), labelled("div", "row acts", ...(row.drill ? [drill(row, meta)] : []), edit(row, meta)),
        make("p", "dim", written));
      if (row.earlier.length) out.append(make("h3", "", "Earlier versions"), versions(row, meta));
      return out;
    }
    function text(host, rows) {
      const id = current(host), meta = metaOf(host), row = rows.get(id);
      const about = [...QD.rows("alerts").values()].filter((a) => a.section === id).map((a) => a.id + a.state);
      const key = JSON.stringify([id, row ? row : [...rows.values()].map((r) => [r.id, r.version]), row ? about : "", row ? [...QD.rows("venues").keys(), ...QD.rows("quotes").keys()] : ""]);
      if (host.dataset.drawn === key) return;
      host.dataset.drawn = key;
      const before = row && host.qdId === id ? [...host.querySelectorAll(".chip-state")].find((chip) => chip.dataset.state) : null;
      host.qdId = id;
      if (row) {
        const all = make("a", "button", "The whole document");
        all.href = "/playbook";
        all.addEventListener("click", (event) => { event.preventDefault(); choose(""); });
        host.replaceChildren(labelled("div", "row", all, ...(before ? [before] : [])), section(row, meta));
        return;
      }
      if (id && rows.size) { host.replaceChildren(make("p", "state empty-state", `the playbook has no section ${id}`)); return; }
      if (!rows.size) { host.replaceChildren(make("p", "dim", "the engine has not sent it yet")); return; }
      const out = [];
      let part = "";
      for (const one of rows.values()) {
        if (one.part !== part) { part = one.part; out.push(make("h3", "playbook-part", part)); }
        out.push(section(one, null));
      }
      host.replaceChildren(...out);
    }
    QD.renderer("playbook-list", list);
    QD.renderer("playbook-text", text);
    QD.renderer("playbook-beside", redraw);

    /* --- its steps beside an exception --------------------------------------------------------------- */
    window.QDSteps = (row, meta) => {
      const book = QD.rows("playbook").get(row.section);
      if (!book) return make("p", "dim", row.section ? "" : "the playbook has nothing about this kind");
      const ticks = row.ticks || [], mine = new Map(ticks.filter(([, version]) => version === book.version).map((tick) => [tick[0], tick]));
      const first = row.first_at || row.raised_at;
      const since = (at) => "+" + QD.format("age", Math.max(0, (at - first) / 1e6));
      const link = make("a", "", book.title), head = make("div", "card-head"), out = make("ol", "steps doable");
      link.href = "/playbook?section=" + encodeURIComponent(book.id);
      head.append(make("h3", "", "Playbook"), link, make("span", "dim", `${mine.size} of ${book.steps.length} done` + (book.within_min ? `, within ${book.within_min} min` : "")));
      let next = true;
      book.steps.forEach((step, i) => {
        const done = mine.get(i), item = make("li", done ? "done" : "", step);
        if (done) item.append(make("small", "gain", ` \u2713 ${person(done[3])} ${since(done[2])}`));
        else if (row.state !== "resolved") {
          const button = command("Done", "TickStep", row.id, { args: JSON.stringify({ section: book.id, version: book.version, step: i }) }, meta.tick, "needs the permission playbook.tick");
          button.setAttribute("aria-label", `Done: ${step}`);
          if (next) { button.dataset.key = "d"; button.title += " [d]"; }
          next = false;
          item.append(" ", labelled("span", "command-slot", button, make("output", "chip-state")));
        }
        out.append(item);
      });
      const old = ticks.filter(([, version]) => version !== book.version);
      const node = labelled("section", "", head, out);
      for (const [, version, at, by, said] of old) node.append(make("p", "dim", `\u2713 in version ${version}: ${said}, ${person(by)} ${since(at)}`));
      return node;
    };
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
