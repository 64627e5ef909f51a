import { useState } from "preact/hooks";

import { getJson } from "../api/connection";
import { messageOf } from "../api/errors";
import type { Inspection } from "../api/types";
import { announce } from "../ui/announce";
import { Choice, CopyButton } from "../ui/controls";
import { count } from "../ui/format";
import { Page } from "../ui/page";
import { type Mode, questionOf } from "./input";
import { Stream } from "./stream";
import { Verdict } from "./verdict";

const MODES = [
  ["messages", "Messages"],
  ["text", "Harmony text"],
  ["ids", "Token ids"],
] as const;

const EXAMPLES: Record<Mode, string> = {
  messages: JSON.stringify(
    [
      { role: "system", content: "Answer briefly." },
      { role: "user", content: "What is 17 + 25?" },
    ],
    null,
    2,
  ),
  text: "<|channel|>analysis<|message|>17 + 25 = 42<|end|><|start|>assistant<|channel|>final<|message|>42<|return|>",
  ids: "200005, 35644, 200008, 1422, 659, 220, 1161, 314, 220, 4689, 200007",
};

const HINTS: Record<Mode, string> = {
  messages: "A list of messages, or the whole body of a chat. Shown: the prompt that the model reads.",
  text: "What a model wrote, with its control tokens spelled out. Shown: how it is understood.",
  ids: "What a model wrote, as token ids. Shown: how it is understood.",
};

type Result = { inspection: Inspection; mode: Mode } | { error: string } | null;

export default function TokensView() {
  const [mode, setMode] = useState<Mode>("messages");
  const [texts, setTexts] = useState(EXAMPLES);
  const [result, setResult] = useState<Result>(null);
  const [marked, mark] = useState<number | null>(null);
  const inspect = async (): Promise<void> => {
    try {
      const { path, body } = questionOf(mode, texts[mode]);
      const inspection = await getJson<Inspection>(path, { body });
      setResult({ inspection, mode });
      mark(null);
      announce(`${count(inspection.tokens.length)} tokens.`);
    } catch (error) {
      setResult({ error: messageOf(error) });
    }
  };
  return (
    <Page title="Tokens">
      <form
        class="inspector"
        onSubmit={(event) => {
          event.preventDefault();
          void inspect();
        }}
      >
        <Choice label="What is inspected" options={MODES} value={mode} onChange={setMode} />
        <textarea
          class="code"
          rows={8}
          spellcheck={false}
          aria-label="What is inspected"
          value={texts[mode]}
          onInput={(event) => setTexts({ ...texts, [mode]: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void inspect();
          }}
        />
        <div class="row">
          <p class="hint grow">{HINTS[mode]}</p>
          <button type="submit" class="primary">
            Inspect
          </button>
        </div>
      </form>
      {result && "error" in result && (
        <p class="notice bad" role="alert">
          {result.error}
        </p>
      )}
      {result && "inspection" in result && <Shown result={result} marked={marked} mark={mark} />}
    </Page>
  );
}

interface ShownProps {
  result: { inspection: Inspection; mode: Mode };
  marked: number | null;
  mark: (index: number | null) => void;
}

function Shown({ result: { inspection, mode }, marked, mark }: ShownProps) {
  const ids = (): string => inspection.tokens.map(({ id }) => id).join(", ");
  return (
    <div class={mode === "messages" ? "inspection" : "inspection beside"}>
      <section aria-labelledby="stream">
        <div class="row">
          <h2 id="stream" class="grow">
            {count(inspection.tokens.length)} tokens
          </h2>
          <CopyButton label="Copy ids" text={ids} />
          <CopyButton
            label="Copy text"
            text={() => inspection.text ?? inspection.tokens.map(({ text }) => text).join("")}
          />
        </div>
        <Stream tokens={inspection.tokens} faults={inspection.faults ?? []} marked={marked} mark={mark} />
      </section>
      {mode !== "messages" && <Verdict inspection={inspection} mark={mark} />}
    </div>
  );
}
