// How a test drives a client in a process of its own: it sends {do, …} and hears {ok} or {error}; on the way the client may ask
// for the person, who signs in and consents.

const mailbox = () => ({ arrived: [], waiting: [] });
const actionsAsked = mailbox();
const callbacks = mailbox();

process.on('message', (message) => {
  const { arrived, waiting } = 'callback' in message ? callbacks : actionsAsked;
  const take = waiting.shift();
  if (take) take(message);
  else arrived.push(message);
});
process.on('disconnect', () => process.exit(0));

const next = ({ arrived, waiting }) =>
  arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve));

/** Serves the actions (`connect`, `list`, `call`, `close`), one after the other, until the test ends. */
export async function serveDialogue(actions) {
  for (;;) {
    const { do: name, ...given } = await next(actionsAsked);
    try {
      process.send({ ok: (await actions[name](given)) ?? null });
    } catch (error) {
      process.send({ error: said(error) });
    }
  }
}

/** All that the error says, its causes included: frameworks wrap what the server said. */
function said(error) {
  const parts = [];
  for (let at = error; at && !parts.includes(String(at)) && parts.length < 5; at = at.cause) {
    parts.push(at instanceof Error ? `${at.name}: ${at.message}` : JSON.stringify(at));
    if (at.code !== undefined) parts.push(`code ${at.code}`);
    if (at.data !== undefined) parts.push(JSON.stringify(at.data));
  }
  return parts.join(' | ');
}

/** Sends the person to the authorization page and returns the URL that they came back to, as a URL. */
export async function askPerson(authorizationUrl) {
  process.send({ authorize: String(authorizationUrl) });
  const { callback } = await next(callbacks);
  return new URL(callback);
}
