/** Line icons of 20 by 20, drawn for this page. They say nothing to a screen reader: the control has the name. */
const PATHS = {
  chat: "M4 5.5A1.5 1.5 0 0 1 5.5 4h9A1.5 1.5 0 0 1 16 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-3.5 3v-3A1.5 1.5 0 0 1 4 11.5z",
  model: "M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM11 11h5v5h-5z",
  live: "M3 10.5h3l2-5 4 9 2-4h3",
  tokens: "M3.5 6.5h4v7h-4zM9 6.5h2.5v7H9zM13 6.5h3.5v7H13z",
  connect:
    "M8 12l4-4M9.2 6.3l1.6-1.6a3.2 3.2 0 0 1 4.5 4.5l-1.6 1.6M10.8 13.7l-1.6 1.6a3.2 3.2 0 0 1-4.5-4.5l1.6-1.6",
  jobs: "M4 16V9.5M8 16V4M12 16v-5M16 16V7",
  plus: "M10 4v12M4 10h12",
  send: "M10 16V4.5M5 9.5l5-5 5 5",
  stop: "M6 6h8v8H6z",
  copy: "M7.5 7.5h8v8h-8zM4.5 12.5v-8h8",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  edit: "M4.5 15.5l.8-3.2 7.7-7.7 2.4 2.4-7.7 7.7z",
  again: "M15.5 8.5A5.8 5.8 0 1 0 15.8 11M15.8 4.5v4h-4",
  code: "M7 6l-4 4 4 4M13 6l4 4-4 4",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  down: "M5 8l5 5 5-5",
  tune: "M4 6.5h7M15 6.5h1M4 13.5h1M9 13.5h7M13 4.8v3.4M7 11.8v3.4",
  list: "M4 5.5h12M4 10h12M4 14.5h8",
  trash: "M4.5 6h11M8 6V4.5h4V6M6 6l.6 9.5h6.8L14 6",
  out: "M10 12V4M7 6.5L10 3.5l3 3M4.5 11v4.5h11V11",
  in: "M10 3.5v8M7 9l3 3 3-3M4.5 11v4.5h11V11",
  close: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  sun: "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6M10 2.5v1.5M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M4.7 15.3l1-1M14.3 5.7l1-1",
  moon: "M16 11.5A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.5z",
  auto: "M10 3.5a6.5 6.5 0 1 0 0 13zM10 3.5a6.5 6.5 0 0 1 0 13",
  tool: "M12.5 4.2a3.8 3.8 0 0 0-3.4 5.3l-5 5 1.4 1.4 5-5a3.8 3.8 0 0 0 5.3-4.4l-2.3 2.3-1.9-.5-.5-1.9z",
  help: "M7.5 7.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M10 14.3v.2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
