import { useState } from "preact/hooks";

import { getJson } from "../api/connection";
import type { Client } from "../api/types";
import { Loaded } from "../ui/loaded";
import { Snippet } from "../ui/snippet";
import { Page } from "../ui/page";

const GRAMMARS: Record<string, string> = { shell: "bash" };

export default function ConnectView() {
  return (
    <Page title="Connect">
      <p class="muted">
        Anything that speaks OpenAI’s API works with <code>{location.origin}/v1</code>. Ready for these:
      </p>
      <Loaded load={() => getJson<{ clients: Client[] }>("/v1/lab/connect")}>
        {({ clients }) => <Clients clients={clients} />}
      </Loaded>
    </Page>
  );
}

function Clients({ clients }: { clients: Client[] }) {
  const [chosen, choose] = useState(clients[0]?.id ?? "");
  const client = clients.find(({ id }) => id === chosen);
  return (
    <div class="clients">
      <ul aria-label="Clients">
        {clients.map(({ id, name, kind }) => (
          <li key={id}>
            <button type="button" aria-pressed={id === chosen} onClick={() => choose(id)}>
              {name}
              {kind === "impossible" && <span class="fine">not possible</span>}
            </button>
          </li>
        ))}
      </ul>
      {client && <Sheet client={client} />}
    </div>
  );
}

function Sheet({ client }: { client: Client }) {
  const { name, kind, path, snippet, language, steps, note } = client;
  return (
    <section class="client" aria-labelledby="client">
      <h2 id="client">{name}</h2>
      {note && <p class={kind === "impossible" ? "notice" : ""}>{note}</p>}
      {steps.length > 0 && (
        <ol>
          {steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      )}
      {snippet && (
        <Snippet code={snippet} language={GRAMMARS[language] ?? language} label={path ?? language} />
      )}
    </section>
  );
}
