// Shows why a change failed, in place, and reads it out.
import type { ApiProblem } from './api';
import { Callout } from './ui/callout';

/** Nothing without a problem. `detail` says more than `title` wherever it is given, so it is shown in its place. */
export function Problem({ problem, className }: { problem: ApiProblem | null; className?: string }) {
  if (!problem) return null;
  return (
    <Callout tone="danger" live className={className}>
      {inWords(problem.detail ?? problem.title)}
    </Callout>
  );
}

// The server names a field by its place in the request ("body.connectionId: …"); people see its name on the form.
function inWords(detail: string): string {
  return detail.replace(/^(?:body|path|query)\.(\w+)(?:\.\w+)*: /, (_, field: string) => `${words(field)}: `);
}

function words(field: string): string {
  const spaced = field.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
