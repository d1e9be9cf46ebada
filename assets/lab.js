/* Lab: comparisons asked for in the browser. The worker keeps them; this page only looks and asks. */
(function () {
  "use strict";
  const EVERY_MS = 2000, ANSWER_MS = 10000, USUAL_PATHS = 100, USUAL = "midcap-500k";

  function run() {
    const QD = window.QD, make = QD.element, write = QD.write;
    const { person, labelled, every } = window.QDReview;
    const hostOf = () => document.getElementById("lab-asked-body");

    /* --- the form --- */
    const inputOf = (spec) => {
      const host = labelled("div", "input-host"), box = labelled("div", "field kind-" + spec.kind, host, make("span", "refusal"));
      box.lastChild.dataset.errorFor = spec.name;
      host.dataset.input = JSON.stringify(spec);
      QD.openInput(host);
      return box;
    };
    function formOf(told) {
      const form = labelled("div", "form lab-form"), words = make("p", "dim", ""), send = make("button", "submit primary", "Compare");
      const scenario = inputOf({ name: "scenario", kind: "select", label: "Scenario", value: USUAL, options: told.scenarios.map((row) => [row.name, row.name]) });
      const picks = labelled("fieldset", "lab-picks", make("legend", "", "Strategies"), ...told.strategies.map((name) => inputOf({ name: "strategies." + name, kind: "checkbox", label: name, value: "true" })));
      const say = () => write(words, (told.scenarios.find((row) => row.name === scenario.querySelector("select").value) || {}).words || "");
      scenario.addEventListener("change", say);
      say();
      send.type = "button";
      send.addEventListener("click", () => ask(form, send));
      form.setAttribute("role", "form");
      form.setAttribute("aria-label", "Ask for a comparison");
      form.append(labelled("div", "row", scenario,
        inputOf({ name: "paths", kind: "shares", label: `Paths, ${QD.format("int", told.least)} to ${QD.format("int", told.most)}`, value: USUAL_PATHS }),
        inputOf({ name: "seed", kind: "shares", label: "Seed", value: 1 }),
        inputOf({ name: "same_placement", kind: "checkbox", label: "also placed as ADAPTIVE", value: "true" }),
        inputOf({ name: "with_models", kind: "checkbox", label: "with the models in force", value: "" }), send),
      picks, labelled("p", "", make("span", "refusal form-refusal")), words);
      return form;
    }
    async function act(form, button, path, body) {
      for (const spot of form.querySelectorAll(".refusal")) write(spot, "");
      button.disabled = true;
      let result;
      try { result = await QD.post(path, body, ANSWER_MS); }
      catch (failure) { result = { status: 0, content: { detail: "no answer: look at the list before you ask again" } }; }
      button.disabled = false;
      if (result.status >= 400 || result.status === 0) QD.complain(form, result.content);
      look();
    }
    function ask(form, button) {
      const body = QD.collect(form), picked = body.strategies || {};
      body.strategies = Object.keys(picked).filter((name) => picked[name]);
      return act(form, button, "/api/v1/comparisons", body);
    }

    /* --- what was asked for --- */
    const HEAD = [["No.", "num"], ["Scenario", ""], ["Strategies", ""], ["Seed", "num"], ["By", ""], ["Asked", ""], ["State", ""], ["Paths", "num"], ["", "wide"], ["", ""]];
    function left(row, at) {
      if (row.state !== "running" || !row.n) return "";
      const seconds = (at - row.began_at) / 1e9 / row.n * (row.wanted.paths - row.n);
      return `, about ${seconds > 90 ? Math.round(seconds / 60) + " min" : Math.max(1, Math.round(seconds)) + " s"} left`;
    }
    function said(row, at) {
      if (row.state === "cancelled") return `ended by ${person(row.ended_by)} ${QD.clock(row.ended_at, false)}`;
      if (row.state === "done") return `took ${QD.format("int", Math.round((row.ended_at - row.began_at) / 1e9))} s`;
      return row.detail + left(row, at);
    }
    function lineOf(row, at, form) {
      const line = make("tr"), bar = make("progress"), act_ = make("td");
      line.dataset.asked = row.number;
      line.dataset.state = row.state;
      const paths = make("td", "num", `${QD.format("int", row.n)} of ${QD.format("int", row.wanted.paths)} `);
      if (row.state === "running") {
        bar.max = row.wanted.paths;
        bar.value = row.n;
        bar.setAttribute("aria-label", `comparison ${row.number}`);
        paths.append(bar);
      }
      if (row.kept) {
        const link = make("a", "button", "Show");
        link.href = "/lab?id=" + encodeURIComponent(row.kept);
        act_.append(link);
      } else if ((row.state === "waiting" || row.state === "running") && form) {
        const end = make("button", "", `End ${row.number}`);
        end.type = "button";
        end.addEventListener("click", () => act(form, end, `/api/v1/comparisons/${row.number}/end`, {}));
        act_.append(end);
      }
      const state = make("td", row.state === "refused" ? "warn" : "", row.state);
      line.append(make("th", "num", String(row.number)), make("td", "", row.wanted.scenario),
        make("td", "wrap", row.wanted.strategies.join(", ") + (Object.keys(row.wanted.models).length ? ", with models" : "")),
        make("td", "num", String(row.wanted.seed)), make("td", "", person(row.by)), make("td", "", QD.clock(row.at, false)), state, paths,
        make("td", "wide wrap", said(row, at)), act_);
      line.firstChild.scope = "row";
      return line;
    }
    function listOf(told, form) {
      if (!told.items.length) return make("p", "dim", "Nothing was asked for yet.");
      const table = make("table", "table"), head = make("tr"), body = make("tbody"), at = QD.serverNow() * 1e6;
      for (const [title, tone] of HEAD) {
        const cell = make(title ? "th" : "td", tone, title);
        if (title) cell.scope = "col";
        head.append(cell);
      }
      for (const row of told.items) body.append(lineOf(row, at, form));
      table.append(labelled("thead", "", head), body);
      return labelled("div", "table-host", table);
    }
    function draw(told) {
      const host = hostOf();
      if (!host) return;
      if (!told.items) { fail(told.detail); return; }
      if (!host.qdForm) {
        host.qdForm = host.dataset.mayAsk ? formOf(told) : null;
        host.qdList = labelled("div", "lab-list");
        host.replaceChildren(...(host.qdForm ? [host.qdForm] : []), host.qdList);
      }
      const shows = JSON.stringify(told.items) + (QD.zoneName() || "");
      const runs = told.items.some((row) => row.state === "running");
      if (host.qdShows === shows && !runs) return;
      const focused = document.activeElement && host.qdList.contains(document.activeElement) ? document.activeElement.textContent : "";
      host.qdShows = shows;
      host.qdList.replaceChildren(listOf(told, host.qdForm));
      if (focused) [...host.qdList.querySelectorAll("button, a")].find((one) => one.textContent === focused)?.focus();
    }
    function fail(why) {
      const host = hostOf();
      if (!host) return;
      const where = host.qdList || host;
      host.qdShows = "";
      where.replaceChildren(make("p", "warn", why));
    }
    const look = every(EVERY_MS, () => "/api/v1/comparisons", "#lab-asked-body", draw, fail);
  }
  const begin = () => { if (window.QDReview) run(); else setTimeout(begin, 20); };
  if (window.QD) begin(); else document.addEventListener("qd-ready", begin);
})();
