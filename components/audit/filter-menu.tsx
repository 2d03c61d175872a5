// Adds a filter: choose a field, then its value; typing finds either. All by keyboard.
'use client';
import { Command } from 'cmdk';
import ListFilter from 'lucide-react/icons/list-filter';
import { useState } from 'react';
import { Button } from '../ui/button';
import { Popover } from '../ui/popover';
import { fields, type FieldId, type FilterField } from './filter';

/** `known` are values to suggest for the free fields; any other can be typed. */
export function FilterMenu({
  known,
  onChoose,
}: {
  known: Partial<Record<FieldId, readonly string[]>>;
  onChoose: (id: FieldId, value: string) => void;
}) {
  const [open, setOpen] = useState(false);
  const [field, setField] = useState<FilterField | null>(null);
  const [typed, setTyped] = useState('');
  const begin = (next: FilterField | null) => {
    setField(next);
    setTyped('');
  };
  const choose = (id: FieldId, value: string) => {
    setOpen(false);
    onChoose(id, value);
  };
  return (
    <Popover
      open={open}
      onOpenChange={(next) => {
        begin(null);
        setOpen(next);
      }}
      label="Add a filter"
      trigger={<Button icon={<ListFilter aria-hidden="true" />}>Filter</Button>}
    >
      <Command
        label={field ? `Filter by ${field.title.toLowerCase()}` : 'Filter by'}
        loop
        onKeyDown={(event) => {
          // An empty box goes one step back, as in a breadcrumb.
          if (event.key === 'Backspace' && typed === '' && field) begin(null);
        }}
      >
        <div className="border-line flex items-center gap-2 border-b px-3">
          {field && <span className="text-ink-3 shrink-0 text-sm">{field.title}:</span>}
          <Command.Input
            value={typed}
            onValueChange={setTyped}
            placeholder={field ? (field.free ? 'Type or choose' : 'Choose') : 'Filter by…'}
            className="placeholder:text-ink-3 h-9 min-w-0 flex-1 bg-transparent text-sm outline-hidden max-sm:text-[1rem]"
          />
        </div>
        <Command.List className="max-h-80 overflow-y-auto p-1">
          <Command.Empty className="text-ink-3 px-2 py-3 text-sm">Nothing here has that name.</Command.Empty>
          {field ? (
            <Values field={field} known={known[field.id] ?? []} typed={typed} onChoose={choose} />
          ) : (
            <Fields typed={typed} onField={begin} onChoose={choose} />
          )}
        </Command.List>
      </Command>
    </Popover>
  );
}

const item =
  'data-[selected=true]:bg-hover rounded-inner flex min-h-8 cursor-pointer items-center px-2 py-1 text-sm [overflow-wrap:anywhere] pointer-coarse:min-h-10';

// Whoever types "denied" wants that, and not first the field it belongs to.
function Fields({
  typed,
  onField,
  onChoose,
}: {
  typed: string;
  onField: (field: FilterField) => void;
  onChoose: (id: FieldId, value: string) => void;
}) {
  return (
    <>
      {fields.map((field) => (
        <Command.Item key={field.id} value={field.title} onSelect={() => onField(field)} className={item}>
          {field.title}
        </Command.Item>
      ))}
      {typed.trim() !== '' &&
        fields.flatMap(({ id, title, options }) =>
          options.map(([value, text]) => (
            <Command.Item
              key={`${id} ${value}`}
              value={`${title} ${text}`}
              onSelect={() => onChoose(id, value)}
              className={item}
            >
              <span className="line-clamp-2">
                <span className="text-ink-3">{title}: </span>
                {text}
              </span>
            </Command.Item>
          )),
        )}
    </>
  );
}

function Values({
  field,
  known,
  typed,
  onChoose,
}: {
  field: FilterField;
  known: readonly string[];
  typed: string;
  onChoose: (id: FieldId, value: string) => void;
}) {
  const value = typed.trim().slice(0, field.maxChars);
  const options = field.options.length > 0 ? field.options : known.map((name) => [name, name] as const);
  const isKnown = options.some(([option]) => option.toLowerCase() === value.toLowerCase());
  return (
    <>
      {options.map(([option, text]) => (
        <Command.Item key={option} value={text} onSelect={() => onChoose(field.id, option)} className={item}>
          <span className="line-clamp-2">{text}</span>
        </Command.Item>
      ))}
      {field.free && value !== '' && !isKnown && (
        <Command.Item
          value={`\u0001 ${value}`}
          forceMount
          onSelect={() => onChoose(field.id, value)}
          className={item}
        >
          Exactly “{value}”
        </Command.Item>
      )}
      {options.length === 0 && value === '' && (
        <p className="text-ink-3 px-2 py-3 text-sm">Type the whole {field.title.toLowerCase()}.</p>
      )}
    </>
  );
}
