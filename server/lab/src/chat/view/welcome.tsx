import { servedModel, status } from "../../status";
import { notice } from "../notice";
import { changeSettings, say } from "../session";

const FOR_ANY = [
  "Explain how a mixture of experts works, in three sentences.",
  "Write a Python function that checks whether a string is a palindrome.",
  "What can be done in Lisbon on a rainy day?",
];

/** The pocket model knows a few things only; these are among them. */
const FOR_POCKET = ["What is 17 + 25?", "Who are you?", "Repeat: river stone apple"];

export function Welcome() {
  const model = status.value?.model;
  const prompts = model?.id === "optiq-pocket" ? FOR_POCKET : FOR_ANY;
  return (
    <div class="welcome">
      <div>
        <h2>What shall we work on?</h2>
        <p class="muted">
          {model ? `${model.id} runs on this machine. Nothing leaves it.` : "The model is not ready yet."}
        </p>
        <ul>
          {prompts.map((prompt) => (
            <li key={prompt}>
              <button
                type="button"
                onClick={() => {
                  if (model?.id === "optiq-pocket") changeSettings({ effort: "low" });
                  notice.guard(() => say(servedModel.value, prompt));
                }}
              >
                {prompt}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
