// Narrows a person's activity: a plain form, so that the URL holds the choice.
import Form from 'next/form';
import { Button, ButtonLink } from '../ui/button';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';

export interface ActivityView {
  tool?: string;
  decision?: 'allow' | 'deny';
}

const decisions = [
  ['', 'Everything'],
  ['allow', 'Allowed calls'],
  ['deny', 'Denied calls'],
] as const;

export function ActivityFilter({ view }: { view: ActivityView }) {
  return (
    // Another view begins with its own values.
    <Form key={JSON.stringify(view)} action="/activity" className="mb-4 flex flex-wrap items-end gap-2">
      <Select
        label="Show"
        name="decision"
        options={decisions}
        defaultValue={view.decision ?? ''}
        className="w-40 max-sm:flex-1"
      />
      <TextField
        label="Tool"
        name="tool"
        defaultValue={view.tool}
        placeholder="search_tasks"
        maxLength={200}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        className="w-56 max-sm:flex-1"
      />
      <Button type="submit">Filter</Button>
      {(view.tool || view.decision) && (
        <ButtonLink href="/activity" variant="quiet">
          Clear
        </ButtonLink>
      )}
    </Form>
  );
}
