// The reference of the routes, from the OpenAPI document. No dependencies.

import { changed, explained, make } from "./contributions.js";
import { ask, given, refused } from "./token.js";

const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const code = (text) => make("code", text);
/** A sentence; text between backquotes becomes code. */
const sentence = (text) => text.split("`").map((part, at) => (at % 2 ? code(part) : part));

/** The address of a route: this server's, or its own. */
function address(path, server) {
  if (!server) return new URL(path.slice(1), document.baseURI);
  return server.url.replace("{host}", location.hostname) + path;
}

/** A command that sends an example, its single quotes escaped, and a token where one is needed. */
function curl(method, place, type, example, token) {
  const body = (typeof example === "string" ? example : JSON.stringify(example)).replaceAll("'", "'\\''");
  const access = token ? ' -H "Authorization: Bearer $TOKEN"' : "";
  return `curl -X ${method} ${place}${access} -H 'Content-Type: ${type}' --data-binary '${body}'`;
}

/** The examples of a media type, by name. */
function examples(content) {
  if (content.examples) return Object.entries(content.examples).map(([name, each]) => [name, each.value]);
  return content.example === undefined ? [] : [["", content.example]];
}

/** A schema in short, with links to the schemas that it names. */
function named(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const link = make("a", name);
    link.href = `#schema-${name}`;
    return link;
  }
  if (schema.type === "array") return ["list of ", named(schema.items)];
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.flatMap((each, at) => (at ? [" or ", named(each)] : [named(each)]));
  if (schema.properties) return Object.entries(schema.properties).flatMap(([name, each], at) => [at ? ", " : "object of ", code(name), ": ", named(each)]);
  return [schema.type].flat().join(" or ");
}

// What is drawn when an example is tried; nothing of these changes anything.
const TRIED = { "/explain": "explain?what_if=true", "/predict": "predict?explain=20" };

/** What an answer says, one row after the other, and the answer itself. */
function drawn(content) {
  const { baseline } = content;
  const rows = content.before ? [] : content.explanations ?? content.predictions ?? [content];
  const shown = rows.map((each) => (each.error ? make("p", each.error.detail, "trouble") : explained(each, baseline)));
  return [content.before ? changed(content) : shown, make("details", [make("summary", "The answer as JSON"), make("pre", pretty(content))])].flat(2);
}

/** A button that sends an example, and draws its answer below it. */
function tryIt(path, type, example) {
  const button = make("button", "Try it");
  const place = make("div", [], "tried");
  place.setAttribute("aria-live", "polite");
  // Changes are not looked for where they are given.
  const to = example.changes ? "explain" : TRIED[path];
  button.addEventListener("click", async () => {
    try {
      const answer = await ask(to, { method: "POST", headers: { "Content-Type": type }, body: typeof example === "string" ? example : JSON.stringify(example) });
      const content = await answer.json();
      place.replaceChildren(...(answer.ok ? drawn(content) : [make("p", content.detail, "trouble")]));
      if (refused(answer)) await given(answer);
    } catch (error) {
      place.replaceChildren(make("p", `No answer: ${error.message}.`, "trouble"));
    }
  });
  return [button, place];
}

function bodies(method, path, place, requestBody, token) {
  return Object.entries(requestBody?.content ?? {}).flatMap(([type, content]) => [
    make("h3", ["Body ", code(type), ": ", named(content.schema)]),
    ...examples(content).flatMap(([, value]) => [
      make("pre", curl(method, place, type, value, token)),
      ...(TRIED[path] ? tryIt(path, type, value) : []),
    ]),
  ]);
}

function answers(responses) {
  const rows = Object.entries(responses).flatMap(([status, response]) => {
    const content = Object.values(response.content ?? {})[0];
    return [make("dt", code(status)), make("dd", [sentence(response.description), " ", named(content?.schema)])];
  });
  const shown = Object.values(responses).flatMap((response) =>
    Object.values(response.content ?? {}).flatMap((content) => examples(content).map(([, value]) => make("pre", pretty(value)))));
  return [make("h3", "Responses"), make("dl", rows), ...shown];
}

function parameters(list = []) {
  if (!list.length) return [];
  const rows = list.flatMap((each) => [make("dt", code(each.name)), make("dd", sentence(`${each.description} (${each.in}${each.required ? "" : ", optional"})`))]);
  return [make("h3", "Parameters"), make("dl", rows)];
}

/** Which token a route needs, in words; nothing for those that need none. */
function access(scope, open) {
  if (!scope) return [];
  const more = open ? ", once there is one; until then it is open to everybody" : "";
  return [make("p", ["Needs a token of the scope ", code(scope), `${more}.`])];
}

function operation(method, path, described) {
  const [scope] = described.security?.[0].token ?? [];
  const open = described.security?.some((each) => !Object.keys(each).length) ?? true;
  const summary = make("summary", [make("span", method.toUpperCase(), `method ${method}`), code(path), make("small", described.summary)]);
  const inside = make("div", [
    make("p", sentence(described.description)),
    access(scope, open),
    parameters(described.parameters),
    bodies(method.toUpperCase(), path, address(path, described.servers?.[0]), described.requestBody, !open),
    answers(described.responses),
  ], "inside");
  return make("details", [summary, inside]);
}

function schema(name, content) {
  const made = make("details", [make("summary", code(name)), make("div", make("pre", pretty(content)), "inside")]);
  made.id = `schema-${name}`;
  return made;
}

/** Open the schema that a link leads to. */
function open() {
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted?.tagName === "DETAILS") wanted.open = true;
}

async function show() {
  const content = document.getElementById("content");
  try {
    const answer = await ask("openapi.json");
    if (refused(answer)) {
      content.replaceChildren(make("p", "The OpenAPI document needs a token of the scope read."));
      await given(answer);
      show();
      return;
    }
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const openapi = await answer.json();
    document.title = openapi.info.title;
    document.getElementById("title").textContent = openapi.info.title;
    const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, each]) => operation(method, path, each)));
    const schemas = Object.entries(openapi.components.schemas).map(([name, each]) => schema(name, each));
    content.replaceChildren(make("p", sentence(openapi.info.description)), make("h2", "Routes"), ...operations, make("h2", "Schemas"), ...schemas);
    addEventListener("hashchange", open);
    open();
  } catch (error) {
    content.replaceChildren(make("p", `The OpenAPI document could not be read: ${error.message}.`, "trouble"));
  }
}

show();
