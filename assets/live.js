/* The live half of every page: stream, marks, tables, grids, commands, keys.
 *
 * No build step. Text reaches the page through text nodes only. Nothing is kept here that a fresh
 * snapshot cannot restore, and no command is ever kept for later: offline is refused at once.
 * Ages run on the browser's monotonic clock from the moment a frame came in, plus the age the frame
 * carried: a wrong wall clock cannot hide staleness.
 */
(function () {
  "use strict";
  const body = document.body;
  if (!body.classList.contains("desk")) return;

  const { NONE, TICKING, element, write, defined, number, age, moneyIn, clock, format, toneOf, zoneName } = window.QDFormat;
  const { openInput, plainNumber, valueOf, collect, announce, complain } = window.QDForms;
  const AMBER_MS = 1000, VEIL_MS = 2000, FEED_BAD_MS = 10000, WORKER_BAD_MS = 60000, DEAD_MS = 4000, GRID_MS = 100;
  const ANSWER_MS = 2000, TWICE_MS = 2000, KILL_PRESS_MS = 1500,
    HIDE_MS = 15000;
  const CALM = new Set(["HoldParent", "HoldScope", "SetMode", "RequestKill", "WithdrawChange", "AcknowledgeAlert"]);
  const $ = (id) => document.getElementById(id);
  const now = () => performance.now();

  /* --- rows of every topic ----------------------------------------------------------------- */
  const topics = new Map();
  const topic = (name) => {
    if (!topics.has(name)) {
      topics.set(name, { rows: new Map(), seq: -1, epoch: "", at: 0, received: 0, loaded: false });
    }
    return topics.get(name);
  };
  const rowOf = (name, key) => topic(name).rows.get(key);
  const cell = (name, key, field) => (rowOf(name, key) || {})[field];
  let serverMs = null, serverSeen = 0;      // the server's clock and when we heard it
  const serverNow = () => serverMs === null ? NaN : serverMs + (now() - serverSeen);
  window.QDFormat.hear(serverNow);

  /* --- stream ------------------------------------------------------------------------------ */
  let heard = now(), connectedOnce = false, subscribed = "", loggedOut = false, tooMany = false;
  const opened = now();     // before the first beat the engine is unknown, not silent
  let engineMs = null, engineSeen = 0;

  function wanted() {
    const names = new Set(body.dataset.topics.split(","));
    if (document.hidden) return [...names].filter(Boolean).sort().join(",");
    for (const [attribute, key] of [["data-live-topic", "liveTopic"], ["data-live-table", "liveTable"],
      ["data-live-grid", "liveGrid"], ["data-render-topic", "renderTopic"], ["data-stale-topic", "staleTopic"]]) {
      for (const found of document.querySelectorAll(`[${attribute}]`)) names.add(found.dataset[key]);
    }
    return [...names].filter(Boolean).sort().join(",");
  }
  /* the stream is shared by all tabs of this login: base_stream.js */
  const stream = window.QDStream({ person: body.dataset.person, csrf: body.dataset.csrf }, (kind, words) => {
    if (kind === "frame") take(words);
    else if (kind === "state") { loggedOut = words.out; tooMany = words.full; }
    else {
      hear(words.pub);
      engineMs = words.engine_ms;
      engineSeen = now();
    }
  });
  function connect() {
    subscribed = wanted();
    stream.hello(subscribed.split(","));
  }
  function hear(pub) {
    heard = now();
    connectedOnce = true;
    loggedOut = tooMany = false;
    serverMs = pub;
    serverSeen = now();
  }
  function take(frame) {
    hear(frame.pub);
    const known = topic(frame.topic);
    const changed = dirty.get(frame.topic) || { up: new Set(), rm: new Set() };
    if (!frame.full && !frame.replay) {
      if (frame.epoch === known.epoch && frame.seq <= known.seq) return;
      if (frame.epoch !== known.epoch || frame.prev !== known.seq) { stream.again(frame.topic); return; }
    }
    if (frame.full) {
      for (const key of known.rows.keys()) {
        if (!(key in frame.up)) { known.rows.delete(key); changed.rm.add(key); }
      }
    }
    for (const key of frame.rm || []) { known.rows.delete(key); changed.rm.add(key); changed.up.delete(key); }
    for (const [key, cells] of Object.entries(frame.up)) {
      const row = frame.full ? {} : known.rows.get(key) || {};
      known.rows.set(key, Object.assign(row, cells, { id: row.id || cells.id || key }));
      changed.up.add(key);
      changed.rm.delete(key);
    }
    if (!frame.replay) { known.seq = frame.seq; known.epoch = frame.epoch; }
    if (frame.at) { known.at = frame.at; known.carried = Math.max(0, frame.pub - frame.at); }
    known.received = now();
    known.loaded = true;
    dirty.set(frame.topic, changed);
    if (!drawing) {
      drawing = true;
      if (document.hidden) setTimeout(draw, 250); else requestAnimationFrame(draw);
    }
  }

  /* --- drawing: once per animation frame --------------------------------------------------- */
  const dirty = new Map();
  let drawing = false;
  let marks = new Map(), states = [], tables = [], grids = [], surfaces = [];
  const renderers = new Map();

  function draw() {
    drawing = false;
    const batch = [...dirty];
    dirty.clear();
    let carried = -1, received = 0;
    for (const [name, changed] of batch) {
      const known = topic(name);
      if (known.at && known.received > received) { carried = known.carried; received = known.received; }
      for (const key of [...changed.up, ...changed.rm]) {
        for (const mark of marks.get(name + "\u0000" + key) || []) drawMark(mark);
      }
      for (const table of tables) if (table.topic === name) drawTable(table);
      for (const grid of grids) if (grid.topic === name) drawGrid(grid, changed);
      for (const surface of surfaces) if (surface.topic === name) drawSurface(surface, changed);
      for (const listener of listeners.get(name) || []) listener(known.rows, changed);
    }
    for (const state of states) drawState(state);
    if (carried >= 0) write($("event-ms"), number(carried + now() - received, 0) + " ms");
  }
  function drawMark(mark) {
    const value = cell(mark.topic, mark.key, mark.field);
    write(mark.node, format(mark.form, value, mark.decimals));
    if (mark.form === "bar") mark.node.style.setProperty("--fill", String(defined(value) ? value : 0));
    const tone = toneOf(mark.form, value);
    if (tone !== mark.tone) {
      if (mark.tone) mark.node.classList.remove(mark.tone);
      if (tone) mark.node.classList.add(tone);
      mark.tone = tone;
    }
  }
  function drawState(state) {
    const value = cell(state.topic, state.key, state.field);
    const text = value === undefined || value === null ? "" : String(value);
    if (state.node.dataset.state !== text) state.node.dataset.state = text;
  }
  function conditions(text) {
    return (text || "").split("&").filter(Boolean).map((part) => {
      const [field, values] = part.split("=");
      return [field, new Set(values.split("|"))];
    });
  }
  const fits = (row, where) => where.every(([field, values]) => values.has(String(row[field])));

  function scan() {
    marks = new Map(); states = []; tables = []; surfaces = [];
    for (const node of document.querySelectorAll("[data-live-topic]")) {
      const data = node.dataset;
      const mark = { node, topic: data.liveTopic, key: data.liveKey, field: data.liveField,
        form: data.liveFormat, decimals: data.liveDecimals, tone: "" };
      const index = mark.topic + "\u0000" + mark.key;
      if (!marks.has(index)) marks.set(index, []);
      marks.get(index).push(mark);
      if (topic(mark.topic).loaded) drawMark(mark);
    }
    for (const node of document.querySelectorAll("[data-live-state]")) {
      const [name, key, field] = node.dataset.liveState.split(":");
      states.push({ node, topic: name, key, field });
      drawState(states[states.length - 1]);
    }
    for (const node of document.querySelectorAll("[data-live-table]")) {
      const columns = node.dataset.columns.split("|").map((text) => text.split(":"));
      node.qdRows = node.qdRows || new Map();
      const table = { node, topic: node.dataset.liveTable, columns, where: conditions(node.dataset.where) };
      tables.push(table);
      drawTable(table);
    }
    const hosts = new Set(document.querySelectorAll("[data-live-grid]"));
    grids = grids.filter((grid) => hosts.has(grid.node));
    for (const node of hosts) {
      if (!grids.some((grid) => grid.node === node)) openGrid(node);
    }
    for (const node of document.querySelectorAll("[data-live-render]")) {
      surfaces.push({ node, topic: node.dataset.renderTopic, name: node.dataset.liveRender,
        where: conditions(node.dataset.where) });
      drawSurface(surfaces[surfaces.length - 1], null);
    }
    for (const host of document.querySelectorAll("[data-input]")) if (!host.qdInput) openInput(host);
    if (subscribed && wanted() !== subscribed) connect();
  }

  /* --- plain tables ------------------------------------------------------------------------ */
  function drawTable(table) {
    const { node, columns } = table;
    let rows = [...topic(table.topic).rows].filter(([, row]) => fits(row, table.where));
    if (node.dataset.newest) rows.reverse();
    rows = rows.slice(0, Number(node.dataset.limit));
    const keep = new Set(rows.map(([key]) => key));
    for (const [key, line] of node.qdRows) {
      if (!keep.has(key)) { line.remove(); node.qdRows.delete(key); }
    }
    let previous = null;
    for (const [key, row] of rows) {
      let line = node.qdRows.get(key);
      if (!line) {
        line = element("tr");
        line.dataset.key = key;
        for (let i = 0; i < columns.length; i += 1) line.append(element("td"));
        node.qdRows.set(key, line);
      }
      columns.forEach(([field, form, decimals], i) => {
        const target = line.children[i];
        write(target, format(form, row[field], decimals));
        const tone = toneOf(form, row[field]);
        const wantedClass = (NUMERIC.has(form) ? "num " : "") + tone;
        if (target.className !== wantedClass) target.className = wantedClass;
        if (form === "bar") target.style.setProperty("--fill", String(row[field] || 0));
      });
      const expected = previous ? previous.nextSibling : node.firstChild;
      if (expected !== line) node.insertBefore(line, expected);
      previous = line;
    }
    let note = node.querySelector(":scope > tr.none");
    if (rows.length === 0) {
      if (!note) {
        note = element("tr", "none");
        const wide = element("td");
        wide.colSpan = columns.length;
        note.append(wide);
        node.append(note);
      }
      write(note.firstChild, topic(table.topic).loaded ? node.dataset.empty : "loading");
    } else if (note) note.remove();
  }
  const NUMERIC = new Set(["int", "shares", "signed", "bps", "percent", "money", "age", "price", "ms",
    "ago", "after", "clock", "clock_ms", "bar"]);

  /* --- grids ------------------------------------------------------------------------------- */
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    qdFormat: (params, form, decimals) => format(form, params.value, decimals),
    qdClass: (params, form) => (NUMERIC.has(form) ? ["num", toneOf(form, params.value)]
      : [toneOf(form, params.value)]).filter(Boolean),
  });
  function openGrid(node) {
    const grid = { node, topic: node.dataset.liveGrid, where: conditions(node.dataset.where),
      shown: new Set(), due: new Map(), at: -GRID_MS, timer: 0, api: null };
    grids.push(grid);
    const attempt = () => {
      if (!node.isConnected) return;
      const library = window.dash_ag_grid;
      if (!library) { setTimeout(attempt, 50); return; }
      library.getApiAsync(node.dataset.gridId).then((api) => {
        grid.api = api;
        node.qdGrid = grid;
        if (api.getDisplayedRowCount()) api.setGridOption("rowData", []);    /* opened once more */
        if (node.dataset.link) {
          api.addEventListener("rowDoubleClicked", (event) => openKey(node.dataset.link, event.data.id));
          api.addEventListener("cellKeyDown", (event) => {
            if (event.event && event.event.key === "Enter") openKey(node.dataset.link, event.data.id);
          });
        }
        hideColumns(grid);
        if (topic(grid.topic).loaded) drawGrid(grid, null);
      });
    };
    attempt();
  }
  function hideColumns(grid) {
    if (!grid.api || grid.api.isDestroyed()) return;
    for (const [field, width] of Object.entries(JSON.parse(grid.node.dataset.hide || "{}"))) {
      grid.api.setColumnsVisible([field], window.innerWidth >= width);
    }
  }
  window.addEventListener("resize", () => { for (const grid of grids) hideColumns(grid); });
  function drawGrid(grid, changed) {
    if (!grid.api || grid.api.isDestroyed()) return;
    const rows = topic(grid.topic).rows;
    const keys = changed ? changed.up : rows.keys();
    for (const key of keys) {
      const row = rows.get(key);
      if (!row) continue;
      if (fits(row, grid.where)) { grid.shown.add(key); grid.due.set(row.id, Object.assign({}, row)); }
      else if (grid.shown.delete(key)) grid.due.set(row.id, null);
    }
    const gone = changed ? changed.rm : [...grid.shown].filter((key) => !rows.has(key));
    for (const key of gone) if (grid.shown.delete(key)) grid.due.set(key, null);
    if (grid.due.size && !grid.timer) {
      const rest = grid.at + GRID_MS - now();
      if (rest <= 0) settleGrid(grid); else grid.timer = setTimeout(settleGrid, rest, grid);
    }
    /* what is on the screen is painted now; filter, order and the rows outside follow ten times a second */
    if (grid.due.size) {
      for (const node of grid.api.getRenderedNodes()) {
        const row = node.data && grid.due.get(node.data.id);
        if (row && row !== node.data) node.setData(row);
      }
    }
    for (const count of document.querySelectorAll(`[data-count-of="${grid.node.dataset.gridId}"]`)) {
      write(count, number(grid.shown.size, 0));
    }
  }
  function settleGrid(grid) {
    grid.timer = 0;
    grid.at = now();
    if (grid.api.isDestroyed()) return;
    const add = [], update = [], remove = [];
    for (const [id, row] of grid.due) {
      if (grid.api.getRowNode(id)) (row ? update : remove).push(row || { id });
      else if (row) add.push(row);
    }
    grid.due.clear();
    if (add.length || update.length || remove.length) grid.api.applyTransaction({ add, update, remove });
  }
  function refilter(node, where) {
    node.dataset.where = where;
    const grid = grids.find((known) => known.node === node);
    if (grid) { grid.where = conditions(where); drawGrid(grid, null); return; }
    scan();
  }
  function openKey(link, key) { location.assign(link.replace("{key}", encodeURIComponent(key))); }

  function drawSurface(surface, changed) {
    const renderer = renderers.get(surface.name);
    if (!renderer || !topic(surface.topic).loaded) return;
    const rows = [...topic(surface.topic).rows].filter(([, row]) => fits(row, surface.where));
    renderer(surface.node, new Map(rows), changed);
  }

  /* --- staleness --------------------------------------------------------------------------- */
  let locked = false;
  function tick() {
    const link = now() - heard;
    const engine = engineMs === null ? (connectedOnce ? now() - opened : NaN) : engineMs + (now() - engineSeen);
    const worst = Math.max(link, Number.isNaN(engine) ? 0 : engine);
    if (link > DEAD_MS) stream.silent();
    const feedAt = cell("status", "feed", "at");
    const feed = defined(feedAt) ? serverNow() - feedAt / 1e6 : NaN;
    const workerAt = cell("status", "worker", "at");
    const worker = defined(workerAt) ? serverNow() - workerAt / 1e6 : NaN;
    body.dataset.link = worst > VEIL_MS ? "stale" : worst > AMBER_MS ? "amber" : "ok";
    write($("stream-state"), loggedOut ? "logged out" : link > VEIL_MS ? "offline " + age(link)
      : link > AMBER_MS ? "slow" : "live");
    let text = "";
    if (loggedOut) text = "You are logged out. Values are old. ";
    else if (tooMany) text = "This login is live in four browsers: close one. Values here are old.";
    else if (link > VEIL_MS) text = `Connection to the desk lost ${age(link)} ago: values are old, buttons that raise risk are locked, KILL works.`;
    else if (engine > VEIL_MS) text = `The engine is silent${engine === Infinity ? "" : " for " + age(engine)}: values are old, buttons that raise risk are locked, KILL works.`;
    else if (feed > FEED_BAD_MS) text = `Market data is silent for ${age(feed)}: buttons that raise risk are locked, KILL works.`;
    else if (worker > WORKER_BAD_MS) text = `History is as of ${age(worker)} ago: the worker is silent. Live values are not affected.`;
    const banner = $("banner");
    banner.hidden = text === "";
    write(banner, text);
    if (loggedOut && !$("log-in-again")) {
      const again = element("a", "button", "Log in");
      again.id = "log-in-again";
      again.href = "/login?next=" + encodeURIComponent(location.pathname);
      banner.after(again);
    } else if (!loggedOut && $("log-in-again")) $("log-in-again").remove();
    const lock = loggedOut || worst > VEIL_MS || feed > FEED_BAD_MS;
    if (lock !== locked) { locked = lock; body.dataset.locked = lock ? "1" : ""; }
    for (const node of document.querySelectorAll("[data-stale-topic]")) {
      let old = worst;
      if (node.dataset.staleCell) {
        const [name, key, field] = node.dataset.staleCell.split(":");
        const at = cell(name, key, field);
        if (defined(at)) old = Math.max(old, serverNow() - at / 1e6 - Number(node.dataset.staleAfter || 3000) + VEIL_MS);
      }
      const state = old > VEIL_MS ? "veil" : old > AMBER_MS ? "amber" : "";
      if ((node.dataset.stale || "") !== state) node.dataset.stale = state;
      if (state) node.dataset.staleText = "stale " + (old === Infinity ? "" : age(old));
    }
    for (const node of document.querySelectorAll("[data-age-of]")) {
      let newest = null;
      if (node.dataset.ageOf === "*") {
        for (const known of topics.values()) {
          if (known.at && (!newest || known.received > newest.received)) newest = known;
        }
      } else newest = topic(node.dataset.ageOf);
      write(node, newest && newest.at ? age(newest.carried + now() - newest.received) : NONE);
    }
    for (const list of marks.values()) {
      for (const mark of list) if (TICKING.has(mark.form)) drawMark(mark);
    }
    for (const table of tables) {
      if (table.columns.some(([, form]) => TICKING.has(form))) drawTable(table);
    }
    for (const chip of running) chip();
  }

  /* --- commands ---------------------------------------------------------------------------- */
  const running = new Set();
  const settled = new Map();     // id -> resolve, for acknowledgements on the stream
  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return "w-" + [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  }
  function show(chip, state, text, action) {
    chip.dataset.state = state;
    chip.textContent = "";
    chip.append(element("strong", "", state), element("span", "", text ? " " + text : ""));
    if (action) {
      const button = element("button", "retry", action.text);
      button.type = "button";
      button.addEventListener("click", action.run);
      chip.append(" ", button);
    }
  }
  function headers() {
    return { "Content-Type": "application/json", "X-QD-CSRF": body.dataset.csrf };
  }
  async function post(path, document_, limitMs) {
    const stop = new AbortController();
    const alarm = setTimeout(() => stop.abort(), limitMs);
    try {
      const answer = await nativeFetch(path, { method: "POST", headers: headers(),
        body: JSON.stringify(document_), signal: stop.signal, cache: "no-store" });
      let content = {};
      try { content = await answer.json(); } catch (ignored) { content = {}; }
      return { status: answer.status, content };
    } finally { clearTimeout(alarm); }
  }
  /* the engine's start that this page shows: the engine refuses another, so that nobody acts on a
   * picture from before a restart; a retry keeps the one of the first try */
  const shownEpoch = () => { const seen = cell("desk", "desk", "epoch"); return defined(seen) ? seen : 0; };
  async function send(command, chip) {
    if (command.epoch === undefined) command.epoch = shownEpoch();
    if (loggedOut || now() - heard > VEIL_MS || navigator.onLine === false) {
      show(chip, "REFUSED", "no connection to the desk: nothing was sent");
      return { state: "REFUSED" };
    }
    if (locked && !CALM.has(command.verb)) {
      show(chip, "REFUSED", "values are old: acts that raise risk are locked, nothing was sent");
      return { state: "REFUSED" };
    }
    const started = now();
    const counter = () => show(chip, "SENT", number(now() - started, 0) + " ms");
    counter();
    running.add(counter);
    let result;
    try {
      result = await post("/api/v1/commands", command, ANSWER_MS);
    } catch (failure) {
      running.delete(counter);
      return unknown(command, chip, failure.name === "AbortError" ? "no answer in 2 s" : "the connection broke");
    }
    running.delete(counter);
    const took = number(now() - started, 0) + " ms";
    const { status, content } = result;
    if (status === 202) {
      const entry = content.seq ? `, entry ${number(content.seq, 0)}` : "";
      if (content.seq || rowOf("acks", command.id)) show(chip, "DONE", took + entry);
      else {
        show(chip, "ACK", took);
        settled.set(command.id, () => show(chip, "DONE", number(now() - started, 0) + " ms"));
      }
      if (!chip.dataset.stays) setTimeout(() => { if (chip.dataset.state === "DONE") { chip.textContent = ""; chip.dataset.state = ""; } }, 8000);
      return { state: "DONE", content };
    }
    if (content.type === "fresh" || content.type === "idle") {
      show(chip, "REFUSED", content.detail);
      if (await again(content.detail)) return send(command, chip);
      return { state: "REFUSED", content };
    }
    if (content.type === "unknown" || status >= 500 && content.type !== "offline") {
      return unknown(command, chip, content.detail || "error " + status);
    }
    show(chip, "REFUSED", content.detail || "error " + status);
    return { state: "REFUSED", content };
  }
  function unknown(command, chip, why) {
    show(chip, "UNKNOWN", why + ": check the order", { text: "Retry, same id", run: () => send(command, chip) });
    return { state: "UNKNOWN" };
  }
  function versionOf(text) {
    if (!text) return null;
    const [name, key, field] = text.split(":");
    const version = cell(name, key, field);
    return defined(version) ? version : null;
  }
  const chipOf = (node) => (node.closest(".command-slot, .form-actions, [data-command-form]") || body)
    .querySelector(".chip-state") || toast("");
  async function press(button) {
    const data = button.dataset;
    const command = { id: newId(), verb: data.verb, target: data.target || "", reason: "", epoch: shownEpoch(),
      expected_version: versionOf(data.version), args: JSON.parse(data.args || "{}") };
    const slot = button.closest(".command-slot");
    const fields = slot ? slot.querySelector(".dialog-fields") : null;
    if (data.confirm || data.typed || data.hold || data.reason || fields) {
      const answer = await confirm({ title: button.textContent, text: data.confirm || "", tone: button.className,
        typed: data.typed || "", hold: Number(data.hold || 0), reason: data.reason || "", fields });
      if (!answer) return;
      command.reason = answer.reason;
      Object.assign(command.args, answer.args);
    }
    if (data.verb === "RequestKill" && !data.record) {     /* record: the reason of a kill that is there */
      await sendKill({ scope: command.args.scope, target: command.target, reason: command.reason }, chipOf(button));
      return;
    }
    const sent = await send(command, chipOf(button));
    if (sent.state === "DONE" && data.undo) offerUndo(JSON.parse(data.undo), command.target, button.textContent);
  }
  function offerUndo([text, verb], target, done) {
    const chip = toast(done + " is done.");
    const button = element("button", "command", text), box = chip.closest(".toast");
    button.type = "button";
    button.addEventListener("click", async () => {
      button.disabled = true;
      await send({ id: newId(), verb, target, reason: "undo", expected_version: null, args: {} }, chip);
    });
    box.insertBefore(button, box.lastChild);
    setTimeout(() => box.remove(), 10000);
  }

  /* --- dialogs: Esc and Close never send --------------------------------------------------- */
  function confirm(options) {
    const dialog = $("confirm"), go = $("confirm-go"), extra = $("confirm-fields");
    write($("confirm-title"), options.title);
    write($("confirm-text"), options.text);
    write(go, options.hold ? options.title + ` (press ${options.hold / 1000} s)` : options.title);
    go.className = options.tone.includes("kill") ? "kill" : "primary";
    write($("confirm-error"), "");
    extra.textContent = "";
    let typed = null, reason = null;
    if (options.fields) {
      const copy = options.fields.cloneNode(true);
      copy.hidden = false;
      for (const host of copy.querySelectorAll("[data-input]")) { host.textContent = ""; openInput(host); }
      extra.append(copy);
    }
    if (options.reason) reason = labelled(extra, options.reason === "must" ? "Reason" : "Reason, may be empty");
    if (options.typed) typed = labelled(extra, `Type ${options.typed}`);
    return new Promise((resolve) => {
      const finish = (answer) => {
        off();
        dialog.close();
        resolve(answer);
      };
      const accept = () => {
        if (typed && typed.value.trim() !== options.typed) { write($("confirm-error"), `type ${options.typed} exactly`); return; }
        if (options.reason === "must" && !reason.value.trim()) { write($("confirm-error"), "a reason is needed"); return; }
        finish({ reason: reason ? reason.value.trim() : "", args: collect(extra) });
      };
      const close = () => finish(null);
      const unpress = options.hold ? longPress(go, options.hold, accept) : onClick(go, accept);
      const unclose = onClick($("confirm-close"), close);
      const cancelled = (event) => { event.preventDefault(); close(); };
      dialog.addEventListener("cancel", cancelled);
      const off = () => { unpress(); unclose(); dialog.removeEventListener("cancel", cancelled); };
      dialog.showModal();
      $("confirm-close").focus();
    });
  }
  function labelled(host, text) {
    const label = element("label", "", text);
    const input = element("input");
    input.autocomplete = "off";
    label.append(input);
    host.append(label);
    return input;
  }
  function onClick(node, run) {
    node.addEventListener("click", run);
    return () => node.removeEventListener("click", run);
  }
  /* A press counts by how long it was: on a busy page the release may come before the alarm. */
  function longPress(node, ms, run) {
    let alarm = 0, began = 0;
    const done = () => { end(); run(); };
    const start = (event) => {
      if (event.type === "keydown" && (event.repeat || ![" ", "Enter"].includes(event.key))) return;
      if (event.type === "keydown") event.preventDefault();
      clearTimeout(alarm);
      node.classList.add("pressing");
      node.style.setProperty("--press", ms + "ms");
      began = event.timeStamp;
      alarm = setTimeout(done, ms);
    };
    const end = () => { clearTimeout(alarm); alarm = 0; node.classList.remove("pressing"); };
    const release = (event) => { if (alarm && event.timeStamp - began >= ms) done(); else end(); };
    const acts = { pointerdown: start, keydown: start, pointerup: release, keyup: release, pointerleave: end, blur: end };
    for (const [name, act] of Object.entries(acts)) node.addEventListener(name, act);
    return () => {
      end();
      for (const [name, act] of Object.entries(acts)) node.removeEventListener(name, act);
    };
  }
  function again(why) {
    const dialog = $("again"), input = $("again-password");
    write($("again-why"), why);
    write($("again-error"), "");
    input.value = "";
    return new Promise((resolve) => {
      const finish = (worked) => { off(); input.value = ""; dialog.close(); resolve(worked); };
      const go = async () => {
        let result;
        try { result = await post("/api/v1/reauthenticate", { password: input.value }, 5000); }
        catch (failure) { write($("again-error"), "no answer"); return; }
        if (result.status === 200) finish(true);
        else write($("again-error"), result.content.detail || "error " + result.status);
      };
      const enter = (event) => { if (event.key === "Enter") { event.preventDefault(); go(); } };
      const offs = [onClick($("again-go"), go), onClick($("again-close"), () => finish(false))];
      const cancelled = (event) => { event.preventDefault(); finish(false); };
      input.addEventListener("keydown", enter);
      dialog.addEventListener("cancel", cancelled);
      const off = () => {
        for (const undo of offs) undo();
        input.removeEventListener("keydown", enter);
        dialog.removeEventListener("cancel", cancelled);
      };
      dialog.showModal();
      input.focus();
    });
  }

  /* --- forms ------------------------------------------------------------------------------- */
  async function submit(form) {
    for (const spot of form.querySelectorAll("[data-error-for], .form-refusal")) write(spot, "");
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    for (const input of form.querySelectorAll("[required]")) {
      if (valueOf(input) === "") {
        complain(form, { field: input.name, detail: "this must be filled in" });
        return;
      }
    }
    const args = collect(form), data = form.dataset;
    let target = data.target || "";
    if (data.targetField) {
      target = String(args[data.targetField] || "");
      delete args[data.targetField];
    }
    let reason = "";
    const epoch = shownEpoch();    /* before the question: that is what the person decides on */
    if (typeof args.reason === "string") { reason = args.reason; delete args.reason; }
    const button = form.querySelector("button.submit");
    if (data.confirm) {
      const text = data.confirm.replace(/\{([\w.]+)\}/g, (_all, name) => {
        const input = form.querySelector(`[name="${CSS.escape(name)}"]`);
        return input ? String(input.value) : "";
      });
      const answer = await confirm({ title: button.textContent, text, tone: "primary", typed: "", hold: 0, reason: "", fields: null });
      if (!answer) return;
    }
    const command = { id: newId(), verb: data.commandForm, target, reason, epoch,
      expected_version: versionOf(data.version), args };
    button.disabled = true;
    const result = await send(command, form.querySelector(".chip-state"));
    button.disabled = false;
    if (result.state === "REFUSED" && result.content) complain(form, result.content);
    form.dispatchEvent(new CustomEvent("qd-sent", { bubbles: true, detail: { command, result } }));
    if (result.state === "DONE" && data.then) location.assign(data.then);
  }

  /* --- kill -------------------------------------------------------------------------------- */
  let killOpened = 0, killId = 0;
  function openKill() {
    const scope = document.querySelector("[data-kill-scope]");
    if (scope) {
      $("kill-scope").value = scope.dataset.killScope;
      $("kill-target").value = scope.dataset.killTarget || "";
    }
    $("kill-state").textContent = "";
    $("kill-state").dataset.state = "";
    $("kill-dialog").showModal();
    $("kill-close").focus();
    killOpened = now();
    preview();
  }
  function killWords() {
    const scope = $("kill-scope").value, target = $("kill-target").value.trim();
    return scope === "all" ? "ALL" : target || scope + " ?";
  }
  async function preview() {
    write($("kill-go"), `Press 1.5 s: KILL ${killWords()}`);
    const mine = killId += 1;
    const scope = $("kill-scope").value, target = $("kill-target").value.trim();
    write($("kill-preview"), "counting");
    let found;
    try {
      const answer = await nativeFetch("/api/v1/preview-kill?" + new URLSearchParams({ scope, target: scope === "all" ? "" : target }), { cache: "no-store" });
      found = await answer.json();
      if (!answer.ok) { if (mine === killId) write($("kill-preview"), found.detail || "cannot count now; the kill does not need it"); return; }
    } catch (failure) { write($("kill-preview"), "cannot count now; the kill does not need it"); return; }
    if (mine !== killId) return;
    write($("kill-preview"), covers(scope, found));
  }
  const many = (n, one) => `${number(n, 0)} ${one}${n === 1 ? "" : "s"}`;
  function covers(scope, found) {
    const children = many(found.children, "live child").replace("childs", "children"), worth = moneyIn(found.values);
    if (scope === "venue") return `${children} there taken back, ${worth}; nothing new goes there, their orders work on elsewhere`;
    if (scope !== "model") return `${many(found.parents, "parent")}, ${children}, ${worth} at the venue`;
    const other = found.other ? `, ${number(found.other, 0)} not at work` : "";
    return `${many(found.parents, "order")} leave this version: ${number(found.held, 0)} on hold, ${number(found.base, 0)} go on by the base schedule, as their tickets say${other}; ${children} taken back, ${worth}`;
  }
  async function doKill() {
    const form = $("kill-form"), state = $("kill-state");
    const wantedKill = { scope: form.elements.scope.value,
      target: form.elements.scope.value === "all" ? "" : form.elements.target.value.trim(),
      reason: form.elements.reason.value.trim() };
    await sendKill(wantedKill, state);
  }
  /* a kill goes through the flag, not through the command door: it works while the engine hangs */
  async function sendKill(wantedKill, state) {
    const started = now();
    show(state, "SENT", "");
    try {
      const { status, content } = await post("/api/v1/kill", wantedKill, ANSWER_MS);
      if (status === 202) show(state, "REQUESTED", `${number(now() - started, 0)} ms, generation ${content.generation}`);
      else show(state, "REFUSED", content.detail || "error " + status);
    } catch (failure) {
      show(state, "UNKNOWN", "no answer: press again (nothing doubles), or on the server run "
        + `python -m engine kill --scope ${wantedKill.scope}${wantedKill.target ? ":" + wantedKill.target : ""}`);
    }
  }

  /* --- alerts ------------------------------------------------------------------------------ */
  function commandSlot(text, verb, target) {
    const slot = element("span", "command-slot"), button = element("button", "command", text);
    button.type = "button";
    button.dataset.verb = verb;
    button.dataset.target = target;
    slot.append(button, element("output", "chip-state"));
    return slot;
  }
  function toast(text, tone) {
    const box = element("div", "toast " + (tone || "")), chip = element("output", "chip-state", text);
    const close = element("button", "quiet", "\u00d7");
    close.type = "button";
    close.setAttribute("aria-label", "close");
    close.addEventListener("click", () => box.remove());
    box.append(chip, close);
    $("toasts").append(box);
    const told = [...$("toasts").children].filter((one) => one !== box && /critical|warn/.test(one.className));
    if (tone) told.slice(0, -2).forEach((one) => one.remove()); // three at a time: controls stay in reach
    if (text) setTimeout(() => box.remove(), tone === "critical" ? 60000 : 10000);
    return chip;
  }

  const listeners = new Map();
  function on(name, listener) {
    if (!listeners.has(name)) listeners.set(name, []);
    listeners.get(name).push(listener);
    if (topic(name).loaded) listener(topic(name).rows, { up: new Set(topic(name).rows.keys()), rm: new Set() });
  }
  on("acks", (rows, changed) => {
    for (const key of changed.up) {
      const done = settled.get(key);
      if (done) { settled.delete(key); done(rows.get(key)); }
    }
  });

  /* --- keys and clicks --------------------------------------------------------------------- */
  let keysOn = localStorage.getItem("qd-keys") !== "off", goUntil = 0;
  const typing = (node) => node instanceof Element && Boolean(node.closest("input, textarea, select, [contenteditable=true], .ag-cell-edit-wrapper"));
  const visible = (node) => node.getClientRects().length > 0 && !node.disabled;
  function move(step) {
    const grid = grids.find((g) => g.api && visible(g.node));
    if (grid) {
      const focused = grid.api.getFocusedCell();
      const columns = grid.api.getAllDisplayedColumns();
      const column = focused ? focused.column : columns.find((c) => c.getColId().charAt(0) !== "a") || columns[0];
      const last = grid.api.getDisplayedRowCount() - 1;
      const next = Math.max(0, Math.min(last, (focused ? focused.rowIndex : -1) + step));
      grid.api.ensureIndexVisible(next);
      grid.api.setFocusedCell(next, column);
      return;
    }
    const lines = [...document.querySelectorAll("main tr[data-key]")].filter(visible);
    if (!lines.length) return;
    const index = lines.findIndex((line) => line.classList.contains("current"));
    const next = lines[Math.max(0, Math.min(lines.length - 1, index + step))];
    if (index >= 0) lines[index].classList.remove("current");
    next.classList.add("current");
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.defaultPrevented) return;
    if (event.ctrlKey && event.shiftKey && event.code === "KeyX") {
      event.preventDefault();
      if (!$("kill-dialog").open) openKill();
      else if (now() - killOpened < TWICE_MS) doKill();
      return;
    }
    if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.shiftKey && event.key.length === 1 && /[A-Za-z]/.test(event.key)
      ? "Shift+" + event.key.toUpperCase() : event.key;
    if (now() < goUntil) {
      goUntil = 0;
      const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const button = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(visible);
    if (button) { event.preventDefault(); button.click(); return; }
    const acts = {
      "/": () => $("search").focus(), "?": () => $("keys").showModal(),
      g: () => { goUntil = now() + 1500; }, j: () => move(1), k: () => move(-1),
      a: () => { const first = document.querySelector("#alert-list .command"); if (first) press(first); },
      Enter: () => {
        const line = document.querySelector("tr.current");
        const host = line && line.closest("[data-link]");
        if (host) openKey(host.dataset.link, line.dataset.key);
      },
    };
    if (acts[key] && !(key === "Enter" && event.target.closest("a, button, summary"))) {
      if (key !== "Enter") event.preventDefault();
      acts[key]();
    }
  });
  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target instanceof Element && event.target.closest(selector);
    const button = hit("button[data-verb]");
    if (button && !button.disabled) { press(button); return; }
    const go = hit("[data-command-form] button.submit");
    if (go && !go.disabled) { submit(go.closest("[data-command-form]")); return; }
    const line = hit("tbody[data-link] tr[data-key]");
    if (line) { openKey(line.parentNode.dataset.link, line.dataset.key); return; }
    const filter = hit("[data-refilter]");
    if (filter) {
      for (const other of filter.parentNode.querySelectorAll("[data-refilter]")) other.setAttribute("aria-selected", String(other === filter));
      const host = document.querySelector(`[data-grid-id="${CSS.escape(filter.dataset.refilter)}"]`);
      if (host) refilter(host, filter.dataset.where || "");
    }
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-command-form]");
    if (form) announce(form);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-command-form]");
    if (form) announce(form);
  });
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.closest("[data-command-form]");
    if (form && !form.querySelector("button.submit").disabled) { event.preventDefault(); submit(form); }
  });
  $("kill").addEventListener("click", (event) => { event.preventDefault(); openKill(); });
  $("kill-close").addEventListener("click", () => $("kill-dialog").close());
  $("kill-form").addEventListener("submit", (event) => event.preventDefault());
  $("kill-scope").addEventListener("change", preview);
  $("kill-target").addEventListener("input", preview);
  longPress($("kill-go"), KILL_PRESS_MS, doKill);
  $("bell").addEventListener("click", () => { $("alert-drawer").hidden = !$("alert-drawer").hidden; });
  $("show-keys").addEventListener("click", () => $("keys").showModal());
  $("keys-close").addEventListener("click", () => $("keys").close());
  $("keys-on").checked = keysOn;
  $("keys-on").addEventListener("change", (event) => {
    keysOn = event.target.checked;
    localStorage.setItem("qd-keys", keysOn ? "on" : "off");
  });
  $("logout").addEventListener("click", async () => {
    await post("/api/v1/logout", {}, 3000);
    location.assign("/login");
  });
  const THEMES = ["dark", "light", "contrast"];
  function theme(name) {
    document.documentElement.dataset.theme = name;
    localStorage.setItem("qd-theme", name);
  }
  theme(THEMES.includes(localStorage.getItem("qd-theme")) ? localStorage.getItem("qd-theme") : "dark");
  $("theme").addEventListener("click", () =>
    theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
  /* the name of the zone at the market's time: a day in June is EDT, whenever it is replayed */
  let namedHour = 0, zoneNames = null;
  function zoneWords() {
    const names = { exchange: "", UTC: "UTC", local: "local" }, at = cell("desk", "desk", "market_at"), zone = window.QDFormat.zone();
    let text = names[zone];
    if (zone === "exchange" && defined(at) && at > 0) {
      zoneNames = zoneNames || new Intl.DateTimeFormat("en-US", { timeZone: body.dataset.zone, timeZoneName: "short" });
      const parts = zoneNames.formatToParts(at / 1e6);
      text = (parts.find((part) => part.type === "timeZoneName") || { value: body.dataset.zone }).value;
      namedHour = Math.floor(at / 3600e9);
    }
    write($("zone-label"), " " + text);
  }
  on("desk", () => {
    const at = cell("desk", "desk", "market_at");
    if (defined(at) && Math.floor(at / 3600e9) !== namedHour) zoneWords();
  });
  $("clock").addEventListener("click", () => {
    window.QDFormat.turnZone();
    zoneWords();
    for (const list of marks.values()) for (const mark of list) drawMark(mark);
    for (const table of tables) drawTable(table);
    for (const grid of grids) if (grid.api) grid.api.refreshCells({ force: true });
    for (const surface of surfaces) drawSurface(surface, null);
    document.dispatchEvent(new CustomEvent("qd-zone"));
  });
  zoneWords();
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.target.blur(); return; }
    if (event.key !== "Enter") return;
    const text = event.target.value.trim();
    if (!text) return;
    const page = [...document.querySelectorAll(".nav a")].find((link) => link.textContent.toLowerCase() === text.toLowerCase());
    if (/^p-?\d+$/i.test(text)) location.assign("/orders/P-" + text.replace(/\D/g, ""));
    else location.assign(page ? page.getAttribute("href") : "/?q=" + encodeURIComponent(text));
  });
  let pinged = 0;
  for (const name of ["pointerdown", "keydown"]) {
    document.addEventListener(name, () => {
      if (now() - pinged < 60000 || loggedOut) return;
      pinged = now() || 1;
      post("/api/v1/activity", {}, 3000).catch(() => { pinged = 0; });
    }, { passive: true });
  }

  /* a failed Dash callback must not be silent */
  const nativeFetch = window.fetch.bind(window);
  window.fetch = async (...args) => {
    const where = String(args[0] && args[0].url || args[0]);
    const ours = where.includes("_dash-update-component");
    let answer;
    try { answer = await nativeFetch(...args); }
    catch (failure) {
      if (ours) toast("A panel could not be loaded: no connection. It keeps its old content.", "warn");
      throw failure;
    }
    if (ours && answer.status === 401) loggedOut = true;
    else if (ours && !answer.ok) toast(`A panel could not be loaded (error ${answer.status}). Reload to try again.`, "warn");
    return answer;
  };

  window.QD = {
    format, moneyIn, on, send, sendKill, press, toast, openKill, clock, element, write, refilter, confirm,
    longPress, post, newId, plainNumber, openInput, zoneName, collect, complain, again, scan, commandSlot,
    rows: (name) => topic(name).rows, cell, serverNow,
    renderer(name, run) {
      renderers.set(name, run);
      for (const surface of surfaces) if (surface.name === name) drawSurface(surface, null);
    },
  };

  /* a hidden page keeps the topics of the frame only; shown again, it takes a fresh snapshot */
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(connect, HIDE_MS);
    else if (wanted() !== subscribed) connect();
  });
  let scanning = false;
  const ownNodes = "[data-live-table], [data-live-render], .ag-root-wrapper, .js-plotly-plot, .chip-state, [data-input]";
  new MutationObserver((changes) => {
    if (scanning || changes.every((change) => change.target instanceof Element && change.target.closest(ownNodes))) return;
    scanning = true;
    requestAnimationFrame(() => { scanning = false; scan(); });
  }).observe(document.getElementById("react-entry-point"), { childList: true, subtree: true });
  scan();
  connect();
  setInterval(tick, 250);
  document.dispatchEvent(new CustomEvent("qd-ready"));
})();
