// `subscriptions/listen` (MCP 2026-07-28): a stream of Gatehouse's own that tells an agent what has changed for it (caller-news.ts), as far
// as it asked and its groups open it.
import type { Admitted } from './admit';
import { eventOf } from './answer-events';
import { followAsana } from './asana-changes';
import { hear, newsFor, notificationEvent, type Honoured, type Words } from './caller-news';
import type { Json, JsonObject } from './decode';
import { endedWords } from './ending';
import { META } from './era';
import type { McpRequest } from './handle-mcp';
import { SERVER_INFO } from './initialize';
import type { Message } from './message';
import { answerEvents, CODES, errorText, resultText, type McpAnswer } from './respond';

/** The oldest makes room, because it is most likely nobody's any more. */
const MAX_OF_CREDENTIAL = 5;
const MAX_URIS = 100;
const MAX_URI_CHARS = 2_048;

/** Opens the stream: first what is honoured, then what changes, until the agent leaves, its access ends, or an hour is over. */
export function listen(request: McpRequest, admitted: Admitted, message: Message): McpAnswer {
  const families = admitted.families ?? [];
  const honoured = honouredOf(message.params.get('notifications'), families);
  const { connection } = admitted;
  const words = subscriptionWords(message.id!);
  const filter = Object.entries(honoured).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value,
  );
  const first = words.notification('notifications/subscriptions/acknowledged', {
    notifications: Object.fromEntries(filter),
  });
  const news = newsFor({ admitted, honoured, words, most: MAX_OF_CREDENTIAL }, request.left?.(), {
    first,
    follow: (listening) =>
      connection?.status === 'active'
        ? followAsana({ ...admitted, connection }, honoured.resourceSubscriptions, (change) =>
            hear(listening, change),
          )
        : null,
  });
  return answerEvents(news);
}

/** Each message names the subscription that it belongs to, by the id of the request (MCP 2026-07-28). */
function subscriptionWords(id: string | number): Words {
  const subscription = { [`${META}subscriptionId`]: id };
  return {
    notification: (method, params) => notificationEvent(method, { _meta: subscription, ...params }),
    farewell(reason) {
      const _meta = { ...subscription, [`${META}serverInfo`]: SERVER_INFO };
      return eventOf(
        reason === undefined
          ? resultText(id, JSON.stringify({ resultType: 'complete', _meta }))
          : errorText(id, CODES.stopped, endedWords(reason)),
      );
    },
  };
}

function honouredOf(asked: Json | undefined, families: readonly string[]): Honoured {
  const filter: JsonObject = asked instanceof Map ? asked : new Map<string, Json>();
  const uris = filter.get('resourceSubscriptions');
  const readable = families.includes('resources') && Array.isArray(uris) ? uris : [];
  return {
    toolsListChanged: filter.get('toolsListChanged') === true,
    promptsListChanged: filter.get('promptsListChanged') === true && families.includes('prompts'),
    resourcesListChanged: filter.get('resourcesListChanged') === true && families.includes('resources'),
    resourceSubscriptions: readable
      .filter((uri): uri is string => typeof uri === 'string' && uri.length <= MAX_URI_CHARS)
      .slice(0, MAX_URIS),
  };
}
