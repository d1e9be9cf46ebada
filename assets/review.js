/* What the pages of supervisors and reviewers share: cards that keep their receipts, instants. */
(function () {
  "use strict";
  const LINGER_MS = 15000;

  function run() {
    const QD = window.QD, make = QD.element;
    const words = (name) => String(name).replaceAll("_", " ");
    const person = (id) => QD.format("person", id);

    function metaOf(host) {
      if (!host.qdMeta) host.qdMeta = JSON.parse(host.dataset.meta || "{}");
      return host.qdMeta;
    }
    function labelled(tag, className, ...parts) {
      const node = make(tag, className);
      node.append(...parts);
      return node;
    }
    /* a button that live.js makes a command; data: args, confirm, reason, hold, typed */
    function command(text, verb, target, data, allowed, why) {
      const button = make("button", "command", text);
      button.type = "button";
      button.dataset.verb = verb;
      button.dataset.target = target;
      for (const [name, value] of Object.entries(data)) button.dataset[name] = value;
      button.disabled = !allowed;
      button.title = allowed ? text : why;
      return button;
    }

    /* One card a row: redrawn when its row changes, its chip stays, so that no receipt is lost by
     * a redraw. A card that is no longer open says what the engine recorded and goes 15 s later. */
    function keepCards(host, rows, draw, isOpen, ageing = []) {
      if (!host.qdCards) {
        host.qdCards = new Map();
        host.qdNone = make("p", "state empty-state");
      }
      const cards = host.qdCards, now = performance.now();
      for (const [key, row] of rows) {
        const text = JSON.stringify(row, (name, value) => ageing.includes(name) ? undefined : value);
        let card = cards.get(key);
        if (!card && !isOpen(row)) continue;
        if (!card) {
          card = { node: make("article", "card-row"), text: "", until: 0 };
          card.node.dataset.key = key;
          card.body = make("div", "card-body");
          card.acts = labelled("span", "command-slot acts");
          card.more = make("span", "acts");    /* slots of their own: a slot's fields go to all its buttons */
          card.chip = make("output", "chip-state");
          card.node.append(card.body, labelled("div", "row acts", card.acts, card.more));
          cards.set(key, card);
        }
        if (card.text === text) continue;
        card.text = text;
        card.body.textContent = "";
        card.acts.textContent = "";
        card.more.textContent = "";
        draw(card, key, row, metaOf(host));
        card.acts.append(card.chip);
        if (!isOpen(row) && !card.until) card.until = now + LINGER_MS;
      }
      for (const [key, card] of cards) {
        if (!rows.has(key) && !card.until) card.until = now + LINGER_MS;
      }
      sweep(host);
      const order = [...rows.keys()].filter((key) => cards.has(key));
      order.forEach((key, i) => {
        const node = cards.get(key).node, there = host.children[i];
        if (there !== node) host.insertBefore(node, there || null);
      });
    }
    function sweep(host) {
      for (const [key, card] of host.qdCards || []) {
        if (card.until && performance.now() > card.until) { card.node.remove(); host.qdCards.delete(key); }
      }
      if (host.qdCards.size === 0) host.append(host.qdNone); else host.qdNone.remove();
    }

    /* What people said beside an open request. The box is drawn apart from its card, so that a new
     * comment takes no button away from somebody who is about to press it. */
    function commentsBox(key) {
      const box = make("div", "comments-box");
      box.dataset.commentsOf = key;
      return box;
    }
    function drawComments(host, rows) {
      for (const box of host.querySelectorAll("[data-comments-of]")) {
        const said = (rows.get(box.dataset.commentsOf) || {}).comments || [], shows = (QD.zoneName() || "") + JSON.stringify(said);
        if (box.dataset.drawn === shows) continue;
        box.dataset.drawn = shows;
        const list = make("ul", "notes");
        for (const [at, by, text] of said) list.append(labelled("li", "", make("span", "dim", `${QD.clock(at, false)} ${person(by)} `), text));
        box.replaceChildren(...(said.length ? [make("h3", "", `Comments (${said.length})`), list] : [make("p", "dim", "No comments.")]));
      }
    }
    /* a slot of its own: its field belongs to this button alone */
    function commentSlot(key, verb, allowed) {
      const field = make("div", "dialog-fields"), host = make("div", "input-host");
      host.dataset.input = JSON.stringify({ name: "text", kind: "textarea", label: "Comment", required: true });
      field.hidden = true;
      field.append(labelled("div", "field", host));
      return labelled("span", "command-slot", command(`Comment ${key}`, verb, key, { confirm: `Said beside ${key} with your name, and kept with it. What is proposed stays as it is.` },
        allowed, "needs the permission change.comment"), make("output", "chip-state"), field);
    }

    /* --- tables of stored rows (components/rows.py) ------------------------------------------------ */
    function cellOf(spec) {
      const cell = make(spec.head ? "th" : "td", spec.tone || "");
      if (spec.head) cell.scope = "row";
      if (spec.title) cell.title = spec.title;
      let host = cell;
      if (spec.href) {
        host = make("a");
        host.href = spec.href;
        if (spec.current) host.setAttribute("aria-current", "page");
        cell.append(host);
      } else if (spec.badge) {
        host = make("span", "badge " + spec.badge);
        cell.append(host);
      }
      if (spec.at) {
        const time = make("time", "num");
        time.dataset.at = spec.at;
        if (spec.ms) time.dataset.ms = "1";
        if (spec.clock) time.dataset.clock = "1";
        host.append(time);
      } else host.append(spec.text || "");
      if (spec.small) cell.append(make("small", "dim", spec.small));
      return cell;
    }
    function drawRows(node) {
      node.qdRows = node.dataset.rows;
      const { titles, rows, empty } = JSON.parse(node.qdRows);
      const table = make("table", "table"), head = make("tr"), body = make("tbody");
      for (const [title, form] of titles) {
        const cell = make(title ? "th" : "td", form, title);
        if (title) cell.scope = "col";
        head.append(cell);
      }
      for (const row of rows) body.append(labelled("tr", "", ...row.map(cellOf)));
      if (!rows.length) {
        const none = labelled("tr", "none", make("td", "", empty));
        none.firstChild.colSpan = titles.length;
        body.append(none);
      }
      table.append(labelled("thead", "", head), body);
      node.replaceChildren(table);
    }
    function arrived() {
      for (const node of document.querySelectorAll("[data-rows]")) if (node.qdRows !== node.dataset.rows) drawRows(node);
      if (document.querySelector("time[data-at]:not([title])")) tick();
    }

    /* instants written by the server, shown in the zone that the header has chosen */
    const day = (at) => new Date(at / 1e6).toISOString().slice(0, 10);
    function tick() {
      const now = QD.serverNow();
      for (const node of document.querySelectorAll("time[data-at]")) {
        const at = Number(node.dataset.at);
        if (!node.title) node.title = node.textContent || new Date(at / 1e6).toISOString();
        const date = at > 0 && !node.dataset.clock && day(at) !== day(now * 1e6 || at) ? day(at) + " " : "";
        QD.write(node, at > 0 ? date + QD.clock(at, node.dataset.ms === "1") : "-");
      }
      for (const node of document.querySelectorAll("[data-since]")) {
        QD.write(node, QD.format("age", now - Number(node.dataset.since) / 1e6));
      }
      for (const node of document.querySelectorAll("[data-expires]")) {
        QD.write(node, QD.format("age", Number(node.dataset.expires) / 1e6 - now));
      }
      for (const host of document.querySelectorAll("[data-live-render]")) if (host.qdCards) sweep(host);
    }
    setInterval(tick, 1000);
    new MutationObserver(arrived).observe(document.getElementById("react-entry-point"),
      { childList: true, subtree: true, attributes: true, attributeFilter: ["data-rows"] });
    arrived();

    /* a question to the desk, every few seconds while somebody looks; never twice at once */
    function every(ms, path, selector, draw, fail) {
      let asking = false, after = 0;
      async function ask() {
        if (asking || document.hidden || !document.querySelector(selector)) return;
        if (performance.now() < after) return;
        asking = true;
        try {
          const answer = await fetch(path(), { cache: "no-store" });
          if (!answer.ok) throw new Error("error " + answer.status);
          draw(await answer.json());
        } catch (failure) { fail(String(failure.message || failure)); }
        asking = false;
        after = performance.now() + ms;
      }
      setInterval(ask, 250);
      return () => { after = 0; };
    }

    document.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("[data-print]")) window.print();
    });

    window.QDReview = { words, person, metaOf, labelled, command, keepCards, commentsBox, drawComments, commentSlot, tick, every };
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
