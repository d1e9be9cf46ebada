/* Bulk acts of the blotter: a preview of what would be hit, one press, a receipt for each order.
 * Commands go out four at a time: a browser opens six connections to a host, and a kill from the
 * header must always find a free one.
 */
(function () {
  "use strict";
  if (!window.QDBlotter) return;
  const B = window.QDBlotter, AT_ONCE = 4;
  const $ = (id) => document.getElementById(id);
  const KINDS = {
    hold: { verb: "Hold", done: "held", able: (row) => row.state === "WORKING",
      words: "Live children are cancelled; the orders can resume." },
    resume: { verb: "Resume", done: "resumed", able: (row) => row.state === "HELD",
      words: "They go on working; what was missed is caught up as chosen here." },
    kill: { verb: "Kill", done: "killed", able: (row) => window.QDPieces.LIVE.has(row.state) && row.state !== "KILLING",
      words: "Every live child is cancelled and the orders end; they do not come back." },
  };

  const chosen = () => B.grid ? B.grid.getSelectedRows().map((row) => QD.rows("parents").get(row.id))
    .filter((row) => row && B.passes(row)) : [];
  const mine = (row, kind) => !$("bulk-" + kind).dataset.own || row.trader === document.body.dataset.person;
  const able = (kind, rows) => rows.filter((row) => KINDS[kind].able(row) && mine(row, kind));

  function words() {
    const rows = chosen(), head = $("bulk-hold").closest(".panel-head");
    head.dataset.picked = rows.length ? "1" : "";    /* a narrow window shows bulk acts or choices */
    for (const [kind, { verb }] of Object.entries(KINDS)) {
      const n = able(kind, rows).length, button = $("bulk-" + kind);
      if (button.disabled !== (n === 0)) button.disabled = n === 0;
      QD.write(button, rows.length ? `${verb} ${n} of ${rows.length}` : `${verb} selected`);
    }
  }
  function line(row) {
    const made = QD.element("tr"), chip = QD.element("output", "chip-state", "not sent"), last = QD.element("td");
    made.append(QD.element("td", "", row.id), QD.element("td", "", row.symbol),
      QD.element("td", row.side === 1 ? "buy" : "sell", QD.format("side", row.side)), QD.element("td", "", QD.format("state", row.state)),
      QD.element("td", "num", QD.format("int", row.leaves)), QD.element("td", "num", QD.format("int", row.children)));
    chip.dataset.stays = "1";    /* receipts of many orders are read one by one, until the dialog is closed */
    last.append(chip);
    made.append(last);
    $("bulk-rows").append(made);
    return chip;
  }
  function open(kind) {
    const { verb, words: effect, done } = KINDS[kind], picked = chosen(), rows = able(kind, picked), left = picked.length - rows.length;
    const dialog = $("bulk-dialog"), go = $("bulk-go"), close = $("bulk-close"), catchUp = $("bulk-catch-up");
    const children = rows.reduce((sum, row) => sum + row.children, 0);
    const value = {};
    for (const row of rows) B.addLeft(value, row);
    QD.write($("bulk-title"), `${verb} ${rows.length} orders`);
    QD.write($("bulk-text"), `${rows.length} orders, ${children} live children, ${QD.moneyIn(value)} left. ${effect}`
      + (left ? ` ${left} of the selected cannot be ${done} now and stay as they are.` : ""));
    catchUp.hidden = kind !== "resume";
    $("bulk-rows").textContent = "";
    const chips = rows.map(line);
    QD.write(go, `${verb} ${rows.length} orders, ${children} children` + (kind === "kill" ? " (press 1.5 s)" : ""));
    go.className = kind === "kill" ? "kill" : "primary";
    go.disabled = rows.length === 0;
    const run = async () => {
      go.disabled = true;
      QD.write(close, "Close");
      let next = 0;
      const worker = async () => {
        while (next < rows.length) {
          const i = next;
          next += 1;
          await send(kind, rows[i], chips[i]);
          follow(rows[i].id, chips[i], kind, 0);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    };
    let off = () => {};
    if (kind === "kill") off = QD.longPress(go, 1500, run);
    else { go.addEventListener("click", run); off = () => go.removeEventListener("click", run); }
    QD.write(close, "Close, send nothing");
    const finish = () => { off(); dialog.close(); words(); };
    close.addEventListener("click", finish, { once: true });
    dialog.addEventListener("cancel", off, { once: true });
    dialog.showModal();
    close.focus();
  }
  function send(kind, row, chip) {
    if (kind === "kill") return QD.sendKill({ scope: "parent", target: row.id, reason: "" }, chip);
    const args = kind === "hold" ? { children: "cancel" } : { catch_up: $("bulk-catch-up").querySelector("select").value };
    const version = kind === "resume" ? row.version : null;    /* what raises risk is about what was seen */
    return QD.send({ id: QD.newId(), verb: kind === "hold" ? "HoldParent" : "ResumeParent", target: row.id, reason: "",
      expected_version: version, args }, chip);
  }
  /* the receipt of each: from the engine's rows, never assumed */
  function follow(id, chip, kind, looks) {
    if (!chip.isConnected || chip.dataset.state === "REFUSED") return;    /* one without an answer may have had its effect */
    const row = QD.rows("parents").get(id), kill = row && row.kill && QD.rows("kills").get(row.kill);
    const say = (state, text) => { chip.dataset.state = state; chip.textContent = text; };
    if (kind === "kill" && kill) {
      say(kill.state === "CONFIRMED" ? "DONE" : "ACK", `${kill.state}: ${kill.acked} cancelled, ${kill.filled_in_flight} too late (filled), ${kill.unconfirmed} unconfirmed`
        + (kill.confirmed_ms !== null ? `, ${QD.format("after", kill.confirmed_ms)}` : ""));
      if (kill.state === "CONFIRMED") return;
    } else if (kind === "hold" && row && row.state !== "WORKING") {
      say(row.state === "HELD" ? "DONE" : "ACK", `${row.state}, ${row.children} children still live`);
      if (row.state === "HELD") return;
    } else if (kind === "resume" && row && row.state !== "HELD") {
      say("DONE", row.state);
      return;
    }
    if (looks < 600) setTimeout(() => follow(id, chip, kind, looks + 1), 100);
  }

  B.parts.push(() => {
    let picked = false;    /* also what the filter hides now: an order may come back into it */
    B.grid.addEventListener("selectionChanged", () => { picked = B.grid.getSelectedRows().length > 0; words(); });
    B.grid.addEventListener("filterChanged", words);
    let due = 0;    /* four times a second are enough for a reader, with 2,000 selected too */
    QD.on("parents", () => {
      if (due || !picked) return;
      due = setTimeout(() => { due = 0; if (!B.grid.isDestroyed()) words(); }, 250);
    });
    for (const kind of Object.keys(KINDS)) $("bulk-" + kind).addEventListener("click", () => open(kind));
  });
})();
