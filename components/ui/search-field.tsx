// A box that narrows down, as one types, what is shown below it.
import Search from 'lucide-react/icons/search';
import { TextField } from './text-field';

/** `label` stands in the box while it is empty, and is its name. */
export function SearchField({
  label,
  value,
  onChange,
  className,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
}) {
  return (
    <TextField
      label={label}
      hideLabel
      type="search"
      placeholder={label}
      icon={<Search aria-hidden="true" />}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={className}
    />
  );
}
