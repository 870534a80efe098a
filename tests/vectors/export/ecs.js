// The ECS fields that daypass writes, with types and allowed values; needs @elastic/ecs 9.4.0 (see README.md).
const { EcsFlat } = require("@elastic/ecs");

const FIELDS = [
  "@timestamp", "message", "ecs.version", "observer.vendor", "observer.product",
  "event.kind", "event.category", "event.type", "event.action", "event.outcome", "event.code", "event.reason",
  "event.id", "event.sequence", "event.provider", "event.module", "event.dataset", "event.original",
  "host.name", "service.name", "user.name", "user.full_name", "user.id", "user.effective.name",
  "source.ip", "source.address", "source.port", "process.command_line",
  "related.user", "related.ip", "related.hosts",
];

const fields = {};
for (const name of FIELDS) {
  const field = EcsFlat[name];
  if (!field) throw new Error(`ECS has no ${name}`);
  const out = { type: field.type };
  if ((field.normalize || []).includes("array")) out.array = true;
  if (field.allowed_values) {
    out.allowed = {};
    for (const value of field.allowed_values) out.allowed[value.name] = value.expected_event_types || [];
  }
  fields[name] = out;
}
console.log(JSON.stringify({ version: "9.4.0", fields }, null, 1));
