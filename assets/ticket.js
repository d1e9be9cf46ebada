/* The ticket: both ways between shares and value, limit in currency to ticks, end and duration,
 * warnings and blocks. The engine checks everything again; its refusals stand beside the field.
 */
(function () {
  "use strict";
  if (!document.body.classList.contains("desk")) return;
  const SECOND = 1e9, DAY_S = 6.5 * 3600;
  const UNTRUSTED = { none: "has no approved model", expired: "has a model that has expired", doubtful: "has a model that is in doubt",
    demoted: "has a model that was taken back" };
  let meta = null, personal = null, wanted = null, pressed = 0, primed = false, typedValue = false, typedEnd = false;
  const seen = new Map();     // order -> when it first came, to know the new one
  window.QDPieces.ready(() => {
    QD.renderer("ticket", (node) => {
      if (!node.qdOpen) { node.qdOpen = true; meta = JSON.parse(node.dataset.meta); typedValue = typedEnd = false; open(); }
      if (form() && form().qdReady) update();
    });
    QD.renderer("ticket-strategies", () => { if (form() && form().qdReady) update(); });
    for (const name of ["ticket-limits", "ticket-disabled"]) QD.renderer(name, () => { if (form() && form().qdReady) update(); });
    QD.renderer("ticket-parents", (node, rows) => sent(rows));
  });
  const form = () => document.getElementById("ticket");
  const { make, defined, f } = window.QDPieces;
  const field = (name) => form().querySelector(`[name="${name}"]`);
  const value = (name) => (form().querySelector(`input[type=radio][name="${name}"]:checked`) || field(name) || { value: "" }).value;
  const quote = () => QD.rows("quotes").get(value("symbol"));
  const desk = (name) => QD.cell("desk", "desk", name);

  async function open() {
    const host = form();
    const attempt = () => {
      if (!host.isConnected) return;
      if (!field("symbol") || !QD.rows("quotes").size || !QD.rows("venues").size) { setTimeout(attempt, 30); return; }
      slots();
      const select = field("symbol"), symbols = [...QD.rows("quotes").keys()];
      for (const symbol of symbols) select.append(new Option(`${symbol}  ${QD.rows("quotes").get(symbol).name}`, symbol));
      select.value = symbols.includes(meta.symbol) ? meta.symbol : symbols[0];
      host.addEventListener("input", typed);
      host.addEventListener("change", typed);
      host.addEventListener("qd-sent", (event) => remember(event.detail));
      for (const name of ["click", "keydown"]) {
        host.addEventListener(name, (event) => {
          if (name === "click" ? event.target.closest(".submit") : event.key === "Enter") pressed = performance.now();
        }, { capture: true });
      }
      host.qdReady = true;
      update();
    };
    attempt();
    try {
      const answer = await fetch("/api/v1/people/me", { cache: "no-store" });
      personal = (await answer.json()).max_notional;
    } catch (failure) { personal = null; }
  }
  /* inputs that are converted: they have no name; the hidden twin has */
  function slots() {
    const add = (name, label, unit, twin) => {
      const host = form().querySelector(`[data-slot="${name}"]`), box = make("label", "", label), input = make("input", "num");
      input.type = "text";
      input.inputMode = "decimal";
      input.autocomplete = "off";
      input.dataset.typed = name;
      box.append(input);
      host.append(box);
      if (unit) host.after(make("span", "unit", unit));
      if (twin) {
        const hidden = make("input");
        hidden.type = "hidden";
        hidden.name = twin;
        hidden.dataset.kind = "number";
        host.append(hidden);
      }
      return input;
    };
    add("value", "= Value", "", "");
    add("limit", "Limit price, empty = none", "", "limit_price");
    add("minutes", "Duration", "min", "horizon_ns");
    add("end", "Ends at", "", "").inputMode = "numeric";
    venues();
    if (meta.reenters) remainder();
    const left = (desk("close_at") - desk("market_at")) / 60e9;
    slot("minutes").value = f("int", Math.max(1, Math.min(240, Math.floor(left || 240))));
    endFromMinutes();
  }
  /* the order that has ended whose remainder this is: not typed, sent with the others */
  function remainder() {
    const hidden = make("input");
    hidden.type = "hidden";
    hidden.name = "reenters";
    hidden.dataset.kind = "number";
    hidden.value = meta.reenters;
    document.getElementById("ticket-remainder").append(hidden);
  }
  /* one box a venue; what is unticked goes into the hidden list of excluded ones */
  function venues() {
    const host = form().querySelector('[data-slot="venues"]'), hidden = make("input"), group = make("fieldset", "venue-boxes");
    hidden.type = "hidden";
    hidden.name = "exclude";
    hidden.dataset.kind = "list";
    group.append(make("legend", "", "Venues"));
    const boxes = [];
    for (const [name, about] of QD.rows("venues")) {
      const label = make("label", "choice"), box = make("input");
      box.type = "checkbox";
      box.checked = true;
      box.dataset.venue = name;
      label.title = about.kind;
      label.append(box, " " + name);
      group.append(label);
      boxes.push(box);
    }
    group.addEventListener("change", () => { hidden.value = boxes.filter((box) => !box.checked).map((box) => box.dataset.venue).join(","); });
    host.append(group, hidden);
  }
  const slot = (name) => form().querySelector(`[data-typed="${name}"]`);
  const numberIn = (name) => QD.plainNumber(slot(name).value);

  function typed(event) {
    const from = event.target.dataset.typed || event.target.name;
    if (from === "value") {
      const mid = quote() && quote().mid, money = numberIn("value");
      typedValue = money !== null;
      if (mid && typedValue) {
        const lot = quote().lot || 1;
        field("quantity").value = f("int", Math.floor(money / mid / lot) * lot);
      }
    } else if (from === "quantity") typedValue = false;
    if (from === "minutes" || from === "end") typedEnd = from === "end";
    form().dataset.typedEnd = typedEnd ? "1" : "";
    if (from === "strategy") {
      for (const table of document.querySelectorAll("#ticket-parameters > [data-strategy]")) table.hidden = table.dataset.strategy !== value("strategy");
    }
    const spot = event.target.closest(".field");
    if (spot) for (const error of spot.querySelectorAll("[data-error-for]")) QD.write(error, "");
    event.target.removeAttribute("aria-invalid");
    update();
  }
  function secondsOf(text) {
    const found = /^\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*$/.exec(text);
    return found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3] || 0) : null;
  }
  function endFromMinutes() {
    const minutes = numberIn("minutes");
    if (minutes === null || !desk("market_at")) return;
    slot("end").value = QD.clock(Math.min(desk("market_at") + minutes * 60e9, desk("close_at")), false).slice(0, 5);
  }
  function minutesFromEnd() {
    const end = secondsOf(slot("end").value), now = secondsOf(QD.clock(desk("market_at"), false));
    if (end === null || now === null) return;
    slot("minutes").value = f("int", Math.max(0, Math.ceil((end - now) / 60)));
  }

  /* --- everything that depends on what is typed -------------------------------------------- */
  function inForce(name) {
    const row = QD.rows("strategies").get(value("strategy"));
    return row && row.values ? row.values[name] : undefined;
  }
  function parameter(name) {
    const input = form().querySelector(`#ticket-parameters > :not([hidden]) [name="parameters.${name}"]`);
    const typedIn = input && input.value.trim() !== "" ? QD.plainNumber(input.value) : null;
    return typedIn === null ? inForce(name) : typedIn;
  }
  function update() {
    const q = quote();
    if (!form() || !q) return;
    if (typedEnd) minutesFromEnd(); else if (document.activeElement !== slot("end")) endFromMinutes();
    const quantity = QD.plainNumber(field("quantity").value), mid = q.mid, minutes = numberIn("minutes");
    const input = slot("value");
    if (!typedValue && document.activeElement !== input) input.value = quantity && mid ? f("int", quantity * mid) : "";
    const cap = parameter("max_participation");
    const left = Math.max(0, (desk("close_at") - desk("market_at")) / SECOND);
    const seconds = minutes === null ? null : Math.min(minutes * 60, left);
    const room = seconds === null ? null : q.adv * seconds / DAY_S;
    const money = quantity && mid ? quantity * mid : null;
    const algo = QD.rows("strategies").get(value("strategy"));
    const facts = {
      value: money === null ? "-" : `${f("int", money)} ${q.currency}`,
      adv: quantity ? f("percent", quantity / q.adv) : "-",
      days: quantity && cap ? f("price", quantity / (cap * q.adv), 2) + " d" : "-",
      cap: cap === undefined ? "-" : f("percent", cap, 1) + " of volume",
      finish: seconds === null ? "-" : QD.clock(desk("market_at") + seconds * SECOND, false).slice(0, 5),
      room: room === null ? "-" : `${f("int", room)} sh, cap ${f("int", room * (cap || 0))} sh`,
      model: !algo || algo.model_state === "-" ? "none by design" : algo.model ? `${algo.model} (${algo.model_state})` : algo.id === "RL" ? "no policy in force: base schedule" : "none: base schedule",
      personal: personal === null ? "-" : `${f("money", personal)} ${q.currency}`,
    };
    const spoken = document.querySelector('[data-check="model"]');
    if (spoken) spoken.title = (algo && algo.model_card) || "";
    for (const [name, text] of Object.entries(facts)) QD.write(document.querySelector(`[data-check="${name}"]`), text);
    const side = value("side") === "1" ? "BUY" : "SELL";
    QD.write(document.getElementById("ticket-headline"), quantity
      ? `${side} ${f("int", quantity)} ${q.symbol} = ${f("money", money)} ${q.currency} = ${facts.adv} of ADV, ${facts.days} at ${f("percent", cap, 0)}` : "Type a quantity or a value.");
    limits(q);
    for (const cell of document.querySelectorAll("#ticket-parameters > :not([hidden]) [data-in-force]")) {
      const d = Number(cell.closest("[data-parameter]").dataset.decimals), v = inForce(cell.dataset.inForce);
      QD.write(cell, v === undefined ? "-" : f("price", v, d));
      const box = cell.closest("tr").querySelector("input");
      if (box) box.placeholder = v === undefined ? "" : f("price", v, d);
    }
    for (const note of document.querySelectorAll("#ticket-parameters > :not([hidden]) [data-means]")) means(note, q);
    const { blocks, warnings } = judge({ q, quantity, money, minutes, seconds, room, cap, left });
    tell(blocks, warnings);
    const button = form().querySelector("button.submit");
    QD.write(button, quantity ? `Send ${side} ${f("int", quantity)} ${q.symbol}` : "Send");
    if (!button.dataset.reach) button.dataset.reach = button.disabled ? "no" : "yes";
    button.disabled = button.dataset.reach === "no" || blocks.length > 0;
    ladder(q);
  }
  /* a child in parts of the usual touch, in shares: as the engine makes it of the instrument */
  function means(note, q) {
    const part = parameter(note.dataset.means), shares = part === undefined || !q.touch ? null
      : Math.min(Number(note.dataset.most), Math.max(1, Math.floor(part * q.touch / q.lot + 0.5)) * q.lot);
    QD.write(note, shares === null ? "" : `\u2009= ${f("int", shares)} shares`);
    note.title = shares === null ? "" : `${f("price", part, 2)} \u00d7 ${f("int", q.touch)} shares that usually stand at the touch of ${q.symbol}, in lots of ${q.lot}, at least one`;
  }
  function limits(q) {
    const hidden = field("limit_price"), price = numberIn("limit");
    hidden.value = price === null || ticksOff(price, q) ? "" : String(Math.round(price / q.tick_size));
    field("horizon_ns").value = numberIn("minutes") === null ? "" : String(Math.round(numberIn("minutes") * 60) * SECOND);
    slot("limit").placeholder = q.mid === null ? "" : f("price", q.mid, window.QDPieces.decimalsOf(q.tick_size));
  }
  const ticksOff = (price, q) => Math.abs(price / q.tick_size - Math.round(price / q.tick_size)) > 1e-6;

  function judge({ q, quantity, money, minutes, seconds, room, cap, left }) {
    const blocks = [], warnings = [], d = window.QDPieces.decimalsOf(q.tick_size);
    const side = Number(value("side")), price = numberIn("limit");
    if (desk("session") === "CLOSED") blocks.push(["Market", "the session is closed: open the next day first"]);
    else if (q.waits) warnings.push(["Market", `${q.waits}: nothing is sent before that is over`]);
    else if (q.mid === null) blocks.push(["Market", `${q.symbol} has no two-sided quote now`]);
    for (const row of bounds("restricted", q)) {
      if (row.symbols.split(", ").includes(q.symbol)) blocks.push(["Market", `${q.symbol} is on the restricted list ${ofWhom(row)}`]);
    }
    const algo = QD.rows("strategies").get(value("strategy"));
    if (algo && UNTRUSTED[algo.model_state]) warnings.push(["Model", `${algo.id} ${algo.id === "RL" && !algo.model ? "has no policy in force" : UNTRUSTED[algo.model_state]}: it runs exactly its base schedule`]);
    const off = QD.rows("disabled").get(value("strategy"));
    if (off) blocks.push(["Market", `${off.id} is disabled: ${off.parent} repeated its order ${off.count} times; risk must enable it again`]);
    for (const kill of QD.rows("kills").values()) {
      const mine = { symbol: q.symbol, strategy: value("strategy"), client: (field("client") || {}).value, trader: document.body.dataset.person,
        model: (QD.rows("strategies").get(value("strategy")) || {}).model, desk: document.body.dataset.desk };
      if (kill.released_by) continue;
      if (kill.scope === "all" || (kill.target && mine[kill.scope] === kill.target)) blocks.push(["Market", `kill ${kill.id} (${kill.scope} ${kill.target}) is in force: two people must release it`]);
    }
    if (field("quantity").value.trim() === "") blocks.push(["Size", "a quantity is needed"]);
    else if (quantity === null || quantity < 1 || quantity % 1) blocks.push(["Size", `quantity must be a whole number of shares, was ${field("quantity").value}`]);
    else {
      size({ q, quantity, money, blocks, warnings });
      if (personal !== null && money > personal) warnings.push(["Size", `above your size limit of ${f("money", personal)}: it waits for a supervisor`]);
      if (quantity / q.adv > 0.1) warnings.push(["Size", `${f("percent", quantity / q.adv)} of the average day`]);
    }
    const typedLimit = slot("limit").value.trim();
    if (typedLimit !== "" && price === null) blocks.push(["Price", `limit price must be a number, was ${typedLimit}`]);
    else if (price !== null && ticksOff(price, q)) {
      const low = Math.floor(price / q.tick_size) * q.tick_size;
      blocks.push(["Price", `limit price must be a multiple of ${f("price", q.tick_size, d)}, was ${typedLimit}: ${f("price", low, d)} or ${f("price", low + q.tick_size, d)}`]);
    } else if (price !== null && q.mid !== null) {
      if (price < 0.5 * q.mid || price > 2 * q.mid) blocks.push(["Price", `limit price must be within half and double the mid of ${f("price", q.mid, d + 1)}, was ${f("price", price, d)}`]);
      else if (side * (price - (side === 1 ? q.ask : q.bid)) < 0) warnings.push(["Price", `the limit does not reach the ${side === 1 ? "ask" : "bid"} of ${f("price", side === 1 ? q.ask : q.bid, d)}: it can only rest`]);
    }
    if (minutes === null || minutes < 1) blocks.push(["Time", "duration must be at least 1 minute"]);
    else {
      if (minutes * 60 > left + 60) warnings.push(["Time", `the session ends in ${f("int", left / 60)} min: the order ends with it`]);
      if (quantity && room !== null && cap && quantity > room * cap) {
        warnings.push(["Time", `at the cap the volume to expect until then allows ${f("int", room * cap)}: about ${f("int", quantity - room * cap)} may stay unfilled`]);
      }
    }
    for (const row of document.querySelectorAll("#ticket-parameters > :not([hidden]) [data-parameter]")) {
      const input = row.querySelector("input");
      if (!input || input.value.trim() === "") continue;
      const v = QD.plainNumber(input.value), name = row.dataset.parameter.replaceAll("_", " ");
      const digits = Number(row.dataset.decimals), low = Number(row.dataset.low), high = Number(row.dataset.high);
      if (v === null) blocks.push(["Parameters", `${name} must be a number, was ${input.value}`]);
      else if (v < low || v > high) blocks.push(["Parameters", `${name} must be between ${f("price", low, digits)} and ${f("price", high, digits)} (the approved band), was ${input.value}; wider needs a change request`]);
    }
    return { blocks, warnings };
  }
  /* limits that bind this order, at all levels; one for each gives way to an own one */
  function bounds(kind, q) {
    const mine = { firm: "", desk: document.body.dataset.desk, trader: document.body.dataset.person,
      client: (field("client") || {}).value || "", instrument: q.symbol, strategy: value("strategy") };
    const rows = [...QD.rows("limits").values()].filter((row) => row.kind === kind);
    const own = new Set(rows.filter((row) => row.subject === mine[row.level]).map((row) => row.level));
    return rows.filter((row) => row.subject === mine[row.level] && (row.level === "firm" || mine[row.level])
      || row.subject === "*" && mine[row.level] && !own.has(row.level));
  }
  const ofWhom = (row) => row.level === "firm" ? "of the firm" : `of ${row.level} ${row.subject === "*" ? "(each)" : row.level === "trader" ? f("person", row.subject) : row.subject}`;
  const tightest = (rows) => rows.reduce((a, b) => a === null || b.value < a.value ? b : a, null);
  const softest = (rows) => rows.filter((row) => row.soft !== null).reduce((a, b) => a === null || b.soft < a.soft ? b : a, null);
  /* hard limits cannot be clicked away; soft ones need two other people, asked for after the refusal */
  function size({ q, quantity, money, blocks, warnings }) {
    const meant = q.mid ? Math.floor(quantity / q.mid / (q.lot || 1)) * (q.lot || 1) : 0;
    const hint = meant > 0 ? `; if ${f("int", quantity)} is money, type it under Value: ${f("int", meant)} shares` : "";
    const adv = bounds("max_parent_adv", q), worth = bounds("max_parent_value", q), day = bounds("max_day_value", q);
    const most = tightest(adv), top = tightest(worth);
    if (most && quantity > most.value * q.adv) blocks.push(["Size", `quantity must be at most ${f("int", Math.floor(most.value * q.adv))} (${f("percent", most.value, 0)} of the average day ${ofWhom(most)}), was ${f("int", quantity)}${hint}`]);
    else if (top && money > top.value) blocks.push(["Size", `value ${ofWhom(top)} must be at most ${f("int", top.value)} ${q.currency}, was ${f("int", money)}${hint}`]);
    const full = day.find((row) => (row.used || 0) + money > row.value);
    if (full) blocks.push(["Size", `value of the day ${ofWhom(full)} must be at most ${f("money", full.value)} ${q.currency}, would be ${f("money", (full.used || 0) + money)}`]);
    const softly = softest(adv), softTop = softest(worth);
    if (softly && quantity > softly.soft * q.adv) warnings.push(["Size", `above the soft limit of ${f("percent", softly.soft, 1)} of the average day ${ofWhom(softly)}: two others must let it pass`]);
    if (softTop && money > softTop.soft) warnings.push(["Size", `above the soft limit of ${f("money", softTop.soft)} ${q.currency} ${ofWhom(softTop)}: two others must let it pass`]);
  }
  /* refused by a soft limit: the same order, exactly as it was sent, can be asked for */
  function offer(command, content) {
    const box = document.getElementById("ticket-override");
    box.textContent = "";
    box.hidden = !content || !String(content.detail || "").includes("ask for an override");   /* the engine answers with its sentence alone */
    if (box.hidden) return;
    const side = Number(command.args.side) === 1 ? "BUY" : "SELL", slot = make("span", "command-slot");
    const order = `${side} ${f("int", Number(command.args.quantity))} ${command.target}`;
    const button = make("button", "command", `Ask for an override: ${order}`);
    button.type = "button";
    button.dataset.verb = "AskOverride";
    button.dataset.reason = "must";
    button.dataset.args = JSON.stringify({ order: { ...command.args, symbol: command.target } });
    button.dataset.confirm = `${order} breaks a soft limit. Risk and another person must let exactly this order pass, once, within 15 minutes.`;
    const link = make("a", "button", "See requests");
    link.href = "/limits?view=requests";
    slot.append(button, make("output", "chip-state"));
    box.append(slot, link);
  }
  function tell(blocks, warnings) {
    const list = document.getElementById("ticket-warnings"), groups = new Map();
    for (const [kind, rows] of [["block", blocks], ["warn", warnings]]) {
      for (const [group, sentence] of rows) {
        const key = kind + group;
        if (!groups.has(key)) groups.set(key, { kind, group, sentences: [] });
        groups.get(key).sentences.push(sentence);
      }
    }
    const text = JSON.stringify([...groups.values()]);
    if (list.dataset.text === text) return;
    list.dataset.text = text;
    list.textContent = "";
    for (const { kind, group, sentences } of groups.values()) {
      const item = make("li", kind);
      item.append(make("strong", "", (kind === "block" ? "\u25a0 " : "\u25b2 ") + group), make("span", "", " " + sentences.join("; ")));
      list.append(item);
    }
    if (!groups.size) list.append(make("li", "fine", "\u25cf inside every limit the ticket knows; the engine has the last word"));
  }
  function ladder(q) {
    const host = document.getElementById("ticket-ladder");
    window.QDPieces.ladder(host, q, Math.max(3, Math.min(10, Math.floor((host.parentNode.clientHeight - 60) / 36))));
  }

  /* --- after sending: the new order, found in the engine's rows ---------------------------- */
  function remember({ command, result }) {
    offer(command, result.state === "REFUSED" ? result.content : null);
    if (result.state !== "DONE") return;
    wanted = { symbol: command.target, side: Number(command.args.side), quantity: Number(command.args.quantity), after: pressed };
    sent(QD.rows("parents"));
  }
  function sent(rows) {
    for (const key of rows.keys()) if (!seen.has(key)) seen.set(key, primed ? performance.now() : 0);
    primed = true;
    if (!wanted) return;
    for (const [key, row] of rows) {
      if (seen.get(key) < wanted.after
        || row.trader !== document.body.dataset.person || row.symbol !== wanted.symbol
        || row.side !== wanted.side || row.quantity !== wanted.quantity) continue;
      wanted = null;
      const box = document.getElementById("ticket-sent"), link = make("a", "button primary", `Open ${row.id}`);
      link.href = "/orders/" + row.id;
      link.id = "ticket-open";
      box.textContent = "";
      box.append(make("span", "", `${row.id} ${window.QDPieces.describe(row)} ${f("int", row.quantity)} is ${f("state", row.state)}. `), link);
      box.hidden = false;
      link.focus();
      return;
    }
  }
})();
