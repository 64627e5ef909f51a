import type { ComponentChildren } from "preact";

interface PageProps {
  title: string;
  /** What stands beside the title. */
  beside?: ComponentChildren;
  children: ComponentChildren;
}

/** A view that scrolls as a whole; it takes the focus, so that keys scroll it, too. */
export function Page({ title, beside, children }: PageProps) {
  return (
    <div class="page" tabIndex={0} role="region" aria-label={title}>
      <header class="view-head">
        <h1>{title}</h1>
        {beside}
      </header>
      {children}
    </div>
  );
}
