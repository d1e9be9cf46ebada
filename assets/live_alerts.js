/* Alerts: the drawer, a message for each new one, and critical ones again until somebody has seen them. */
(function () {
  "use strict";
  if (!window.QD) return;
  const { element, write, clock, format, toast, commandSlot } = window.QD;
  const NAG_MS = 30000, NAG_MOST_MS = 480000, SHOW_MS = 200, AGAIN_MS = 10000;
  const $ = (id) => document.getElementById(id);
  const now = () => performance.now();

  const known = new Set();
  let firstAlerts = true;
  function drawAlerts(rows, changed) {
    const list = $("alert-list");
    list.textContent = "";
    let open = 0;
    for (const [key, row] of [...rows].reverse()) {
      const done = Boolean(row.acknowledged_by);
      if (!done) open += 1;
      const item = element("li", "alert " + (row.severity || ""));
      item.append(element("strong", "", (row.severity || "info").toUpperCase()), " ",
        element("span", "", row.sentence || row.kind || key), " ",
        element("span", "dim num", row.object || ""), " ",
        element("time", "dim num", clock(row.raised_at, false)));
      if (done) item.append(element("span", "dim", " seen by " + format("person", row.acknowledged_by)));
      else item.append(commandSlot("Acknowledge", "AcknowledgeAlert", key));
      list.append(item);
      if (list.children.length >= 100) break;
    }
    if (rows.size === 0) list.append(element("li", "dim", "no alerts"));
    write($("alert-count"), format("int", open));
    const late = [...rows.values()].filter((row) => row.escalated_at && !row.acknowledged_by).length;
    $("bell").dataset.state = late ? "bad" : open ? "warn" : "ok";
    write($("alert-late"), late ? "UNATTENDED" : "");
    showSoon();
    for (const key of changed.up) {
      const row = rows.get(key);
      if (row && row.acknowledged_by) for (const box of document.querySelectorAll(`.toast[data-alert="${key}"]`)) box.remove();
      if (!row || known.has(key)) continue;
      known.add(key);
      if (!firstAlerts && !row.acknowledged_by && row.severity === "critical") { sound(); desktop(key, row); }
      if (!firstAlerts && !row.acknowledged_by) say(key, row, (row.severity || "").toUpperCase() + " ");
    }
    firstAlerts = false;
  }

  /* a toast of an alert, gone when somebody has acknowledged it */
  function say(key, row, before) {
    toast(before + (row.sentence || row.kind || key), row.severity).closest(".toast").dataset.alert = key;
  }

  /* the first screen that has an alert says so, once: the desk keeps when that was */
  const told = new Set();
  let soon = 0;
  function showSoon() {
    if (!soon) soon = setTimeout(tellShown, SHOW_MS);
  }
  async function tellShown() {
    soon = 0;
    if (document.hidden) return;
    const due = [...window.QD.rows("alerts")].filter(([key, row]) => row.first_at && !row.shown_at && !told.has(key)).map(([key]) => key);
    if (!due.length) return;
    for (const key of due) told.add(key);
    const command = { id: window.QD.newId(), verb: "ShowAlerts", args: { alert_ids: due.map((key) => Number(key.split("-").pop())) } };
    try {
      const { status } = await window.QD.post("/api/v1/commands", command, 5000);
      if (status === 202) return;
    } catch (failure) { /* no link: said again below */ }
    for (const key of due) told.delete(key);
    setTimeout(showSoon, AGAIN_MS);
  }
  document.addEventListener("visibilitychange", showSoon);

  /* a critical alert comes back until a named person has seen it, at growing distances */
  const nags = new Map();
  function nag() {
    for (const [key, row] of window.QD.rows("alerts")) {
      if (row.severity !== "critical" || row.acknowledged_by) { nags.delete(key); continue; }
      const last = nags.get(key);
      if (!last) { nags.set(key, { at: now(), wait: NAG_MS }); continue; }
      if (now() - last.at < last.wait) continue;
      nags.set(key, { at: now(), wait: Math.min(NAG_MOST_MS, last.wait * 2) });
      say(key, row, "CRITICAL, nobody has acknowledged it: ");
      sound();
      desktop(key, row);
    }
  }
  setInterval(nag, 5000);
  let audio = null;
  function sound() {
    if (localStorage.getItem("qd-sound") !== "on") return;
    audio = audio || new AudioContext();
    const tone = audio.createOscillator(), volume = audio.createGain();
    volume.gain.value = 0.08;
    tone.frequency.value = 660;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.25);
  }
  /* outside of the browser too, for whoever asked for it: one a line, however many pages are open */
  const desktopOn = () => localStorage.getItem("qd-desktop") === "on" && "Notification" in window && Notification.permission === "granted";
  function desktop(key, row) {
    if (!desktopOn()) return;
    const note = new Notification("CRITICAL, " + (row.object || "the desk"), { body: row.sentence || row.kind || key, tag: key, renotify: true });
    note.onclick = () => { window.focus(); location.assign("/exceptions?id=" + encodeURIComponent(key)); };
  }
  const desktopWords = () => write($("desktop"), desktopOn() ? "Desktop alerts are on" : "Desktop alerts are off");
  $("desktop").addEventListener("click", async () => {
    const wanted = !desktopOn();
    if (wanted && "Notification" in window && Notification.permission !== "granted") await Notification.requestPermission();
    localStorage.setItem("qd-desktop", wanted ? "on" : "off");
    if (wanted && !desktopOn()) toast("the browser does not allow desktop alerts for this page", "warn");
    desktopWords();
  });
  desktopWords();
  const soundWords = () => write($("sound"), localStorage.getItem("qd-sound") === "on" ? "Sound is on" : "Sound is off");
  $("sound").addEventListener("click", () => {
    localStorage.setItem("qd-sound", localStorage.getItem("qd-sound") === "on" ? "off" : "on");
    soundWords();
    sound();
  });
  soundWords();

  window.QD.on("alerts", drawAlerts);
})();
