// Code or output to read and copy; long lines scroll inside, by keyboard too.
import { CopyButton } from './copy-button';

/** `label` says what it is ("Claude Code command"). */
export function CodeBlock({ code, label, copy = true }: { code: string; label: string; copy?: boolean }) {
  return (
    <div className="border-line bg-sunken rounded-box flex border max-sm:flex-col-reverse">
      {/* Focusable, so that it scrolls by keyboard (WCAG 2.1.1). */}
      {/* oxlint-disable jsx-a11y/no-noninteractive-tabindex, jsx-a11y/prefer-tag-over-role */}
      <pre
        tabIndex={0}
        role="region"
        aria-label={label}
        className="min-w-0 flex-1 overflow-x-auto px-3 py-2.5 font-mono text-xs leading-5"
      >
        <code>{code}</code>
      </pre>
      {copy && (
        <div className="p-1.5 max-sm:flex max-sm:justify-end max-sm:pb-0">
          <CopyButton text={code} what={label} size="sm" />
        </div>
      )}
    </div>
  );
}
