"use strict";
// Shows /openapi.json: a list to search, a page for each call, and a form to try it. All text goes in as text, never as markup.

let api;
const byId = (id) => document.getElementById(id);

function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (key === "class") node.className = value;
    else if (value !== undefined && value !== null) node.setAttribute(key, value);
  }
  return put(node, ...children);
}

function put(node, ...children) {
  for (const child of children.flat(3)) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const follow = (item) =>
  item && item.$ref ? { ...item.$ref.slice(2).split("/").reduce((at, key) => at[key], api), ...item, $ref: undefined, name_: item.$ref.split("/").pop(), ...(item.name ? { name: item.name } : {}) } : item;

function operations() {
  const found = [];
  for (const [path, item] of Object.entries(api.paths))
    for (const [verb, call] of Object.entries(item)) found.push({ path, verb: verb.toUpperCase(), call });
  return found;
}

function list(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const nav = byId("list");
  nav.replaceChildren();
  for (const tag of api.tags) {
    const hits = operations().filter(({ path, verb, call }) => {
      const text = [path, verb, call.operationId, call.description, call["x-permission"], call.fields_].join(" ").toLowerCase();
      return call.tags.includes(tag.name) && words.every((word) => text.includes(word));
    });
    if (!hits.length) continue;
    nav.append(el("h2", { title: tag.description }, tag.name));
    for (const { path, verb, call } of hits) {
      const current = location.hash === "#" + call.operationId ? "page" : null;
      nav.append(el("a", { href: "#" + call.operationId, title: path, "aria-current": current },
        el("span", { class: "verb " + verb }, verb), el("span", {}, call.operationId.split("_").slice(1).join("_"))));
    }
  }
  if (!nav.children.length) nav.append(el("p", { class: "muted" }, "Nothing found."));
}

function bounds(schema) {
  const words = [];
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type;
  words.push(schema.name_ ? schema.name_.split(".").pop() : schema.items ? "list" : type || "any");
  if (schema.format) words.push(schema.format);
  for (const key of ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern"])
    if (schema[key] !== undefined) words.push(key + " " + schema[key]);
  if (schema.readOnly) words.push("output only");
  if (schema["x-sensitivity"]) words.push("sensitive: " + schema["x-sensitivity"].toLowerCase());
  return words.join(" · ");
}

function field(name, raw, required, depth) {
  const schema = follow(raw);
  const label = schema["x-label"];
  const inner = follow(schema.items || schema.additionalProperties || schema);
  return el("div", { class: "field" },
    el("span", { class: "name" }, name), required ? el("span", { class: "tag" }, "required") : null,
    label && label.zh ? el("span", { class: "tag" }, label.zh) : null,
    el("span", { class: "muted" }, bounds(schema)),
    schema.description ? el("div", { class: "text" }, schema.description) : null,
    inner && inner.enum && inner !== schema ? el("div", { class: "muted" }, inner.enum.join(", ")) : null,
    inner && inner.properties ? fields(inner, depth + 1) : null);
}

function fields(schema, depth) {
  const isRequired = (name) => (schema.required || []).includes(name);
  const names = Object.keys(schema.properties);
  const ordered = [...names.filter(isRequired), ...names.filter((name) => !isRequired(name))];
  const draw = () => ordered.map((name) => field(name, schema.properties[name], isRequired(name), depth));
  if (depth < 1) return el("div", {}, draw());
  // Drawn when opened: messages may contain themselves.
  const more = el("details", {}, el("summary", {}, "fields"));
  more.addEventListener("toggle", () => { if (more.children.length === 1) more.append(el("div", { class: "nested" }, draw())); });
  return more;
}

function body(content) {
  return Object.entries(content).map(([media, { schema }]) => {
    const shown = follow(schema);
    return el("div", {}, el("p", { class: "muted" }, media + (shown.name_ ? " — " + shown.name_ : "")), shown.properties ? fields(shown, 0) : null);
  }).slice(0, 1);
}

function example(raw, depth) {
  const schema = follow(raw) || {};
  if (schema.enum) return schema.enum[1] || schema.enum[0];
  if (schema.items) return depth > 1 ? [] : [example(schema.items, depth + 1)];
  if (schema.properties && depth < 3) {
    const required = schema.required || [];
    const names = Object.keys(schema.properties).filter((name) => required.includes(name));
    return Object.fromEntries(names.map((name) => [name, example(schema.properties[name], depth + 1)]));
  }
  return { integer: 0, number: 0, boolean: false, object: {} }[schema.type] ?? "";
}

function trial({ path, verb, call }) {
  const inputs = new Map();
  const form = el("form", {});
  for (const parameter of (call.parameters || []).map(follow)) {
    if (["x-request-id"].includes(parameter.name)) continue;
    const input = el("input", { name: parameter.name, placeholder: parameter.in });
    inputs.set(parameter, input);
    form.append(el("label", {}, el("span", {}, parameter.name + (parameter.required ? " *" : "")), input));
  }
  const media = call.requestBody && Object.keys(call.requestBody.content)[0];
  const text = media ? el("textarea", { "aria-label": "Body" }) : null;
  if (text) {
    text.value = media === "application/octet-stream" ? "" : JSON.stringify(example(call.requestBody.content[media].schema, 0), null, media.includes("ndjson") ? 0 : 2);
    form.append(text);
  }
  const output = el("pre", { hidden: "" });
  form.append(el("button", { type: "submit" }, "Send"), output);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(path, verb, inputs, media, text, output); });
  return form;
}

