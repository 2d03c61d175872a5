// The field that says when a new token or key ends, and what a form says there.
import { Select } from '../ui/select';

const expiries = [
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'One year'],
  ['', 'Never'],
] as const;

/** 90 days until something else is chosen. */
export function ExpiresAfter() {
  return <Select label="Expires after" name="expiry" options={expiries} defaultValue="90" />;
}

/** What `ExpiresAfter` says in this form, as an operation's body wants it: empty for never. */
export function expiryIn(form: FormData): { expiresInDays?: number } {
  const days = String(form.get('expiry'));
  return days ? { expiresInDays: Number(days) } : {};
}
