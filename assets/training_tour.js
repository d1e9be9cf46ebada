/* The guided tour of the 500,000-share order. A step is over when the desk says so (a row of the
 * stream, a field of the ticket, the page that is open), never because somebody pressed "next": the
 * tour presses nothing, sends nothing and shows no numbers of its own. Where somebody stands is kept
 * on the server, for that person, so that it goes on over pages, browsers and days. It is offered once
 * to each person who may take it, until it is answered, at the end of the navigation, where it covers and moves nothing.
 */
(function () {
  "use strict";
  const card = document.getElementById("tour");
  if (!document.body.classList.contains("desk") || !card) return;
  const SYMBOL = "MIDC", SHARES = 500000, LOOK_MS = 400, GAP = 12, ON_TICKET = "/ticket";
  const OVER = new Set(["KILLED", "COMPLETED", "EXPIRED", "REFUSED"]);
  const $ = (id) => document.getElementById(id);
  const find = (selector) => [...document.querySelectorAll(selector)].find((node) => node.getClientRects().length) || null;
  const field = (name) => { const node = find(`[data-command-form=SubmitParent] [name="${name}"]`); return node ? node.value : ""; };
  const side = () => { const node = document.querySelector("[name=side]:checked"); return node ? node.value : ""; };
  const shares = () => Number(field("quantity").replace(/[^\d]/g, ""));

  function run() {
    const QD = window.QD, write = QD.write, me = document.body.dataset.person;
    let kept = null, busy = false, ring = null;
    const row = () => QD.rows("parents").get(kept.parent);
    const n = (value) => QD.format("int", value);
    const onOrder = () => location.pathname === "/orders/" + kept.parent;
    const terms = (r) => [r.quantity, r.limit, r.end_at].join();
    const mine = () => [...QD.rows("parents").values()].filter((r) => r.trader === me && r.symbol === SYMBOL
      && r.side === 1 && r.quantity === SHARES && r.accepted_at >= kept.begun);

    /* text, where it is done, the control, and whether the desk says that it is done; `says` = what it waits for */
    const STEPS = [
      { text: "Open the ticket: key g, then t.", to: "nav a[href='/ticket']", href: ON_TICKET, done: () => location.pathname === ON_TICKET },
      { text: "Type the order: MIDC, BUY, 500,000 shares. Beside it the desk shows value, share of the average day and what it would refuse; below, what each strategy would cost on simulated paths.",
        to: () => field("symbol") !== SYMBOL ? "[name=symbol]" : side() !== "1" ? "[name=side]" : "[name=quantity]", href: ON_TICKET,
        says: () => `Now: symbol ${field("symbol") || "-"}, ${side() === "1" ? "BUY" : "SELL"}, ${n(shares() || 0)} shares`,
        done: () => mine().length > 0 || field("symbol") === SYMBOL && side() === "1" && shares() === SHARES },
      { text: "Send it. The engine writes it into its journal before anything else happens, and answers with the number of that entry.", to: "[data-command-form=SubmitParent] button.submit", href: ON_TICKET,
        says: () => "Waits for an order of yours: BUY 500,000 MIDC", done: () => { const [found] = mine(); if (found) kept.parent = found.id; return Boolean(found); } },
      { text: () => `${kept.parent} is there. Above your size limit it waits for a second person first. Open it.`, to: "#ticket-open", href: () => "/orders/" + kept.parent,
        says: () => { const r = row(); return r ? `Now: ${r.id} is ${r.state}` : `${kept.parent} is not in the rows of this page`; },
        done: () => onOrder() && row() && (row().state === "WORKING" || OVER.has(row().state)) },
      { text: "It works. The schedule says how much should be done by now; children rest or cross to follow it. Wait for the first fill.", to: "[data-tile=filled]",
        says: () => row() ? `Now: ${n(row().filled)} of ${n(SHARES)} filled` : "", done: () => row() && row().filled > 0 },
      { text: "Why now: the newest decision, its reason, what bound it. Open its parameters.", to: ".area-why .knobs summary, .area-why .panel-title",
        says: () => "Waits for the parameters of a decision to be opened", done: () => kept.opened === true },
      { text: "Hold it (key h). Nothing new is sent; you say what becomes of live children. It is HELD once the venues have answered for each of them.", to: ".act.hold, .act.resume",
        says: () => row() ? `Now: ${row().id} is ${row().state}, ${n(row().children)} live children` : "", done: () => row() && row().state === "HELD" },
      { text: "Resume it, and say what becomes of what was missed.", to: ".act.resume",
        says: () => row() ? `Now: ${row().id} is ${row().state}` : "", done: () => { const r = row(), back = r && r.state === "WORKING"; if (back) kept.terms = terms(r); return back; } },
      { text: "Amend it: another limit, end or quantity. It keeps working meanwhile; only the new terms count from the next decision on.", to: "[data-open=amend]",
        says: () => "Waits for a limit, end or quantity other than before", done: () => row() && Boolean(kept.terms) && terms(row()) !== kept.terms },
      { text: "Kill it (Shift+K, keep it pressed). Every live child is taken back, the order ends and does not come back. The receipts stand in its log.", to: ".act.kill",
        says: () => row() ? `Now: ${row().id} is ${row().state}` : "", done: () => row() && row().state === "KILLED" },
    ];
    const of = (value) => typeof value === "function" ? value() : value;

    async function read() {
      const answer = await fetch("/api/v1/views?page=tour", { cache: "no-store" });
      if (!answer.ok) throw new Error("error " + answer.status);
      const known = (await answer.json()).items;
      kept = known.midc || null;
      return Boolean(known.offered);
    }
    async function keep() {
      const answer = await QD.post("/api/v1/views", { page: "tour", name: "midc", view: kept }, 4000);
      if (answer.status !== 200) throw new Error(answer.content.detail || "error " + answer.status);
    }
    const fresh = () => ({ step: 0, parent: "", terms: "", opened: false, open: true, begun: QD.cell("desk", "desk", "market_at") || 0 });
    async function change(next) {
      kept = next;
      try { await keep(); } catch (failure) { write($("tour-waits"), "cannot be kept now: " + failure.message); }
      draw();
    }

    /* --- the card ---------------------------------------------------------------------------------- */
    function why() {
      if (!card.dataset.may) return "The tour enters an order; your role may not. Somebody who trades can take it.";
      if (document.body.dataset.mode !== "SIM") return "The tour needs a desk on the simulated market with MIDC. This one is " + document.body.dataset.mode + ": here a training order would be one among real prices or on a recorded day, so it is not offered.";
      return "";
    }
    function ended() {
      if (!kept || !kept.parent || kept.step < 4 || kept.step >= STEPS.length || !onOrder()) return "";
      const r = row();
      return r && OVER.has(r.state) && !(kept.step === 9 && r.state === "KILLED") ? `${r.id} is ${r.state} already: what is left of the tour needs an order that works. Begin again.` : "";
    }
    function draw() {
      const reason = why(), open = Boolean(kept && kept.open);
      card.hidden = !open;
      if (!open) { aim(null); return; }
      const over = kept.step >= STEPS.length, step = STEPS[Math.min(kept.step, STEPS.length - 1)], stuck = ended();
      write($("tour-title"), reason ? "Guided tour" : over ? "Guided tour: done" : `Guided tour, ${kept.step + 1} of ${STEPS.length}`);
      write($("tour-text"), reason || stuck || (over ? `You have taken ${kept.parent} from the ticket to its kill. Its log and the audit hold every act with its receipt; after the close TCA shows what it cost.` : of(step.text)));
      write($("tour-waits"), reason || over || stuck ? "" : step.says ? step.says() : "");
      const target = reason || over || stuck ? null : find(of(step.to)), link = $("tour-go"), href = of(step.href) || (kept.parent ? "/orders/" + kept.parent : "");
      link.hidden = Boolean(reason || over || stuck) || !href || location.pathname === href;
      if (href && link.getAttribute("href") !== href) { link.setAttribute("href", href); write(link, "Go to " + (href === ON_TICKET ? "the ticket" : kept.parent)); }
      $("tour-again").hidden = Boolean(reason);
      write($("tour-leave"), reason || over ? "Close" : "Leave, go on later");
      aim(target);
    }
    function aim(target) {
      if (!ring) { ring = QD.element("div", "tour-ring"); ring.setAttribute("aria-hidden", "true"); document.body.append(ring); }
      ring.hidden = !target || Boolean(document.querySelector("dialog[open]"));
      if (card.hidden) return;
      const box = target ? target.getBoundingClientRect() : null;
      if (box) Object.assign(ring.style, { left: box.left - 4 + "px", top: box.top - 4 + "px", width: box.width + 8 + "px", height: box.height + 8 + "px" });
      const wide = card.offsetWidth, tall = card.offsetHeight;
      const corners = [[GAP, innerHeight - tall - 34], [innerWidth - wide - GAP, innerHeight - tall - 34], [innerWidth - wide - GAP, 76], [GAP, 76]];
      const free = ([x, y]) => !box || x > box.right + 8 || x + wide < box.left - 8 || y > box.bottom + 8 || y + tall < box.top - 8;
      const [x, y] = corners.find(free) || corners[0];
      card.style.left = x + "px";
      card.style.top = y + "px";
    }
    async function look() {
      if (!kept || !kept.open || busy || document.hidden) return;
      if (!why() && kept.step < STEPS.length && STEPS[kept.step].done()) {
        busy = true;
        try { await change(Object.assign({}, kept, { step: kept.step + 1 })); } finally { busy = false; }
        return;
      }
      draw();
    }
    document.addEventListener("toggle", (event) => {
      if (kept && kept.open && kept.step === 5 && event.target.open && event.target.closest(".area-why")) { kept.opened = true; look(); }
    }, true);
    document.addEventListener("keydown", (event) => {
      if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
      if (event.shiftKey && event.key === "T" && !event.ctrlKey && !event.altKey && !event.metaKey) { event.preventDefault(); enter(); }
      if (event.key === "Escape" && card.contains(document.activeElement)) leave();
    });
    /* --- the offer: until the person answers it, in whatever browser, and then never again ---------- */
    async function answered() {
      const offer = $("tour-offer");
      if (!offer) return;
      offer.remove();
      try { await QD.post("/api/v1/views", { page: "tour", name: "offered", view: { answered: true } }, 4000); } catch (failure) { /* it is offered once more */ }
    }
    function offer(before) {
      if (kept || before || why()) return;
      const box = QD.element("span", "tour-offer"), go = QD.element("button", "primary", "Take the tour"), no = QD.element("button", "quiet", "Not now");
      box.id = "tour-offer";
      box.setAttribute("role", "status");
      go.type = no.type = "button";
      go.title = "ten steps from the ticket to the kill, each waits for the desk [Shift+T]";
      no.title = "it stays in the menu of your name";
      go.addEventListener("click", enter);
      no.addEventListener("click", answered);
      box.append(QD.element("span", "", "First time here?"), go, no);
      document.querySelector("body > nav").append(box);
    }
    async function enter() {
      answered();
      if (card.hidden) {
        card.dataset.renderTopic = "parents";      /* the page streams them while the card is open */
        QD.scan();
        await change(kept ? Object.assign({}, kept, { open: true }) : fresh());
      }
      $("tour-leave").focus();
    }
    async function leave() {
      delete card.dataset.renderTopic;
      await change(Object.assign({}, kept, { open: false }));
      $("tour-open").closest("details").querySelector("summary").focus();
    }
    $("tour-open").addEventListener("click", () => { $("tour-open").closest("details").open = false; enter(); });
    $("tour-leave").addEventListener("click", leave);
    $("tour-again").addEventListener("click", () => change(fresh()));
    read().then((before) => {
      if (kept && kept.open) { card.dataset.renderTopic = "parents"; QD.scan(); }
      draw();
      offer(before);
      setInterval(look, LOOK_MS);
    }, () => { kept = null; setInterval(look, LOOK_MS); });
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run, { once: true });
})();
