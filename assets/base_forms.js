/* Inputs drawn from their description, and their values by name. */
(function () {
  "use strict";
  if (!window.QDFormat) return;
  const { MINUS, element, number, write } = window.QDFormat;

  function openInput(host) {
    host.qdInput = true;
    const spec = JSON.parse(host.dataset.input);
    const values = spec.value === undefined ? "" : String(spec.value);
    if (spec.kind === "hidden") {
      const kept = element("input");
      kept.type = "hidden";
      kept.name = spec.name;
      kept.value = values;
      host.append(kept);
      return;
    }
    if (spec.kind === "radio") {
      const group = element("fieldset");
      group.append(element("legend", "", spec.label));
      for (const [value, text] of spec.options || []) {
        const label = element("label", "choice"), input = element("input");
        input.type = "radio";
        input.name = spec.name;
        input.value = value;
        input.checked = value === values;
        label.append(input, " " + text);
        group.append(label);
      }
      host.append(group);
      return;
    }
    const label = element("label", "", spec.label);
    const input = element(spec.kind === "select" ? "select" : spec.kind === "textarea" ? "textarea" : "input");
    if (spec.kind === "select") {
      for (const [value, text] of spec.options || []) input.append(new Option(text, value, value === values, value === values));
    } else if (spec.kind === "checkbox") {
      input.type = "checkbox";
      input.checked = values === "true" || values === "True";
    } else {
      if (spec.kind !== "textarea") input.type = spec.kind === "password" ? "password" : "text";
      if (["number", "shares", "price"].includes(spec.kind)) { input.inputMode = "decimal"; input.classList.add("num"); }
      input.value = spec.kind === "shares" && values ? number(Number(values), 0) : values;
      input.autocomplete = "off";
    }
    input.name = spec.name;
    input.dataset.kind = spec.kind;
    if (spec.required) input.required = true;
    label.append(input);
    host.append(label);
    if (input.tagName === "INPUT") input.addEventListener("blur", () => tidy(input));
  }
  function tidy(input) {
    if (input.dataset.kind !== "shares") return;
    const value = plainNumber(input.value);
    if (value !== null) input.value = number(value, 0).replace(MINUS, "-");
  }
  function plainNumber(text) {
    const found = /^\s*(-?[\d,]*\.?\d+)\s*([kKmM]?)\s*$/.exec(text.replace(MINUS, "-"));
    if (!found) return null;
    const value = Number(found[1].replaceAll(",", ""));
    return value * ({ k: 1e3, m: 1e6 }[found[2].toLowerCase()] || 1);
  }
  function valueOf(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type === "radio") return input.checked ? input.value : "";
    if (input.dataset.kind === "list") return input.value ? input.value.split(",") : "";
    if (["number", "shares", "price"].includes(input.dataset.kind) || input.type === "number") {
      const value = plainNumber(input.value);
      return value === null ? input.value.trim() : value;
    }
    return input.value.trim();
  }
  /* what is hidden was not asked: it is not sent */
  function named(form) {
    return [...form.querySelectorAll("input[name], select[name], textarea[name]")].filter((i) => !i.closest("[hidden]"));
  }
  function collect(form) {
    const args = {};
    for (const input of named(form)) {
      const value = valueOf(input);
      if (value === "") continue;
      const path = input.name.split(".");
      let place = args;
      for (const part of path.slice(0, -1)) place = place[part] = place[part] || {};
      place[path[path.length - 1]] = value;
    }
    return args;
  }
  function flat(form) {
    const values = {};
    for (const input of named(form)) {
      const value = valueOf(input);
      if (value !== "") values[input.name] = value;
    }
    return values;
  }
  const pendingValues = new Map();
  function announce(form) {
    if (!form.dataset.liveValues) return;
    clearTimeout(pendingValues.get(form));
    pendingValues.set(form, setTimeout(() => {
      window.dash_clientside.set_props(form.id, { "data-values": JSON.stringify(flat(form)) });
    }, 250));
  }
  function complain(form, content) {
    const field = content.field || "";
    const spots = [...form.querySelectorAll("[data-error-for]")].filter((spot) => !spot.closest("[hidden]"));
    const spot = spots.find((s) => s.dataset.errorFor === field)
      || spots.find((s) => field && s.dataset.errorFor.endsWith("." + field));
    write(spot || form.querySelector(".form-refusal"), content.detail || "");
    const input = spot && named(form).find((i) => i.name === spot.dataset.errorFor && i.type !== "hidden");
    if (input) { input.setAttribute("aria-invalid", "true"); input.focus(); }
  }

  window.QDForms = { openInput, plainNumber, valueOf, collect, announce, complain };
})();
