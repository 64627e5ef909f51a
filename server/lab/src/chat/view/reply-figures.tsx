import { count, seconds, tokens } from "../../ui/format";
import type { AssistantTurn } from "../turns";

/** What a reply took: tokens in, of which cached, tokens out, and how fast. */
export function ReplyFigures({ turn: { usage, times } }: { turn: AssistantTurn }) {
  if (!usage) return null;
  const writing = times.ended !== null && times.first !== null ? (times.ended - times.first) / 1000 : 0;
  const parts = [
    `${count(usage.prompt)} in${usage.cached ? `, ${count(usage.cached)} cached` : ""}`,
    `${count(usage.completion)} out`,
  ];
  if (writing > 0.05 && usage.completion > 1)
    parts.push(`${((usage.completion - 1) / writing).toFixed(0)} per second`);
  if (times.first !== null) parts.push(`first after ${seconds(times.first / 1000)}`);
  const title = `${tokens(usage.prompt)} read, ${count(usage.cached)} of them from the cache; ${tokens(usage.completion)} written, ${count(usage.reasoning)} of them reasoning`;
  return (
    <span class="figures" title={title}>
      {parts.join(" · ")}
    </span>
  );
}
