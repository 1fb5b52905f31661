// A real OData v4 service whose tables the test's process puts and drops: a JSON command a line on stdin, an answer a
// line on stdout. It listens on 127.0.0.1 only and ends when its stdin does. Nothing of it is shipped.
"use strict";
const readline = require("node:readline");
// its packages are those of the folder that it is started in, whatever lies above this file
const installed = require("node:module").createRequire(`${process.cwd()}/`);
const cds = installed("@sap/cds");
const express = installed("express");

const TYPES = {
  text: "String(1000)", number: "Decimal", whole: "Int64", date: "Date", moment: "Timestamp", flag: "Boolean",
  double: "Double", small: "Integer", uuid: "UUID", binary: "Binary(10)",
  // SQLite keeps decimals as floats: those that do not fit are kept as texts, and shown as the decimals that they are
  exact: "String(100) @odata.Type: 'Edm.Decimal'",
};
cds.env.requires.auth = { kind: "basic", users: { reader: { password: process.env.ODATA_PASSWORD } } };
const answer = process.stdout.write.bind(process.stdout);
console.log = console.info = console.warn = console.error = () => {};

const tables = new Map();
const stale = new Set(); // what another test put: kept only where the same table is put again
let generation = 0;
let handle = (_request, _response, next) => next();

const shape = (table) => JSON.stringify([table.columns, table.keys, table.page, table.protected]);

const entity = ([name, table]) => {
  const keys = table.keys ?? ["ID"];
  const columns = table.keys ? table.columns : { ID: "small", ...table.columns };
  const lines = Object.entries(columns).map(
    ([column, type]) => `${keys.includes(column) ? "key " : ""}![${column}] : ${TYPES[type]};`,
  );
  return `@cds.query.limit: ${table.page ?? 5000} entity ![${name}] { ${lines.join(" ")} }`;
};

const entries = (table) =>
  table.rows.map((row, i) => ({
    ...(table.keys ? {} : { ID: i + 1 }),
    ...Object.fromEntries(Object.keys(table.columns).map((column, at) => [column, row[at]])),
  }));

async function fill(name) {
  const whole = `Data${generation}.${name}`;
  const rows = entries(tables.get(name));
  await cds.db.tx(async (tx) => {
    await tx.run(cds.ql.DELETE.from(whole));
    if (rows.length) await tx.run(cds.ql.INSERT.into(whole).entries(rows));
  });
}

async function serve() {
  generation += 1;
  const guarded = [...tables.values()].some((table) => table.protected);
  const source = `@path: '/data' @requires: '${guarded ? "authenticated-user" : "any"}'
    service Data${generation} { ${[...tables].map(entity).join("\n")} }`;
  const csn = cds.compile(source);
  cds.model = cds.linked(cds.compile.for.nodejs(csn));
  cds.db ??= await cds.connect.to("db", { kind: "sqlite", credentials: { url: ":memory:" } });
  cds.db.model = cds.model;
  await cds.deploy(csn).to("db");
  const app = express();
  await cds.serve("all").from(csn).in(app);
  for (const name of tables.keys()) await fill(name);
  handle = app;
}

async function run(command) {
  if (command.op === "reset") return tables.forEach((_table, name) => stale.add(name));
  const before = tables.get(command.name);
  stale.delete(command.name);
  stale.forEach((name) => tables.delete(name));
  const alone = stale.size === 0;
  stale.clear();
  if (command.op === "drop") tables.delete(command.name);
  else tables.set(command.name, command);
  if (command.op === "put" && before && alone && shape(before) === shape(command)) return fill(command.name);
  return serve();
}

const listener = express();
listener.use((request, response, next) => handle(request, response, next));
const server = listener.listen(0, "127.0.0.1", () => answer(`${JSON.stringify({ port: server.address().port })}\n`));
let queue = Promise.resolve();
readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    queue = queue
      .then(() => run(JSON.parse(line)))
      .then(() => answer('{"ok":true}\n'), (error) => answer(`${JSON.stringify({ error: String(error?.stack) })}\n`));
  })
  .on("close", () => process.exit(0));
