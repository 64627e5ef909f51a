import { useState } from "preact/hooks";

import { hasKey } from "../../api/connection";
import { Choice } from "../../ui/controls";
import { Dialog } from "../../ui/dialog";
import { Snippet } from "../../ui/snippet";
import { messagesOf } from "../body";
import { tree } from "../session";
import { curlSnippet, pythonSnippet } from "../snippets";
import { pathTo } from "../tree";
import type { AssistantTurn } from "../turns";

const LANGUAGES = [
  ["bash", "curl"],
  ["python", "Python"],
] as const;

/** The request that a reply answers, to be sent from elsewhere. */
export function SnippetDialog({ turn, close }: { turn: AssistantTurn; close: () => void }) {
  const [language, choose] = useState<"bash" | "python">("bash");
  const messages = messagesOf(pathTo(tree.value, turn.parent), turn.system);
  const body = { ...turn.asked, messages };
  const write = language === "bash" ? curlSnippet : pythonSnippet;
  return (
    <Dialog title="This request" onClose={close}>
      <Choice label="Language" options={LANGUAGES} value={language} onChange={choose} />
      <Snippet code={write(location.origin, body, hasKey())} language={language} />
    </Dialog>
  );
}