async function send(path, verb, inputs, media, text, output) {
  let url = path;
  const query = new URLSearchParams(), headers = {};
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") (parameter.schema.type === "array" ? input.value.split(",") : [input.value]).forEach((one) => query.append(parameter.name, one.trim()));
    else headers[parameter.name] = input.value;
  }
  if (byId("token").value) headers.authorization = "Bearer " + byId("token").value;
  if (media) headers["content-type"] = media;
  output.hidden = false;
  output.textContent = "…";
  const started = performance.now();
  try {
    const answer = await fetch(url + (query.size ? "?" + query : ""), { method: verb, headers, body: text ? text.value : undefined });
    output.textContent = answer.status + " · x-request-id " + answer.headers.get("x-request-id") + "\n\n";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done && output.textContent.length < 200000; part = await reader.read()) output.textContent += part.value;
    try {
      const split = output.textContent.indexOf("\n\n");
      output.textContent = output.textContent.slice(0, split + 2) + JSON.stringify(JSON.parse(output.textContent.slice(split)), null, 2);
    } catch { /* not one JSON text: shown as it came */ }
    output.textContent += "\n\n" + Math.round(performance.now() - started) + " ms";
  } catch (problem) {
    output.textContent = String(problem);
  }
}

function show() {
  const found = operations().find(({ call }) => "#" + call.operationId === location.hash);
  const main = byId("detail");
  main.replaceChildren();
  list(byId("search").value);
  if (!found) {
    put(main, el("h2", {}, api.info.title + " " + api.info.version), el("p", { class: "text" }, api.info.description),
      api.tags.map((tag) => el("div", {}, el("h3", {}, tag.name), el("p", { class: "text" }, tag.description))));
    return;
  }
  const { path, verb, call } = found;
  const parameters = (call.parameters || []).map(follow);
  put(
    main,
    el("h2", {}, call.operationId.split("_").slice(1).join("_")),
    el("p", { class: "path" }, el("span", { class: "verb " + verb }, verb + " "), path),
    el("p", {}, el("span", { class: "tag" }, call["x-permission"]), el("span", { class: "tag" }, "gRPC " + call["x-grpc-method"])),
    el("p", { class: "text" }, call.description),
    parameters.length ? el("h3", {}, "Parameters") : null,
    parameters.map((parameter) => field(parameter.name + " (" + parameter.in + ")", { description: parameter.description, ...follow(parameter.schema) }, parameter.required, 1)),
    call.requestBody ? [el("h3", {}, "Body"), body(call.requestBody.content)] : null,
    el("h3", {}, "Answer"), body(call.responses["200"].content),
    el("h3", {}, "Failures"),
    Object.entries(call.responses).filter(([status]) => status !== "200").map(([status, answer]) =>
      el("div", { class: "field" }, el("span", { class: "name" }, status), el("span", { class: "text" }, follow(answer).description))),
    el("h3", {}, "Try it"), trial(found));
  main.scrollIntoView();
}

fetch("/openapi.json").then((answer) => answer.json()).then((document_) => {
  api = document_;
  for (const { call } of operations()) {
    const input = call.requestBody && follow(Object.values(call.requestBody.content)[0].schema);
    call.fields_ = [...(call.parameters || []).map((one) => one.name), ...Object.keys((input && input.properties) || {})].join(" ");
  }
  byId("search").addEventListener("input", (event) => list(event.target.value));
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(event.target.tagName)) { event.preventDefault(); byId("search").focus(); }
  });
  show();
}).catch((problem) => { byId("detail").textContent = "The document cannot be read: " + problem; });
