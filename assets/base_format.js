/* Text for people: numbers, ages, clocks; the rules of components/text.py under the same names. */
(function () {
  "use strict";
  const body = document.body;
  if (!body.classList.contains("desk")) return;
  const MINUS = "\u2212", NONE = "-";
  const people = JSON.parse(body.dataset.people || "{}");
  let serverNow = () => NaN;    // live.js hears the server's clock

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* one text node per element: changing its data makes no structural change to observe */
  function write(target, text) {
    const node = target.firstChild;
    if (node && node.nodeType === 3 && !node.nextSibling) {
      if (node.data !== text) node.data = text;
    } else target.textContent = text;
  }

  let zone = localStorage.getItem("qd-zone") || "exchange";
  const wantedZone = new URLSearchParams(location.search).get("tz");
  if (["exchange", "UTC", "local"].includes(wantedZone)) zone = wantedZone;
  const clocks = new Map();
  const zoneName = () => zone === "UTC" ? "UTC" : zone === "local" ? undefined : body.dataset.zone;
  function clockOf(name) {
    const key = name || "local";
    if (!clocks.has(key)) {
      clocks.set(key, new Intl.DateTimeFormat("en-GB", {
        timeZone: name, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }));
    }
    return clocks.get(key);
  }
  const defined = (v) => typeof v === "number" && Number.isFinite(v);
  const grouped = new Map();
  function number(v, d) {
    if (!defined(v)) return NONE;
    if (!grouped.has(d)) {
      grouped.set(d, new Intl.NumberFormat("en-US", {
        minimumFractionDigits: d, maximumFractionDigits: d, roundingMode: "halfEven" }));
    }
    const text = grouped.get(d).format(v);
    const zero = !/[1-9]/.test(text);
    return zero ? text.replace("-", "") : text.replace("-", MINUS);
  }
  function signed(v, d) {
    const text = number(v, d);
    return text === NONE || text.startsWith(MINUS) || !/[1-9]/.test(text) ? text : "+" + text;
  }
  function age(ms) {
    if (!defined(ms)) return NONE;
    const v = Math.max(0, ms);
    if (v < 60000) return number(v / 1000, 1) + " s";
    if (v < 3600000) return number(v / 60000, 0) + " min";
    if (v < 86400000) return number(v / 3600000, 1) + " h";
    return number(v / 86400000, 1) + " d";
  }
  function money(v) {
    if (!defined(v)) return NONE;
    const size = Math.abs(v);
    if (size >= 1e9) return number(v / 1e9, 1) + "B";
    if (size >= 1e6) return number(v / 1e6, 1) + "M";
    if (size >= 1e3) return number(v / 1e3, 1) + "k";
    return number(v, 0);
  }
  /* sums by currency; two currencies are never added up */
  function moneyIn(values) {
    const named = Object.entries(values).filter(([, v]) => defined(v) && v !== 0);
    return named.length ? named.map(([name, v]) => `${money(v)} ${name || "?"}`).join(" + ") : "0";
  }
  const pick = (decimals, otherwise) => decimals >= 0 ? decimals : otherwise;
  function clock(ns, ms) {
    if (!defined(ns) || ns <= 0) return NONE;
    const at = Math.floor(ns / 1e6);
    const text = clockOf(zoneName()).format(at);
    return ms ? text + "." + String(at % 1000).padStart(3, "0") : text;
  }
  const formats = {
    text: (v) => v === null || v === undefined || v === "" ? NONE : String(v),
    state: (v) => v === null || v === undefined || v === "" ? NONE : String(v).replaceAll("_", " "),
    int: (v, d) => number(v, pick(d, 0)),
    shares: (v) => defined(v) ? number(v, 0) + " sh" : NONE,
    signed: (v, d) => signed(v, pick(d, 2)),
    bps: (v) => defined(v) && Math.abs(v) > 10000 ? "absurd" : signed(v, 2),
    percent: (v, d) => defined(v) ? number(v * 100, pick(d, 1)) + "%" : NONE,
    bar: (v) => defined(v) ? number(v * 100, 0) + "%" : NONE,
    money,
    price: (v, d) => number(v, pick(d, 2)),
    age,
    ago: (v) => defined(v) && v > 0 ? age(serverNow() - v / 1e6) : NONE,
    ms: (v, d) => defined(v) ? number(v, pick(d, v < 10 ? 1 : 0)) + " ms" : NONE,
    after: (v) => defined(v) ? "+" + number(v, 0) + " ms" : NONE,
    clock: (v) => clock(v, false),
    clock_ms: (v) => clock(v, true),
    side: (v) => v === 1 ? "BUY \u25b2" : v === -1 ? "SELL \u25bc" : NONE,
    person: (v) => v ? people[v] || String(v) : NONE,
    hash: (v) => v ? String(v).slice(0, 8) : NONE,
    list: (v) => Array.isArray(v) && v.length ? v.join(" ") : NONE,
  };
  const format = (name, v, decimals) =>
    (formats[name] || formats.text)(v, decimals === undefined ? -1 : Number(decimals));
  function toneOf(name, v) {
    if (name === "side") return v === 1 ? "buy" : v === -1 ? "sell" : "";
    if (name === "bps" && defined(v)) return v > 0 ? "cost" : v < 0 ? "gain" : "";
    if (name === "state" && v) return "state-" + String(v).toLowerCase().replace(/[^a-z]+/g, "-");
    return "";
  }
  const TICKING = new Set(["ago"]);

  window.QDFormat = { MINUS, NONE, TICKING, element, write, defined, number, age, money, moneyIn, clock, format, toneOf, zoneName,
    zone: () => zone,
    turnZone() {
      zone = { exchange: "UTC", UTC: "local", local: "exchange" }[zone];
      localStorage.setItem("qd-zone", zone);
    },
    hear(clockOfServer) { serverNow = clockOfServer; } };
})();
