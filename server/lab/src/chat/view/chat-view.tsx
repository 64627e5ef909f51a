import { useEffect, useState } from "preact/hooks";

import { status } from "../../status";
import { announce } from "../../ui/announce";
import { IconButton } from "../../ui/controls";
import { replaceRoute, route } from "../../ui/route";
import { current, open, path, startNew } from "../session";
import { Composer, COMPOSER_ID } from "./composer";
import { ConversationList } from "./conversation-list";
import { SettingsPanel } from "./settings-panel";
import { Teller } from "./teller";
import { TurnList } from "./turn-list";
import { Welcome } from "./welcome";

export function newConversation(): void {
  startNew();
  replaceRoute("chat", null);
  document.getElementById(COMPOSER_ID)?.focus();
}

/** The address names the conversation that is looked at, as soon as something was said in it. */
function useAddress(): void {
  const { item } = route.value;
  const { id, leaf } = current.value;
  useEffect(() => {
    if (item === null || item === current.peek().id) return;
    void open(item).then((found) => {
      if (found) return;
      announce("There is no such conversation in this browser.");
      newConversation();
    });
  }, [item]);
  useEffect(() => {
    if (leaf !== null && item !== id) replaceRoute("chat", id);
    if (leaf === null && item === id) replaceRoute("chat", null);
  }, [id, leaf]);
}

export default function ChatView() {
  const [listed, list] = useState(false);
  const [tuning, tune] = useState(false);
  useAddress();
  const empty = path.value.length === 0;
  return (
    <div class={`chat ${listed ? "listed" : ""} ${tuning ? "tuning" : ""}`}>
      <ConversationList startNew={() => (newConversation(), list(false))} close={() => list(false)} />
      <section class="talk" aria-label="Chat">
        <header class="view-head">
          <IconButton icon="list" label="Conversations" class="narrow-only" onClick={() => list(true)} />
          <h1>{current.value.title || "New conversation"}</h1>
          <span class="muted model-name">{status.value?.model?.id}</span>
          <IconButton icon="plus" label="New conversation" class="narrow-only" onClick={newConversation} />
          <IconButton icon="tune" label="Settings" pressed={tuning} onClick={() => tune(!tuning)} />
        </header>
        {empty ? <Welcome /> : <TurnList />}
        <Composer key={current.value.id} />
        <Teller />
      </section>
      {tuning && <SettingsPanel close={() => tune(false)} />}
      {listed && (
        <button type="button" class="veil" aria-label="Close the list" onClick={() => list(false)} />
      )}
    </div>
  );
}
