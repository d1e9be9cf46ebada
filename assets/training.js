/* "Explain this screen" and the glossary in place. The words come from /api/v1/words, that is from
 * docs/panels.md and docs/glossary.md; nothing here says what a panel or a word means.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const HOVER_MS = 250, LOOK_MS = 1000, GAP = 6;
  const STOPS = "main .tile-label, main .strip-label, main th, main dt, main .panel-title";
  const LABELS = STOPS + ", main label:not(td label), main legend, main .ag-header-cell-text";
  const TAIL = /[,:]?\s*(bp|%|95 %|s|ms|n|\d+|[A-Z]{3})$/;
  const $ = (id) => document.getElementById(id);

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const dialog = $("explain"), tip = $("term-tip");
    let texts = null, asking = null, shown = [], timer = 0, tipped = null;

    async function ask() {
      const answer = await fetch("/api/v1/words");
      if (!answer.ok) throw new Error("error " + answer.status);
      texts = await answer.json();
    }
    function known() {
      if (texts) return Promise.resolve();
      asking = asking || ask().finally(() => { asking = null; });
      return asking;
    }
    const visible = (node) => node.getClientRects().length > 0;

    /* --- words ------------------------------------------------------------------------------------- */
    const own = (node) => node.tagName === "LABEL" && node.firstChild ? node.firstChild.textContent : node.textContent;
    function wordOf(label) {
      let text = label.trim();
      for (;;) {
        const found = texts.words[text.toLowerCase()];
        if (found) return found;
        const shorter = text.replace(TAIL, "").trim();
        if (shorter === text) return null;
        text = shorter;
      }
    }
    function look() {
      if (!texts || document.hidden) return;
      for (const node of document.querySelectorAll(LABELS)) {
        const text = own(node);
        if (node.qdLabel === text) continue;
        node.qdLabel = text;
        node.qdWord = wordOf(text);
        if (!node.qdWord) { node.removeAttribute("data-term"); continue; }
        node.dataset.term = "1";
        if (node.matches(STOPS) && !node.closest(".ag-root-wrapper")) node.tabIndex = 0;
        const holder = node.title ? node : node.closest(".tile, .strip-item");     /* one tip, not two */
        if (holder && holder.title) { node.qdFormula = holder.title; holder.removeAttribute("title"); }
      }
    }
    function define(word, formula) {
      const head = make("strong", "", word.name + (word.unit ? ` [${word.unit}]` : "")), parts = [head, make("span", "", word.meaning)];
      if (word.beside) parts.push(make("span", "dim", "not: " + word.beside));
      if (formula && formula.slice(0, 24) !== word.meaning.slice(0, 24)) parts.push(make("span", "dim", "here: " + formula));
      return parts;
    }
    function show(node) {
      if (!node || !node.qdWord) return;
      hide();
      tipped = node;
      tip.replaceChildren(...define(node.qdWord, node.qdFormula));
      tip.hidden = false;
      const at = node.getBoundingClientRect(), box = tip.getBoundingClientRect();
      const below = at.bottom + GAP + box.height < innerHeight;
      tip.style.left = Math.max(GAP, Math.min(at.left, innerWidth - box.width - GAP)) + "px";
      tip.style.top = (below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - box.height)) + "px";
      node.setAttribute("aria-describedby", "term-tip");
    }
    function hide() {
      clearTimeout(timer);
      if (tipped) tipped.removeAttribute("aria-describedby");
      tipped = null;
      tip.hidden = true;
    }
    const termAt = (target) => target instanceof Element ? target.closest("[data-term]") : null;
    document.addEventListener("pointerover", (event) => {
      const term = termAt(event.target);
      if (term === tipped && term) { clearTimeout(timer); return; }
      if (term) { clearTimeout(timer); timer = setTimeout(() => show(term), HOVER_MS); }
      else if (event.target instanceof Node && tip.contains(event.target)) clearTimeout(timer);
      else if (tipped || timer) { clearTimeout(timer); timer = setTimeout(hide, HOVER_MS); }
    });
    document.addEventListener("focusin", (event) => {
      const cell = event.target.closest(".ag-header-cell");
      const term = cell ? cell.querySelector("[data-term]") : termAt(event.target);
      if (term && event.target.matches(":focus-visible") && (cell || term === event.target)) show(term); else hide();
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && tipped) hide(); });
    document.addEventListener("scroll", () => { if (tipped) hide(); }, { capture: true, passive: true });

    /* --- explain ----------------------------------------------------------------------------------- */
    const titled = (panel) => {
      const title = panel.querySelector(".panel-title, .pane-title, .order-title");
      return title && title.textContent.trim() || panel.getAttribute("aria-label") || (panel.dataset.panel === "frame" ? "The head of every page" : "Key numbers");
    };
    function ageOf(panel) {
      const line = make("span", "num"), polled = panel.querySelector("[data-polled-age]"), corner = panel.querySelector("[data-age-of]");
      const topic = panel.dataset.panel === "frame" ? "*" : corner ? corner.dataset.ageOf : panel.dataset.staleTopic || panel.dataset.panelTopic || "";
      if (polled) line.qdCopy = () => polled.textContent;
      else if (topic) line.dataset.ageOf = topic;
      else line.qdCopy = () => QD.format("age", performance.now()) + " since it was opened";
      return line;
    }
    function entry(panel, number) {
      const about = texts.panels[panel.dataset.panel], item = make("li"), where = make("button", "explain-where", titled(panel));
      const badge = make("span", "explain-badge num", String(number)), mark = make("span", "explain-badge num", String(number));
      where.type = "button";
      where.prepend(badge, " ");
      mark.setAttribute("aria-hidden", "true");
      const age = make("p", "dim"), line = ageOf(panel);
      age.append("Age now: ", line);
      item.append(where, ...(about ? [make("p", "", about.what), make("p", "", about.numbers), make("p", "dim", "Source: " + about.source), age] : [make("p", "warn", "No text for this panel.")]));
      const one = { panel, item, mark, line };
      item.addEventListener("pointerenter", () => point(one));
      where.addEventListener("focus", () => point(one));
      where.addEventListener("click", () => { panel.scrollIntoView({ block: "nearest" }); point(one); });
      return one;
    }
    function point(one) {
      for (const other of shown) other.mark.classList.toggle("now", other === one);
      for (const other of shown) other.item.classList.toggle("now", other === one);
      const at = one.panel.getBoundingClientRect();
      dialog.classList.toggle("left", at.left + at.width / 2 > innerWidth - dialog.offsetWidth && at.left > dialog.offsetWidth / 2);
      frame.hidden = false;
      Object.assign(frame.style, { left: at.left + "px", top: at.top + "px", width: at.width + "px", height: at.height + "px" });
      place();
    }
    function place() {
      const over = dialog.getBoundingClientRect();
      for (const { panel, mark } of shown) {
        const at = panel.getBoundingClientRect(), hidden = at.left + 24 > over.left && at.left < over.right && at.top + 20 > over.top;
        mark.style.left = Math.max(0, Math.min(at.left + 2, innerWidth - 24)) + "px";
        mark.style.top = Math.max(0, at.top + 2) + "px";
        mark.hidden = hidden || !visible(panel) || at.top > innerHeight - 16 || at.bottom < 16;
      }
      for (const { line } of shown) if (line.qdCopy) write(line, line.qdCopy());
    }
    const frame = make("div", "explain-frame");
    frame.setAttribute("aria-hidden", "true");
    async function open() {
      if (dialog.open) return;
      hide();
      try { await known(); } catch (failure) { QD.toast("The words could not be loaded: no connection. Press x again.", "warn"); return; }
      look();
      shown = [...document.querySelectorAll("[data-panel]")].filter(visible).map((panel, i) => entry(panel, i + 1));
      $("explain-panels").replaceChildren(...shown.map((one) => one.item));
      for (const old of dialog.querySelectorAll(":scope > .explain-badge")) old.remove();
      frame.hidden = true;
      dialog.append(frame, ...shown.map((one) => one.mark));
      const words = new Set([...document.querySelectorAll("[data-term]")].filter(visible).map((node) => node.qdWord));
      $("explain-words").replaceChildren(...[...words].flatMap((word) => {
        const [head, ...rest] = define(word), about = make("dd");
        about.append(...rest.flatMap((part) => [part, " "]));
        const name = make("dt");
        name.append(head);
        return [name, about];
      }));
      dialog.classList.remove("left");
      dialog.showModal();
      $("explain-close").focus();
      place();
    }
    $("explain-open").addEventListener("click", open);
    $("explain-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (event) => { if (event.key === "x") { event.preventDefault(); dialog.close(); } });
    window.addEventListener("resize", () => { if (dialog.open) { frame.hidden = true; place(); } });
    setInterval(() => { if (dialog.open) place(); else look(); }, LOOK_MS);
    known().then(look, () => {});      /* asked again when the overlay opens */
    window.QDTraining = { known, texts: () => texts };
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run, { once: true });
})();
