import { Choice, Field, IconButton, NumberField } from "../../ui/controls";
import { changeSettings, current } from "../session";
import type { Settings } from "../turns";

const ANSWERS = [
  ["text", "Text"],
  ["json_object", "JSON"],
  ["json_schema", "Schema"],
] as const;

const EXAMPLE_TOOLS = JSON.stringify(
  [
    {
      type: "function",
      function: {
        name: "get_weather",
        description: "Get the current weather for a city",
        parameters: {
          type: "object",
          properties: { city: { type: "string", description: "The city" } },
          required: ["city"],
        },
      },
    },
  ],
  null,
  2,
);

const EXAMPLE_SCHEMA = JSON.stringify(
  {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
  },
  null,
  2,
);

function problem(source: string): string | null {
  if (!source.trim()) return null;
  try {
    JSON.parse(source);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "This is not JSON.";
  }
}

export function SettingsPanel({ close }: { close: () => void }) {
  const settings = current.value.settings;
  return (
    <aside class="panel settings" aria-label="Settings of this conversation">
      <header class="panel-head">
        <h2>Settings</h2>
        <IconButton icon="close" label="Close settings" onClick={close} />
      </header>
      <div class="panel-body">
        <Field label="System prompt">
          <textarea
            rows={3}
            value={settings.system}
            placeholder="None"
            onInput={(event) => changeSettings({ system: event.currentTarget.value })}
          />
        </Field>
        <Sampling settings={settings} />
        <Tools settings={settings} />
        <AnswerForm settings={settings} />
      </div>
    </aside>
  );
}

function Sampling({ settings }: { settings: Settings }) {
  return (
    <fieldset>
      <legend>Sampling</legend>
      <div class="pairs">
        <NumberField
          label="Temperature"
          value={settings.temperature}
          min={0}
          max={2}
          step={0.05}
          placeholder="1"
          onChange={(temperature) => changeSettings({ temperature })}
        />
        <NumberField
          label="Top p"
          value={settings.top_p}
          min={0}
          max={1}
          step={0.01}
          placeholder="1"
          onChange={(top_p) => changeSettings({ top_p })}
        />
        <NumberField
          label="Top k"
          value={settings.top_k}
          min={0}
          step={1}
          placeholder="off"
          onChange={(top_k) => changeSettings({ top_k })}
        />
        <NumberField
          label="Min p"
          value={settings.min_p}
          min={0}
          max={1}
          step={0.01}
          placeholder="off"
          onChange={(min_p) => changeSettings({ min_p })}
        />
        <NumberField
          label="Seed"
          value={settings.seed}
          min={0}
          step={1}
          placeholder="any"
          onChange={(seed) => changeSettings({ seed })}
        />
        <NumberField
          label="Most tokens"
          value={settings.max_tokens}
          min={1}
          step={1}
          placeholder="context"
          onChange={(max_tokens) => changeSettings({ max_tokens })}
        />
      </div>
    </fieldset>
  );
}

function Tools({ settings }: { settings: Settings }) {
  const wrong = problem(settings.tools);
  return (
    <fieldset>
      <legend>Tools</legend>
      <Field
        label="Definitions"
        hint="A JSON list as the API takes it. Calls are shown; you type in the results."
      >
        <textarea
          class="code"
          rows={settings.tools ? 9 : 2}
          spellcheck={false}
          value={settings.tools}
          placeholder="[]"
          aria-invalid={wrong !== null}
          onInput={(event) => changeSettings({ tools: event.currentTarget.value })}
        />
      </Field>
      {wrong && <p class="hint bad">{wrong}</p>}
      {!settings.tools && (
        <button type="button" class="quiet" onClick={() => changeSettings({ tools: EXAMPLE_TOOLS })}>
          Insert an example
        </button>
      )}
    </fieldset>
  );
}

function AnswerForm({ settings }: { settings: Settings }) {
  const wrong = problem(settings.schema);
  return (
    <fieldset>
      <legend>Form of the answer</legend>
      <Choice
        label="Form of the answer"
        options={ANSWERS}
        value={settings.answer}
        onChange={(answer) => changeSettings({ answer })}
      />
      {settings.answer === "json_schema" && (
        <>
          <Field label="JSON schema" hint="The answer is held to it, token by token.">
            <textarea
              class="code"
              rows={9}
              spellcheck={false}
              value={settings.schema}
              placeholder="{}"
              aria-invalid={wrong !== null}
              onInput={(event) => changeSettings({ schema: event.currentTarget.value })}
            />
          </Field>
          {wrong && <p class="hint bad">{wrong}</p>}
          {!settings.schema && (
            <button type="button" class="quiet" onClick={() => changeSettings({ schema: EXAMPLE_SCHEMA })}>
              Insert an example
            </button>
          )}
        </>
      )}
    </fieldset>
  );
}
