import { type ComponentType, lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";

import { Banner } from "./banner";
import ChatView from "./chat/view/chat-view";
import { loadConversations } from "./chat/session";
import { KeyDialog } from "./key-dialog";
import { listenForShortcuts, ShortcutHelp } from "./shortcuts";
import { readStatus } from "./status";
import { announcement } from "./ui/announce";
import { IconButton } from "./ui/controls";
import { Icon, type IconName } from "./ui/icon";
import { hrefOf, route, type View } from "./ui/route";
import { theme, THEMES } from "./ui/theme";
import { usePolling } from "./ui/polling";

interface Entry {
  name: string;
  icon: IconName;
  view: ComponentType;
}

/** All but the chat are loaded when they are opened. */
const VIEWS: Record<View, Entry> = {
  chat: { name: "Chat", icon: "chat", view: ChatView },
  model: { name: "Model", icon: "model", view: lazy(() => import("./model/model-view")) },
  live: { name: "Live", icon: "live", view: lazy(() => import("./live/live-view")) },
  tokens: { name: "Tokens", icon: "tokens", view: lazy(() => import("./tokens/tokens-view")) },
  connect: { name: "Connect", icon: "connect", view: lazy(() => import("./connect/connect-view")) },
  jobs: { name: "Jobs", icon: "jobs", view: lazy(() => import("./jobs/jobs-view")) },
};

const MAIN_ID = "main";
const STATUS_MS = 4000;

export function App() {
  const [helped, help] = useState(false);
  const { view } = route.value;
  const { name, view: Shown } = VIEWS[view];
  usePolling(readStatus, STATUS_MS);
  useEffect(() => void loadConversations(), []);
  useEffect(() => listenForShortcuts(() => help(true)), []);
  useEffect(() => {
    document.title = `${name} · OptiQ Lab`;
  }, [name]);
  return (
    <div class="app">
      <button type="button" class="skip" onClick={() => document.getElementById(MAIN_ID)?.focus()}>
        Skip to the content
      </button>
      <Rail help={() => help(true)} />
      <main id={MAIN_ID} tabIndex={-1} aria-label={name}>
        <Banner />
        <Suspense fallback={<p class="muted page">Loading…</p>}>
          <Shown key={view} />
        </Suspense>
      </main>
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
      <KeyDialog />
      {helped && <ShortcutHelp close={() => help(false)} />}
    </div>
  );
}

function Rail({ help }: { help: () => void }) {
  return (
    <nav class="rail" aria-label="Views">
      <ul>
        {Object.entries(VIEWS).map(([view, { name, icon }]) => (
          <li key={view}>
            <a href={hrefOf(view as View)} aria-current={route.value.view === view ? "page" : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          </li>
        ))}
      </ul>
      <div class="rail-foot">
        <IconButton icon="help" label="Keyboard shortcuts" onClick={help} />
        <ThemeButton />
      </div>
    </nav>
  );
}

const THEME_ICONS = { system: "auto", light: "sun", dark: "moon" } as const;

function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  return (
    <IconButton
      icon={THEME_ICONS[theme.value]}
      label={`Theme: ${theme.value}. Change to ${next}`}
      onClick={() => (theme.value = next)}
    />
  );
}
