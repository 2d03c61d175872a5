// The time of the audit's filter: a range that ends now, or two moments in UTC.
'use client';
import CalendarClock from 'lucide-react/icons/calendar-clock';
import { useState, type FormEvent } from 'react';
import { Button } from '../ui/button';
import { classNames } from '../ui/class-names';
import { Popover } from '../ui/popover';
import { TextField } from '../ui/text-field';
import { ranges, timeWords, type AuditFilter } from './filter';

type Time = Pick<AuditFilter, 'range' | 'from' | 'to'>;

export function TimeMenu({ filter, onChoose }: { filter: AuditFilter; onChoose: (time: Time) => void }) {
  const [open, setOpen] = useState(false);
  const choose = (time: Time) => {
    setOpen(false);
    onChoose(time);
  };
  const custom = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [from, to] = ['from', 'to'].map((name) => String(form.get(name) ?? ''));
    choose({ from: from || undefined, to: to || undefined });
  };
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label="Time range"
      trigger={
        <Button icon={<CalendarClock aria-hidden="true" />}>
          <span className="sr-only">Time: </span>
          {timeWords(filter) ?? 'All time'}
        </Button>
      }
    >
      <ul className="p-1">
        {[...ranges, { id: undefined, text: 'All time' }].map(({ id, text }) => {
          const current = id ? filter.range === id : timeWords(filter) === null;
          return (
            <li key={text}>
              <button
                type="button"
                aria-current={current || undefined}
                onClick={() => choose({ range: id })}
                className={classNames(
                  'hover:bg-hover rounded-inner flex h-8 w-full items-center px-2 text-sm focus-visible:-outline-offset-2 pointer-coarse:h-10',
                  current && 'text-accent font-medium',
                )}
              >
                {text}
              </button>
            </li>
          );
        })}
      </ul>
      <form onSubmit={custom} className="border-line flex flex-col gap-2 border-t p-3">
        <TextField label="From (UTC)" name="from" type="datetime-local" defaultValue={local(filter.from)} />
        <TextField label="To (UTC)" name="to" type="datetime-local" defaultValue={local(filter.to)} />
        <Button type="submit" variant="primary" size="sm">
          Apply
        </Button>
      </form>
    </Popover>
  );
}

// The field knows minutes only; a day begins at midnight.
const local = (moment: string | undefined) =>
  moment === undefined ? undefined : moment.length === 10 ? `${moment}T00:00` : moment.slice(0, 16);
