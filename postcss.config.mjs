// Tailwind reads app/globals.css; there is no other PostCSS step.
const config = { plugins: { '@tailwindcss/postcss': {} } };
export default config;
