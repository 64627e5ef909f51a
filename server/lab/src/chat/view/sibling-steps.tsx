import { IconButton } from "../../ui/controls";
import { lookAt } from "../session";

/** Turns that are said after the same one, and which of them is shown. */
export interface Siblings {
  ids: string[];
  index: number;
}

/** Steps between a turn and its alternatives. */
export function SiblingSteps({ siblings: { ids, index } }: { siblings: Siblings }) {
  if (ids.length < 2) return null;
  const step = (by: number): void => {
    const id = ids[index + by];
    if (id !== undefined) lookAt(id);
  };
  return (
    <span class="siblings" role="group" aria-label="Branches">
      <IconButton icon="left" label="Previous branch" disabled={index === 0} onClick={() => step(-1)} />
      <span aria-live="polite">
        {index + 1}
        <span aria-hidden="true">/</span>
        <span class="unseen"> of </span>
        {ids.length}
      </span>
      <IconButton
        icon="right"
        label="Next branch"
        disabled={index === ids.length - 1}
        onClick={() => step(1)}
      />
    </span>
  );
}
