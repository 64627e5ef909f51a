type Json = Record<string, unknown>;

const KEY = "OPTIQ_API_KEY";

/** One argument of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function curlSnippet(address: string, body: Json, withKey: boolean): string {
  const lines = [`curl ${address}/v1/chat/completions`, "  -H 'Content-Type: application/json'"];
  if (withKey) lines.push(`  -H "Authorization: Bearer $${KEY}"`);
  lines.push(`  -d ${quoted(JSON.stringify(body, null, 2))}`);
  return lines.join(" \\\n") + "\n";
}

/** A value as Python writes it. */
export function python(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const deeper = indent + "    ";
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const items = Array.isArray(value)
    ? value.map((item) => python(item, deeper))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item, deeper)}`);
  if (!items.length) return open + close;
  return `${open}\n${items.map((item) => `${deeper}${item},\n`).join("")}${indent}${close}`;
}

/** Fields that the openai package does not know as arguments. */
const EXTRA = new Set(["top_k", "min_p"]);

export function pythonSnippet(address: string, body: Json, withKey: boolean): string {
  const entries = Object.entries(body);
  const extra = Object.fromEntries(entries.filter(([name]) => EXTRA.has(name)));
  const known = entries.filter(([name]) => !EXTRA.has(name));
  if (Object.keys(extra).length) known.push(["extra_body", extra]);
  const key = withKey ? `os.environ["${KEY}"]` : '"none"';
  return [
    ...(withKey ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${address}/v1", api_key=${key})`,
    "reply = client.chat.completions.create(",
    ...known.map(([name, value]) => `    ${name}=${python(value, "    ")},`),
    ")",
    "print(reply.choices[0].message.content)",
    "",
  ].join("\n");
}
