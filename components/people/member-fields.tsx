// The fields of a member that an admin decides: name, role, groups, and Asana accounts where the organization lists them.
'use client';
import { Checkbox } from '../ui/checkbox';
import { RadioGroup } from '../ui/radio-group';
import { TextField } from '../ui/text-field';
import { roles, type GroupChoice, type Role } from './words';

export interface MemberDraft {
  name: string;
  role: Role;
  groups: readonly string[];
  /** Separated by commas, as typed. */
  asanaEmails: string;
}

/** The addresses in a typed list. */
export function emailsIn(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

export function MemberFields({
  draft,
  groups,
  listed,
  onChange,
}: {
  draft: MemberDraft;
  groups: readonly GroupChoice[];
  listed: boolean;
  onChange: (draft: MemberDraft) => void;
}) {
  return (
    <>
      <TextField
        label="Name"
        name="name"
        required
        maxLength={120}
        autoComplete="off"
        value={draft.name}
        onChange={(event) => onChange({ ...draft, name: event.target.value })}
      />
      <RadioGroup
        label="Role"
        name="role"
        value={draft.role}
        onChange={(role) => onChange({ ...draft, role })}
        options={roles.map(({ id, title, note }) => ({ value: id, label: title, hint: note }))}
      />
      <fieldset>
        <legend className="mb-1 text-sm font-medium">Groups</legend>
        {groups.length === 0 ? (
          <p className="text-ink-3 text-sm">There are no groups yet; without one, agents see no tools.</p>
        ) : (
          <div className="border-line rounded-box grid max-h-52 gap-x-4 overflow-y-auto border px-3 py-2 sm:grid-cols-2">
            {groups.map(({ slug, name }) => (
              <Checkbox
                key={slug}
                className="py-0.5"
                checked={draft.groups.includes(slug)}
                onChange={(event) =>
                  onChange({
                    ...draft,
                    groups: event.target.checked
                      ? [...draft.groups, slug]
                      : draft.groups.filter((other) => other !== slug),
                  })
                }
              >
                <span className="text-sm [overflow-wrap:anywhere]">{name}</span>
              </Checkbox>
            ))}
          </div>
        )}
      </fieldset>
      {listed && (
        <TextField
          label="Asana accounts"
          name="asanaEmails"
          optional
          autoComplete="off"
          value={draft.asanaEmails}
          onChange={(event) => onChange({ ...draft, asanaEmails: event.target.value })}
          hint="E-mail addresses, separated by commas. Your organization lets people connect only the Asana accounts listed here."
        />
      )}
    </>
  );
}
