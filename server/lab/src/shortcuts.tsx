import { useState } from "preact/hooks";

import { stopReplies } from "./chat/session";
import { COMPOSER_ID } from "./chat/view/composer";
import { newConversation } from "./chat/view/chat-view";
import { Dialog } from "./ui/dialog";
import { hrefOf, route, VIEWS } from "./ui/route";

const SETTING = "optiq-lab-shortcuts";

/** Keys without a modifier can be switched off: speech input and slips of the hand press them unasked. */
let lettersOn = readSetting();

function readSetting(): boolean {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

function writeSetting(on: boolean): void {
  lettersOn = on;
  try {
    localStorage.setItem(SETTING, on ? "on" : "off");
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

function goTo(hash: string): void {
  if (location.hash !== hash) location.hash = hash;
}

function press(key: string, help: () => void): boolean {
  const view = VIEWS[Number(key) - 1];
  if (view) goTo(hrefOf(view));
  else if (key === "?") help();
  else if (key === "n") {
    goTo(hrefOf("chat"));
    newConversation();
  } else if (key === "/" && route.value.view === "chat") document.getElementById(COMPOSER_ID)?.focus();
  else return false;
  return true;
}

/** Escape stops a reply wherever the focus is; the other keys work where nothing is being written. */
export function listenForShortcuts(help: () => void): () => void {
  const hear = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (stopReplies()) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !lettersOn || isWriting(event.target)) return;
    if (press(event.key, help)) event.preventDefault();
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}

const KEYS = [
  ["Enter", "Send the message"],
  ["Shift Enter", "A new line"],
  ["Esc", "Stop the reply"],
  ["/", "Write a message"],
  ["n", "New conversation"],
  ["1 … 6", "Chat, Model, Live, Tokens, Connect, Jobs"],
  ["?", "This list"],
] as const;

export function ShortcutHelp({ close }: { close: () => void }) {
  const [on, turn] = useState(lettersOn);
  return (
    <Dialog title="Keyboard" onClose={close}>
      <dl class="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={on}
          onChange={() => {
            writeSetting(!on);
            turn(!on);
          }}
        />
        Single keys are shortcuts
      </label>
    </Dialog>
  );
}
