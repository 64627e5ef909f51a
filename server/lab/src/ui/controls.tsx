import { cloneElement, type ComponentChildren, type VNode } from "preact";
import { useId, useState } from "preact/hooks";

import { copyText } from "./clipboard";
import { Icon, type IconName } from "./icon";

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  disabled?: boolean;
  pressed?: boolean;
  class?: string;
}

export function IconButton({ icon, label, onClick, disabled, pressed, class: name }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${name ?? ""}`}
      title={label}
      aria-label={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** A button that copies and says so, to the eye and to a screen reader. */
export function CopyButton({
  text,
  label = "Copy",
  icon,
}: {
  text: () => string;
  label?: string;
  icon?: boolean;
}) {
  const [said, say] = useState<string | null>(null);
  const copy = async (): Promise<void> => {
    say((await copyText(text())) ? "Copied" : "Could not copy");
    setTimeout(() => say(null), 1600);
  };
  const name = said ?? label;
  return (
    <button
      type="button"
      class={icon ? "icon-button" : "quiet"}
      title={name}
      aria-label={icon ? name : undefined}
      onClick={() => void copy()}
    >
      {icon ? <Icon name={said === "Copied" ? "check" : "copy"} /> : name}
    </button>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly (readonly [T, ComponentChildren, string?])[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, all in sight. */
export function Choice<T extends string>({ label, options, value, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <div class="choice" role="radiogroup" aria-label={label}>
      {options.map(([option, text, title]) => (
        <label key={option} title={title} class={option === value ? "chosen" : ""}>
          <input
            type="radio"
            name={name}
            value={option}
            checked={option === value}
            aria-label={title}
            onChange={() => onChange(option)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  children: VNode;
}

/** A control with its name and, below, what it means. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label>
        <span class="field-name">{label}</span>
        {hint ? cloneElement(children, { "aria-describedby": id }) : children}
      </label>
      {hint && (
        <span class="hint" id={id}>
          {hint}
        </span>
      )}
    </div>
  );
}

interface NumberFieldProps {
  label: string;
  hint?: string;
  value: number | null;
  min: number;
  max?: number;
  step: number | "any";
  placeholder: string;
  onChange: (value: number | null) => void;
}

export function NumberField({ label, hint, value, onChange, ...rest }: NumberFieldProps) {
  const change = (event: { currentTarget: HTMLInputElement }): void => {
    const { value: written, validity, valueAsNumber } = event.currentTarget;
    if (written === "") onChange(null);
    else if (validity.valid) onChange(valueAsNumber);
  };
  return (
    <Field label={label} {...(hint === undefined ? {} : { hint })}>
      <input type="number" inputMode="decimal" value={value ?? ""} onInput={change} {...rest} />
    </Field>
  );
}
