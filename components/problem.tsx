// Shows why a change failed, in place, and reads it out.
import type { ApiProblem } from './api';
import { Callout } from './ui/callout';

/** Nothing without a problem. */
export function Problem({ problem, className }: { problem: ApiProblem | null; className?: string }) {
  if (!problem) return null;
  // The server names the field by its place in the body ("body.name: …"); people see the field's name on the form.
  const detail = problem.detail?.replace(
    /^(?:body|path|query)\.(\w+)(?:\.\d+)?: /,
    (_, field: string) => `${words(field)}: `,
  );
  return (
    <Callout tone="danger" live title={problem.title} className={className}>
      {detail && detail !== problem.title ? detail : null}
    </Callout>
  );
}

function words(field: string): string {
  const spaced = field.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
