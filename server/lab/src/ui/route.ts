import { signal } from "@preact/signals";

export const VIEWS = ["chat", "model", "live", "tokens", "connect", "jobs"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** What of the view is shown, such as a conversation's id. */
  item: string | null;
}

export function parseRoute(hash: string): Route {
  const [view, item] = hash.replace(/^#\/?/, "").split("/");
  const known = VIEWS.find((each) => each === view);
  return { view: known ?? "chat", item: (known && item) || null };
}

/** Where the page is: `#/view/item`, so that a reload and the back button keep it. */
export const route = signal<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => (route.value = parseRoute(location.hash)));

export function hrefOf(view: View, item: string | null = null): string {
  return `#/${view}${item ? `/${item}` : ""}`;
}

/** Goes there without a new entry in the browser's history. */
export function replaceRoute(view: View, item: string | null): void {
  if (route.value.view === view && route.value.item === item) return;
  history.replaceState(null, "", hrefOf(view, item));
  route.value = { view, item };
}
