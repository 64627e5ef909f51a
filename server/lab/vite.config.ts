import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

import { defineConfig, type Plugin } from "vite";

const HERE = import.meta.dirname;
const SITE = join(HERE, "..", "optiq_server", "lab", "site");
const SERVER = process.env["OPTIQ_SERVER"] ?? "http://127.0.0.1:8080";

/** What the built files are made of; tests/lab/test_site.py has the same list. */
const SOURCES = ["index.html", "package-lock.json", "package.json", "src", "tsconfig.json", "vite.config.ts"];

function filesBelow(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function hashes(root: string, paths: string[]): Record<string, string> {
  const named = paths.map((path) => [relative(root, path).split(sep).join("/"), path] as const);
  named.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    named.map(([name, path]) => [name, createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}

/** Writes build.json: the hash of each source and of each built file, so that a test without Node can compare. */
function buildRecord(): Plugin {
  return {
    name: "build-record",
    apply: "build",
    closeBundle() {
      const record = join(SITE, "build.json");
      const sources = SOURCES.flatMap((name) =>
        name.includes(".") ? [join(HERE, name)] : filesBelow(join(HERE, name)),
      );
      const built = filesBelow(SITE).filter((path) => path !== record);
      const content = { sources: hashes(HERE, sources), built: hashes(SITE, built) };
      writeFileSync(record, JSON.stringify(content, null, 1) + "\n");
    },
  };
}

export default defineConfig({
  base: "/lab/",
  plugins: [buildRecord()],
  build: {
    outDir: SITE,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ["chrome123", "firefox121", "safari17.5"],
    license: { fileName: "licenses.md" },
    rolldownOptions: { output: { assetFileNames: "assets/[name]-[hash][extname]" } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/health", "/ready", "/metrics", "/tokenize", "/detokenize"].map((path) => [path, SERVER]),
    ),
  },
});
