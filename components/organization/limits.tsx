// How many calls a minute Gatehouse lets through each connection: what Asana documents for the plan, or numbers of one's own.
'use client';
import { PLAN_LIMITS } from '@/lib/policy/limits';
import type { OperationAnswer } from '@/lib/portal/operations';
import { RadioGroup } from '../ui/radio-group';
import { TextField } from '../ui/text-field';

type Settings = OperationAnswer<'GET /organization'>;

/** Null goes with the plan. */
export function Limits({
  limits,
  plan,
  onChange,
}: {
  limits: Settings['limits'];
  plan: Settings['asanaPlan'];
  onChange: (limits: Settings['limits']) => void;
}) {
  const usual = PLAN_LIMITS[plan];
  const words = (n: number) => n.toLocaleString('en');
  const field = (key: keyof typeof usual, label: string) => (
    <TextField
      label={label}
      type="number"
      required
      min={1}
      max={100_000}
      step={1}
      value={limits && Number.isFinite(limits[key]) ? limits[key] : ''}
      onChange={(event) => onChange({ ...usual, ...limits, [key]: event.target.valueAsNumber })}
      className="min-w-0 flex-1"
    />
  );
  return (
    <div>
      <RadioGroup
        label="Limits of Gatehouse’s own"
        hideLabel
        name="limits"
        value={limits === null ? 'plan' : 'own'}
        onChange={(choice) => onChange(choice === 'plan' ? null : usual)}
        options={[
          {
            value: 'plan',
            label: 'As Asana documents for the plan',
            hint: `${words(usual.connectionPerMinute)} calls a minute for each connection, ${words(usual.searchPerMinute)} of them searches.`,
          },
          {
            value: 'own',
            label: 'Other numbers',
            hint: 'Lower ones spare Asana; higher ones leave it to Asana to refuse.',
          },
        ]}
      />
      {limits !== null && (
        <div className="mt-3 flex gap-3 pl-1">
          {field('connectionPerMinute', 'Calls a minute')}
          {field('searchPerMinute', 'Searches a minute')}
        </div>
      )}
    </div>
  );
}
