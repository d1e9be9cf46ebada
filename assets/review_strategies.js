/* Strategies: values in force, band bars, and what a typed value would mean. */
(function () {
  "use strict";
  function run() {
    const QD = window.QD;
    let last = null;

    function place(bar, selector, value) {
      const node = bar.querySelector(selector);
      const low = Number(bar.dataset.low), high = Number(bar.dataset.high);
      const known = typeof value === "number" && Number.isFinite(value);
      node.hidden = !known;
      if (known) node.style.left = 100 * Math.min(1, Math.max(0, (value - low) / (high - low))) + "%";
      node.classList.toggle("beyond", known && (value < low || value > high));
    }
    function bars(host, rows) {
      for (const bar of host.querySelectorAll("[data-bar-of]")) {
        const [name, parameter] = bar.dataset.barOf.split(".");
        const low = Number(bar.dataset.low), width = Number(bar.dataset.high) - low;
        const band = bar.querySelector(".band");
        band.style.left = 100 * (Number(bar.dataset.bandLow) - low) / width + "%";
        band.style.width = 100 * (Number(bar.dataset.bandHigh) - Number(bar.dataset.bandLow)) / width + "%";
        const row = rows.get(name);
        place(bar, ".now", row && row.values ? row.values[parameter] : undefined);
        const typed = bar.closest("tr").querySelector("input[name]");
        place(bar, ".new", typed ? typedNumber(typed) : undefined);
      }
    }
    function typedNumber(input) {
      const text = input.value.trim().replaceAll(",", "").replace("\u2212", "-");
      return text === "" ? undefined : Number(text);
    }

    QD.renderer("strategy-values", (_host, rows) => {
      const host = document;
      last = rows;
      for (const node of host.querySelectorAll("[data-value-of]")) {
        const [name, parameter] = node.dataset.valueOf.split(".");
        const row = rows.get(name);
        QD.write(node, QD.format("price", row && row.values ? row.values[parameter] : undefined,
          node.dataset.decimals));
      }
      for (const node of host.querySelectorAll("[data-by-of]")) {
        const row = rows.get(node.dataset.byOf);
        QD.write(node, !row ? "-" : row.by ? QD.format("person", row.by) : "the desk");
      }
      bars(host, rows);
      effects(host, rows);
      history(host, rows);
    });

    /* --- what the typed values would mean ---------------------------------------------------- */
    function effect(line, now) {
      const typed = typedNumber(line.querySelector("input[name]"));
      const bar = line.querySelector("[data-bar-of]").dataset;
      if (typed === undefined) return { text: "", state: "" };
      if (!Number.isFinite(typed)) return { text: "not a number", state: "refused" };
      if (typed < Number(bar.low) || typed > Number(bar.high)) {
        return { text: "outside the hard limits: will be refused", state: "refused" };
      }
      if (typed === now) return { text: "is the value in force", state: "same" };
      const inside = typed >= Number(bar.bandLow) && typed <= Number(bar.bandHigh);
      const risk = !line.dataset.raises ? "" : typed > now ? ", raises risk" : ", lowers risk";
      const from = QD.format("price", now, line.dataset.decimals);
      const to = QD.format("price", typed, line.dataset.decimals);
      return { text: `${from} \u2192 ${to}, ${inside ? "inside the band" : "OUTSIDE THE BAND: material"}${risk}`,
        state: inside ? "inside" : "outside" };
    }
    function effects(host, rows) {
      const form = host.querySelector("#propose");
      if (!form) return;
      const row = rows.get(form.dataset.target) || {};
      let changed = 0, outside = 0, refused = 0;
      for (const line of form.querySelectorAll("tr[data-parameter]")) {
        if (!line.querySelector("input[name]")) continue;
        const found = effect(line, (row.values || {})[line.dataset.parameter]);
        const cell = line.querySelector(".effect");
        QD.write(cell, found.text);
        cell.dataset.effect = found.state;
        changed += found.state === "inside" || found.state === "outside" ? 1 : 0;
        outside += found.state === "outside" ? 1 : 0;
        refused += found.state === "refused" ? 1 : 0;
      }
      const model = form.querySelector("[name=model_id]");
      const withModel = model && model.value !== "";
      const summary = form.querySelector("#propose-summary");
      if (!summary.dataset.rest) summary.dataset.rest = summary.textContent;
      let text = summary.dataset.rest;
      if (refused) text = `${refused} value${refused > 1 ? "s" : ""} cannot be proposed.`;
      else if (changed || withModel) {
        text = `${changed} value${changed === 1 ? "" : "s"} would change${withModel ? ", and the model" : ""}: `
          + (outside || withModel ? "a MATERIAL change. " : "a minor change. ")
          + "It waits for another person and counts for 24 hours.";
      }
      QD.write(summary, text);
    }
    for (const name of ["input", "change"]) {
      document.addEventListener(name, (event) => {
        if (!last || !event.target.closest("#propose")) return;
        bars(document, last);
        effects(document, last);
      });
    }

    /* --- history is read from tables: asked again when another version is in force ------------- */
    let asked = "", tries = 0, timer = 0;
    function history(host, rows) {
      const shown = document.getElementById("strategy-version");
      if (!shown || !window.dash_clientside) return;
      const row = rows.get(shown.dataset.strategy);
      if (!row || String(row.version) === asked) return;
      asked = String(row.version);
      tries = 0;
      clearTimeout(timer);
      ask();
    }
    function ask() {
      const box = document.querySelector("#strategy-history [data-newest]");
      if (tries && box && Number(box.dataset.newest) >= Number(asked)) return;
      if (tries > 20) return;               /* the worker is silent; the panel says so */
      tries += 1;
      window.dash_clientside.set_props("strategy-version", { "data-version": `${asked}.${tries}` });
      timer = setTimeout(ask, 1500);
    }
  }
  if (window.QD) run(); else document.addEventListener("qd-ready", run);
})();
