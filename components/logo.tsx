// The gatehouse: two towers and the arch between them.

/** Decorative; the name stands beside it. */
export function Logo({ className = 'size-6' }: { className?: string }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className={className}>
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path d="M7 25V9h3.5v2.5h3V9h5v2.5h3V9H25v16h-5v-5a4 4 0 0 0-8 0v5z" className="fill-on-accent" />
    </svg>
  );
}
