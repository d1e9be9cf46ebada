/* Alerts: the drawer, a message for each new one, and critical ones again until somebody has seen them. */
(function () {
  "use strict";
  if (!window.QD) return;
  const { element, write, clock, format, toast, commandSlot } = window.QD;
  const NAG_MS = 30000, NAG_MOST_MS = 480000;
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
    $("bell").dataset.state = open ? "warn" : "ok";
    for (const key of changed.up) {
      const row = rows.get(key);
      if (!row || known.has(key)) continue;
      known.add(key);
      if (!firstAlerts && !row.acknowledged_by && row.severity === "critical") sound();
      if (!firstAlerts && !row.acknowledged_by) toast((row.severity || "").toUpperCase() + " " + (row.sentence || ""), row.severity);
    }
    firstAlerts = false;
  }

  /* a critical alert comes back until a named person has seen it, at growing distances */
  const nags = new Map();
  function nag() {
    for (const [key, row] of window.QD.rows("alerts")) {
      if (row.severity !== "critical" || row.acknowledged_by) { nags.delete(key); continue; }
      const last = nags.get(key);
      if (!last) { nags.set(key, { at: now(), wait: NAG_MS }); continue; }
      if (now() - last.at < last.wait) continue;
      nags.set(key, { at: now(), wait: Math.min(NAG_MOST_MS, last.wait * 2) });
      toast("CRITICAL, nobody has acknowledged it: " + (row.sentence || row.kind || key), "critical");
      sound();
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
  const soundWords = () => write($("sound"), localStorage.getItem("qd-sound") === "on" ? "Sound is on" : "Sound is off");
  $("sound").addEventListener("click", () => {
    localStorage.setItem("qd-sound", localStorage.getItem("qd-sound") === "on" ? "off" : "on");
    soundWords();
    sound();
  });
  soundWords();

  window.QD.on("alerts", drawAlerts);
})();
