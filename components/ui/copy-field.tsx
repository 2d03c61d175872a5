// A value that is there to be copied, whole and selectable.
import { CopyButton } from './copy-button';

/** `what` completes "Copy …". */
export function CopyField({
  value,
  what,
  label,
  onCopied,
}: {
  value: string;
  what: string;
  label?: string;
  onCopied?: () => void;
}) {
  return (
    <div>
      {label && <p className="mb-1 text-sm font-medium">{label}</p>}
      <div className="flex gap-2 max-sm:flex-col sm:items-center">
        <code className="border-line bg-sunken rounded-box flex min-h-8 min-w-0 flex-1 items-center border px-2.5 py-1 font-mono text-sm [overflow-wrap:anywhere] select-all">
          {value}
        </code>
        <CopyButton text={value} what={what} onCopied={onCopied} />
      </div>
    </div>
  );
}
