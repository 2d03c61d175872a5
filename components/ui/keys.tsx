// Keys of the keyboard, one after the other.

/** `['G', 'P']` is G, then P. */
export function Keys({ keys }: { keys: readonly string[] }) {
  return (
    <span className="inline-flex gap-1">
      {keys.map((key) => (
        <kbd
          key={key}
          className="border-line bg-sunken text-ink-2 rounded-inner inline-flex h-5 min-w-5 items-center justify-center border px-1 font-sans text-xs"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}
